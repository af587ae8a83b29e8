/** Reads the undo journal of the shim; its records are drawn in journal.h. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MAGIC = 0x314a4652;
const HEADER_BYTES = 72;
export const SECTOR = 512;

/** Names by the numbers of journal.h. */
const KINDS = [
  undefined,
  "write",
  "truncate",
  "sync",
  "syncFolder",
  "synced",
  "syncFailed",
  "create",
  "unlink",
  "rename",
  "mkdir",
] as const;

export type RecordKind = NonNullable<(typeof KINDS)[number]>;

export interface JournalRecord {
  readonly kind: RecordKind;
  /** Within the records of one process. */
  readonly id: number;
  readonly inode: number;
  readonly offset: number;
  readonly length: number;
  /** Of the file, before it. */
  readonly oldLength: number;
  /** What the kind says. */
  readonly other: number;
  readonly path: string;
  readonly path2: string;
  /** What was there before. */
  readonly data: Uint8Array;
}

/** The records of each process, the first process first. */
export function readJournals(folder: string): readonly (readonly JournalRecord[])[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  return names.sort().map((name) => readRecords(readFileSync(join(folder, name)), name));
}

/** @throws {Error} if the bytes are no journal. One that was cut off in its last record is none the less whole. */
function readRecords(bytes: Buffer, name: string): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const kind = KINDS[bytes.readUInt32LE(at + 4)];
    if (bytes.readUInt32LE(at) !== MAGIC || kind === undefined)
      throw new Error(`${name} holds no record at ${at}`);
    const number = (offset: number): number => Number(bytes.readBigUInt64LE(at + offset));
    const [pathBytes, path2Bytes] = [bytes.readUInt32LE(at + 56), bytes.readUInt32LE(at + 60)];
    const dataBytes = number(64);
    const path = at + HEADER_BYTES;
    const path2 = path + pathBytes;
    const data = path2 + path2Bytes;
    if (data + dataBytes > bytes.length) break;
    records.push({
      kind,
      id: number(8),
      inode: number(16),
      offset: number(24),
      length: number(32),
      oldLength: number(40),
      other: number(48),
      path: bytes.toString("utf8", path, path2),
      path2: bytes.toString("utf8", path2, data),
      data: bytes.subarray(data, data + dataBytes),
    });
    at = data + dataBytes;
  }
  return records;
}
