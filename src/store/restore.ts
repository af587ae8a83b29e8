/**
 * Makes the data directory of a new cluster's first node from a backup.
 *
 * The steps: (1) `restoring.json`, which says that what is beside it is worth nothing; (2) state.db is unpacked and
 * verified; (3) it is given to the new cluster, the log is made, and both are opened once as a node would, which takes
 * the snapshot; (4) identity.json; (5) `restoring.json` goes. Until 4 is durable no node starts on the directory; the
 * next restore clears it away. From then on it is whole.
 */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../base/index.ts";
import type { Member, NodeId } from "../raft/index.ts";
import { extractBackup, inspectBackup } from "./backup.ts";
import { refuseHalfRecovered } from "./directory.ts";
import { type Disk, realDisk } from "./disk.ts";
import { IdentityError } from "./errors.ts";
import {
  makeGeneration,
  SNAPSHOT_FOLDER,
  STATE_FILE,
  soleBase,
  soleConfiguration,
  soleIdentity,
} from "./generation.ts";
import { drawIncarnation, RESTORING_FILE, refuseData, requireClusterId, syncParent } from "./identity.ts";
import { IDENTITY_FILE, replaceIdentity } from "./identity-json.ts";
import { lockDirectory } from "./lock.ts";
import { writeWhole } from "./snapshot-folder.ts";
import { failureOf } from "./state-protocol.ts";
import type { BackupManifest, Restored } from "./types.ts";
import { LOG_FOLDER } from "./wal-format.ts";

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** Empty, or not there yet, or left by a restore that was interrupted. */
  readonly directory: string;
  /** Of the new cluster; never that of the old one. */
  readonly clusterId: string;
  readonly id: NodeId;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

/** What a restore makes in a data directory, and what a crash in the middle of it may leave. */
const PARTS: readonly string[] = [
  LOG_FOLDER,
  SNAPSHOT_FOLDER,
  ...["", "-wal", "-shm", "-journal", ".new", ".new-journal"].map((suffix) => STATE_FILE + suffix),
];

/**
 * Restores a backup to a one-node cluster. The nodes of the old cluster are removed ones in it, so that none of them
 * can ever join or vote; further nodes join it as they would join any other.
 * @throws {BackupError} (rejects) the backup is not whole, see `readBackup`.
 * @throws {IdentityError} (rejects) the directory is in use, not writable or not empty, or `clusterId` is the old one.
 * @throws {StorageFailure} (rejects) the disk failed. In every case a directory that was empty is so again, or left to
 *   be cleared away by the next restore.
 */
export async function restoreBackup(options: RestoreOptions, disk: Disk = realDisk): Promise<Restored> {
  const { directory, clusterId, file } = options;
  requireClusterId(clusterId);
  const backup = await inspectBackup(file);
  refuseOldCluster(clusterId, backup);
  const lock = lockDirectory(directory);
  try {
    refuseHalfRecovered(directory);
    await clear(disk, directory);
    return await fill(disk, options);
  } catch (error) {
    cleanUp(directory);
    throw failureOf(`restore ${file} to ${directory}`, error);
  } finally {
    lock.release();
  }
}

/** After a failure, as far as it goes: the next restore does the same first. */
function cleanUp(directory: string): void {
  if (!existsSync(join(directory, RESTORING_FILE)) || existsSync(join(directory, IDENTITY_FILE))) return;
  try {
    removeParts(directory);
    rmSync(join(directory, RESTORING_FILE));
  } catch {
    // The failure before this one is what is told.
  }
}

/** Two clusters of one id could be mixed up by their nodes. */
function refuseOldCluster(clusterId: string, backup: BackupManifest): void {
  if (clusterId !== backup.clusterId) return;
  throw new IdentityError(
    "otherCluster",
    `the backup is of cluster "${clusterId}" itself, whose nodes may still be there; restore it under another cluster id.`,
  );
}

/** Removes what an interrupted restore has left, and refuses a directory that holds anything else. */
async function clear(disk: Disk, directory: string): Promise<void> {
  const wasInterrupted = existsSync(join(directory, RESTORING_FILE));
  await refuseData(disk, directory, wasInterrupted ? [RESTORING_FILE, ...PARTS] : []);
  removeParts(directory);
  await disk.syncDirectory(directory);
  await syncParent(disk, directory);
}

function removeParts(directory: string): void {
  for (const name of PARTS) rmSync(join(directory, name), { recursive: true, force: true });
}

async function fill(disk: Disk, options: RestoreOptions): Promise<Restored> {
  const { file, directory, clusterId, id, peer, api } = options;
  await writeNote(disk, options);
  const backup = await extractBackup(file, join(directory, STATE_FILE), disk);
  // It may have been replaced since it was looked at.
  refuseOldCluster(clusterId, backup);
  const self: Member = { id, incarnation: drawIncarnation(), peer, api };
  const identity = soleIdentity(clusterId, self);
  const base = soleBase(backup.meta, soleConfiguration(backup.meta.configuration, self));
  const { digest } = await makeGeneration(disk, directory, { identity, base, termAtLeast: base.term });
  assert(digest === backup.digest, "restore: the state has the digest of the backup");
  await replaceIdentity(disk, directory, identity);
  await disk.remove(join(directory, RESTORING_FILE));
  await disk.syncDirectory(directory);
  return { identity, backup, base, digest };
}

async function writeNote(disk: Disk, { directory, file, clusterId, id }: RestoreOptions): Promise<void> {
  const path = join(directory, RESTORING_FILE);
  const text = `${JSON.stringify({ format: 1, file, clusterId, id }, null, 2)}\n`;
  await writeWhole(disk, `${path}.tmp`, Buffer.from(text));
  await disk.rename(`${path}.tmp`, path);
  await disk.syncDirectory(directory);
}
