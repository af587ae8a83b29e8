/** What the tests of snapshots share: a directory for each test, and a node with one snapshot to copy from. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Entry } from "../../src/raft/index.ts";
import { type Disk, realDisk } from "../../src/store/disk.ts";
import { SnapshotStore } from "../../src/store/snapshot-store.ts";
import { StateStore } from "../../src/store/state-store.ts";
import type { SnapshotManifest } from "../../src/store/types.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory } from "./state-log.ts";

export let directory = "";
const toClose: { close(): Promise<void> }[] = [];

export async function openState(name = "state.db"): Promise<StateStore> {
  const state = await StateStore.open({ path: join(directory, name), clusterId: CLUSTER, initial: INITIAL });
  toClose.push(state);
  return state;
}

export async function openSnapshots(name = "snapshots", disk: Disk = realDisk): Promise<SnapshotStore> {
  const snapshots = await SnapshotStore.open({ directory: join(directory, name), clusterId: CLUSTER, disk });
  toClose.push(snapshots);
  return snapshots;
}

export function filesOf(name = "snapshots"): string[] {
  return readdirSync(join(directory, name)).sort();
}

export function nameAt(at: number): string {
  return `${String(at).padStart(20, "0")}-1`;
}

/** A node with one snapshot, at index 200, whose files are copied and never changed. */
export let source = "";
export let manifest: SnapshotManifest;
export let bytes: Buffer;
export let entries: Entry[];

/** To be called by every file of tests that uses any of this: hooks belong to the file, and this module to the process. */
export function prepareSnapshotHome(): void {
  beforeAll(async () => {
    source = makeDirectory();
    const state = await StateStore.open({
      path: join(source, "state.db"),
      clusterId: CLUSTER,
      initial: INITIAL,
    });
    const snapshots = await SnapshotStore.open({ directory: join(source, "snapshots"), clusterId: CLUSTER });
    entries = new LogMaker(40).many(200);
    await state.apply(entries, false);
    manifest = await snapshots.take(state);
    bytes = readFileSync(snapshots.hold(manifest.meta) ?? "");
    await state.close();
    await snapshots.close();
  });

  afterAll(() => removeDirectory(source));

  beforeEach(() => {
    directory = makeDirectory();
  });

  afterEach(async () => {
    for (const one of toClose.splice(0).reverse()) await one.close();
    removeDirectory(directory);
  });
}
