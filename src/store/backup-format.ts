/**
 * The backup file, format 1:
 *
 *      0          8        12          16                            header length
 *      +----------+--------+-----------+--------------+------------+----------------+--------------------------+
 *      | magic    | format | header    | manifest     | CRC32C of  | the snapshot:  | "RFTLYEND" and SHA-256   |
 *      | RFTLYBAK | 1 (4)  | length (4)| (JSON)       | the header | a SQLite file  | of all before these 40   |
 *      +----------+--------+-----------+--------------+------------+----------------+--------------------------+
 *
 * Every later format keeps magic, format and header length where they are and ends its header with the CRC of all
 * before it, so that "damaged" and "newer" can be told apart. The length of everything is known from the header, so
 * that a transfer that was cut short is told from damage. Integers are little-endian.
 */

import { crc32c } from "../base/index.ts";
import { BackupError } from "./errors.ts";
import {
  configurationText,
  countOf,
  fieldsOf,
  jsonOf,
  MalformedJson,
  positionOf,
  stringOf,
} from "./state-configuration.ts";
import type { BackupManifest } from "./types.ts";

const MAGIC: Buffer = Buffer.from("RFTLYBAK", "latin1");
const END: Buffer = Buffer.from("RFTLYEND", "latin1");
const FORMAT = 1;
const CRC_BYTES = 4;
const SHA256 = /^[0-9a-f]{64}$/;

/** Magic, format and length of the header: what has to be read before anything else. */
export const PREFIX_BYTES = 16;
/** The end magic and the SHA-256 of all before it. */
export const TRAILER_BYTES = 40;
/** A header beyond this is none: that of 1,000 members takes 200 kB. */
const HEADER_BYTES_MAX = 16_777_216;

/** The bytes before the snapshot. */
export function encodeHeader(manifest: BackupManifest): Buffer {
  const { createdBy, clusterId, bytes, sha256, digest, counters, revision } = manifest;
  const { index, term, chain, configuration, configurationIndex } = manifest.meta;
  const text = configurationText(configuration);
  const meta = { index, term, chain, configurationIndex, configuration: JSON.parse(text) as unknown };
  const fields = { createdBy, clusterId, bytes, sha256, digest, counters, revision, meta };
  const json = Buffer.from(JSON.stringify(fields));
  const header = Buffer.alloc(PREFIX_BYTES + json.length + CRC_BYTES);
  header.set(MAGIC, 0);
  header.writeUInt32LE(FORMAT, 8);
  header.writeUInt32LE(header.length, 12);
  header.set(json, PREFIX_BYTES);
  header.writeUInt32LE(crc32c(header.subarray(0, -CRC_BYTES)), header.length - CRC_BYTES);
  return header;
}

/** The bytes after the snapshot. @param sha256 of all bytes before them. */
export function encodeTrailer(sha256: Buffer): Buffer {
  return Buffer.concat([END, sha256]);
}

/**
 * The length of the header in bytes, as its first {@link PREFIX_BYTES} say.
 * @param path for the sentence.
 * @throws {BackupError} this is no backup, or cut short within these bytes.
 */
export function headerLength(prefix: Buffer, path: string): number {
  const start = prefix.subarray(0, MAGIC.length);
  if (!start.equals(MAGIC.subarray(0, start.length))) {
    throw new BackupError(
      "foreign",
      `${path} is not a backup of Raftally; name a file that \`raftally backup\` wrote.`,
    );
  }
  if (prefix.length < PREFIX_BYTES) throw truncated(path, `it ends after ${prefix.length} bytes`);
  const length = prefix.readUInt32LE(12);
  if (length < PREFIX_BYTES + CRC_BYTES || length > HEADER_BYTES_MAX)
    throw damaged(path, "its header is damaged");
  return length;
}

/**
 * What a whole header says.
 * @param path for the sentence.
 * @throws {BackupError} it is damaged or of a newer format.
 */
export function decodeHeader(header: Buffer, path: string): BackupManifest {
  const end = header.length - CRC_BYTES;
  if (crc32c(header.subarray(0, end)) !== header.readUInt32LE(end)) {
    throw damaged(path, "its header does not match its checksum");
  }
  const format = header.readUInt32LE(8);
  if (format > FORMAT) {
    const sentence = `${path} has backup format ${format} and this version of Raftally reads format ${FORMAT}; use the version that wrote it, or a newer one.`;
    throw new BackupError("newerFormat", sentence);
  }
  if (format !== FORMAT) throw damaged(path, `its format ${format} never existed`);
  try {
    return manifestOf(header.toString("utf8", PREFIX_BYTES, end));
  } catch (cause) {
    if (!(cause instanceof MalformedJson)) throw cause;
    throw damaged(path, cause.message, cause);
  }
}

function manifestOf(text: string): BackupManifest {
  const fields = fieldsOf(jsonOf(text), "the manifest");
  const sha256 = stringOf(fields, "sha256");
  if (!SHA256.test(sha256)) throw new MalformedJson("sha256 is not 64 hex digits");
  return {
    format: 1,
    createdBy: stringOf(fields, "createdBy"),
    clusterId: stringOf(fields, "clusterId"),
    meta: positionOf(fields.get("meta")),
    bytes: countOf(fields, "bytes"),
    sha256,
    digest: countOf(fields, "digest"),
    counters: countOf(fields, "counters"),
    revision: countOf(fields, "revision"),
  };
}

/** What to do is the same however a backup is broken: it is not the only copy of anything but itself. */
const ADVICE = "take another backup, or use an older one";

/** The refusal of a backup that is not as it was written. @param found a clause. */
export function damaged(path: string, found: string, cause?: unknown): BackupError {
  return new BackupError("damaged", `${path} is damaged (${found}); ${ADVICE}.`, cause);
}

/** The refusal of a backup that is cut short. @param found a clause. */
export function truncated(path: string, found: string): BackupError {
  return new BackupError("truncated", `${path} is cut short (${found}); ${ADVICE}.`);
}
