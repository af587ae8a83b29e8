import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Entry, index, nodeId, term } from "../../src/raft/index.ts";
import { realDisk } from "../../src/store/disk.ts";
import {
  CorruptionError,
  IdentityError,
  lockDirectory,
  type NodeStore,
  openStore,
  type SnapshotManifest,
  StorageFailure,
} from "../../src/store/index.ts";
import type { Identity } from "../../src/store/types.ts";
import { segmentName } from "../../src/store/wal-format.ts";
import { form, hits, increments, positionOf } from "./formed-directory.ts";
import { temporaryDirectory } from "./real-log.ts";

const SEGMENT_BYTES = 2_000;

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
let identity: Identity;
const opened: NodeStore[] = [];

beforeEach(async () => {
  directory = temporaryDirectory();
  data = join(directory.path, "n1");
  identity = await form(data, "n1");
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close().catch(() => undefined);
  directory.remove();
});

async function open(path = data, of = identity): Promise<NodeStore> {
  const store = await openStore({ directory: path, identity: of, segmentBytes: SEGMENT_BYTES });
  opened.push(store);
  return store;
}

/** Appends and applies `count` increments; returns the position of the last. */
async function grow(store: NodeStore, from: { index: number; chain: number }, count: number): Promise<Entry> {
  const entries = increments(from, count);
  const last = entries.at(-1) as Entry;
  const hardState = { term: term(1), vote: nodeId("n1"), commit: last.index };
  await store.write({ seq: 0, hardState: { ...hardState, commit: index(from.index) }, append: [] });
  for (let at = 0; at < count; at += 10) await store.write({ seq: at, append: entries.slice(at, at + 10) });
  await store.write({ seq: count, hardState, append: [] });
  await store.apply(entries, false);
  return last;
}

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Another node's directory whose snapshot stands at `count`. */
async function sender(count: number): Promise<{ manifest: SnapshotManifest; file: Buffer }> {
  const path = join(directory.path, "n2");
  const of = await form(path, "n2");
  const store = await open(path, of);
  await grow(store, store.recovered.base, count);
  const manifest = await store.takeSnapshot();
  const file = readFileSync(store.holdSnapshot(manifest.meta) ?? "");
  return { manifest, file };
}

