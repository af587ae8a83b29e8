/** What the log's writer leaves to its successor when a sync of the real file system's has failed. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../chaos/random.ts";
import { ShimmedDisk } from "../../../chaos/shim/disk.ts";
import { shimLibrary } from "../../../chaos/shim/library.ts";
import { createRealLog, readContents, startAppending } from "../../store/real-log.ts";
import { requires } from "../../support/capability.ts";

describe("a process that opens the log after a sync of it has failed", { timeout: 180_000 }, () => {
  it("makes durable what it finds there, so that a power failure takes nothing of it", async (context) => {
    requires(context, "compiler");
    const directory = mkdtempSync(join(tmpdir(), "raftally-failed-sync-"));
    try {
      const disk = new ShimmedDisk(join(directory, "root"), await shimLibrary());
      const env = { ...disk.env, NODE_COMPILE_CACHE: join(directory, "compiled") };
      const run = (writes: number) => startAppending(disk.root, { writes, atATime: 3, env });
      await createRealLog(disk.root);

      // The first write is that of what was found.
      disk.control.failSync(6, ".wal");
      const failed = run(1_000);
      expect((await failed.ended).code, failed.errors()).toBe(1);
      expect(failed.errors()).toMatch(/StorageFailure: could not write log\/0+1\.wal \(EIO/);
      expect(disk.control.counts().syncsFailed).toBe(1);
      const found = await readContents(disk.root);
      expect(found.entries.length, "what was not acknowledged is still there to be read").toBeGreaterThan(
        failed.acked.length,
      );

      // Opens the log, and ends without having written anything of its own.
      const next = run(0);
      expect((await next.ended).code, next.errors()).toBe(0);
      disk.losePower(new Random(1), "all");
      expect(await readContents(disk.root)).toEqual(found);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
