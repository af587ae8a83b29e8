import { beforeAll, describe, expect, it } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { chainHash, index, nodeId, term } from "../../src/raft/index.ts";
import { CorruptionError, IdentityError, NewerFormatError } from "../../src/store/errors.ts";
import { decodeRecords, type LogRecord } from "../../src/store/record.ts";
import { Wal } from "../../src/store/wal.ts";
import {
  batchSeed,
  encodeSegmentHeader,
  readBatch,
  SEGMENT_HEADER_BYTES,
} from "../../src/store/wal-format.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { createLog, encodeBatch } from "../../src/store/wal-segment.ts";
import {
  type Contents,
  contentsAfter,
  EMPTY,
  entriesAfter,
  INITIAL_BASE,
  lastOf,
  OWNER,
  simpleWrite,
} from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";
const SEGMENTS = [1, 2, 3].map((number) => `/data/log/${String(number).padStart(20, "0")}.wal`);
const [FIRST, MIDDLE, LAST] = SEGMENTS as [string, string, string];

/** A log of three segments, one write for each batch, and where the last segment's batches end. */
let sound: MemoryDisk;
let whole: Contents;
/** Bytes of zeros that stood behind the last batch. */
let room = 0;
/** The contents after each batch of the last segment, by the offset at which the batch ends. */
const ends = new Map<number, Contents>();

async function read(disk: MemoryDisk) {
  const log = await readLog(disk, DIRECTORY, OWNER);
  return { ...log, contents: { hardState: log.shape.hardState, base: log.shape.base, entries: log.entries } };
}

/** What reading the log says of it: the error, or what is left. */
async function verdict(disk: MemoryDisk): Promise<unknown> {
  return read(disk).then(
    ({ contents, tornBytes }) => ({ contents, tornBytes }),
    (error: Error) => error.constructor,
  );
}

function damaged(path: string, change: (bytes: Buffer) => Buffer | undefined): MemoryDisk {
  const disk = sound.copy();
  disk.poke(path, change(Buffer.from(disk.peek(path) ?? Buffer.alloc(0))));
  return disk;
}

/** Where batches begin, and where the last one ends; room may follow. */
function batchesOf(bytes: Buffer): { readonly starts: readonly number[]; readonly end: number } {
  const starts: number[] = [];
  const seed = batchSeed(bytes);
  let at = SEGMENT_HEADER_BYTES;
  for (; at < bytes.length; ) {
    const batch = readBatch(bytes, at, seed);
    if (batch.kind === "unwritten") break;
    if (batch.kind !== "batch") throw new Error("the fixture is damaged");
    starts.push(at);
    at = batch.end;
  }
  return { starts, end: at };
}

function batchStarts(bytes: Buffer): readonly number[] {
  return batchesOf(bytes).starts;
}

