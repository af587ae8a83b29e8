/** The frames of the write-ahead log: segment names, segment headers, batches. Diagrams are in DESIGN.md. */

import { createHash } from "node:crypto";
import { crc32c } from "../base/index.ts";
import { CorruptionError, IdentityError, NewerFormatError } from "./errors.ts";

/** The folder of the log within a data directory. */
export const LOG_FOLDER = "log";
export const WAL_FORMAT = 1;
export const SEGMENT_HEADER_BYTES = 80;
/** Magic (4), CRC32C (4), payload length (4), batch number (8). */
export const BATCH_HEADER_BYTES = 20;

const SEGMENT_MAGIC: Buffer = Buffer.from("RFTLYWAL", "latin1");
/** No zero byte in it, so that a part of the file that was never written cannot be taken for a batch. */
const BATCH_MAGIC: Buffer = Buffer.from([0xb7, 0x52, 0x61, 0x66]);
/** The checksum covers the header from here on, and the payload. */
const BATCH_CHECKED_FROM = 8;
const SEGMENT_NAME = /^(\d{20})\.wal$/;
const TEMPORARY_SUFFIX = ".tmp";

/** Whom the files belong to: a log is never read under another identity. */
export interface WalOwner {
  readonly clusterId: string;
  /** 32 hex digits. */
  readonly incarnation: string;
}

export interface SegmentHeader {
  /** 1, 2, 3, …; never used twice in a directory. */
  readonly segment: number;
  /** The number of the first batch in this segment. */
  readonly firstBatch: number;
  /** How long the segment before this one is, in bytes; 0 for the first. */
  readonly previousBytes: number;
}

/** The file name of a segment. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(20, "0")}.wal`;
}

/** The name a segment has until it is complete and durable. */
export function temporaryName(segment: number): string {
  return segmentName(segment) + TEMPORARY_SUFFIX;
}

/** The number in a segment's file name; undefined if it is not one. */
export function segmentNumber(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether a file is a segment that was never completed, and so can be removed. */
export function isTemporary(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX) && SEGMENT_NAME.test(name.slice(0, -TEMPORARY_SUFFIX.length));
}

function clusterHash(clusterId: string): Buffer {
  return createHash("sha256").update(clusterId).digest().subarray(0, 16);
}

/** The first bytes of a segment. */
export function encodeSegmentHeader(owner: WalOwner, header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.set(SEGMENT_MAGIC, 0);
  bytes.writeUInt32LE(WAL_FORMAT, 8);
  bytes.writeUInt32LE(SEGMENT_HEADER_BYTES, 12);
  bytes.writeBigUInt64LE(BigInt(header.segment), 16);
  bytes.writeBigUInt64LE(BigInt(header.firstBatch), 24);
  bytes.set(clusterHash(owner.clusterId), 32);
  bytes.set(Buffer.from(owner.incarnation, "hex"), 48);
  bytes.writeBigUInt64LE(BigInt(header.previousBytes), 64);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
  return bytes;
}

/**
 * Reads and checks the first bytes of a segment. `file` names it in errors.
 * @throws {CorruptionError} the header is damaged.
 * @throws {NewerFormatError} a later version wrote it.
 * @throws {IdentityError} it belongs to another cluster or another incarnation.
 */
