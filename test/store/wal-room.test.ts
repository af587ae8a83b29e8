/** Zeros written ahead of the batches, so that a durable write need not make the file's length durable as well. */

import { describe, expect, it } from "vitest";
import { Wal } from "../../src/store/wal.ts";
import { type LogOnDisk, readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import {
  type Contents,
  contentsAfter,
  EMPTY,
  entriesAfter,
  INITIAL_BASE,
  OWNER,
  simpleWrite,
} from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";
const FIRST = "/data/log/00000000000000000001.wal";

async function fresh(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
  return disk;
}

function read(disk: MemoryDisk): Promise<LogOnDisk> {
  return readLog(disk, DIRECTORY, OWNER);
}

async function open(disk: MemoryDisk, segmentBytes = 1_000_000): Promise<Wal> {
  return Wal.open({ disk, directory: DIRECTORY, owner: OWNER, segmentBytes }, await read(disk));
}

/** Appends so many writes, one after the other. */
async function append(wal: Wal, from: Contents, count: number): Promise<Contents> {
  let state = from;
  for (let at = 0; at < count; at++) {
    const write = simpleWrite(state);
    await wal.append({ seq: at + 1, ...write });
    state = contentsAfter(state, write);
  }
  return state;
}

function sizeOf(disk: MemoryDisk, path = FIRST): number {
  return disk.peek(path)?.length ?? 0;
}

describe("the room of a segment", () => {
  it("is made by the first write that needs it, and no length changes until it is used up", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    const before = sizeOf(disk);
    let state = await append(wal, EMPTY, 1);
    const room = sizeOf(disk);
    expect(room).toBeGreaterThan(before + 200_000);
    state = await append(wal, state, 50);
    expect(sizeOf(disk)).toBe(room);
    expect(wal.bytes).toBeLessThan(before + 20_000);
    const tail = disk.peek(FIRST)?.subarray(wal.bytes) ?? Buffer.of(1);
    expect(tail.every((byte) => byte === 0)).toBe(true);
    // One write more than fits makes room for others.
    while (wal.bytes < room) state = await append(wal, state, 200);
    expect(sizeOf(disk)).toBeGreaterThan(room + 200_000);
  });

  it("is no part of the log: it is read over, cut off at the next start, and made anew", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    const state = await append(wal, EMPTY, 5);
    const { shape, entries, tailBytes, tornBytes } = await read(disk);
    expect({ hardState: shape.hardState, base: shape.base, entries }).toEqual(state);
    expect(tailBytes).toBe(sizeOf(disk) - wal.bytes);
    expect(tornBytes).toBe(0);
    const again = await open(disk);
    expect(sizeOf(disk)).toBe(again.bytes);
    await append(again, state, 1);
    expect(sizeOf(disk)).toBeGreaterThan(again.bytes + 200_000);
  });

  it("is cut off before the next segment appears, in which its zeros would be damage", async () => {
    const disk = await fresh();
    const wal = await open(disk, 4_000);
    const state = await append(wal, EMPTY, 100);
    expect(disk.paths().length).toBeGreaterThan(2);
    for (const path of disk.paths()) expect(sizeOf(disk, path)).toBeLessThanOrEqual(4_000);
    const truncated = disk.trace.findIndex((step) => step.startsWith("truncate"));
    expect(disk.trace[truncated + 1]).toBe(disk.trace[truncated]?.replace("truncate", "sync"));
    expect((await read(disk)).entries).toEqual(state.entries);
    await wal.close();
  });

  it("is not made behind what is large", async () => {
    const disk = await fresh();
    const wal = await open(disk);
    // The first write sets the term, and makes room.
    const state = await append(wal, EMPTY, 1);
    const room = sizeOf(disk);
    await wal.append({ seq: 2, append: entriesAfter(state, 10, 30_000) });
    expect(sizeOf(disk)).toBe(wal.bytes);
    expect(sizeOf(disk)).toBeGreaterThan(room);
  });
});
