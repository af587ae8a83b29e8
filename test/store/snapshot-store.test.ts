import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/raft/index.ts";
import { type Disk, realDisk } from "../../src/store/disk.ts";
import { SnapshotStore } from "../../src/store/snapshot-store.ts";
import type { SnapshotManifest } from "../../src/store/types.ts";
import { flip } from "./real-log.ts";
import {
  directory,
  filesOf,
  manifest,
  nameAt,
  openSnapshots,
  openState,
  prepareSnapshotHome,
  source,
} from "./snapshot-home.ts";
import { LogMaker, replay } from "./state-log.ts";

prepareSnapshotHome();

/** Those of a process that still are when they are looked at, with their nice values (proc_pid_stat(5), field 19). */
function threadsOf(pid: number): { readonly name: string; readonly nice: number }[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8");
      const end = stat.lastIndexOf(")");
      const nice = Number(stat.slice(end + 2).split(" ")[16]);
      return [{ name: stat.slice(stat.indexOf("(") + 1, end), nice }];
    } catch {
      return [];
    }
  });
}

describe("taking a snapshot", () => {
  it("copies the state as it was at the snapshot's own index, while applying goes on", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    const log = new LogMaker(30);
    const entries: Entry[] = log.many(300, 30);
    await state.apply(entries, false);
    const taking = snapshots.take(state);
    let done = false;
    const taken = taking.finally(() => {
      done = true;
    });
    let during = 0;
    while (!done) {
      const entry = log.next(30);
      entries.push(entry);
      await state.apply([entry], false);
      during += 1;
    }
    const manifest = await taken;
    expect(during).toBeGreaterThan(3);
    expect(manifest.meta.index).toBeGreaterThanOrEqual(300);
    expect(manifest.meta.index).toBeLessThanOrEqual(entries.length);

    // A node that has nothing restores it and goes on with the log from there.
    const other = await openState("other.db");
    const held = snapshots.hold(manifest.meta) ?? "";
    const restored = await other.restore(held, manifest);
    expect(restored.totals).toEqual(replay(entries.slice(0, manifest.meta.index)).table.totals());
    expect(restored.totals.digest).toBe(manifest.digest);
    const rest = entries.slice(manifest.meta.index);
    if (rest.length > 0) await other.apply(rest, false);
    expect(await other.totals()).toEqual(await state.totals());
    expect(await other.digests()).toEqual(await state.digests());
    await other.close();
    expect((await openState("other.db")).opened).toEqual(log.position);
  });

  it("does not hold up applies while it copies 100,000 rows", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    const log = new LogMaker(31);
    for (let at = 0; at < 100; at++) await state.apply([log.adds("k", at * 1_000, 1_000)], false);
    let done = false;
    const taken = snapshots.take(state).finally(() => {
      done = true;
    });
    let during = 0;
    while (!done) {
      await state.apply([log.adds("k", (during * 997) % 99_990, 10)], false);
      during += 1;
    }
    const manifest = await taken;
    // Loose on purpose: a copy that blocked the worker would let one or two through.
    expect(during).toBeGreaterThan(10);
    expect(manifest.bytes).toBeGreaterThan(1_000_000);
    expect((await state.totals()).counters).toBe(100_000);
  });

  it("makes way for all other threads once it is copied", async (context) => {
    context.skip(
      !existsSync("/proc/thread-self"),
      "needs /proc, where Linux shows threads and their priorities",
    );
    const state = await openState();
    const snapshots = await openSnapshots();
    const log = new LogMaker(33);
    for (let at = 0; at < 50; at++) await state.apply([log.adds("k", at * 1_000, 1_000)], false);
    const taking = snapshots.take(state);
    let taken = false;
    void taking.then(() => {
      taken = true;
    });
    const seen = new Map<string, Set<number>>();
    while (!taken) {
      for (const { name, nice } of threadsOf(process.pid))
        seen.set(name, (seen.get(name) ?? new Set()).add(nice));
      await setImmediate();
    }
    const own = getPriority();
    expect([...(seen.get("raftally-snapsh") ?? [])]).toContain(Math.min(own + 10, 19));
    seen.delete("raftally-snapsh");
    expect(new Set([...seen.values()].flatMap((values) => [...values]))).toEqual(new Set([own]));
  });

  it("keeps the older snapshot until the newer one is durable, and longer if it is held", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    const log = new LogMaker(32);
    const takeNext = async (): Promise<SnapshotManifest> => {
      await state.apply([log.adds("a", 0, 2)], false);
      return snapshots.take(state);
    };
    const first = await takeNext();
    expect(await snapshots.take(state)).toEqual(first);
    expect(filesOf()).toEqual([`${nameAt(1)}.db`, `${nameAt(1)}.json`]);
    const path = snapshots.hold(first.meta) ?? "";
    expect(snapshots.hold(first.meta)).toBe(path);
    const second = await takeNext();
    expect(snapshots.latest()).toEqual({ manifest: second, origin: "taken" });
    expect(snapshots.all()).toHaveLength(1);
    expect(existsSync(path)).toBe(true);
    snapshots.release(first.meta);
    expect(existsSync(path)).toBe(true);
    snapshots.release(first.meta);
    expect(snapshots.hold(second.meta)).toBeDefined();
    snapshots.release(second.meta);
    await takeNext();
    expect(filesOf()).toEqual([`${nameAt(3)}.db`, `${nameAt(3)}.json`]);
    expect(snapshots.hold(first.meta)).toBeUndefined();
    expect(await snapshots.bytes()).toBeGreaterThan(4_096);
  });

  it("removes what a crash left unfinished when it opens, and keeps what is complete or on its way", async () => {
    const folder = join(directory, "snapshots");
    cpSync(join(source, "snapshots"), folder, { recursive: true });
    const part = `${"a".repeat(64)}.part`;
    for (const name of [
      "taking.tmp",
      "taking.tmp-journal",
      `${nameAt(9)}.db`,
      `${nameAt(9)}.json.tmp`,
      part,
    ]) {
      writeFileSync(join(folder, name), "x");
    }
    const again = await openSnapshots();
    expect(again.all()).toEqual([{ manifest, origin: "taken" }]);
    expect(filesOf()).toEqual([`${nameAt(200)}.db`, `${nameAt(200)}.json`, part]);
  });

  it("finds damage in the state on the way, also a row that is missing", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    await state.apply([new LogMaker(34).adds("a", 0, 5)], false);
    const { default: Sqlite } = await import("better-sqlite3");
    const behind = new Sqlite(join(directory, "state.db"));
    behind.exec("DELETE FROM counters WHERE key = 'a0000003'");
    behind.close();
    await expect(snapshots.take(state)).rejects.toThrow(/state\.db: its rows do not add up to its digest/);
    expect(snapshots.failure?.name).toBe("CorruptionError");
    await expect(snapshots.take(state)).rejects.toThrow(/do not add up/);
    expect(filesOf().some((name) => name.endsWith(".json"))).toBe(false);
  });
});

