/**
 * The log of one simulated disk, byte by byte in the format of `src/store`: written with its records, batches and
 * segments, and read by its reader. What has been written and not been synced is at the mercy of a crash.
 */

import { InvariantViolation, type Prng } from "../../src/base/index.ts";
import type { LogWrite, SnapshotMeta } from "../../src/raft/index.ts";
import {
  encodeBatch,
  encodeSegment,
  type LogOnDisk,
  LogReader,
  LogShape,
  recordsOf,
  type WalOwner,
} from "../../src/store/index.ts";

/** A disk writes a sector as a whole, bytes. */
const SECTOR_BYTES = 512;
/** Damage to the header of a segment is always seen. */
const SEGMENT_HEADER_BYTES = 80;

export interface LogBytesOptions {
  readonly owner: WalOwner;
  readonly base: SnapshotMeta;
  /** A segment that would grow beyond this is followed by a new one, bytes. */
  readonly segmentBytes: number;
}

interface SegmentFile {
  readonly segment: number;
  bytes: Buffer;
  length: number;
}

/** The log as its reader finds it. */
export type LogFound = ReturnType<LogReader["end"]>;

/** What a crash left of what had not been synced. */
export type Remains = "nothing was unsynced" | "all" | "none" | "torn";

export class LogBytes {
  readonly #options: LogBytesOptions;
  #files: SegmentFile[] = [];
  /** Deleted a moment ago: the folder may not have been synced since. */
  #deleted: SegmentFile | undefined;
  #shape: LogShape;
  #nextBatch = 1;
  #seed = 0;
  /** Where the first batch after the opening one of the last segment goes; 0 if it was opened and not created. */
  #openingBytes = 0;
  /** The last file holds unsynced bytes from here on; undefined if it holds none. */
  #unsyncedFrom: number | undefined;
  /** Whether the last segment was begun for the batch that is on its way. */
  #isFresh = false;
  /** The last file proves everything before this to have been written whole. */
  #provenTo = 0;

  constructor(options: LogBytesOptions) {
    this.#options = options;
    this.#shape = new LogShape(options.base);
    this.#beginSegment(1, 0);
    this.#isFresh = false;
  }

