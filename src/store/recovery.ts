/**
 * Makes one surviving data directory the first node of a new cluster, for when a majority of the old one is lost for
 * good.
 *
 * What it keeps is every entry in this node's log, also those of which it never learnt whether they were acknowledged.
 * So what may be **lost** is what a majority acknowledged without this node having received it; what may **appear** is
 * what clients were told had failed or of which they were told nothing: the tail that only this node has.
 *
 * The steps: (1) the directory is opened as a node would, which judges it; (2) in `recovery.tmp` the state is copied,
 * the rest of the log applied to the copy, and a whole data directory of the new cluster made around it; (3) that
 * folder is renamed to `recovered`: this decides; (4) each of its parts takes the place of the old one, identity.json
 * last; (5) the folder is renamed back and goes. A crash before 3 leaves the old node as it was, and a folder that the
 * next start or recovery removes. After 3 no node starts on the directory, and the next recovery goes on at 4, where every step is harmless
 * when repeated: a part is moved if and only if it is still in the folder.
 */

import { existsSync, renameSync, rmSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, defined } from "../base/index.ts";
import {
  type Configuration,
  type Entry,
  type EntryId,
  type HardState,
  type Index,
  isNoConfiguration,
  isVoter,
  type Member,
  memberOf,
  NO_CONFIGURATION,
  type NodeId,
} from "../raft/index.ts";
import { isHalfRecovered, MAKING_FOLDER, RECOVERED_FOLDER } from "./directory.ts";
import { type Disk, realDisk } from "./disk.ts";
import { CorruptionError, IdentityError } from "./errors.ts";
import {
  makeGeneration,
  SNAPSHOT_FOLDER,
  STATE_FILE,
  soleBase,
  soleConfiguration,
  soleIdentity,
} from "./generation.ts";
import { drawIncarnation, loadIdentity, requireClusterId } from "./identity.ts";
import { IDENTITY_FILE, replaceIdentity } from "./identity-json.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { openStore } from "./open.ts";
import { writeWhole } from "./snapshot-folder.ts";
import { copyState } from "./snapshot-job.ts";
import { failureOf } from "./state-protocol.ts";
import { StateStore } from "./state-store.ts";
import type { Identity, Recovery } from "./types.ts";
import { LOG_FOLDER } from "./wal-format.ts";

export interface RecoverOptions {
  readonly directory: string;
  /** Of the new cluster; never that of the old one. May be left out only where an interrupted recovery is finished. */
  readonly clusterId?: string;
  /** Where its peers reach it from now on, host:port; as before if left out. */
  readonly peer?: string;
  /** The URL that clients are sent to; as before if left out. */
  readonly api?: string;
}

/** What became of it, beside it until it is in place. */
const REPORT_FILE = "report.json";
/** In the order in which they are put in place; identity.json makes the rest valid. */
const PARTS: readonly string[] = [LOG_FOLDER, SNAPSHOT_FOLDER, STATE_FILE, IDENTITY_FILE];
/** Entries applied at once: the payloads of so many are in memory twice. */
const CHUNK_ENTRIES = 1_000;

const NEEDS_CLUSTER_ID = "recovery: a new recovery needs a cluster id";
const DAMAGE_ADVICE =
  "a damaged directory is not recovered, because what is missing in it would be missing for good: recover that of " +
  "another surviving node, or restore a backup with `raftally restore`";

/**
 * Turns the data directory of a stopped node into a one-node cluster under a new cluster id, with a fresh incarnation.
 * The other nodes of the old cluster are removed ones in it, so that none of them can ever join or vote.
 * One that was interrupted is finished under the cluster id that it was begun with.
 * @throws {IdentityError} (rejects) it is no data directory, its node is running, or never was in a cluster, or
 *   `clusterId` is the old one, or another than that of the recovery that it finished.
 * @throws {CorruptionError} (rejects) it is damaged; nothing was changed.
 * @throws {NewerFormatError} (rejects) a later version of Raftally wrote it.
 * @throws {StorageFailure} (rejects) the disk failed; the next recovery begins again or goes on.
 */
export async function recoverDirectory(options: RecoverOptions, disk: Disk = realDisk): Promise<Recovery> {
  const { directory, clusterId } = options;
  if (clusterId !== undefined) requireClusterId(clusterId);
  requireDirectory(directory);
  const lock = lockDirectory(directory);
  try {
    const resumed = isHalfRecovered(directory);
    if (!resumed) await make(disk, { ...options, clusterId: defined(clusterId, NEEDS_CLUSTER_ID) }, lock);
    const recovery = await putInPlace(disk, directory);
    refuseOtherRecovery(recovery, options);
    return { ...recovery, resumed };
  } catch (error) {
    throw failureOf(`recover ${directory}`, withAdvice(error));
  } finally {
    lock.release();
  }
}

