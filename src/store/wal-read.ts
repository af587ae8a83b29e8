/** Reads the log at start and judges it: whole, torn at its end, or damaged. Changes nothing on disk. */

import { join } from "node:path";
import { crc32c, defined, type Hash52, InvariantViolation } from "../base/index.ts";
import { chainHash, type Entry, type Index, index, type SnapshotMeta } from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { CorruptionError, NewerFormatError } from "./errors.ts";
import { decodeRecords, type LogRecord, MalformedRecord, UnknownRecordKind } from "./record.ts";
import {
  batchSeed,
  decodeSegmentHeader,
  findBatch,
  isTemporary,
  isZero,
  LOG_FOLDER,
  readBatch,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
  type WalOwner,
} from "./wal-format.ts";
import { LogShape } from "./wal-shape.ts";

export interface SegmentOnDisk {
  readonly segment: number;
  /** Up to the end of its last intact batch. */
  readonly bytes: number;
}

/** A whole batch, its header included. */
export interface BatchOnDisk {
  /** Where it begins in its segment's file. */
  readonly at: number;
  /** A copy, which does not keep the rest of the segment in memory. */
  readonly bytes: Uint8Array;
}

/** The log as it was found. */
export interface LogOnDisk {
  readonly shape: LogShape;
  /** The entries after `shape.base`, in order. */
  readonly entries: Entry[];
  /** In order; the last one is written on. */
  readonly segments: readonly SegmentOnDisk[];
  /** What the checksums of the last segment's batches start from. */
  readonly seed: number;
  /** The last intact batch of the last segment: it may be in the system's cache only (see `Wal.open`). */
  readonly lastBatch: BatchOnDisk;
  /** The number of the next batch. */
  readonly nextBatch: number;
  /** Bytes of the last segment's file after its last intact batch, zeros included. */
  readonly tailBytes: number;
  /** The same if they were written to, and 0 if they are only zeros. */
  readonly tornBytes: number;
  /** Names of segments that were never completed. */
  readonly leftovers: readonly string[];
}

/** The state of one reading. */
interface Reading {
  readonly shape: LogShape;
  entries: Entry[];
  nextBatch: number;
}

/** Where a record or batch is, for error messages. */
interface Place {
  readonly file: string;
  readonly offset: number;
  readonly segment: number;
}

/**
 * Reads the log of a data directory.
 * @throws {CorruptionError} something that was acknowledged is damaged or missing.
 * @throws {NewerFormatError} a later version wrote it.
 * @throws {IdentityError} it belongs to another cluster or incarnation.
 */
export async function readLog(disk: Disk, directory: string, owner: WalOwner): Promise<LogOnDisk> {
  const folder = join(directory, LOG_FOLDER);
  const names = (await disk.list(folder)) ?? [];
  const numbers = names.flatMap((name) => segmentNumber(name) ?? []).sort((a, b) => a - b);
  const reader = new LogReader(owner, numbers);
  for (const segment of numbers) {
    const content = await disk.read(join(folder, segmentName(segment)));
    if (content === undefined) {
      const file = `${LOG_FOLDER}/${segmentName(segment)}`;
      throw new CorruptionError({ file, found: "the segment vanished while it was read" });
    }
    reader.take(segment, content);
  }
  return { ...reader.end(), leftovers: names.filter(isTemporary) };
}

/** Judges a log segment by segment, so that no more than one has to be in memory. Does no input or output. */
export class LogReader {
  readonly #owner: WalOwner;
  readonly #numbers: readonly number[];
  readonly #segments: SegmentOnDisk[] = [];
  #reading: Reading | undefined;
  #last: Pick<LogOnDisk, "seed" | "lastBatch" | "tailBytes" | "tornBytes"> | undefined;

  /**
   * @param numbers of all segments that exist, ascending.
   * @throws {CorruptionError} there is none, or one between them is missing.
   */
  constructor(owner: WalOwner, numbers: readonly number[]) {
    checkNumbers(numbers);
    this.#owner = owner;
    this.#numbers = numbers;
  }

