import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { realDisk } from "../../src/store/disk.ts";
import { StorageFailure } from "../../src/store/errors.ts";
import { openStore } from "../../src/store/index.ts";
import { Wal } from "../../src/store/wal.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { form, hits, increments } from "./formed-directory.ts";
import { type Contents, contentsAfter, EMPTY, OWNER, simpleWrite } from "./log-model.ts";
import { createRealLog, readContents, temporaryDirectory } from "./real-log.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let mounted = false;
beforeEach(() => {
  directory = temporaryDirectory();
});

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

describe("a full disk", { timeout: 180_000 }, () => {
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

  it("stops a whole store, and after room was made every count is there (needs root)", async (ctx) => {
    const missing = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path);
    if (missing !== undefined) ctx.skip(missing);
    mounted = true;
    const data = join(directory.path, "n1");
    const identity = await form(data, "n1");
    const failures: Error[] = [];
    const store = await openStore({
      directory: data,
      identity,
      onFailure: (failure) => failures.push(failure),
    });
    let last: { index: number; chain: number } = store.recovered.base;
    let acknowledged = 0;
    try {
      for (let seq = 1; ; seq++) {
        const append = increments(last, 50);
        const hardState = { term: term(1), vote: nodeId("n1"), commit: index(last.index) };
        await store.write({ seq, hardState, append });
        last = append.at(-1) ?? last;
        await store.apply(append, false);
        acknowledged = last.index;
      }
    } catch (failure) {
      expect(failure).toBeInstanceOf(StorageFailure);
      expect(failures).toEqual([failure]);
      await expect(store.write({ seq: 0, append: [] })).rejects.toBe(failure);
      await expect(store.query([])).rejects.toBe(failure);
    }
    await store.close().catch(() => undefined);
    expect(acknowledged).toBeGreaterThan(0);
    expect(mount("-o", "remount,size=16m", directory.path)).toBeUndefined();
    const again = await openStore({ directory: data, identity });
    const { entries, applied } = again.recovered;
    expect(entries.length).toBeGreaterThanOrEqual(acknowledged);
    await again.apply(entries.slice(applied), false);
    expect(await hits(again)).toBe(BigInt(entries.length));
    await again.close();
  });
});
