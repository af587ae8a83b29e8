/**
 * The write-ahead log, open for writing. One physical write, which is durable when it resolves, carries everything that
 * arrived while the one before was under way; the event loop never waits for the disk.
 */

import { join } from "node:path";
import { InvariantViolation } from "../base/index.ts";
import type { LogWrite } from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { StorageFailure } from "./errors.ts";
import { type LogRecord, recordBytes } from "./record.ts";
import type { LogWritten } from "./types.ts";
import { BATCH_HEADER_BYTES, LOG_FOLDER, segmentName, type WalOwner } from "./wal-format.ts";
import type { LogOnDisk, SegmentOnDisk } from "./wal-read.ts";
import { createSegment, encodeBatch, type OpenSegment } from "./wal-segment.ts";
import type { LogShape } from "./wal-shape.ts";

/**
 * A segment that would grow beyond this is followed by a new one. What is cut off the log goes by whole segments, so that up
 * to one more stays than is needed.
 */
export const SEGMENT_BYTES_DEFAULT: number = 8 * 1024 * 1024;
/** Zeros that are written ahead of the batches at a time. */
const ROOM_BYTES = 256 * 1024;
/** A larger batch takes so long that nothing is gained. */
const ROOM_FOR_BYTES = 32 * 1024;
/** Writes are combined up to this, so that one slow batch does not hold up all that came after its first. */
const COMBINED_BYTES_MAX: number = 8 * 1024 * 1024;

export interface WalOptions {
  readonly disk: Disk;
  /** The data directory; the log is in its folder `log`. */
  readonly directory: string;
  readonly owner: WalOwner;
  /** Bytes after which a new segment is begun; {@link SEGMENT_BYTES_DEFAULT} if left out. */
  readonly segmentBytes?: number;
}

/** A write that waits for its turn. */
interface Waiting {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Wal {
  readonly #options: WalOptions;
  readonly #shape: LogShape;
  readonly #segmentBytes: number;
  /** Complete segments before the current one, in order. */
  readonly #sealed: SegmentOnDisk[];
  #current: OpenSegment;
  #nextBatch: number;
  #queue: Waiting[] = [];
  #writer: Promise<void> | undefined;
  #deleting: Promise<void> | undefined;
  readonly #written = { batches: 0, entries: 0, bytes: 0 };
  #failure: Error | undefined;
  #closed = false;

  private constructor(options: WalOptions, log: LogOnDisk, current: OpenSegment) {
    this.#options = options;
    this.#shape = log.shape;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    this.#sealed = log.segments.slice(0, -1);
    this.#current = current;
    this.#nextBatch = log.nextBatch;
  }

  /**
   * Goes on with a log that was read and judged sound: cuts the torn tail, removes what was never completed,
   * and makes durable what was found. Without the last, entries that the process before had written but not
   * synced would be acknowledged now and could still vanish when the power fails.
   *
   * A sync alone does not do that. If the process before ended because its own sync failed (P12), the system has
   * given the error to it and may keep what it could not write in its cache as *clean* (Linux does): it is read as
   * if it were on the disk, and the next sync has nothing to do and succeeds. So the last intact batch is written
   * again, with the same bytes in the same place, which makes it dirty once more. No other can be in doubt:
   * batches are written one at a time, each only after the one before was durable or was written again here; a
   * segment follows another only once that is durable; and its header and the batch that opens it were synced
   * before it got its name. When power fails meanwhile the disk holds old and new sectors, which are the same.
   * @throws {StorageFailure}
   */
  static async open(options: WalOptions, log: LogOnDisk): Promise<Wal> {
    const { disk, directory } = options;
    const folder = join(directory, LOG_FOLDER);
    const last = log.segments.at(-1);
    if (last === undefined) throw new InvariantViolation("log: there is at least one segment");
    const name = segmentName(last.segment);
    try {
      const file = await disk.openDurable(join(folder, name));
      if (log.tailBytes > 0) await file.truncate(last.bytes);
      await file.write(log.lastBatch.bytes, log.lastBatch.at);
      // For the length of the file, which a process that was killed may have left unsynced as well.
      await file.sync();
      for (const leftover of log.leftovers) await disk.remove(join(folder, leftover));
      await disk.syncDirectory(folder);
      const wal = new Wal(options, log, {
        segment: last.segment,
        file,
        seed: log.seed,
        openingBytes: 0,
        bytes: last.bytes,
        room: last.bytes,
      });
      // A crash between compacting and deleting leaves segments that nothing needs.
      wal.#deleteUnneeded();
      return wal;
    } catch (cause) {
      throw new StorageFailure(`make ${LOG_FOLDER}/${name} ready for writing`, cause);
    }
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#sealed.reduce((sum, { bytes }) => sum + bytes, this.#current.bytes);
  }

