import { describe, expect, it } from "vitest";
import { InvariantViolation } from "../../src/base/index.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { StorageFailure } from "../../src/store/errors.ts";
import { decodeRecords, encodeRecord, type LogRecord, recordBytes } from "../../src/store/record.ts";
import { Wal } from "../../src/store/wal.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import {
  CONFIGURATION,
  type Contents,
  contentsAfter,
  EMPTY,
  entriesAfter,
  INITIAL_BASE,
  OWNER,
  simpleWrite,
  type Write,
} from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";

async function fresh(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
  return disk;
}

async function open(disk: MemoryDisk, segmentBytes = 1_000_000): Promise<Wal> {
  return Wal.open(
    { disk, directory: DIRECTORY, owner: OWNER, segmentBytes },
    await readLog(disk, DIRECTORY, OWNER),
  );
}

async function contents(disk: MemoryDisk): Promise<Contents> {
  const { shape, entries } = await readLog(disk, DIRECTORY, OWNER);
  return { hardState: shape.hardState, base: shape.base, entries };
}

/** Writes that follow one another, and what the log holds after all of them. */
function writes(count: number): { list: Write[]; end: Contents } {
  let end = EMPTY;
  const list = Array.from({ length: count }, () => {
    const write = simpleWrite(end);
    end = contentsAfter(end, write);
    return write;
  });
  return { list, end };
}

describe("records", () => {
  it("come back as they were, each kind", () => {
    const hardState = { term: term(2 ** 40 + 3), vote: nodeId("node-1"), commit: index(2 ** 33) };
    const base = {
      ...INITIAL_BASE,
      index: index(2 ** 52),
      term: term(9),
      chain: 2 ** 52 - 1,
      configurationIndex: index(4),
    };
    const place = { index: index(5), term: term(6), chain: 4_503_599_627_370_495 };
    const records: LogRecord[] = [
      { kind: "hardState", hardState },
      { kind: "hardState", hardState: { ...hardState, vote: undefined } },
      { kind: "truncate", from: index(77) },
      { kind: "entry", entry: { kind: "noop", ...place } },
      {
        kind: "entry",
        entry: { kind: "command", ...place, data: new Uint8Array([1, 2, 255]), crc: 4_294_967_295 },
      },
      { kind: "entry", entry: { kind: "command", ...place, data: new Uint8Array(), crc: 0 } },
      { kind: "entry", entry: { kind: "configuration", ...place, configuration: CONFIGURATION } },
      { kind: "install", base },
      { kind: "compact", base },
      { kind: "restate", base, hardState, last: { index: index(8), term: term(9) } },
      { kind: "restate", base, hardState, last: { index: index(8), term: undefined } },
      { kind: "close" },
    ];
    const bytes = Buffer.alloc(records.reduce((sum, record) => sum + recordBytes(record), 0));
    let at = 0;
    for (const record of records) at = encodeRecord(record, bytes, at);
    expect(at).toBe(bytes.length);
    expect(decodeRecords(bytes)).toEqual(records);
  });
});

