/** Puts a copy of a snapshot in the place of state.db: the steps of the crash table in state-store.ts. */

import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CorruptionError } from "./errors.ts";
import { SNAPSHOT_ADVICE } from "./snapshot-manifest.ts";
import { openToRead, readMeta } from "./sqlite-schema.ts";
import { samePosition } from "./state-configuration.ts";
import type { SnapshotManifest } from "./types.ts";

const CHUNK_BYTES = 1_048_576;

/** Removes what a restore that was cut short has left. */
export function removeReplacement(path: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${path}.new${suffix}`, { force: true });
}

/**
 * Copies a snapshot beside state.db, durably, and makes sure that it is the one that the manifest describes.
 * @throws {CorruptionError} if it is not.
 */
export function prepareReplacement(path: string, snapshot: string, manifest: SnapshotManifest): void {
  const copy = `${path}.new`;
  removeReplacement(path);
  const { bytes, sha256 } = copyFile(snapshot, copy);
  if (bytes !== manifest.bytes || sha256 !== manifest.sha256) {
    const found = "it does not match the checksum in its manifest";
    throw new CorruptionError({ file: snapshot, found, advice: SNAPSHOT_ADVICE });
  }
  const database = openToRead(copy);
  try {
    if (!samePosition(readMeta(database, manifest.clusterId).position, manifest.meta)) {
      const found = "it is not at the index that its manifest says";
      throw new CorruptionError({ file: snapshot, found, advice: SNAPSHOT_ADVICE });
    }
  } finally {
    database.close();
  }
}

/** Renames the copy over state.db, which must be closed and whole without its WAL. */
export function swapIn(path: string): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  // The removals must not become durable after the rename: SQLite would replay the old WAL onto the new file.
  syncFolder(dirname(path));
  renameSync(`${path}.new`, path);
  syncFolder(dirname(path));
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Length and SHA-256 of a file; what was read is handed to `each` on the way. */
export function readWhole(
  file: string,
  each?: (chunk: Uint8Array) => void,
): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  const fd = openSync(file, "r");
  try {
    let bytes = 0;
    for (;;) {
      const read = readSync(fd, buffer, 0, CHUNK_BYTES, bytes);
      if (read === 0) return { bytes, sha256: hash.digest("hex") };
      const chunk = buffer.subarray(0, read);
      hash.update(chunk);
      each?.(chunk);
      bytes += read;
    }
  } finally {
    closeSync(fd);
  }
}

/** Copies and fsyncs a file, and says what was in it as it was read. */
function copyFile(from: string, to: string): { readonly bytes: number; readonly sha256: string } {
  const fd = openSync(to, "wx", 0o640);
  try {
    const read = readWhole(from, (chunk) => {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    });
    fsyncSync(fd);
    return read;
  } finally {
    closeSync(fd);
  }
}