beforeAll(async () => {
  sound = new MemoryDisk();
  await createLog(sound, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
  const wal = await Wal.open(
    { disk: sound, directory: DIRECTORY, owner: OWNER, segmentBytes: 1_200 },
    await read(sound),
  );
  whole = EMPTY;
  for (let at = 0; at < 14; at++) {
    const write = simpleWrite(whole);
    const before = whole;
    whole = contentsAfter(whole, write);
    await wal.append({ seq: at, ...write });
    const bytes = sound.peek(LAST);
    if (bytes === undefined) continue;
    if (ends.size === 0) ends.set(batchStarts(bytes)[1] ?? 0, before);
    ends.set(batchesOf(bytes).end, whole);
  }
  const last = sound.peek(LAST) ?? Buffer.alloc(0);
  room = last.length - batchesOf(last).end;
  sound.poke(LAST, last.subarray(0, last.length - room));
});

describe("a log with damage", () => {
  it("is the whole log, when there is none", async () => {
    expect(sound.paths()).toEqual(SEGMENTS);
    expect(ends.size).toBeGreaterThan(3);
    expect(await verdict(sound)).toEqual({ contents: whole, tornBytes: 0 });
  });

  it("is whole where a bit of the room behind it is flipped, and loses nothing to it at the next start", async () => {
    expect(room).toBeGreaterThan(10);
    const end = sound.peek(LAST)?.length ?? 0;
    for (let at = 0; at < room; at++) {
      const disk = damaged(LAST, (copy) => {
        const longer = Buffer.concat([copy], end + room);
        longer[end + at] = 1 << (at % 8);
        return longer;
      });
      expect(await verdict(disk)).toEqual({ contents: whole, tornBytes: room });
    }
  });

  it("is refused for a flipped bit anywhere before the last batch, and loses the last batch for one in it", async () => {
    let torn = 0;
    for (const path of SEGMENTS) {
      const bytes = sound.peek(path) ?? Buffer.alloc(0);
      const lastStart = path === LAST ? (batchStarts(bytes).at(-1) ?? 0) : Number.POSITIVE_INFINITY;
      for (let at = 0; at < bytes.length; at++) {
        for (const bit of [at % 8, 7]) {
          const found = await verdict(
            damaged(path, (copy) => {
              copy[at] = (copy[at] ?? 0) ^ (1 << bit);
              return copy;
            }),
          );
          if (at < lastStart) {
            expect(found, `${path} at ${at}`).toBe(CorruptionError);
          } else {
            torn += 1;
            expect(found, `${path} at ${at}`).toEqual({
              contents: ends.get(lastStart),
              tornBytes: bytes.length - lastStart,
            });
          }
        }
      }
    }
    expect(torn).toBeGreaterThan(100);
  });

  it("may end anywhere in the last segment, and nowhere in one before", async () => {
    const bytes = sound.peek(LAST) ?? Buffer.alloc(0);
    const opening = Math.min(...ends.keys());
    for (let length = 0; length < bytes.length; length++) {
      const found = await verdict(damaged(LAST, (copy) => copy.subarray(0, length)));
      if (length < opening) {
        expect(found, `cut to ${length}`).toBe(CorruptionError);
        continue;
      }
      const end = Math.max(...[...ends.keys()].filter((at) => at <= length));
      expect(found, `cut to ${length}`).toEqual({ contents: ends.get(end), tornBytes: length - end });
    }
    for (const path of [FIRST, MIDDLE]) {
      const full = sound.peek(path)?.length ?? 0;
      for (let length = 0; length < full; length++) {
        expect(await verdict(damaged(path, (copy) => copy.subarray(0, length))), `${path} to ${length}`).toBe(
          CorruptionError,
        );
      }
    }
  });

  it("takes zeros at its end for room that was never written, and zeros before a batch for damage", async () => {
    const extended = damaged(LAST, (copy) => Buffer.concat([copy, Buffer.alloc(5_000)]));
    expect(await verdict(extended)).toEqual({ contents: whole, tornBytes: 0 });
    const start = [...ends.keys()].sort((a, b) => a - b)[1] ?? 0;
    const holed = damaged(LAST, (copy) => copy.fill(0, start, [...ends.keys()].sort((a, b) => a - b)[2]));
    await expect(read(holed)).rejects.toThrow(/nothing but zeros|no batch begins|checksum/);
    expect(await verdict(holed)).toBe(CorruptionError);
    const sealed = damaged(MIDDLE, (copy) => Buffer.concat([copy, Buffer.alloc(64)]));
    expect(await verdict(sealed)).toBe(CorruptionError);
  });

  it("is refused without any one of its segments but the last", async () => {
    await expect(read(damaged(FIRST, () => undefined))).rejects.toThrow(/entries 1 to \d+/);
    await expect(read(damaged(MIDDLE, () => undefined))).rejects.toThrow(
      /this segment of the log is missing/,
    );
    const none = sound.copy();
    for (const path of SEGMENTS) none.poke(path, undefined);
    await expect(read(none)).rejects.toThrow(/the log is missing, though identity.json/);
  });

  it("is refused with a segment in another's place", async () => {
    const swapped = damaged(MIDDLE, () => sound.peek(FIRST));
    await expect(read(swapped)).rejects.toThrow(/this is segment 1 under another's name/);
  });

  it("is refused with an older copy of its last segment but one", async () => {
    const bytes = sound.peek(MIDDLE) ?? Buffer.alloc(0);
    const older = damaged(MIDDLE, (copy) => copy.subarray(0, batchStarts(bytes).at(-1)));
    await expect(read(older)).rejects.toThrow(/batches \d+ to \d+ are missing before this segment/);
  });

  it("is refused when a segment before the last was replaced by one of another length", async () => {
    const bytes = sound.peek(MIDDLE) ?? Buffer.alloc(0);
    const seed = batchSeed(bytes);
    const start = batchStarts(bytes).at(-1) ?? 0;
    const batch = readBatch(bytes, start, seed);
    if (batch.kind !== "batch") throw new Error("the fixture is damaged");
    // It says the same, with one record more that changes nothing.
    const longer = encodeBatch([...decodeRecords(batch.payload), { kind: "close" }], batch.number, seed);
    const replaced = damaged(MIDDLE, (copy) => Buffer.concat([copy.subarray(0, start), longer]));
    await expect(read(replaced)).rejects.toThrow(
      /the segment before this one should have \d+ bytes and has \d+/,
    );
  });

  it("is refused when a segment restates the log before it differently", async () => {
    const bytes = sound.peek(LAST) ?? Buffer.alloc(0);
    const seed = batchSeed(bytes);
    const opening = readBatch(bytes, SEGMENT_HEADER_BYTES, seed);
    if (opening.kind !== "batch") throw new Error("the fixture is damaged");
    const [restated] = decodeRecords(opening.payload);
    if (restated?.kind !== "restate") throw new Error("the fixture does not restate");
    const { hardState, last, base } = restated;
    const others: [LogRecord, RegExp][] = [
      [
        { ...restated, hardState: { ...hardState, vote: nodeId("n2") } },
        /restates another term, vote or commit/,
      ],
      [{ ...restated, last: { ...last, index: index(last.index + 1) } }, /the log before it ends at entry/],
      [{ ...restated, base: { ...base, chain: 1 } }, /the log before it begins after entry/],
    ];
    for (const [record, message] of others) {
      const other = encodeBatch([record], opening.number, seed);
      const disk = damaged(LAST, (copy) =>
        Buffer.concat([copy.subarray(0, SEGMENT_HEADER_BYTES), other, copy.subarray(opening.end)]),
      );
      await expect(read(disk)).rejects.toThrow(message);
    }
  });

  it("says what was found, where, and what to do, in one sentence", async () => {
    const disk = damaged(MIDDLE, (copy) => {
      copy[200] = (copy[200] ?? 0) ^ 1;
      return copy;
    });
    const error = await read(disk).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CorruptionError);
    expect((error as CorruptionError).file).toBe("log/00000000000000000002.wal");
    expect((error as CorruptionError).offset).toBe(80);
    expect((error as Error).message).toMatch(
      /^log\/0+2\.wal at byte 80: batch \d+ is damaged or missing \(.+\), and .+; this node .+ do not start it again .+ `raftally member replace OLD NEW`\.$/,
    );
  });

  it("does not take a batch inside a client's data for proof that the batch around it was whole", async () => {
    const foreign = encodeBatch(
      [{ kind: "close" }],
      99,
      batchSeed(
        encodeSegmentHeader(
          { ...OWNER, incarnation: "f".repeat(32) },
          { segment: 3, firstBatch: 1, previousBytes: 0 },
        ),
      ),
    );
    const data = Buffer.concat([foreign, Buffer.alloc(20, 7)]);
    const body = { kind: "command", data, crc: crc32c(data) } as const;
    const id = { index: index(lastOf(whole).index + 1), term: whole.hardState.term };
    const entry = { ...id, ...body, chain: chainHash(lastOf(whole).chain, id, body) };
    const disk = sound.copy();
    const wal = await Wal.open({ disk, directory: DIRECTORY, owner: OWNER }, await read(disk));
    await wal.append({ seq: 1, append: [entry] });
    expect((await read(disk)).entries.at(-1)).toMatchObject({ index: id.index });
    const bytes = disk.peek(LAST) ?? Buffer.alloc(0);
    disk.poke(LAST, bytes.subarray(0, batchesOf(bytes).end - 1));
    expect(await verdict(disk)).toMatchObject({ contents: whole });
  });
});

describe("a log that is intact but wrong", () => {
  /** A log of one segment that goes on with these records. */
  async function withRecords(
    batches: readonly (readonly LogRecord[])[],
    numbers = [2, 3, 4],
  ): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
    const bytes = disk.peek(FIRST) ?? Buffer.alloc(0);
    const seed = batchSeed(bytes);
    disk.poke(
      FIRST,
      Buffer.concat([bytes, ...batches.map((records, at) => encodeBatch(records, numbers[at] ?? 0, seed))]),
    );
    return disk;
  }
  const hardState = { term: term(1), vote: undefined, commit: index(0) };
  const records = (): LogRecord[] => {
    const entries = entriesAfter({ ...EMPTY, hardState }, 3);
    return [
      { kind: "hardState", hardState },
      ...entries.map((entry): LogRecord => ({ kind: "entry", entry })),
    ];
  };

  it("is refused for each rule that it breaks", async () => {
    const [state, first, second, third] = records() as [LogRecord, LogRecord, LogRecord, LogRecord];
    expect(
      await verdict(
        await withRecords([
          [state, first],
          [second, third],
        ]),
      ),
    ).toMatchObject({ tornBytes: 0 });
    if (first.kind !== "entry" || first.entry.kind !== "command")
      throw new Error("the fixture is no command");
    const altered: LogRecord = { kind: "entry", entry: { ...first.entry, data: new Uint8Array(40).fill(9) } };
    const broken: [readonly (readonly LogRecord[])[], RegExp, number[]?][] = [
      [[[state, first], [second]], /batch 4 stands where batch 3 should/, [2, 4]],
      [[[state, first], [second]], /batch 2 stands where batch 3 should/, [2, 2]],
      [[[state, first, third]], /entry 3 follows entry 1/],
      [[[state, altered]], /data of entry 1 does not match its own checksum/],
      [[[first, second]], /entry 2 has term 1, which is after the node's own term 0/],
      [
        [[state, first], [{ kind: "hardState", hardState: { ...hardState, commit: index(2) } }]],
        /committed but the log ends at 1/,
      ],
      [
        [[{ kind: "hardState", hardState: { ...hardState, term: term(5) } }, state]],
        /term goes back from 5 to 1/,
      ],
      [
        [[state, { kind: "compact", base: { ...INITIAL_BASE, index: index(7), term: term(1) } }]],
        /compacted to 7/,
      ],
      [
        [[state, first, { kind: "compact", base: { ...INITIAL_BASE, index: index(1), term: term(1) } }]],
        /another chain hash/,
      ],
    ];
    for (const [batches, message, numbers] of broken) {
      const disk = await withRecords(batches, numbers);
      await expect(read(disk)).rejects.toThrow(message);
      expect(await verdict(disk)).toBe(CorruptionError);
    }
  });

  it("is refused where the chain of hashes breaks, even with right checksums", async () => {
    const [state, first] = records() as [LogRecord, LogRecord];
    const other = entriesAfter(
      { ...EMPTY, hardState, entries: entriesAfter({ ...EMPTY, hardState }, 1, 7) },
      1,
    )[0];
    if (other === undefined) throw new Error("the fixture is empty");
    await expect(read(await withRecords([[state, first, { kind: "entry", entry: other }]]))).rejects.toThrow(
      /the chain of hashes breaks at entry 2/,
    );
  });

  it("is not called damaged when a newer version wrote it", async () => {
    const disk = await withRecords([records()]);
    const bytes = Buffer.from(disk.peek(FIRST) ?? Buffer.alloc(0));
    const unknown = encodeBatch([{ kind: "close" }], 3, batchSeed(bytes));
    unknown[20] = 200;
    unknown.writeUInt32LE(crc32c(unknown.subarray(8), batchSeed(bytes)), 4);
    disk.poke(FIRST, Buffer.concat([bytes, unknown]));
    await expect(read(disk)).rejects.toThrow(NewerFormatError);
    await expect(read(disk)).rejects.toThrow(
      /record kind 200 is not known; it was written by a newer version/,
    );

    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 76)), 76);
    disk.poke(FIRST, bytes);
    await expect(read(disk)).rejects.toThrow(NewerFormatError);
    await expect(read(disk)).rejects.toThrow(/has format 2 and this version reads format 1/);
  });

  it("is refused under another cluster or another incarnation", async () => {
    const elsewhere = { ...OWNER, clusterId: "other" };
    await expect(readLog(sound, DIRECTORY, elsewhere)).rejects.toMatchObject({ code: "otherCluster" });
    const reborn = { ...OWNER, incarnation: "f".repeat(32) };
    await expect(readLog(sound, DIRECTORY, reborn)).rejects.toMatchObject({ code: "otherIncarnation" });
    await expect(readLog(sound, DIRECTORY, reborn)).rejects.toThrow(IdentityError);
  });
});
