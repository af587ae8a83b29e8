/** Makes segments: each appears under its name only when it is complete and durable. */

import { join } from "node:path";
import { assert } from "../base/index.ts";
import type { HardState, SnapshotMeta } from "../raft/index.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { CorruptionError } from "./errors.ts";
import { encodeRecord, type LogRecord, recordBytes } from "./record.ts";
import {
  BATCH_HEADER_BYTES,
  batchSeed,
  encodeSegmentHeader,
  LOG_FOLDER,
  type SegmentHeader,
  sealBatch,
  segmentName,
  segmentNumber,
  temporaryName,
  type WalOwner,
} from "./wal-format.ts";
import { readLog } from "./wal-read.ts";
import { LogShape } from "./wal-shape.ts";

/** A segment that can be written on. */
export interface OpenSegment {
  readonly segment: number;
  readonly file: DiskFile;
  /** What the checksums of its batches start from. */
  readonly seed: number;
  /** Where its first batch after the opening one goes; 0 if it was opened, not created. */
  readonly openingBytes: number;
  /** Where the next batch goes. */
  bytes: number;
  /** Where the file ends: from `bytes` on it holds zeros, which were written ahead. */
  room: number;
}

/** One batch of records, ready to be written. */
export function encodeBatch(records: readonly LogRecord[], number: number, seed: number): Buffer {
  let length = BATCH_HEADER_BYTES;
  for (const record of records) length += recordBytes(record);
  const batch = Buffer.allocUnsafe(length);
  let at = BATCH_HEADER_BYTES;
  for (const record of records) at = encodeRecord(record, batch, at);
  sealBatch(batch, number, seed);
  return batch;
}

/** What a new segment is written with: its header, and the batch that opens it. */
export interface SegmentStart {
  readonly owner: WalOwner;
  readonly header: SegmentHeader;
  readonly restatement: LogRecord;
}

/** The first bytes of a segment, and what the checksums of its batches start from. */
export function encodeSegment({ owner, header, restatement }: SegmentStart): {
  readonly content: Buffer;
  readonly seed: number;
} {
  const headerBytes = encodeSegmentHeader(owner, header);
  const seed = batchSeed(headerBytes);
  return { content: Buffer.concat([headerBytes, encodeBatch([restatement], header.firstBatch, seed)]), seed };
}

/**
 * Creates a segment that opens with `restatement`. When this resolves, its name and content are durable; if
 * it is interrupted, there is at most a temporary file, or a complete segment without further batches.
 * A sync that fails comes before the rename, so that nobody ever reads what it may have left in the cache only.
 */
export async function createSegment(
  disk: Disk,
  directory: string,
  start: SegmentStart,
): Promise<OpenSegment> {
  const { header } = start;
  const folder = join(directory, LOG_FOLDER);
  const { content, seed } = encodeSegment(start);
  const temporary = join(folder, temporaryName(header.segment));
  const file = await disk.create(temporary);
  await file.write(content, 0);
  await file.sync();
  await file.close();
  const path = join(folder, segmentName(header.segment));
  await disk.rename(temporary, path);
  await disk.syncDirectory(folder);
  const durable = await disk.openDurable(path);
  return {
    segment: header.segment,
    file: durable,
    seed,
    openingBytes: content.length,
    bytes: content.length,
    room: content.length,
  };
}

/** What a new log begins with. */
export interface LogStart {
  readonly owner: WalOwner;
  readonly base: SnapshotMeta;
  /** Nothing was ever promised, if left out. Its term is not before that of the base. */
  readonly hardState?: HardState;
}

/**
 * Creates the log of a new data directory, which begins after `base`: the initial configuration at 0, or what was
 * restored. Harmless when repeated.
 * @throws {CorruptionError} there is a log already, and it is not as it was created.
 */
export async function createLog(
  disk: Disk,
  directory: string,
  { owner, base, hardState }: LogStart,
): Promise<void> {
  const folder = join(directory, LOG_FOLDER);
  await disk.makeDirectory(folder);
  const used = ((await disk.list(folder)) ?? []).filter((name) => segmentNumber(name) !== undefined);
  if (used.length > 0 && !(used.length === 1 && (await isAsCreated(disk, directory, owner)))) {
    const found = "there is a log, though identity.json says that it was never begun";
    throw new CorruptionError({ file: `${LOG_FOLDER}/`, found });
  }
  const shape = new LogShape(base);
  if (hardState !== undefined) shape.hardState = hardState;
  assert(shape.complaint() === undefined, "log: what a new one begins with does not contradict itself");
  const { file } = await createSegment(disk, directory, {
    owner,
    header: { segment: 1, firstBatch: 1, previousBytes: 0 },
    restatement: shape.restatement(),
  });
  await file.close();
}

async function isAsCreated(disk: Disk, directory: string, owner: WalOwner): Promise<boolean> {
  const { segments, nextBatch, tornBytes } = await readLog(disk, directory, owner);
  return segments[0]?.segment === 1 && nextBatch === 2 && tornBytes === 0;
}