describe("the write-ahead log", () => {
  it("combines what arrives during a write into one further write and one sync", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    const { list, end } = writes(101);
    const operations = disk.trace.length;
    const order: number[] = [];
    await Promise.all(list.map((write, seq) => wal.append({ seq, ...write }).then(() => order.push(seq))));
    expect(disk.trace.slice(operations).map((operation) => operation.split(" ")[0])).toEqual([
      "write",
      "sync",
      "write",
      "sync",
    ]);
    expect(order).toEqual(list.map((_, seq) => seq));
    expect(await contents(disk)).toEqual(end);
  });

  it("resolves a write only after its sync", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    let synced = false;
    disk.before = (operation) => {
      if (operation.startsWith("sync")) synced = true;
    };
    await wal.append({ seq: 1, ...simpleWrite(EMPTY) });
    expect(synced).toBe(true);
  });

  it("latches the first failure of any operation: all that waits is refused and nothing is written any more", async () => {
    for (const failing of ["write", "sync", "create", "rename", "syncDirectory"]) {
      const disk = await fresh();
      const wal = await open(disk, 600);
      const { list } = writes(20);
      const acknowledged: number[] = [];
      await wal.append({ seq: 0, ...(list[0] as Write) });
      disk.before = (operation) => {
        if (operation.startsWith(`${failing} `)) throw new Error("EIO: i/o error");
      };
      const results = await Promise.allSettled(
        list
          .slice(1)
          .map((write, at) => wal.append({ seq: at + 1, ...write }).then(() => acknowledged.push(at))),
      );
      const refused = results.filter((result) => result.status === "rejected");
      expect(refused.length, failing).toBeGreaterThan(0);
      for (const { reason } of refused) {
        expect(reason).toBeInstanceOf(StorageFailure);
        expect(reason.message).toMatch(/EIO: i\/o error.*the process must exit/);
      }
      disk.before = () => {};
      const operations = disk.trace.length;
      await expect(wal.append({ seq: 99, ...(list[19] as Write) })).rejects.toThrow(StorageFailure);
      await wal.close();
      expect(disk.trace.length, "nothing is written after the failure").toBe(operations);
      const kept = (await contents(disk)).entries.length;
      expect(kept).toBeGreaterThanOrEqual(1 + acknowledged.length);
    }
  });

  it("latches a failure to delete an old segment", async () => {
    const disk = await fresh();
    const wal = await open(disk, 1_200);
    const { list, end } = writes(40);
    for (const [seq, write] of list.entries()) await wal.append({ seq, ...write });
    disk.before = (operation) => {
      if (operation.startsWith("remove")) throw new Error("EROFS");
    };
    const { index, term, chain } = end.entries[37] ?? INITIAL_BASE;
    await wal.append({ seq: 41, append: [], compact: { ...INITIAL_BASE, index, term, chain } });
    await expect(wal.close()).rejects.toThrow(/could not delete log\/0+1\.wal \(EROFS\)/);
    expect((await contents(disk)).base.index).toBe(38);
  });

  it("begins new segments, and deletes those that lie wholly below a compaction", async () => {
    const disk = await fresh();
    const wal = await open(disk, 1_200);
    const { list, end } = writes(40);
    for (const [seq, write] of list.entries()) await wal.append({ seq, ...write });
    const before = disk.paths();
    expect(before.length).toBeGreaterThan(5);
    expect(await contents(disk)).toEqual(end);
    const { index, term, chain } = end.entries[37] ?? INITIAL_BASE;
    const compact = { ...INITIAL_BASE, index, term, chain };
    await wal.append({ seq: 41, append: [], compact });
    await wal.close();
    expect(disk.paths().length).toBeLessThan(5);
    expect(disk.paths().length).toBeLessThan(before.length);
    expect(await contents(disk)).toEqual(contentsAfter(end, { append: [], compact }));
  });

  it("takes a compaction and a snapshot that has overtaken it in one write", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    const { list, end } = writes(5);
    for (const [seq, write] of list.entries()) await wal.append({ seq, ...write });
    const { index: at, term: of, chain } = end.entries[2] ?? INITIAL_BASE;
    const install = { ...INITIAL_BASE, index: index(50), term: of, chain: 7 };
    await wal.append({
      seq: 6,
      append: [],
      compact: { ...INITIAL_BASE, index: at, term: of, chain },
      install,
    });
    expect(await contents(disk)).toEqual({ hardState: end.hardState, base: install, entries: [] });
  });

  it("writes a batch that is longer than a segment", async () => {
    const disk = await fresh();
    const wal = await open(disk, 600);
    const first = simpleWrite(EMPTY, 5_000);
    const second = simpleWrite(contentsAfter(EMPTY, first), 5_000);
    await wal.append({ seq: 1, ...first });
    await wal.append({ seq: 2, ...second });
    expect(disk.paths().length).toBe(2);
    expect(await contents(disk)).toEqual(contentsAfter(contentsAfter(EMPTY, first), second));
  });

  it("protects its last batch when it is closed in order: damage to it is then seen", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    await wal.append({ seq: 1, ...simpleWrite(EMPTY) });
    const [path] = disk.paths() as [string];
    const end = wal.bytes;
    await wal.close();
    const bytes = Buffer.from(disk.peek(path) ?? Buffer.alloc(0));
    bytes[end - 1] = (bytes[end - 1] ?? 0) ^ 1;
    disk.poke(path, bytes);
    await expect(readLog(disk, DIRECTORY, OWNER)).rejects.toThrow(/the intact batch 3 follows/);
  });

  it("goes on after a torn tail as if it had never been", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    const first = simpleWrite(EMPTY);
    const kept = contentsAfter(EMPTY, first);
    await wal.append({ seq: 1, ...first });
    await wal.append({ seq: 2, ...simpleWrite(kept, 900) });
    const [path] = disk.paths() as [string];
    disk.poke(path, disk.peek(path)?.subarray(0, wal.bytes - 300));
    const again = await open(disk);
    const other = simpleWrite(kept, 10);
    await again.append({ seq: 1, ...other });
    expect(await contents(disk)).toEqual(contentsAfter(kept, other));
  });

  it("refuses what no correct core asks for, and writes nothing of it", async () => {
    const hardState = { term: term(3), vote: nodeId("n1"), commit: index(2) };
    const entries = entriesAfter({ ...EMPTY, hardState }, 3);
    const wrong: [Write, RegExp][] = [
      [{ truncateFrom: index(2), append: [] }, /dropped, though those up to 2 are committed/],
      [{ append: entries }, /entry 1 follows entry 3/],
      [
        { append: [], hardState: { ...hardState, vote: nodeId("n2") } },
        /vote of term 3 changes from n1 to n2/,
      ],
      [{ append: [], hardState: { ...hardState, term: term(2) } }, /term goes back/],
      [{ append: [], hardState: { ...hardState, commit: index(1) } }, /commit index goes back/],
      [{ append: [], hardState: { ...hardState, commit: index(4) } }, /committed but the log ends at 3/],
      [{ append: [], install: { ...INITIAL_BASE, index: index(1) } }, /though entries up to 2 are committed/],
      [
        { append: [], compact: { ...INITIAL_BASE, index: index(2), term: term(1) } },
        /holds one of term 3 there/,
      ],
    ];
    for (const [write, message] of wrong) {
      const disk = await fresh();
      const wal = await open(disk);
      await wal.append({ seq: 1, hardState, append: entries });
      const operations = disk.trace.length;
      await expect(wal.append({ seq: 2, ...write })).rejects.toThrow(message);
      await expect(wal.append({ seq: 3, append: [] })).rejects.toThrow(InvariantViolation);
      expect(disk.trace.length).toBe(operations);
    }
  });
});