  /** What was appended since it was opened. */
  get written(): LogWritten {
    return { ...this.#written };
  }

  /**
   * Appends one write; resolves when it and all before it are durable, in the order of the calls.
   * @throws {StorageFailure} (rejects) the disk failed now or earlier; this log writes nothing any more.
   * @throws {InvariantViolation} (rejects) the write contradicts the log; nothing is written any more either.
   */
  append(write: LogWrite): Promise<void> {
    return this.#enqueue(recordsOf(write));
  }

  /** Waits for what is under way, marks the log as closed in order, and lets go of the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#failure === undefined) await this.#enqueue([{ kind: "close" }], true);
    } finally {
      await this.#writer;
      await this.#deleting;
      await this.#current.file.close();
    }
  }

  #enqueue(records: readonly LogRecord[], closing = false): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed && !closing)
      return Promise.reject(new InvariantViolation("log: written to after close"));
    let bytes = BATCH_HEADER_BYTES;
    for (const record of records) bytes += recordBytes(record);
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject });
      this.#writer ??= this.#writeAll();
    });
  }

  /** Writes until nothing waits. Never rejects: what fails is told to everyone who waits. */
  async #writeAll(): Promise<void> {
    let group: Waiting[] = [];
    let doing = "";
    try {
      while (this.#queue.length > 0) {
        group = this.#takeGroup();
        const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0);
        doing = `begin segment ${this.#current.segment + 1} of the log`;
        if (this.#isFullFor(bytes)) await this.#rotate();
        const current = this.#current;
        doing = `write ${LOG_FOLDER}/${segmentName(current.segment)}`;
        const batch = this.#encode(group);
        await current.file.write(this.#withRoom(batch), current.bytes);
        if (this.#failure !== undefined) throw this.#failure;
        current.bytes += batch.length;
        this.#written.batches += 1;
        this.#written.bytes += batch.length;
        for (const { resolve } of group) resolve();
        group = [];
        this.#deleteUnneeded();
      }
    } catch (cause) {
      this.#fail(doing, cause);
      for (const { reject } of group) reject(this.#failure ?? new StorageFailure(doing, cause));
    }
    this.#writer = undefined;
  }

  /**
   * A batch as it is written: one that does not fit into the room of its segment makes room for those that follow, by
   * zeros behind it. A write into such room changes no length and takes no block, of which the file system would have to
   * make its own records durable as well.
   */
  #withRoom(batch: Buffer): Buffer {
    const current = this.#current;
    const end = current.bytes + batch.length;
    if (end <= current.room) return batch;
    const ahead = batch.length <= ROOM_FOR_BYTES ? Math.min(end + ROOM_BYTES, this.#segmentBytes) : end;
    current.room = Math.max(end, ahead);
    return Buffer.concat([batch], current.room - current.bytes);
  }

  /** A batch longer than a whole segment is written to a fresh one, which is then longer than others. */
  #isFullFor(bytes: number): boolean {
    const { bytes: used, openingBytes } = this.#current;
    return used > openingBytes && used + bytes > this.#segmentBytes;
  }

  /** The writes that wait, from the first on, as many as one batch takes; at least one. */
  #takeGroup(): Waiting[] {
    let bytes = 0;
    const end = this.#queue.findIndex((waiting, at) => {
      bytes += waiting.bytes;
      return at > 0 && bytes > COMBINED_BYTES_MAX;
    });
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end);
  }

  /** One batch of all that a group says, checked against the log as it will then be. */
  #encode(group: readonly Waiting[]): Buffer {
    const records: LogRecord[] = [];
    for (const waiting of group) {
      for (const record of waiting.records) {
        const complaint = this.#shape.take(record, this.#current.segment);
        if (complaint !== undefined) throw new InvariantViolation(`log: ${complaint}`);
        if (record.kind === "entry") this.#written.entries += 1;
        records.push(record);
      }
      const complaint = this.#shape.complaint();
      if (complaint !== undefined) throw new InvariantViolation(`log: ${complaint}`);
    }
    const batch = encodeBatch(records, this.#nextBatch, this.#current.seed);
    this.#nextBatch += 1;
    return batch;
  }

  /** Everything in the current segment is durable when this is called, so the next one's existence proves it. */
  async #rotate(): Promise<void> {
    const { disk, directory, owner } = this.#options;
    const full = this.#current;
    if (full.room > full.bytes) {
      // Zeros where a batch should be are damage in a segment that another follows.
      await full.file.truncate(full.bytes);
      await full.file.sync();
    }
    this.#current = await createSegment(disk, directory, {
      owner,
      header: { segment: full.segment + 1, firstBatch: this.#nextBatch, previousBytes: full.bytes },
      restatement: this.#shape.restatement(),
    });
    this.#nextBatch += 1;
    this.#sealed.push({ segment: full.segment, bytes: full.bytes });
    await full.file.close();
  }

  /**
   * Begins to delete the segments of which nothing is needed: every entry in them lies at or below the base,
   * or was dropped, and the base itself is durable. Runs beside the writing.
   */
  #deleteUnneeded(): void {
    const needed = Math.min(this.#shape.firstSegment() ?? this.#current.segment, this.#current.segment);
    if (this.#deleting !== undefined || (this.#sealed[0]?.segment ?? needed) >= needed) return;
    this.#deleting = this.#deleteBelow(needed).finally(() => {
      this.#deleting = undefined;
    });
  }

  /** Oldest first and each durably, so that no crash leaves a gap in the numbers. Never rejects. */
  async #deleteBelow(needed: number): Promise<void> {
    const { disk, directory } = this.#options;
    const folder = join(directory, LOG_FOLDER);
    for (
      let first = this.#sealed[0];
      first !== undefined && first.segment < needed;
      first = this.#sealed[0]
    ) {
      if (this.#failure !== undefined) return;
      try {
        await disk.remove(join(folder, segmentName(first.segment)));
        await disk.syncDirectory(folder);
      } catch (cause) {
        return this.#fail(`delete ${LOG_FOLDER}/${segmentName(first.segment)}`, cause);
      }
      this.#sealed.shift();
    }
  }

  /** Latches the first failure and refuses all that waits. Nothing is written after this (P12). */
  #fail(doing: string, cause: unknown): void {
    this.#failure ??=
      cause instanceof InvariantViolation || cause instanceof StorageFailure
        ? cause
        : new StorageFailure(doing, cause);
    const refused = this.#queue;
    this.#queue = [];
    for (const { reject } of refused) reject(this.#failure);
  }
}

/**
 * The records of one write. The hard state comes last: its commit index may cover the entries just before it,
 * and what is dropped is judged by the commit index before.
 */
export function recordsOf(write: LogWrite): LogRecord[] {
  const records: LogRecord[] = [];
  if (write.truncateFrom !== undefined) records.push({ kind: "truncate", from: write.truncateFrom });
  if (write.install !== undefined) records.push({ kind: "install", base: write.install });
  for (const entry of write.append) records.push({ kind: "entry", entry });
  // A compaction that a snapshot in the same write has overtaken says nothing any more.
  const { compact, install } = write;
  const overtaken = compact !== undefined && install !== undefined && compact.index <= install.index;
  if (compact !== undefined && !overtaken) records.push({ kind: "compact", base: compact });
  if (write.hardState !== undefined) records.push({ kind: "hardState", hardState: write.hardState });
  return records;
}
