import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NODE_FLAGS } from "../../src/base/index.ts";
import { SERVE_FLAGS } from "../../src/cli/serve-memory.ts";

const MODULE = JSON.stringify(join(import.meta.dirname, "../../src/cli/serve-memory.ts"));

/**
 * Makes objects that live on until the space for young ones has grown as far as it may; its size in MiB, the median of
 * many looks: for moments V8 goes beyond what it may (a thread of 8 MiB was seen at 24, in one look of eight above 8).
 */
const FILL = `
  const fill = () => {
    let kept = [];
    const sizes = [];
    for (let made = 0; made < 4_000_000; made++) {
      kept.push({ made, more: [made] });
      if (kept.length > 400_000) kept = kept.slice(300_000);
      if (made < 2_000_000 || made % 5_000 > 0) continue;
      const space = require("node:v8").getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
      sizes.push(space.space_size / 2 ** 20);
    }
    return sizes.sort((a, b) => a - b)[sizes.length / 2];
  };`;

/** The sizes of the space for young objects, in MiB: the main thread's and that of a thread that begins later. */
function youngSpaces(tuned: boolean): { readonly main: number; readonly thread: number } {
  const program = `
    const { Worker } = require("node:worker_threads");
    ${FILL}
    const source = ${JSON.stringify(`${FILL} require("node:worker_threads").parentPort.postMessage(fill());`)};
    const run = () => {
      const worker = new Worker(source, { eval: true });
      worker.once("message", (thread) => console.log(JSON.stringify({ main: fill(), thread })));
    };
    ${tuned ? `import(${MODULE}).then(({ keepMemoryLow }) => { keepMemoryLow(); run(); });` : "run();"}`;
  return JSON.parse(execFileSync(process.execPath, [...NODE_FLAGS, "-e", program], { encoding: "utf8" })) as {
    readonly main: number;
    readonly thread: number;
  };
}

describe("memory of a process that serves", () => {
  it("is kept by flags that this V8 knows", () => {
    const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
    for (const flag of [...NODE_FLAGS, ...SERVE_FLAGS]) {
      expect(known).toContain(`${flag.replace(/^--no-/, "--").replace(/=.*/, "")} (`);
    }
  });

  it("has room for young objects in the loop, and little of it in the threads that begin later", () => {
    const tuned = youngSpaces(true);
    expect(tuned.thread).toBeLessThanOrEqual(8);
    expect(tuned.main).toBeGreaterThan(16);
    expect(tuned.main).toBeLessThanOrEqual(64);
    expect(youngSpaces(false).thread, "what a thread takes if nobody says less").toBeGreaterThan(16);
  });
});
