/**
 * What a process had written and not synced when it was killed, or when its sync failed: its successor finds it in the
 * system's cache, and relies on it.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { StorageFailure } from "../../src/store/errors.ts";
import { Wal } from "../../src/store/wal.ts";
import { type LogOnDisk, readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import { type Contents, contentsAfter, EMPTY, INITIAL_BASE, OWNER, simpleWrite } from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";
const SEGMENT = "/data/log/00000000000000000001.wal";
/** Room for the first of the writes below and not for the second. */
const SMALL_SEGMENT_BYTES = 1_000;
const FIRST = simpleWrite(EMPTY);
/** Over several sectors, of which each may be lost. */
const SECOND = simpleWrite(contentsAfter(EMPTY, FIRST), 3_000);
const AFTER_FIRST = contentsAfter(EMPTY, FIRST);
const AFTER_SECOND = contentsAfter(AFTER_FIRST, SECOND);
/** Each loses other sectors. */
const SEEDS = Array.from({ length: 20 }, (_, at) => at + 1);

async function fresh(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
  return disk;
}

async function open(disk: MemoryDisk, segmentBytes = 1_000_000): Promise<Wal> {
  return Wal.open({ disk, directory: DIRECTORY, owner: OWNER, segmentBytes }, await read(disk));
}

function read(disk: MemoryDisk): Promise<LogOnDisk> {
  return readLog(disk, DIRECTORY, OWNER);
}

async function contents(disk: MemoryDisk): Promise<Contents> {
  const { shape, entries } = await read(disk);
  return { hardState: shape.hardState, base: shape.base, entries };
}

/** Every such operation fails from now on, until what is returned is called. */
function fail(disk: MemoryDisk, operation: string): () => void {
  disk.before = (doing) => {
    if (doing.startsWith(operation)) throw new Error("EIO: i/o error");
  };
  return () => {
    disk.before = () => {};
  };
}

/** Has the first write, and the second one only in the cache, as clean: its sync has failed, and its process ended. */
async function afterFailedSync(): Promise<MemoryDisk> {
  const disk = await fresh();
  const wal = await open(disk);
  await wal.append({ seq: 1, ...FIRST });
  const heal = fail(disk, "sync ");
  await expect(wal.append({ seq: 2, ...SECOND })).rejects.toThrow(StorageFailure);
  heal();
  return disk.crash({ kind: "kill" });
}

describe("entries that were found in the log", () => {
  it("are durable once the log is open, whatever happens then", async () => {
    // How the segment looks with one write in it.
    const model = await fresh();
    await (await open(model)).append({ seq: 1, ...simpleWrite(EMPTY, 3_000) });
    const whole = model.peek(SEGMENT) as Buffer;
    for (const seed of SEEDS) {
      const disk = await fresh();
      const empty = disk.peek(SEGMENT)?.length ?? 0;
      // The process died between its write and the sync.
      const file = await disk.open(SEGMENT);
      await file.write(whole.subarray(empty), empty);
      await open(disk);
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect(await contents(after), `seed ${seed}`).toEqual(await contents(model));
    }
  });
});

describe("a batch whose sync has failed, and which is still in the cache", () => {
  let syncedAgain = 0;

  beforeAll(async () => {
    for (const seed of SEEDS) {
      const disk = await afterFailedSync();
      await (await disk.open(SEGMENT)).sync();
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      if ((await contents(after)).entries.length === 2) syncedAgain += 1;
    }
  });

  it("is not made durable by a further sync, so that the tests below can fail", () => {
    expect(syncedAgain).toBeLessThan(SEEDS.length);
  });

  it("is handed on as a copy, which does not keep its whole segment in memory", async () => {
    const { lastBatch, segments } = await read(await afterFailedSync());
    expect(lastBatch.bytes.buffer.byteLength).toBe(lastBatch.bytes.length);
    expect(lastBatch.at + lastBatch.bytes.length).toBe(segments.at(-1)?.bytes);
    expect(lastBatch.bytes.length).toBeLessThan(lastBatch.at + 3_000);
  });

  it("is durable once the next process has opened the log", async () => {
    for (const seed of SEEDS) {
      const disk = await afterFailedSync();
      expect(await contents(disk)).toEqual(AFTER_SECOND);
      await open(disk);
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect(await contents(after), `seed ${seed}`).toEqual(AFTER_SECOND);
    }
  });

  it("has no hole in it when more was written behind it", async () => {
    for (const seed of SEEDS) {
      const disk = await afterFailedSync();
      const third = simpleWrite(AFTER_SECOND, 5_000);
      await (await open(disk)).append({ seq: 1, ...third });
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect(await contents(after), `seed ${seed}`).toEqual(contentsAfter(AFTER_SECOND, third));
    }
  });

  it("is durable before the next segment begins", async () => {
    for (const seed of SEEDS) {
      const disk = await afterFailedSync();
      const third = simpleWrite(AFTER_SECOND);
      await (await open(disk, SMALL_SEGMENT_BYTES)).append({ seq: 1, ...third });
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect((await read(after)).segments.length).toBe(2);
      expect(await contents(after), `seed ${seed}`).toEqual(contentsAfter(AFTER_SECOND, third));
    }
  });

  it("stays in doubt while the disk fails, and no process builds on it", async () => {
    for (const seed of SEEDS) {
      let disk = await afterFailedSync();
      for (const operation of ["write ", "sync "]) {
        const heal = fail(disk, operation);
        await expect(open(disk)).rejects.toThrow(/could not make log\/0+1\.wal ready for writing/);
        heal();
        disk = disk.crash({ kind: "kill" });
      }
      await open(disk);
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect(await contents(after), `seed ${seed}`).toEqual(AFTER_SECOND);
    }
  });

  it("may be an orderly end, behind which nothing is lost either", async () => {
    const model = await fresh();
    await (await open(model)).append({ seq: 1, ...simpleWrite(EMPTY, 0) });
    // So that the batch that says so begins a sector, and shares it with nothing that comes before.
    const filler = 512 - ((model.peek(SEGMENT)?.length ?? 0) % 512);
    const first = simpleWrite(EMPTY, filler);
    for (const seed of SEEDS) {
      const disk = await fresh();
      const wal = await open(disk);
      await wal.append({ seq: 1, ...first });
      const heal = fail(disk, "sync ");
      await expect(wal.close()).rejects.toThrow(StorageFailure);
      heal();
      await open(disk);
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect((await read(after)).nextBatch, `seed ${seed}`).toBe(4);
    }
  });
});

describe("a segment whose sync has failed", () => {
  it("never gets its name: the next process finds the log before it, and nothing in doubt", async () => {
    for (const seed of SEEDS) {
      const disk = await fresh();
      const wal = await open(disk, SMALL_SEGMENT_BYTES);
      await wal.append({ seq: 1, ...FIRST });
      const heal = fail(disk, "sync /data/log/00000000000000000002.wal.tmp");
      await expect(wal.append({ seq: 2, ...SECOND })).rejects.toThrow(/begin segment 2 of the log/);
      heal();
      const found = await read(disk);
      expect(found.segments.length).toBe(1);
      expect(found.leftovers).toEqual(["00000000000000000002.wal.tmp"]);
      const next = await open(disk, SMALL_SEGMENT_BYTES);
      await next.append({ seq: 1, ...SECOND });
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect((await read(after)).segments.length).toBe(2);
      expect(await contents(after), `seed ${seed}`).toEqual(AFTER_SECOND);
    }
  });
});
