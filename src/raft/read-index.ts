/** The leader's side of ReadIndex (thesis §6.4): rounds of heartbeats that confirm it still leads. */

import { leaderRole } from "./roles.ts";
import { type State, say } from "./state.ts";
import { minIndex, type NodeId, type ReadId } from "./types.ts";

/** Tells every peer that this node leads, and which round of reads the answer will confirm. */
export function broadcastHeartbeat(state: State): void {
  const role = leaderRole(state);
  role.heartbeatTicks = 0;
  for (const [id, progress] of role.progress) {
    // Never more than the peer is known to hold, or a follower would commit what it does not have (T16, T17).
    const commit = minIndex(progress.match, state.log.committed);
    say(state, id, {
      kind: "heartbeat",
      commit,
      leaderCommit: state.log.committed,
      round: role.reads.number,
    });
  }
}

/** Takes a read: answered once a round of heartbeats that begins later is confirmed (thesis §6.4). */
export function addRead(state: State, read: { readonly id: ReadId; readonly origin: NodeId }): void {
  leaderRole(state).reads.add(read);
}

/**
 * Begins a round for the waiting reads. Not before an entry of this term is committed: until then the leader may
 * not know of everything that was acknowledged (T28), and that holds for a single node too (T29).
 */
export function maybeBeginReads(state: State): void {
  const role = leaderRole(state);
  if (state.log.committed < role.opened) return;
  if (role.reads.maybeBegin(state.log.committed)) broadcastHeartbeat(state);
  maybeConfirmReads(state);
}

export function maybeConfirmReads(state: State): void {
  const role = leaderRole(state);
  const round = role.reads.takeConfirmed(state.log.configuration, state.self);
  if (round === undefined) return;
  for (const { id, origin } of round.reads) {
    if (origin === state.self) state.reads.push({ id, index: round.index });
    else say(state, origin, { kind: "readIndexResponse", id, ok: true, index: round.index });
  }
}
