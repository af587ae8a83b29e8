/** The folder of the snapshots at open: what is complete, and what a crash left unfinished. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "./disk.ts";
import { CorruptionError, IdentityError } from "./errors.ts";
import { decodeManifest, SNAPSHOT_ADVICE, snapshotName } from "./snapshot-manifest.ts";
import type { LocalSnapshot } from "./types.ts";

/** The name of the copy while it is being made. */
export const TAKING = "taking.tmp";
/** The name of a snapshot that has arrived, until it is durable and verified. */
export const ARRIVED = "arrived.tmp";

/** The complete snapshots of a folder, in no particular order. Throws as `SnapshotStore.open` does. */
export async function readSnapshots(
  disk: Disk,
  directory: string,
  clusterId: string,
): Promise<LocalSnapshot[]> {
  const snapshots: LocalSnapshot[] = [];
  for (const name of (await disk.list(directory)) ?? []) {
    if (name.endsWith(".json")) snapshots.push(await readSnapshot(disk, join(directory, name), clusterId));
  }
  return snapshots;
}

async function readSnapshot(disk: Disk, path: string, clusterId: string): Promise<LocalSnapshot> {
  const snapshot = decodeManifest(path, (await disk.read(path)) ?? new Uint8Array());
  const { manifest } = snapshot;
  if (!path.endsWith(`${snapshotName(manifest.meta)}.json`)) {
    throw new CorruptionError({
      file: path,
      found: "it has another snapshot's name",
      advice: SNAPSHOT_ADVICE,
    });
  }
  if (manifest.clusterId !== clusterId) {
    const sentence = `${path} belongs to cluster ${manifest.clusterId}, and this node to ${clusterId}: use the directory of this node's own cluster.`;
    throw new IdentityError("otherCluster", sentence);
  }
  const file = path.replace(/\.json$/, ".db");
  const size = await sizeOf(file);
  if (size === manifest.bytes) return snapshot;
  const found = size === undefined ? "it is missing" : `it has ${size} bytes and not ${manifest.bytes}`;
  throw new CorruptionError({ file, found, advice: SNAPSHOT_ADVICE });
}

/** Removes all files but those of `snapshots` and those that arrive and may be gone on from. */
export async function removeUnfinished(
  disk: Disk,
  directory: string,
  snapshots: readonly LocalSnapshot[],
): Promise<void> {
  const complete = new Set(snapshots.map(({ manifest }) => snapshotName(manifest.meta)));
  for (const name of (await disk.list(directory)) ?? []) {
    const whose = name.replace(/\.(db|json)$/, "");
    const unfinished = /\.tmp(-journal)?$/.test(name) || (name.endsWith(".db") && !complete.has(whose));
    if (unfinished) await disk.remove(join(directory, name));
  }
}

/** The length of a file in bytes; undefined if there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes a file of these bytes and fsyncs it. Its name is durable once its folder is synced. */
export async function writeWhole(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.create(path);
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
