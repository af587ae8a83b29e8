/**
 * Turns a copy of a state into what a node of a new cluster remembers: the same rows at the same position of the log,
 * under another cluster id, and a log that begins there with this node as the only voter. Restoring and recovering
 * differ only in where the copy comes from and in how the result is put in place.
 */

import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../base/index.ts";
import type { Totals } from "../counter/index.ts";
import {
  type Configuration,
  configurationProblem,
  type EntryId,
  type HardState,
  index,
  type Member,
  type RemovedMember,
  type SnapshotMeta,
  type Term,
} from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { openStore } from "./open.ts";
import { MetaWriter, openToWrite, readMeta } from "./sqlite-schema.ts";
import type { Identity } from "./types.ts";
import { createLog } from "./wal-segment.ts";

export const STATE_FILE = "state.db";
export const SNAPSHOT_FOLDER = "snapshots";

/**
 * So many ids of client sessions are left out in a new generation: the old cluster may have opened some that the copy
 * of its state does not know, and a client that goes on in one of them must be refused, not taken for another.
 */
const SESSIONS_LEFT_OUT: number = 2 ** 32;

/** A new cluster's identity of this node: it is alone and formed. */
export function soleIdentity(clusterId: string, self: Member): Identity {
  const { id, incarnation } = self;
  return { format: 1, clusterId, id, incarnation, formed: true, members: [self] };
}

/**
 * The configuration in which `self` is the only voter, and everyone whom the old one names or named is removed, so that
 * none of them can come back (R9). An old node of the same name is another incarnation, in another cluster.
 */
export function soleConfiguration(old: Configuration, self: Member): Configuration {
  const gone = [...old.members, ...old.removed]
    .filter(({ id }) => id !== self.id)
    .map(({ id, incarnation }): RemovedMember => ({ id, incarnation }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const configuration: Configuration = {
    voters: [self.id],
    outgoing: [],
    learners: [],
    members: [self],
    removed: gone,
  };
  assert(
    configurationProblem(configuration) === undefined,
    "generation: a sole voter is a valid configuration",
  );
  return configuration;
}

/** Where the new cluster begins: at an entry of the old one's log, with a configuration of its own. */
export function soleBase(
  at: EntryId & { readonly chain: number },
  configuration: Configuration,
): SnapshotMeta {
  return { index: at.index, term: at.term, chain: at.chain, configuration, configurationIndex: at.index };
}

/**
 * Makes the rest of what `identity` remembers around the copy of a state, `state.db` in `directory`: everything but
 * identity.json, durably. Nothing else may be there.
 * @param termAtLeast the highest term that this node has known.
 * @returns the totals of the state, read from the store that was opened to verify it.
 * @throws {CorruptionError | StorageFailure} (rejects) as `openStore`.
 */
export async function makeGeneration(
  disk: Disk,
  directory: string,
  made: { readonly identity: Identity; readonly base: SnapshotMeta; readonly termAtLeast: Term },
): Promise<Totals> {
  const { identity, base, termAtLeast } = made;
  const path = join(directory, STATE_FILE);
  relabel(path, identity.clusterId, base);
  const term = termAtLeast > base.term ? termAtLeast : base.term;
  const hardState: HardState = { term, vote: undefined, commit: base.index };
  await createLog(disk, directory, { owner: identity, base, hardState });
  const totals = await verify(disk, directory, identity, base);
  syncFile(path);
  await disk.syncDirectory(directory);
  return totals;
}

/** Opens the store as a node would; where the log does not begin at 0 that takes the snapshot it relies on. */
async function verify(
  disk: Disk,
  directory: string,
  identity: Identity,
  base: SnapshotMeta,
): Promise<Totals> {
  // Whoever calls holds the lock of the data directory, in which this one may be.
  const lock = { directory, release: () => undefined };
  const store = await openStore({ directory, identity, disk, lock });
  try {
    const { recovered } = store;
    assert(recovered.applied === base.index, "generation: state and log stand at the same entry");
    assert(recovered.entries.length === 0, "generation: the log begins empty");
    assert(
      recovered.base.index === index(0) || recovered.snapshot?.index === base.index,
      "generation: a log that begins later has its snapshot",
    );
    return await store.totals();
  } finally {
    await store.close();
  }
}

/** Gives a state to another cluster, at a position of its choosing. */
function relabel(path: string, clusterId: string, position: SnapshotMeta): void {
  const database = openToWrite(path);
  try {
    const { totals } = readMeta(database);
    const sessionsOpened = totals.sessionsOpened + SESSIONS_LEFT_OUT;
    new MetaWriter(database).write({ clusterId, position, totals: { ...totals, sessionsOpened } });
  } finally {
    database.close();
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
