import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdentityError } from "../../src/store/errors.ts";
import { isInUse, lockDirectory } from "../../src/store/lock.ts";
import { temporaryDirectory } from "./real-log.ts";

const LOCK = fileURLToPath(new URL("../../src/store/lock.ts", import.meta.url));

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

/** A process that holds the lock until it is killed. */
async function holder(path: string) {
  const script = `const { lockDirectory } = await import(${JSON.stringify(LOCK)});
    globalThis.held = lockDirectory(process.argv[1]); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

describe("the lock of a data directory", { timeout: 180_000 }, () => {
  it("keeps a second process out with a sentence, and falls with its holder, however that dies", async () => {
    const path = join(directory.path, "data");
    const child = await holder(path);
    try {
      expect(() => lockDirectory(path)).toThrow(IdentityError);
      expect(() => lockDirectory(path)).toThrow(/is in use by another process; stop that one first/);
      expect(isInUse(path)).toBe(true);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(isInUse(path)).toBe(false);
    const lock = lockDirectory(path);
    lock.release();
    lock.release();
  });

  it("keeps this process out as well, until it is released", () => {
    const lock = lockDirectory(directory.path);
    expect(() => lockDirectory(directory.path)).toThrow(expect.objectContaining({ code: "inUse" }));
    lock.release();
    lockDirectory(directory.path).release();
  });

  it("says when the directory cannot be written", () => {
    const file = join(directory.path, "file");
    writeFileSync(file, "");
    expect(() => lockDirectory(join(file, "data"))).toThrow(expect.objectContaining({ code: "unwritable" }));
  });
});
