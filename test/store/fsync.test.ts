import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  createRealLog,
  readContents,
  startAppending,
  straceMissing,
  temporaryDirectory,
} from "./real-log.ts";

const missing = straceMissing();

describe("syncs to the disk, counted by the system", { timeout: 180_000 }, () => {
  it("the log is written through (O_DSYNC), and each write has completed before its acknowledgement (needs strace)", async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    const directory = temporaryDirectory();
    try {
      await createRealLog(directory.path);
      const output = join(directory.path, "strace.txt");
      const wrapper = ["strace", "-f", "-y", "-o", output, "-e", "trace=openat,write,pwrite64"];
      const running = startAppending(directory.path, { writes: 40, atATime: 1, wrapper });
      expect((await running.ended).code, running.errors()).toBe(0);
      expect(running.acked.length).toBe(40);
      let written = 0;
      let acknowledged = 0;
      let opened = 0;
      // A call that another thread interrupts in the trace counts where it completes.
      for (const line of readFileSync(output, "utf8").split("\n")) {
        if (/\.wal", O_RDWR\|O_DSYNC/.test(line)) opened += 1;
        if (/pwrite64(\(.*\.wal>| resumed>).*\)\s+= [1-9]/.test(line)) written += 1;
        if (!/write\(1<.*"acked/.test(line)) continue;
        acknowledged += 1;
        // The first writes again what was found at the start.
        expect(written - 1).toBeGreaterThanOrEqual(acknowledged);
      }
      expect(acknowledged).toBe(40);
      // Nothing is written but through the one file that was opened so.
      expect(opened).toBe(1);
    } finally {
      directory.remove();
    }
  });

  it("many writes at once share one that is synced (needs strace)", async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    const directory = temporaryDirectory();
    try {
      await createRealLog(directory.path);
      const output = join(directory.path, "strace.txt");
      const running = startAppending(directory.path, {
        writes: 400,
        atATime: 100,
        wrapper: ["strace", "-f", "-o", output, "-e", "trace=pwrite64"],
      });
      expect((await running.ended).code, running.errors()).toBe(0);
      expect(running.acked.length).toBe(400);
      const synced = readFileSync(output, "utf8").match(/pwrite64.*= [1-9]\d*$/gm)?.length ?? 0;
      // One of them at the start, for what was found.
      expect(synced - 1).toBeGreaterThan(1);
      expect(synced - 1).toBeLessThan(40);
    } finally {
      directory.remove();
    }
  });
});

describe("a synced write that fails", { timeout: 180_000 }, () => {
  it("ends the process with an error, and nothing is acknowledged after it (needs strace)", async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    // The first writes again what was found at the start.
    for (const when of [3, 4, 10]) {
      const directory = temporaryDirectory();
      try {
        await createRealLog(directory.path);
        // strace counts by thread, so one thread does all of the disk's work.
        const running = startAppending(directory.path, {
          writes: 1_000,
          atATime: 3,
          wrapper: [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "trace=pwrite64",
            "-e",
            `inject=pwrite64:error=EIO:when=${when}`,
          ],
          env: { UV_THREADPOOL_SIZE: "1" },
        });
        expect((await running.ended).code).toBe(1);
        expect(running.errors()).toMatch(
          /StorageFailure: could not write log\/0+1\.wal \(EIO.*the process must exit/,
        );
        // Each write covers what three writers had waiting.
        expect(running.acked.length).toBeLessThanOrEqual((when - 2) * 3);
        const found = await readContents(directory.path);
        expect(found.entries.length).toBeGreaterThanOrEqual(running.acked.length);
      } finally {
        directory.remove();
      }
    }
  });
});
