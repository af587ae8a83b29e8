/** Entering and leaving roles (§5.1, figure 4). */

import { assert } from "../base/index.ts";
import { ForwardedReads } from "./reads.ts";
import { drawTimeout, type Leader, type State, say, traceRole } from "./state.ts";
import type { NodeId, Term } from "./types.ts";

/** The leader role, which the caller has checked to be there. */
export function leaderRole(state: State): Leader {
  assert(state.role.kind === "leader", "leader: only a leader does this");
  return state.role;
}

/** Enters the follower role. A higher term frees the vote; the same term keeps it (T05). */
export function becomeFollower(
  state: State,
  into: { readonly term: Term; readonly leader: NodeId | undefined; readonly why: string },
): void {
  assert(into.term >= state.term, "election: terms never go back");
  leaveRole(state);
  if (into.term > state.term) {
    state.term = into.term;
    state.vote = undefined;
  }
  state.role = {
    kind: "follower",
    leader: into.leader,
    ticks: 0,
    timeout: drawTimeout(state),
    hasVoted: false,
    forwarded: new ForwardedReads(),
  };
  traceRole(state, into.why);
  state.trace.push({ kind: "leader", leader: into.leader, term: state.term });
}

/** Ends what hangs on the present role: every read that waits on it fails, and is tried again by its owner. */
export function leaveRole(state: State): void {
  const { role } = state;
  if (role.kind === "follower") state.readsFailed.push(...role.forwarded.takeAll());
  if (role.kind !== "leader") return;
  for (const read of role.reads.takeAll()) {
    if (read.origin === state.self) state.readsFailed.push(read.id);
    else say(state, read.origin, { kind: "readIndexResponse", id: read.id, ok: false });
  }
  if (role.transfer !== undefined) state.trace.push({ kind: "transfer", to: role.transfer.to, ended: true });
  state.uncommittedBytes = 0;
}
