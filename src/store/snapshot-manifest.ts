/** The names of a snapshot's files, and the manifest that makes a snapshot exist. */

import { assert, crc32c } from "../base/index.ts";
import type { EntryId } from "../raft/index.ts";
import { CorruptionError, LOST_ADVICE, NewerFormatError } from "./errors.ts";
import {
  configurationText,
  countOf,
  fieldsOf,
  jsonOf,
  MalformedJson,
  positionOf,
  stringOf,
} from "./state-configuration.ts";
import type { LocalSnapshot, SnapshotManifest } from "./types.ts";

const FORMAT = 1;
const encoder = new TextEncoder();
const SHA256 = /^[0-9a-f]{64}$/;

/** What to do about a damaged snapshot: a snapshot is never the only place where something is remembered. */
export const SNAPSHOT_ADVICE: string =
  "stop the node and remove this snapshot's two files (.db and .json); if the node then says that its state is " +
  `older than its log, ${LOST_ADVICE}`;

/** Ends the name of a manifest while it is being written. */
export const MANIFEST_TMP = ".json.tmp";

/** `<20 digits of index>-<term>`: sorts by index. */
export function snapshotName({ index, term }: EntryId): string {
  return `${String(index).padStart(20, "0")}-${term}`;
}

/** The name under which a snapshot arrives: `<20 digits of index>-<term>-<sha256>.part`. */
export function partName({ meta, sha256 }: SnapshotManifest): string {
  // The manifest came from another node and its checksum becomes the name of a file.
  assert(SHA256.test(sha256), "snapshot: a checksum is 64 hex digits");
  return `${snapshotName(meta)}-${sha256}.part`;
}

/** The index of the snapshot that arrives under this name; undefined for any other name. */
export function indexOfPart(name: string): number | undefined {
  const digits = /^(\d{20})-\d+-[0-9a-f]{64}\.part$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The manifest as it is written: JSON, with the CRC32C of the same JSON without that field. Fields that this version
 * does not know stay in it.
 */
export function encodeManifest({ manifest, origin }: LocalSnapshot): Uint8Array {
  const { format, clusterId, meta: position, bytes, sha256, digest, ...unknown } = manifest;
  const { index, term, chain, configuration, configurationIndex } = position;
  const text = configurationText(configuration);
  const meta = { index, term, chain, configuration: JSON.parse(text) as unknown, configurationIndex };
  const fields = { format, origin, clusterId, meta, bytes, sha256, digest, ...unknown };
  return encoder.encode(`${JSON.stringify({ ...fields, crc: crcOf(fields) }, undefined, 2)}\n`);
}

function crcOf(fields: object): number {
  return crc32c(encoder.encode(JSON.stringify(fields)));
}

/** The same of what was read, which may be nested deeper than JSON can be written. @throws {MalformedJson} */
function readCrc(fields: object): number {
  try {
    return crcOf(fields);
  } catch (cause) {
    throw new MalformedJson("it is nested too deeply", { cause });
  }
}

/**
 * @param file the manifest's path, for the sentence.
 * @throws {CorruptionError} if no version of Raftally wrote this.
 * @throws {NewerFormatError} if a newer one did.
 */
export function decodeManifest(file: string, bytes: Uint8Array): LocalSnapshot {
  try {
    return parseManifest(file, new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof MalformedJson)) throw error;
    throw new CorruptionError({ file, found: error.message, advice: SNAPSHOT_ADVICE, cause: error });
  }
}

function parseManifest(file: string, text: string): LocalSnapshot {
  const fields = fieldsOf(jsonOf(text), "the manifest");
  const format = countOf(fields, "format");
  if (format > FORMAT) throw new NewerFormatError(file, `format ${format} is above ${FORMAT}`);
  if (format !== FORMAT) throw new MalformedJson(`format ${format} never existed`);
  const origin = stringOf(fields, "origin");
  if (origin !== "taken" && origin !== "received") throw new MalformedJson("origin is not known");
  const sha256 = stringOf(fields, "sha256");
  if (!SHA256.test(sha256)) throw new MalformedJson("sha256 is not 64 hex digits");
  const { crc, ...checked } = Object.fromEntries(fields);
  // Of what was read, not of what is understood of it: a later version may have added fields to this format.
  if (crc !== readCrc(checked)) throw new MalformedJson("its fields do not match their checksum");
  const { origin: _, ...kept } = checked;
  const known: SnapshotManifest = {
    format,
    clusterId: stringOf(fields, "clusterId"),
    meta: positionOf(fields.get("meta")),
    bytes: countOf(fields, "bytes"),
    sha256,
    digest: countOf(fields, "digest"),
  };
  return { manifest: { ...kept, ...known }, origin };
}
