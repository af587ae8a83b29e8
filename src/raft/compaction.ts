/** Forgetting the log behind a durable snapshot (§7, P11). */

import { assert } from "../base/index.ts";
import { isNoConfiguration } from "./quorum.ts";
import type { State } from "./state.ts";
import { type Index, minIndex, type SnapshotMeta } from "./types.ts";

/** A durable snapshot allows the log before it to be forgotten, but for a tail that helps slow followers. */
export function compact(state: State, snapshot: SnapshotMeta): void {
  const { log } = state;
  if (state.snapshot !== undefined && snapshot.index <= state.snapshot.index) return;
  assert(snapshot.index <= log.applied, "raft: a snapshot holds applied entries only");
  state.snapshot = snapshot;
  if (snapshot.index <= log.base.index) return;
  assert(log.chainAt(snapshot.index) === snapshot.chain, "raft: the snapshot is of this log");
  assert(
    log.metaAt(snapshot.index).configurationIndex === snapshot.configurationIndex,
    "raft: a snapshot holds the configuration in force at its index, committed with it (R8)",
  );
  const at = compactionPoint(state, minIndex(snapshot.index, log.applied));
  if (at <= log.base.index) return;
  // A node that joined learns of a configuration somewhere in the log; what it begins with after a restart must not
  // lie before that place.
  if (isNoConfiguration(log.metaAt(at).configuration)) return;
  log.compactTo(at);
  state.ledger.compacted(log.base);
  state.trace.push({ kind: "compact", index: at });
}

/**
 * Where the log may be cut, at most at `limit`. Everyone keeps a short tail. A leader also keeps what its live
 * peers lack, and what a peer will lack that is being sent a snapshot: otherwise the log would have moved on
 * before the peer is there, and it would be sent one snapshot after the other. All within `retainedBytesMax`.
 */
function compactionPoint({ log, role, settings }: State, limit: Index): Index {
  const trailing = log.compactionPoint(limit, {
    entries: settings.trailingEntriesMax,
    bytes: settings.trailingBytesMax,
  });
  if (role.kind !== "leader") return trailing;
  let needed = trailing;
  for (const progress of role.progress.values()) {
    if (progress.state === "snapshot") needed = minIndex(needed, progress.pending);
    else if (progress.active) needed = minIndex(needed, progress.match);
  }
  if (needed === trailing) return trailing;
  const most = log.compactionPoint(limit, {
    entries: Number.POSITIVE_INFINITY,
    bytes: settings.retainedBytesMax,
  });
  return minIndex(trailing, needed > most ? needed : most);
}
