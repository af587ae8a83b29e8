import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requires } from "../../support/capability.ts";
import { parseCase } from "./case.ts";

const ROOT = join(import.meta.dirname, "../../..");
const TIMEOUT = 300_000;

/** A copy of the product in which a majority is one voter too small. */
let broken: string;

beforeAll(() => {
  broken = mkdtempSync(join(tmpdir(), "raftally-broken-"));
  for (const part of [
    "src",
    "chaos",
    "test/sim",
    "test/counter",
    "test/store",
    "test/support",
    "package.json",
  ]) {
    cpSync(join(ROOT, part), join(broken, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(broken, "node_modules"));
  const file = join(broken, "src/raft/quorum.ts");
  const text = readFileSync(file, "utf8");
  const patched = text.replace("Math.floor(size / 2) + 1", "Math.floor(size / 2)");
  expect(patched).not.toBe(text);
  writeFileSync(file, patched);
}, TIMEOUT);

afterAll(() => rmSync(broken, { recursive: true, force: true }));

async function sim(
  directory: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile);
  try {
    const { stdout, stderr } = await run(process.execPath, ["test/sim/run.ts", ...args], { cwd: directory });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe("npm run sim, on a product whose quorums are too small", { timeout: TIMEOUT }, () => {
  it("finds it, says how to see it again, makes it small and draws it", async (context) => {
    requires(context, "patience");
    const file = join(broken, "case.json");
    const { code, stdout } = await sim(broken, "--seeds", "20", "--shrink-seconds", "20", "--save", file);
    expect(code).toBe(1);
    const [, seed] = /^reproduce: npm run sim -- --seed ([0-9]+)$/m.exec(stdout) ?? [];
    const smallest = parseCase(readFileSync(file, "utf8"));
    expect(stdout).toContain(`seed ${seed} breaks "${smallest.invariant}"`);
    expect(smallest).toMatchObject({ seed: Number(seed), showed: expect.stringContaining("") });
    expect(smallest.faults?.length).toBeLessThan(5);
    expect(stdout).toMatch(/^ {8}ms │ n1 .*│ n2 /m);
    expect(stdout).toMatch(/LEADER of term [0-9]+/);
    const again = await sim(broken, "--case", file);
    expect(again.code).toBe(1);
    expect(again.stdout).toContain(smallest.showed);
    // The case breaks the broken product, and not the product.
    expect(await sim(ROOT, "--case", file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("nothing was"),
    });
  });
});

describe("npm run sim", { timeout: TIMEOUT }, () => {
  it("runs seeds on two threads, each of them twice, and sums up what happened", async (context) => {
    requires(context, "patience");
    const { code, stdout } = await sim(ROOT, "--seeds", "4", "--jobs", "2", "--check");
    expect(stdout).toMatch(/^4 seeds, [0-9,]+ events/m);
    expect(stdout).toMatch(/events\/s per core/);
    expect(stdout).toMatch(/simulated cluster-hours, [0-9,]+ effective faults: [0-9,]+ in each/);
    expect(stdout).toMatch(/^never happened: /m);
    expect(stdout).toContain("nothing was violated");
    expect(code).toBe(0);
  });

  it("says what is wrong with its arguments", async () => {
    const { code, stderr } = await sim(ROOT, "--seeds", "many");
    expect(code).toBe(2);
    expect(stderr).toContain("--seeds takes a whole number");
  });
});
