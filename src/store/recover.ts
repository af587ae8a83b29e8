/** Checks the log, state.db and the snapshots against each other at start, and says what is left to finish. Pure. */

import {
  type Entry,
  type EntryId,
  type HardState,
  type Index,
  index,
  type LogWrite,
  type SnapshotMeta,
  term,
} from "../raft/index.ts";
import { CorruptionError } from "./errors.ts";
import type { LocalSnapshot } from "./types.ts";
import { chainAt } from "./wal-read.ts";

/** What was found in a data directory, part by part. */
export interface Found {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  /** Contiguous, from the one after `base` on. */
  readonly entries: readonly Entry[];
  /** How far state.db has been applied. */
  readonly state: SnapshotMeta;
  readonly snapshots: readonly LocalSnapshot[];
}

/** What must be done before the node can start. */
export interface Repair {
  /** Arrived whole, but its installation was not recorded in the log yet: record it. */
  readonly install: SnapshotMeta | undefined;
  /** Replace state.db by this snapshot. */
  readonly restore: LocalSnapshot | undefined;
  /** The snapshot that the log relies on is gone, though the state is at hand: take another. */
  readonly takeSnapshot: boolean;
}

/**
 * Judges what was found.
 * @throws {CorruptionError} the parts contradict each other, or something acknowledged is missing.
 */
export function planRepair(found: Found): Repair {
  const { base, entries, state, snapshots } = found;
  const last = entries.at(-1)?.index ?? base.index;
  checkAgreement("state.db", state, found);
  const known = knownCommitted(found);
  let goesBeyond = false;
  for (const snapshot of snapshots) {
    const { meta } = snapshot.manifest;
    goesBeyond = meta.index > last || givesWay(snapshot, known, found);
    if (!goesBeyond || snapshot.origin === "taken") checkAgreement("snapshots", meta, found);
  }
  const latest = snapshots.at(-1);
  if (latest !== undefined && goesBeyond) {
    return { install: latest.manifest.meta, restore: latest, takeSnapshot: false };
  }
  const reaches = latest !== undefined && latest.manifest.meta.index >= base.index;
  if (state.index >= base.index) {
    return { install: undefined, restore: undefined, takeSnapshot: base.index > 0 && !reaches };
  }
  if (reaches) return { install: undefined, restore: latest, takeSnapshot: false };
  throw new CorruptionError({
    file: "state.db",
    found: `it holds the entries up to ${state.index}, the log begins after ${base.index}, and no snapshot closes the gap`,
  });
}

/** Up to where the history in the log is known to be the committed one. */
function knownCommitted({ hardState, base, entries, state, snapshots }: Found): Index {
  const agreeing = snapshots
    .map(({ manifest }) => manifest.meta)
    .filter(({ index: at, chain }) => chainAt(base, entries, at) === chain);
  const positions = [hardState.commit, base.index, state.index, ...agreeing.map((meta) => meta.index)];
  return index(Math.max(...positions));
}

/**
 * Whether the log gives way to a snapshot that lies within it, as it would have while running (T45): what the
 * log holds there was never committed, and the snapshot, which is, arrived before its installation was recorded.
 */
function givesWay({ manifest, origin }: LocalSnapshot, known: Index, { base, entries }: Found): boolean {
  const { meta } = manifest;
  if (origin === "taken" || meta.index <= known) return false;
  const held = entries[meta.index - base.index - 1];
  // One index in one term is one entry: with another chain there, one of the two is damaged.
  return held !== undefined && held.term !== meta.term;
}

/** Whether a position that was reached once is one that the log knows too. */
function checkAgreement(
  file: string,
  at: EntryId & { readonly chain: number },
  { base, entries }: Found,
): void {
  const last = entries.at(-1)?.index ?? base.index;
  if (at.index > last) {
    const found = `entry ${at.index} was committed (it is in ${file}), and the log ends at entry ${last}`;
    throw new CorruptionError({ file: "log/", found });
  }
  const chain = chainAt(base, entries, at.index);
  if (chain === undefined || chain === at.chain) return;
  throw new CorruptionError({
    file,
    found: `up to entry ${at.index} it holds another history than the log, whose chain of hashes differs there`,
  });
}

/** The log as it is once `repair` has been carried out, and the write that records that, if there is one. */
export function repairedLog(
  { install }: Repair,
  { hardState, base, entries }: Pick<Found, "hardState" | "base" | "entries">,
): Pick<Found, "hardState" | "base" | "entries"> & { readonly write: LogWrite | undefined } {
  if (install === undefined) return { hardState, base, entries, write: undefined };
  const after = hardStateAfterInstall(hardState, install);
  const write: LogWrite = { seq: 0, hardState: after, append: [], install };
  return { hardState: after, base: install, entries: [], write };
}

/** The hard state with which a snapshot's installation is recorded: nothing in the log is of a later term. */
export function hardStateAfterInstall(hardState: HardState, snapshot: SnapshotMeta): HardState {
  if (snapshot.term <= hardState.term) return { ...hardState, commit: snapshot.index };
  return { term: term(snapshot.term), vote: undefined, commit: snapshot.index };
}

/** The hard state with the commit index raised to all that is known to be committed (P8: it is written late). */
export function withKnownCommit(hardState: HardState, applied: Index, base: SnapshotMeta): HardState {
  const commit = index(Math.max(hardState.commit, applied, base.index));
  return commit === hardState.commit ? hardState : { ...hardState, commit };
}