  get #last(): SegmentFile {
    const last = this.#files.at(-1);
    if (last === undefined) throw new InvariantViolation("log: there is at least one segment");
    return last;
  }

  /** Begins to write one batch that carries `writes`; nothing of it is safe before {@link end}. */
  begin(writes: readonly LogWrite[]): void {
    const records = writes.flatMap(recordsOf);
    let batch = encodeBatch(records, this.#nextBatch, this.#seed);
    const used = this.#last.length;
    if (used > this.#openingBytes && used + batch.length > this.#options.segmentBytes) {
      this.#beginSegment(this.#last.segment + 1, used);
      batch = encodeBatch(records, this.#nextBatch, this.#seed);
    }
    for (const write of writes) this.#take(write);
    this.#append(batch);
  }

  #take(write: LogWrite): void {
    const { segment } = this.#last;
    for (const record of recordsOf(write)) this.#judge(this.#shape.take(record, segment));
    this.#judge(this.#shape.complaint());
  }

  #judge(complaint: string | undefined): void {
    if (complaint !== undefined) throw new InvariantViolation(`log: ${complaint}`);
  }

  #beginSegment(segment: number, previousBytes: number): void {
    const { owner } = this.#options;
    const header = { segment, firstBatch: this.#nextBatch, previousBytes };
    const { content, seed } = encodeSegment({ owner, header, restatement: this.#shape.restatement() });
    this.#files.push({ segment, bytes: content, length: content.length });
    this.#seed = seed;
    this.#openingBytes = content.length;
    this.#nextBatch++;
    this.#provenTo = content.length;
    this.#isFresh = true;
  }

  #append(batch: Buffer): void {
    const file = this.#last;
    const end = file.length + batch.length;
    if (end > file.bytes.length) {
      const room = Buffer.alloc(2 * end);
      file.bytes.copy(room, 0, 0, file.length);
      file.bytes = room;
    }
    batch.copy(file.bytes, file.length);
    this.#unsyncedFrom ??= file.length;
    file.length = end;
    this.#nextBatch++;
  }

  /** The batch that was begun is on the platter. */
  end(): void {
    if (this.#unsyncedFrom !== undefined) this.#provenTo = Math.max(this.#provenTo, this.#unsyncedFrom);
    this.#unsyncedFrom = undefined;
    this.#isFresh = false;
    this.#deleteUnneeded();
  }

  /** An orderly end: the batch before is no longer the last, and damage to it would be seen. */
  close(): void {
    this.#append(encodeBatch([{ kind: "close" }], this.#nextBatch, this.#seed));
    this.end();
  }

  #deleteUnneeded(): void {
    const { segment } = this.#last;
    const needed = Math.min(this.#shape.firstSegment() ?? segment, segment);
    this.#deleted = undefined;
    while ((this.#files[0]?.segment ?? needed) < needed) this.#deleted = this.#files.shift();
  }

  /**
   * The process dies. Without a loss of power all that it had written is in the cache of the system, and no safer than
   * before; with it any sectors of that may be on the platter, and the rest never will be.
   */
  crash(prng: Prng, power: boolean): Remains {
    if (this.#deleted !== undefined && power && prng.chance(0.3)) this.#files.unshift(this.#deleted);
    this.#deleted = undefined;
    const from = this.#unsyncedFrom;
    if (from === undefined) return "nothing was unsynced";
    if (this.#isFresh && prng.chance(0.3)) {
      // It was not even renamed yet.
      this.#files.pop();
      this.#unsyncedFrom = undefined;
      this.#isFresh = false;
      this.#provenTo = SEGMENT_HEADER_BYTES;
      return "none";
    }
    const file = this.#last;
    const written = Buffer.from(file.bytes.subarray(from, file.length));
    if (power) {
      this.#losePower(prng, file, from);
      this.#unsyncedFrom = undefined;
      this.#isFresh = false;
    } else if (prng.chance(0.5)) file.length = prng.between(from, file.length);
    const remaining = file.bytes.subarray(from, file.length);
    if (remaining.length === 0) return "none";
    return remaining.equals(written) ? "all" : "torn";
  }

  /** Sectors reach the platter in any order, or not at all; and so does the length of the file. */
  #losePower(prng: Prng, file: SegmentFile, from: number): void {
    const first = Math.floor(from / SECTOR_BYTES);
    const last = Math.floor((file.length - 1) / SECTOR_BYTES);
    const dice = prng.real();
    // All, none, the first few, or any.
    const few = prng.between(first, last + 1);
    const isKept = (sector: number): boolean => {
      if (dice < 0.25) return true;
      if (dice < 0.45) return false;
      return dice < 0.75 ? sector < few : prng.chance(0.5);
    };
    let end = from;
    for (let sector = first; sector <= last; sector++) {
      const start = Math.max(from, sector * SECTOR_BYTES);
      const stop = Math.min(file.length, (sector + 1) * SECTOR_BYTES);
      let kept = isKept(sector) ? stop : start;
      // The sector in which the power failed may be half written.
      if (prng.chance(0.1)) kept = prng.between(start, stop);
      file.bytes.fill(0, kept, stop);
      if (kept > start) end = kept;
    }
    if (prng.chance(0.7)) file.length = end;
  }

  /**
   * Reads and judges what is there, as a start would. Changes nothing.
   * @throws {CorruptionError}
   */
  read(): LogFound {
    const { owner } = this.#options;
    const numbers = this.#files.map(({ segment }) => segment);
    const reader = new LogReader(owner, numbers);
    for (const { segment, bytes, length } of this.#files) reader.take(segment, bytes.subarray(0, length));
    return reader.end();
  }

  /** Goes on with what was read: cuts the torn tail, and makes everything durable that is there. */
  open({
    shape,
    segments,
    seed,
    nextBatch,
  }: Pick<LogOnDisk, "shape" | "segments" | "seed" | "nextBatch">): void {
    this.#shape = shape;
    this.#seed = seed;
    this.#nextBatch = nextBatch;
    this.#openingBytes = 0;
    const file = this.#last;
    file.length = segments.at(-1)?.bytes ?? 0;
    this.#provenTo = Math.min(this.#provenTo, file.length);
    this.#unsyncedFrom = undefined;
    this.#isFresh = false;
    this.#deleteUnneeded();
  }

  /**
   * One bit changes, anywhere but in the last batch: damage there cannot be told from a torn tail.
   * Says where.
   */
  rot(prng: Prng): string {
    const file = prng.pick(this.#files);
    const end = file === this.#last ? this.#provenTo : file.length;
    const at = prng.between(0, end - 1);
    file.bytes[at] = (file.bytes[at] ?? 0) ^ (1 << prng.between(0, 7));
    return `byte ${at} of segment ${file.segment}`;
  }
}