/** What a recovery of a directory would start from. */
export interface RecoveryOutlook {
  readonly identity: Identity;
  /**
   * The last entry it holds. Of several survivors, the one whose last entry has the highest term, and among equals the
   * highest index, holds whatever was acknowledged that any of them holds: it is the one they would elect (§5.4.1).
   */
  readonly last: EntryId;
  /** Up to here this node knows that its entries were acknowledged. */
  readonly knownCommitted: Index;
  /** Those of the old cluster, in the latest configuration that this node holds. */
  readonly voters: readonly NodeId[];
}

/**
 * Reads what {@link recoverDirectory} would start from, as the node itself would at its start; nothing else is changed.
 * Undefined if a recovery of this directory was interrupted and only has to be finished.
 * @throws as {@link recoverDirectory}.
 */
export async function recoveryOutlook(
  directory: string,
  disk: Disk = realDisk,
): Promise<RecoveryOutlook | undefined> {
  requireDirectory(directory);
  const lock = lockDirectory(directory);
  try {
    if (isHalfRecovered(directory)) return undefined;
    const identity = await formedIdentity(directory);
    const { last, hardState, configuration } = await readHeld(disk, directory, identity, lock);
    const { index, term } = last;
    return {
      identity,
      last: { index, term },
      knownCommitted: hardState.commit,
      voters: configuration.voters,
    };
  } catch (error) {
    throw failureOf(`read ${directory}`, withAdvice(error));
  } finally {
    lock.release();
  }
}

function requireDirectory(directory: string): void {
  if (existsSync(join(directory, IDENTITY_FILE))) return;
  throw new IdentityError(
    "unreadable",
    `${directory} is not the data directory of a node (it has no ${IDENTITY_FILE}); name one of a surviving node.`,
  );
}

function withAdvice(error: unknown): unknown {
  if (!(error instanceof CorruptionError)) return error;
  const { file, offset, found } = error;
  return new CorruptionError({
    file,
    found,
    advice: DAMAGE_ADVICE,
    cause: error,
    ...(offset !== undefined && { offset }),
  });
}

/** One that was decided on is finished as it was decided; whoever wanted another has to know. */
function refuseOtherRecovery({ identity }: Recovery, { directory, clusterId }: RecoverOptions): void {
  if (clusterId === undefined || identity.clusterId === clusterId) return;
  throw new IdentityError(
    "otherCluster",
    `an earlier recovery of ${directory} to cluster "${identity.clusterId}" had been interrupted and is finished now; ` +
      `start the node with that cluster id, or recover it to "${clusterId}" once more.`,
  );
}

/** A recovery that is not begun yet. */
type NewRecovery = RecoverOptions & { readonly clusterId: string };

/** Steps 1 to 3. */
async function make(disk: Disk, options: NewRecovery, lock: DirectoryLock): Promise<void> {
  const { directory, clusterId } = options;
  const making = join(directory, MAKING_FOLDER);
  rmSync(making, { recursive: true, force: true });
  const old = await oldIdentity(options);
  const held = await readHeld(disk, directory, old, lock);
  const self = selfIn(old, held.configuration, options);
  const identity = soleIdentity(clusterId, self);
  const configuration = soleConfiguration(held.configuration, self);
  await mkdir(making, { mode: 0o750 });
  await copyState(join(directory, STATE_FILE), join(making, STATE_FILE));
  await applyRest(making, old.clusterId, held.entries);
  const base = soleBase(held.last, configuration);
  const totals = await makeGeneration(disk, making, { identity, base, termAtLeast: held.hardState.term });
  await replaceIdentity(disk, making, identity);
  const recovery: Recovery = {
    identity,
    previous: { clusterId: old.clusterId, incarnation: old.incarnation },
    base,
    knownCommitted: held.hardState.commit,
    unconfirmed: base.index - held.hardState.commit,
    wasVoter: isVoter(held.configuration, old.id),
    counters: totals.counters,
    revision: totals.revision,
    digest: totals.digest,
    removed: configuration.removed,
    resumed: false,
  };
  await writeWhole(disk, join(making, REPORT_FILE), Buffer.from(`${JSON.stringify(recovery, null, 2)}\n`));
  for (const part of PARTS) assert(existsSync(join(making, part)), "recovery: every part was made");
  await disk.syncDirectory(making);
  await disk.rename(making, join(directory, RECOVERED_FOLDER));
  await disk.syncDirectory(directory);
}

