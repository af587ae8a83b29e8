/**
 * A process that applies the log of one seed to a state until it is killed, and takes one snapshot after the
 * other if it is given a folder for them. Prints each index it was told, after the first snapshot if there are any; and
 * if there are none also `=` and the index that it has had committed, every few applies.
 */

import { SnapshotStore } from "../../src/store/snapshot-store.ts";
import { StateStore } from "../../src/store/state-store.ts";
import { CLUSTER, INITIAL, LogMaker } from "./state-log.ts";

const [path = "", seed = "0", folder] = process.argv.slice(2);
const state = await StateStore.open({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 65_536 });
const log = new LogMaker(Number(seed));
log.many(state.opened.index);
const snapshots =
  folder === undefined ? undefined : await SnapshotStore.open({ directory: folder, clusterId: CLUSTER });

let quiet = snapshots !== undefined;

async function takeForever(store: SnapshotStore): Promise<never> {
  for (;;) {
    await store.take(state);
    quiet = false;
  }
}

if (snapshots !== undefined) void takeForever(snapshots);
for (let applies = 1; ; applies++) {
  const applied = await state.apply(log.many(1 + (log.position.index % 5)), true);
  if (!quiet) process.stdout.write(`${applied.index}\n`);
  if (snapshots !== undefined || applies % 16 !== 0) continue;
  await state.commit();
  process.stdout.write(`=${applied.index}\n`);
}
