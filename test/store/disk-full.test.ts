import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { realDisk } from "../../src/store/disk.ts";
import { StorageFailure } from "../../src/store/errors.ts";
import { Wal } from "../../src/store/wal.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { type Contents, contentsAfter, EMPTY, OWNER, simpleWrite } from "./log-model.ts";
import { createRealLog, readContents, temporaryDirectory } from "./real-log.ts";

const directory = temporaryDirectory();
let mounted = false;

function mount(...args: string[]): string | undefined {
  const { error, status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (error !== undefined) return "there is no mount command";
  return status === 0
    ? undefined
    : `no tmpfs can be mounted, which needs root (${stderr.trim().split("\n")[0]})`;
}

afterEach(() => {
  if (mounted) spawnSync("umount", [directory.path]);
  mounted = false;
  directory.remove();
});

describe("a full disk", () => {
  it("latches the log, loses nothing acknowledged, and after room was made the log goes on (needs root)", async (ctx) => {
    const missing = mount("-t", "tmpfs", "-o", "size=128k", "tmpfs", directory.path);
    if (missing !== undefined) ctx.skip(missing);
    mounted = true;
    await createRealLog(directory.path);
    const options = { disk: realDisk, directory: directory.path, owner: OWNER, segmentBytes: 40_000 };
    let acknowledged: Contents = EMPTY;
    for (const size of ["256k", "512k"]) {
      const wal = await Wal.open(options, await readLog(realDisk, directory.path, OWNER));
      let failure: unknown;
      while (failure === undefined) {
        const write = simpleWrite(acknowledged, 700);
        await wal.append({ seq: 1, ...write }).then(
          () => {
            acknowledged = contentsAfter(acknowledged, write);
          },
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect(failure).toBeInstanceOf(StorageFailure);
      expect(String(failure)).toMatch(/ENOSPC/);
      await expect(wal.append({ seq: 2, append: [] })).rejects.toBe(failure);
      await wal.close();
      const full = await readContents(directory.path);
      expect(full.entries.slice(0, acknowledged.entries.length)).toEqual(acknowledged.entries);
      expect(mount("-o", `remount,size=${size}`, directory.path)).toBeUndefined();
      // What was written and never acknowledged may be there too.
      acknowledged = full;
    }
    expect(acknowledged.entries.length).toBeGreaterThan(200);
    const wal = await Wal.open(options, await readLog(realDisk, directory.path, OWNER));
    await wal.append({ seq: 1, ...simpleWrite(acknowledged) });
    await wal.close();
    expect((await readContents(directory.path)).entries.length).toBe(acknowledged.entries.length + 1);
  });
});