  /** Takes in the next segment, in the order of the numbers. Throws as {@link readLog} does. */
  take(segment: number, content: Uint8Array): void {
    const file = `${LOG_FOLDER}/${segmentName(segment)}`;
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const isLast = segment === this.#numbers.at(-1);
    const context = { file, segment, owner: this.#owner, isLast, before: this.#segments.at(-1) };
    const { reading, lastAt, end, seed } = readSegment(bytes, context, this.#reading);
    this.#reading = reading;
    this.#segments.push({ segment, bytes: end });
    if (!isLast) return;
    const tailBytes = bytes.length - end;
    const lastBatch = { at: lastAt, bytes: new Uint8Array(bytes.subarray(lastAt, end)) };
    this.#last = { seed, lastBatch, tailBytes, tornBytes: isZero(bytes, end) ? 0 : tailBytes };
  }

  /** The log, once every segment was taken in. @throws {CorruptionError} it lacks what it says was committed. */
  end(): Omit<LogOnDisk, "leftovers"> {
    const { shape, entries, nextBatch } = defined(this.#reading, "log: there is at least one segment");
    checkEnd(shape, this.#segments);
    const last = defined(this.#last, "log: its last segment has been read");
    return { shape, entries, segments: this.#segments, nextBatch, ...last };
  }
}

function checkNumbers(numbers: readonly number[]): void {
  if (numbers.length === 0) {
    throw new CorruptionError({
      file: `${LOG_FOLDER}/`,
      found: "the log is missing, though identity.json says that this directory was initialised",
    });
  }
  for (const [position, segment] of numbers.entries()) {
    const expected = (numbers[0] ?? 0) + position;
    if (segment !== expected) {
      const found = `this segment of the log is missing, though segment ${segment} exists`;
      throw new CorruptionError({ file: `${LOG_FOLDER}/${segmentName(expected)}`, found });
    }
  }
}

function checkEnd(shape: LogShape, segments: readonly SegmentOnDisk[]): void {
  const missing = shape.missing();
  if (missing !== undefined) {
    const first = defined(segments[0], "log: there is at least one segment").segment;
    throw new CorruptionError({
      file: `${LOG_FOLDER}/${segmentName(first - 1)}`,
      found: `the segments up to this one are missing, and with them the entries ${missing.from} to ${missing.to}`,
    });
  }
  const end = defined(segments.at(-1), "log: there is at least one segment");
  const complaint = shape.complaint();
  if (complaint !== undefined) {
    throw new CorruptionError({
      file: `${LOG_FOLDER}/${segmentName(end.segment)}`,
      offset: end.bytes,
      found: complaint,
    });
  }
}

interface SegmentContext {
  readonly file: string;
  readonly segment: number;
  readonly owner: WalOwner;
  readonly isLast: boolean;
  readonly before: SegmentOnDisk | undefined;
}

function readSegment(
  bytes: Buffer,
  context: SegmentContext,
  soFar: Reading | undefined,
): { readonly reading: Reading; readonly lastAt: number; readonly end: number; readonly seed: number } {
  const { file, segment, before } = context;
  const header = decodeSegmentHeader(bytes, file, context.owner);
  const damaged = (found: string) => new CorruptionError({ file, offset: 0, found });
  if (header.segment !== segment) throw damaged(`this is segment ${header.segment} under another's name`);
  if (soFar !== undefined && header.firstBatch !== soFar.nextBatch) {
    throw damaged(`batches ${soFar.nextBatch} to ${header.firstBatch - 1} are missing before this segment`);
  }
  if (before !== undefined && header.previousBytes !== before.bytes) {
    throw damaged(
      `the segment before this one should have ${header.previousBytes} bytes and has ${before.bytes}`,
    );
  }
  const seed = batchSeed(bytes);
  let reading = soFar;
  let next = header.firstBatch;
  let at = SEGMENT_HEADER_BYTES;
  let lastAt = at;
  for (; at < bytes.length; next++) {
    const read = readBatch(bytes, at, seed);
    if (read.kind !== "batch") {
      judge(
        bytes,
        { ...context, at, seed, next },
        read.kind === "damaged" ? read.found : "nothing but zeros follows",
      );
      break;
    }
    if (read.number !== next) {
      throw new CorruptionError({
        file,
        offset: at,
        found: `batch ${read.number} stands where batch ${next} should`,
      });
    }
    const place = { file, offset: at, segment };
    const records = decode(read.payload, place);
    reading = takeBatch(records, place, reading, next === header.firstBatch);
    lastAt = at;
    at = read.end;
  }
  if (reading === undefined || next === header.firstBatch) {
    throw new CorruptionError({ file, offset: at, found: "the batch that opens every segment is missing" });
  }
  reading.nextBatch = next;
  return { reading, lastAt, end: at, seed };
}

/**
 * Judges a place where an intact batch should stand. Only what was written last, and so was never said to be
 * durable, may be unfinished: an intact batch behind it proves that it was.
 */
function judge(
  bytes: Buffer,
  at: SegmentContext & { readonly at: number; readonly seed: number; readonly next: number },
  found: string,
): void {
  const { file, at: offset, next } = at;
  if (!at.isLast) {
    const proof = "later segments exist, so it had been written whole";
    throw new CorruptionError({
      file,
      offset,
      found: `batch ${next} is damaged or missing (${found}), and ${proof}`,
    });
  }
  const later = findBatch(bytes, offset + 1, at.seed);
  if (later === undefined) return;
  const proof = `the intact batch ${later.number} follows at byte ${later.at}, so it had been written whole`;
  throw new CorruptionError({ file, offset, found: `batch ${next} is damaged (${found}), and ${proof}` });
}

function decode(payload: Buffer, { file, offset }: Place): LogRecord[] {
  try {
    return decodeRecords(payload);
  } catch (cause) {
    if (cause instanceof UnknownRecordKind)
      throw new NewerFormatError(file, `at byte ${offset}, ${cause.message}`);
    if (
      cause instanceof MalformedRecord ||
      cause instanceof SyntaxError ||
      cause instanceof InvariantViolation
    ) {
      const found = `a batch is intact but makes no sense (${cause.message})`;
      throw new CorruptionError({ file, offset, found, cause });
    }
    throw cause;
  }
}

function takeBatch(
  records: readonly LogRecord[],
  place: Place,
  soFar: Reading | undefined,
  opens: boolean,
): Reading {
  const { file, offset } = place;
  const [first, ...rest] = records;
  if (!opens) {
    const reading = defined(soFar, "log: a segment opens with a restatement");
    for (const record of records) takeLaterRecord(record, place, reading);
    return reading;
  }
  if (first?.kind !== "restate") {
    throw new CorruptionError({
      file,
      offset,
      found: "the segment does not open by restating the log before it",
    });
  }
  const reading = soFar ?? { shape: new LogShape(first.base), entries: [], nextBatch: 0 };
  if (soFar === undefined) takeRecord(first, place, reading);
  const contradiction = reading.shape.contradiction(first);
  if (contradiction !== undefined) throw new CorruptionError({ file, offset, found: contradiction });
  for (const record of rest) takeLaterRecord(record, place, reading);
  return reading;
}

/** A restatement forgets all that was read before it, so none may follow the one that opens a segment. */
function takeLaterRecord(record: LogRecord, place: Place, reading: Reading): void {
  if (record.kind === "restate") {
    const { file, offset } = place;
    throw new CorruptionError({
      file,
      offset,
      found: "the log before this segment is restated a second time",
    });
  }
  takeRecord(record, place, reading);
}

function takeRecord(record: LogRecord, place: Place, reading: Reading): void {
  const { file, offset, segment } = place;
  const { shape } = reading;
  const complaint = checkLinks(record, reading) ?? shape.take(record, segment);
  if (complaint !== undefined) throw new CorruptionError({ file, offset, found: complaint });
  switch (record.kind) {
    case "entry":
      reading.entries.push(record.entry);
      return;
    case "truncate":
      cutFrom(reading.entries, record.from);
      return;
    case "install":
      reading.entries = [];
      return;
    case "compact":
      reading.entries = reading.entries.filter((entry) => entry.index > record.base.index);
      return;
    default:
      return;
  }
}

function cutFrom(entries: Entry[], from: Index): void {
  while ((entries.at(-1)?.index ?? 0) >= from) entries.pop();
}

/** Checks the hashes that tie each entry to the one before it; a clause if they do not fit. */
function checkLinks(record: LogRecord, reading: Reading): string | undefined {
  if (record.kind === "entry") {
    const { entry } = record;
    if (entry.kind === "command" && crc32c(entry.data) !== entry.crc) {
      return `the data of entry ${entry.index} does not match its own checksum`;
    }
    const previous = reading.entries.at(-1) ?? reading.shape.base;
    // Behind a gap left by deleted segments the link is checked once a compaction tells the hash there.
    return previous.index === entry.index - 1 ? checkLink(previous, entry) : undefined;
  }
  if (record.kind === "compact") {
    const held = reading.entries.find((entry) => entry.index === record.base.index);
    if (held !== undefined && held.chain !== record.base.chain) {
      return `the log is compacted to entry ${held.index} with another chain hash than it holds`;
    }
    const follower = reading.entries.find((entry) => entry.index === record.base.index + 1);
    return follower === undefined ? undefined : checkLink(record.base, follower);
  }
  return undefined;
}

function checkLink(previous: { readonly chain: Hash52 }, entry: Entry): string | undefined {
  if (chainHash(previous.chain, entry, entry) === entry.chain) return undefined;
  return `the chain of hashes breaks at entry ${entry.index}`;
}

/** The chain hash at a position of the log; undefined where the log does not reach. */
export function chainAt(base: SnapshotMeta, entries: readonly Entry[], at: Index): Hash52 | undefined {
  if (at === base.index) return base.chain;
  return entries[index(at) - base.index - 1]?.chain;
}