describe("a store", { timeout: 180_000 }, () => {
  it("begins empty, and gives back after a restart what was written", async () => {
    const first = await open();
    expect(first.recovered).toMatchObject({ entries: [], applied: 0, tornBytes: 0, snapshot: undefined });
    expect(first.recovered.base.configuration.voters).toEqual(["n1", "n2", "n3"]);
    await grow(first, first.recovered.base, 25);
    expect(await first.diskBytes()).toBeGreaterThan(4_000);
    const { batches, entries, bytes } = first.logWritten();
    expect(entries).toBe(25);
    expect(batches).toBeGreaterThan(0);
    expect(batches).toBeLessThanOrEqual(26);
    const [segment = ""] = readdirSync(join(data, "log"));
    expect(bytes).toBeGreaterThan(25 * 20);
    expect(bytes).toBeLessThanOrEqual(statSync(join(data, "log", segment)).size);
    await first.close();
    const second = await open();
    expect(second.recovered.entries.map((entry) => entry.index)).toEqual(
      Array.from({ length: 25 }, (_, at) => at + 1),
    );
    expect(second.recovered.hardState).toEqual({ term: 1, vote: "n1", commit: 25 });
    expect(second.recovered.applied).toBe(25);
    expect(await hits(second)).toBe(25n);
  });

  it("compacts the log only up to a snapshot, and restores an older state from it", async () => {
    const store = await open();
    const base = store.recovered.base;
    const last = await grow(store, base, 60);
    const compact = positionOf(last, base);
    await store.takeSnapshot();
    const olderState = ["state.db", "state.db-wal"].filter((name) => existsSync(join(data, name)));
    expect(olderState).toContain("state.db");
    const segments = readdirSync(join(data, "log")).length;
    await store.write({ seq: 100, append: [], compact });
    const more = await grow(store, last, 5);
    await store.close();
    expect(readdirSync(join(data, "log")).length).toBeLessThan(segments);
    for (const name of ["state.db", "state.db-wal", "state.db-shm"])
      rmSync(join(data, name), { force: true });
    const again = await open();
    expect(again.recovered).toMatchObject({ applied: 60, base: { index: 60 }, snapshot: { index: 60 } });
    expect(again.recovered.hardState.commit).toBe(more.index);
    expect(await hits(again)).toBe(60n);
    await again.apply(again.recovered.entries, false);
    expect(await hits(again)).toBe(65n);
  });

  it("gives up a snapshot whose file was damaged, and takes another", async () => {
    const store = await open();
    await grow(store, store.recovered.base, 20);
    const { meta } = await store.takeSnapshot();
    expect(await store.verifySnapshot(meta)).toBe(true);
    const file = store.holdSnapshot(meta) ?? "";
    store.releaseSnapshot(meta);
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
    writeFileSync(file, bytes);
    expect(await store.verifySnapshot(meta)).toBe(false);
    expect(store.latestSnapshot()).toBeUndefined();
    expect((await store.takeSnapshot()).meta).toEqual(meta);
    expect(await store.verifySnapshot(meta)).toBe(true);
  });

  it("refuses to compact beyond the snapshot", async () => {
    const store = await open();
    const base = store.recovered.base;
    const last = await grow(store, base, 5);
    await expect(store.write({ seq: 9, append: [], compact: positionOf(last, base) })).rejects.toThrow(
      /only up to a durable snapshot/,
    );
  });

  it("takes a lost snapshot again while the state is at hand, and refuses once that is older than the log", async () => {
    const store = await open();
    const base = store.recovered.base;
    const last = await grow(store, base, 20);
    await store.takeSnapshot();
    await store.write({ seq: 100, append: [], compact: positionOf(last, base) });
    await store.close();
    rmSync(join(data, "snapshots"), { recursive: true });
    const again = await open();
    expect(again.recovered.snapshot?.index).toBe(20);
    expect(again.latestSnapshot()?.meta.chain).toBe(last.chain);
    await again.close();
    rmSync(join(data, "snapshots"), { recursive: true });
    for (const name of ["state.db", "state.db-wal", "state.db-shm"])
      rmSync(join(data, name), { force: true });
    const error = await refusal(open());
    expect(error).toBeInstanceOf(CorruptionError);
    expect(String(error)).toMatch(
      /holds the entries up to 0, the log begins after 20, and no snapshot closes the gap/,
    );
  });

  it("refuses a log that ends before what state.db has applied, and leaves it as it was", async () => {
    const store = await open();
    await grow(store, store.recovered.base, 12);
    await store.close();
    const newest = readdirSync(join(data, "log")).sort().at(-1) ?? "";
    const path = join(data, "log", newest);
    const bytes = readFileSync(path);
    // The last batch with entries, the commit index behind it, and the closing mark are gone or torn. (Zeros follow.)
    const cut = bytes.findLastIndex((byte) => byte !== 0) - 150;
    truncateSync(path, cut);
    const error = await refusal(open());
    expect(error).toBeInstanceOf(CorruptionError);
    expect(String(error)).toMatch(/entry 12 was committed \(it is in state\.db\), and the log ends at entry/);
    expect(readFileSync(path)).toEqual(bytes.subarray(0, cut));
    writeFileSync(path, bytes);
    expect(await hits(await open())).toBe(12n);
  });

  it("lets one process in at a time, and the next after it was closed or refused", async () => {
    const store = await open();
    const error = await refusal(open());
    expect(error).toBeInstanceOf(IdentityError);
    expect(error).toMatchObject({ code: "inUse" });
    await store.close();
    const lock = lockDirectory(data);
    const stranger = { ...identity, incarnation: "f".repeat(32) };
    expect(await refusal(openStore({ directory: data, identity: stranger, lock }))).toMatchObject({
      code: "otherIncarnation",
    });
    await open();
  });

  it("fails as a whole, once and for good, when a part fails", async () => {
    const failures: Error[] = [];
    let broken = false;
    const disk = {
      ...realDisk,
      openDurable: async (path: string) => {
        const file = await realDisk.openDurable(path);
        const write = (bytes: Uint8Array, offset: number) =>
          broken ? Promise.reject(new Error("EIO: i/o error, write")) : file.write(bytes, offset);
        const { sync, truncate, close } = file;
        return { write, truncate: truncate.bind(file), close: close.bind(file), sync: sync.bind(file) };
      },
    };
    const store = await openStore({
      directory: data,
      identity,
      disk,
      onFailure: (failure) => failures.push(failure),
    });
    opened.push(store);
    await grow(store, store.recovered.base, 5);
    broken = true;
    const write = store.write({ seq: 9, append: [] });
    await expect(write).rejects.toThrow(StorageFailure);
    broken = false;
    for (const call of [
      store.write({ seq: 10, append: [] }),
      store.apply([], false),
      store.query([]),
      store.takeSnapshot(),
    ]) {
      await expect(call).rejects.toThrow(/EIO: i\/o error.*the process must exit/);
    }
    expect(failures).toHaveLength(1);
    await store.close();
    expect(await hits(await open())).toBe(5n);
  });
});

