/** Backup files: one snapshot with all that is needed to verify and restore it. */

import type { BackupManifest, BackupStream, SnapshotManifest } from "./types.ts";

/**
 * The backup of a snapshot, whose file has to stay until the last chunk was taken.
 * @param path the snapshot's file.
 * @param createdBy this program's version.
 */
export function writeBackup(_manifest: SnapshotManifest, _path: string, _createdBy: string): BackupStream {
  throw new Error("being built");
}

export async function readBackup(_file: string): Promise<BackupManifest> {
  throw new Error("being built");
}
