/**
 * Changing who belongs to the cluster (§6): joint consensus for every change of voters, in force when appended, one
 * change at a time. Rules R1 to R9 are listed in DESIGN.md.
 */

import { assert } from "../base/index.ts";
import { changeProblem, configurationAfter, leaveJoint } from "./configuration.ts";
import type { ChangeRefusal } from "./events.ts";
import type { ProposalRefusal } from "./leader.ts";
import { initialProgress } from "./progress.ts";
import { peersOf } from "./quorum.ts";
import { replicateToAll } from "./replication.ts";
import { becomeFollower, leaderRole } from "./roles.ts";
import { isHandingOver, type Leader, type State, say } from "./state.ts";
import { mostUpToDatePeer } from "./transfer.ts";
import type { Configuration, ConfigurationChange, NodeId, ProposalId } from "./types.ts";

/** Appends the configuration that `change` makes, or says why not. */
export function proposeConfiguration(
  state: State,
  { id, change }: { readonly id: ProposalId; readonly change: ConfigurationChange },
): ChangeRefusal | ProposalRefusal | undefined {
  const { role, log } = state;
  if (role.kind !== "leader") return "notLeader";
  if (isHandingOver(state)) return "transferring";
  // Without an entry of its own term committed, a leader may hold a configuration that another one has overtaken
  // unseen, and two changes could be made that share no quorum (R1, T34).
  if (log.committed < role.opened) return "notOpened";
  if (!log.isConfigurationCommitted || log.configuration.outgoing.length > 0) return "changing";
  if (changeProblem(log.configuration, change) !== undefined) return "invalid";
  if (change.promote.some((learner) => !hasCaughtUp(role, learner))) return "behind";
  const entry = appendConfiguration(state, configurationAfter(log.configuration, change));
  state.proposals.add(id, { index: entry.index, term: entry.term });
  return undefined;
}

/** Whether a learner keeps up, so that as a voter it would not hold up the commit (R7, T43). */
export function hasCaughtUp({ progress, earlierCommit }: Leader, id: NodeId): boolean {
  const known = progress.get(id);
  return known?.state === "replicate" && known.match >= earlierCommit;
}

/** In force at once, for this leader too: from here on it sends to, and counts, the nodes named in it (R2). */
function appendConfiguration(
  state: State,
  configuration: Configuration,
): { readonly index: State["log"]["last"]["index"]; readonly term: State["term"] } {
  const role = leaderRole(state);
  assert(state.log.isConfigurationCommitted, "membership: one uncommitted configuration at a time (I12)");
  const before = state.log.last.index;
  const entry = state.log.extend(state.term, { kind: "configuration", configuration });
  const peers = peersOf(configuration, state.self);
  for (const id of role.progress.keys()) if (!peers.includes(id)) role.progress.delete(id);
  for (const id of peers) if (!role.progress.has(id)) role.progress.set(id, initialProgress(before));
  replicateToAll(state);
  return entry;
}

/**
 * What a leader does by itself as soon as it may: whoever leads ends a joint configuration (R3, T36, T37), and a
 * leader that the committed configuration does not name as a voter hands over and steps down (R6).
 */
export function tendMembership(state: State): void {
  const role = leaderRole(state);
  const { log, self } = state;
  const { voters, outgoing } = log.configuration;
  if (outgoing.length === 0 && voters.includes(self)) return;
  if (!log.isConfigurationCommitted || log.committed < role.opened) return;
  if (outgoing.length > 0) {
    // Whoever takes over must hold the whole log, so nothing is added to it meanwhile.
    if (role.transfer === undefined) appendConfiguration(state, leaveJoint(log.configuration));
    return;
  }
  const successor = mostUpToDatePeer(state);
  if (successor !== undefined) say(state, successor, { kind: "timeoutNow" });
  becomeFollower(state, { term: state.term, leader: undefined, why: "it is no voter any more" });
}