describe("verifying a snapshot", () => {
  it("leaves a sound one as it is, and knows nothing against one that is not here", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    const log = new LogMaker(35);
    await state.apply([log.adds("a", 0, 5)], false);
    const taken = await snapshots.take(state);
    expect(await snapshots.verify(taken.meta)).toBe(true);
    expect(await snapshots.verify(manifest.meta)).toBe(true);
    expect(snapshots.latest()?.manifest).toEqual(taken);
    // Nothing holds it after that.
    await state.apply([log.adds("a", 0, 5)], false);
    await snapshots.take(state);
    expect(filesOf()).toEqual([`${nameAt(2)}.db`, `${nameAt(2)}.json`]);
  });

  it("removes a damaged one, even one that is held, so that another is taken at the same index", async () => {
    const state = await openState();
    const snapshots = await openSnapshots();
    await state.apply([new LogMaker(36).adds("a", 0, 500)], false);
    const taken = await snapshots.take(state);
    const file = snapshots.hold(taken.meta) ?? "";
    writeFileSync(file, flip(readFileSync(file), 9_000));
    expect(await snapshots.take(state)).toEqual(taken);
    expect(await Promise.all([snapshots.verify(taken.meta), snapshots.verify(taken.meta)])).toEqual([
      false,
      false,
    ]);
    expect(snapshots.latest()).toBeUndefined();
    expect(snapshots.hold(taken.meta)).toBeUndefined();
    expect(filesOf()).toEqual([]);
    const another = await snapshots.take(state);
    expect(another.meta).toEqual(taken.meta);
    // To let go of the damaged one does the new one no harm.
    snapshots.release(taken.meta);
    expect(await snapshots.verify(another.meta)).toBe(true);
    expect(filesOf()).toEqual([`${nameAt(1)}.db`, `${nameAt(1)}.json`]);
    await snapshots.close();
    expect((await openSnapshots()).latest()).toEqual({ manifest: another, origin: "taken" });
  });
});

describe("a folder of snapshots", () => {
  it.each<[string, (path: string) => void, RegExp]>([
    ["a manifest that is not JSON", (path) => writeFileSync(`${path}.json`, "{"), /json: it is not JSON/],
    ["a changed field", (path) => replaceIn(`${path}.json`, /"chain": \d/, '"chain": '), /checksum/],
    ["a newer format", (path) => replaceIn(`${path}.json`, /"format": 1/, '"format": 2'), /newer version/],
    ["a missing file", (path) => rmSync(`${path}.db`), /db: it is missing/],
    ["a shorter file", (path) => writeFileSync(`${path}.db`, "x"), /it has 1 bytes and not \d+/],
    ["another name", (path) => renamed(path), /another snapshot's name/],
  ])("is refused at open for %s", async (_name, spoil, sentence) => {
    cpSync(join(source, "snapshots"), join(directory, "snapshots"), { recursive: true });
    expect((await openSnapshots()).latest()).toEqual({ manifest, origin: "taken" });
    spoil(join(directory, "snapshots", nameAt(200)));
    await expect(openSnapshots()).rejects.toThrow(sentence);
  });

  it("is refused if it belongs to another cluster", async () => {
    const options = { directory: join(source, "snapshots"), clusterId: "other" };
    await expect(SnapshotStore.open(options)).rejects.toMatchObject({ code: "otherCluster" });
  });

  it("stops for good when the disk fails", async () => {
    let broken = false;
    const disk: Disk = {
      ...realDisk,
      syncDirectory: (path) =>
        broken ? Promise.reject(new Error("EIO: i/o error")) : realDisk.syncDirectory(path),
    };
    const state = await openState();
    await state.apply([new LogMaker(37).adds("a", 0, 2)], false);
    const snapshots = await openSnapshots("snapshots", disk);
    broken = true;
    await expect(snapshots.take(state)).rejects.toThrow(/could not take a snapshot \(EIO/);
    broken = false;
    await expect(snapshots.take(state)).rejects.toThrow(/EIO/);
    expect(snapshots.latest()).toBeUndefined();
    await snapshots.close();
    // The fsync that failed was that of the file's name, before there was a manifest.
    expect((await openSnapshots()).latest()).toBeUndefined();
  });
});

function replaceIn(path: string, pattern: RegExp, by: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toMatch(pattern);
  writeFileSync(path, text.replace(pattern, by));
}

function renamed(path: string): void {
  copyFileSync(`${path}.json`, path.replace(/200-1$/, "201-1.json"));
}