describe("a snapshot from another node", { timeout: 180_000 }, () => {
  async function receive(
    store: NodeStore,
    { manifest, file }: { manifest: SnapshotManifest; file: Buffer },
  ): Promise<void> {
    const incoming = await store.receiveSnapshot(manifest);
    await incoming.write(file.subarray(incoming.offset));
    expect(await incoming.finish()).toBe(true);
  }

  it("replaces log and state, at whatever step the process stops", { timeout: 180_000 }, async () => {
    const sent = await sender(50);
    const { meta } = sent.manifest;
    const hardState = { term: term(1), vote: undefined, commit: meta.index };
    for (const step of ["received", "recorded", "restored"]) {
      rmSync(data, { recursive: true, force: true });
      identity = await form(data, "n1");
      const store = await open();
      await store.write({
        seq: 1,
        hardState: { ...hardState, commit: index(0) },
        append: increments(store.recovered.base, 3),
      });
      await receive(store, sent);
      if (step !== "received") await store.write({ seq: 2, hardState, append: [], install: meta });
      if (step === "restored") await store.restore(meta);
      await store.close();
      const again = await open();
      expect(again.recovered, step).toMatchObject({
        base: meta,
        snapshot: meta,
        entries: [],
        applied: 50,
        hardState: { commit: 50 },
      });
      expect(await hits(again)).toBe(50n);
      await grow(again, meta, 5);
      expect(await hits(again)).toBe(55n);
      await again.close();
    }
  });

  it("replaces a longer log of which nothing was committed, if the process stops before that is recorded", async () => {
    const sent = await sender(15);
    const { meta } = sent.manifest;
    const store = await open();
    const { base } = store.recovered;
    // A deposed leader: 5 entries of both histories, 15 that only this node ever had.
    const both = increments(base, 5);
    const hardState = { term: term(2), vote: nodeId("n1"), commit: index(5) };
    const own = increments(both.at(-1) ?? base, 15, 2);
    await store.write({ seq: 1, hardState, append: [...both, ...own] });
    await store.apply(both, false);
    await receive(store, sent);
    await store.close();
    for (const opening of ["first", "second"]) {
      const again = await open();
      expect(again.recovered, opening).toMatchObject({
        base: meta,
        snapshot: meta,
        entries: [],
        applied: 15,
        hardState: { term: 2, vote: "n1", commit: 15 },
      });
      expect(await hits(again)).toBe(15n);
      await again.close();
    }
  });

  it("is not installed before it is here", async () => {
    const store = await open();
    const install = { ...store.recovered.base, index: index(50) };
    await expect(store.write({ seq: 1, append: [], install })).rejects.toThrow(
      /only a snapshot that is here is installed/,
    );
  });
});

describe("leftovers of a crash", { timeout: 180_000 }, () => {
  it("include what has arrived of a snapshot, which is removed once the state has got as far by itself", async () => {
    const { manifest, file } = await sender(15);
    const parts = () => readdirSync(join(data, "snapshots")).filter((name) => name.endsWith(".part"));
    let store = await open();
    const last = await grow(store, store.recovered.base, 14);
    await (await store.receiveSnapshot(manifest)).write(file.subarray(0, 1_000));
    await store.close();
    store = await open();
    expect(parts()).toHaveLength(1);
    await grow(store, last, 1);
    await store.close();
    store = await open();
    expect(store.recovered.applied).toBe(15);
    expect(parts()).toEqual([]);
    expect((await store.receiveSnapshot(manifest)).offset).toBe(0);
  });

  it("are removed from the log's folder when it is opened, and other files are left alone", async () => {
    const folder = join(data, "log");
    const leftover = join(folder, `${segmentName(2)}.tmp`);
    copyFileSync(join(folder, segmentName(1)), leftover);
    writeFileSync(join(folder, "notes.txt"), "an operator's");
    await (await open()).close();
    expect(existsSync(leftover)).toBe(false);
    expect(existsSync(join(folder, "notes.txt"))).toBe(true);
  });
});