export function decodeSegmentHeader(bytes: Buffer, file: string, owner: WalOwner): SegmentHeader {
  const damaged = (found: string) => new CorruptionError({ file, offset: 0, found });
  if (bytes.length < SEGMENT_HEADER_BYTES) throw damaged("the segment header is cut short");
  if (!bytes.subarray(0, 8).equals(SEGMENT_MAGIC))
    throw damaged("the segment does not begin as a log segment");
  // Every format keeps these two fields and ends its header with the checksum, so damage is told from age.
  const version = bytes.readUInt32LE(8);
  const length = bytes.readUInt32LE(12);
  if (length < SEGMENT_HEADER_BYTES || length > bytes.length) throw damaged("the segment header is damaged");
  if (crc32c(bytes.subarray(0, length - 4)) !== bytes.readUInt32LE(length - 4)) {
    throw damaged("the checksum of the segment header does not match");
  }
  if (version !== WAL_FORMAT) {
    throw new NewerFormatError(
      file,
      `the log has format ${version} and this version reads format ${WAL_FORMAT}`,
    );
  }
  if (!bytes.subarray(32, 48).equals(clusterHash(owner.clusterId))) {
    throw new IdentityError("otherCluster", `${file} belongs to another cluster than "${owner.clusterId}".`);
  }
  const incarnation = headerIncarnation(bytes);
  if (incarnation !== owner.incarnation) {
    throw new IdentityError(
      "otherIncarnation",
      `${file} belongs to incarnation ${incarnation} of a node, and this directory to incarnation ${owner.incarnation}: ` +
        "the files of two data directories were mixed.",
    );
  }
  return {
    segment: Number(bytes.readBigUInt64LE(16)),
    firstBatch: Number(bytes.readBigUInt64LE(24)),
    previousBytes: Number(bytes.readBigUInt64LE(64)),
  };
}

/** The incarnation that a segment's header names, unchecked. */
export function headerIncarnation(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(48, 64)).toString("hex");
}

/**
 * What the checksums of a segment's batches start from. It differs by segment and incarnation, so bytes that
 * look like a batch elsewhere (in a client's key, in an old block of the disk) are none here.
 */
export function batchSeed(header: Uint8Array): number {
  // Without its own checksum: the CRC of anything followed by its CRC is the same for everything.
  return crc32c(header.subarray(0, SEGMENT_HEADER_BYTES - 4));
}

/** Completes a batch whose payload already stands behind the room for its header. */
export function sealBatch(batch: Buffer, number: number, seed: number): void {
  batch.set(BATCH_MAGIC, 0);
  batch.writeUInt32LE(batch.length - BATCH_HEADER_BYTES, 8);
  batch.writeUInt32LE(number >>> 0, 12);
  batch.writeUInt32LE(Math.floor(number / 4_294_967_296), 16);
  batch.writeUInt32LE(crc32c(batch.subarray(BATCH_CHECKED_FROM), seed), 4);
}

export type BatchRead =
  | { readonly kind: "batch"; readonly number: number; readonly payload: Buffer; readonly end: number }
  /** Only zeros from here on, or the end of the file: nothing was written here. */
  | { readonly kind: "unwritten" }
  | { readonly kind: "damaged"; readonly found: string };

/** Reads the batch at `at`. */
export function readBatch(bytes: Buffer, at: number, seed: number): BatchRead {
  if (isZero(bytes, at)) return { kind: "unwritten" };
  if (at + BATCH_HEADER_BYTES > bytes.length)
    return { kind: "damaged", found: "a batch header is cut short" };
  if (BATCH_MAGIC.compare(bytes, at, at + 4) !== 0) {
    return { kind: "damaged", found: "no batch begins where one should" };
  }
  const end = at + BATCH_HEADER_BYTES + bytes.readUInt32LE(at + 8);
  if (end > bytes.length) return { kind: "damaged", found: "a batch reaches beyond the end of the file" };
  if (crc32c(bytes.subarray(at + BATCH_CHECKED_FROM, end), seed) !== bytes.readUInt32LE(at + 4)) {
    return { kind: "damaged", found: "the checksum of a batch does not match" };
  }
  const number = bytes.readUInt32LE(at + 12) + bytes.readUInt32LE(at + 16) * 4_294_967_296;
  return { kind: "batch", number, payload: bytes.subarray(at + BATCH_HEADER_BYTES, end), end };
}

/** The first intact batch at or after `from`, which need not be aligned with anything. */
export function findBatch(
  bytes: Buffer,
  from: number,
  seed: number,
): { readonly at: number; readonly number: number } | undefined {
  for (let at = bytes.indexOf(BATCH_MAGIC, from); at !== -1; at = bytes.indexOf(BATCH_MAGIC, at + 1)) {
    const read = readBatch(bytes, at, seed);
    if (read.kind === "batch") return { at, number: read.number };
  }
  return undefined;
}

const ZEROS: Buffer = Buffer.alloc(65_536);

/** Whether nothing but zeros follows `from`. */
export function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, bytes.length);
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}