async function formedIdentity(directory: string): Promise<Identity> {
  const old = defined(await loadIdentity(directory), "recovery: identity.json was seen");
  if (!old.formed) {
    throw new IdentityError(
      "otherMembers",
      `${directory} belongs to a node whose cluster never formed, so that there is nothing to recover; make a new cluster.`,
    );
  }
  return old;
}

async function oldIdentity({ directory, clusterId }: NewRecovery): Promise<Identity> {
  const old = await formedIdentity(directory);
  if (old.clusterId === clusterId) {
    throw new IdentityError(
      "otherCluster",
      `${directory} belongs to cluster "${clusterId}" now, and nodes of that cluster must not mix with the recovered ` +
        "one; recover it under another cluster id.",
    );
  }
  return old;
}

/** What the old node holds. */
interface Held {
  readonly hardState: HardState;
  /** The latest entry, or what the log begins after if there is none. */
  readonly last: EntryId & { readonly chain: number };
  /** The latest configuration in the log, committed or not (§6). */
  readonly configuration: Configuration;
  /** What state.db has not applied. */
  readonly entries: readonly Entry[];
}

/** Opens the directory as its node would: what a crash interrupted is finished, what is damaged refused. */
async function readHeld(disk: Disk, directory: string, old: Identity, lock: DirectoryLock): Promise<Held> {
  const borrowed = { directory: lock.directory, release: () => undefined };
  const store = await openStore({ directory, identity: old, disk, lock: borrowed });
  try {
    const { hardState, base, entries, applied } = store.recovered;
    const changed = entries.findLast((entry) => entry.kind === "configuration");
    const configuration = changed?.configuration ?? base.configuration;
    if (isNoConfiguration(configuration)) throw receivedNothing(directory, old);
    return {
      hardState,
      last: entries.at(-1) ?? base,
      configuration,
      entries: entries.filter((entry) => entry.index > applied),
    };
  } finally {
    await store.close();
  }
}

function receivedNothing(directory: string, { clusterId }: Identity): IdentityError {
  return new IdentityError(
    "otherMembers",
    `${directory} belongs to a node that joined cluster "${clusterId}" and has received nothing of it yet; ` +
      "recover the directory of another node.",
  );
}

/** This node as it will be, where it was unless told otherwise. */
function selfIn(old: Identity, configuration: Configuration, { peer, api }: RecoverOptions): Member {
  const known = memberOf(configuration, old.id) ?? old.members.find(({ id }) => id === old.id);
  const { peer: oldPeer, api: oldApi } = defined(known, "recovery: identity.json names its own node");
  return { id: old.id, incarnation: drawIncarnation(), peer: peer ?? oldPeer, api: api ?? oldApi };
}

/** Brings the copy of the state to the end of the log. */
async function applyRest(making: string, clusterId: string, entries: readonly Entry[]): Promise<void> {
  const state = await StateStore.open({
    path: join(making, STATE_FILE),
    clusterId,
    initial: NO_CONFIGURATION,
  });
  try {
    for (let at = 0; at < entries.length; at += CHUNK_ENTRIES) {
      await state.apply(entries.slice(at, at + CHUNK_ENTRIES), false);
    }
    // No log stands behind this copy: what was only answered would be missing in it.
    await state.commit();
  } finally {
    await state.close();
  }
}

/** Steps 4 and 5. */
async function putInPlace(disk: Disk, directory: string): Promise<Recovery> {
  const folder = join(directory, RECOVERED_FOLDER);
  // It was written whole before the folder got this name.
  const recovery = JSON.parse(await readFile(join(folder, REPORT_FILE), "utf8")) as Recovery;
  for (const part of PARTS) {
    if (!existsSync(join(folder, part))) continue;
    // identity.json is replaced in one step, so that the directory is that of a node at every moment.
    if (part !== IDENTITY_FILE) rmSync(join(directory, part), { recursive: true, force: true });
    if (part === STATE_FILE) {
      // SQLite would replay the old state's WAL onto the new file.
      for (const suffix of ["-wal", "-shm", ".new"]) {
        rmSync(join(directory, STATE_FILE + suffix), { force: true });
      }
    }
    await disk.syncDirectory(directory);
    renameSync(join(folder, part), join(directory, part));
    await disk.syncDirectory(directory);
    await disk.syncDirectory(folder);
  }
  // In one step, because a folder of this name without its report would stand in the way for good.
  renameSync(folder, join(directory, MAKING_FOLDER));
  await disk.syncDirectory(directory);
  rmSync(join(directory, MAKING_FOLDER), { recursive: true, force: true });
  return recovery;
}
