/** The leader's duties: its own term's first entry, proposals, heartbeats, reads, transfer (§5.3, §8, thesis §6). */

import { assert } from "../base/index.ts";
import type { MessageOf } from "./messages.ts";
import { initialProgress, type Progress, toProbe, withActive } from "./progress.ts";
import { isQuorum, isVoter, peersOf } from "./quorum.ts";
import { broadcastHeartbeat, maybeConfirmReads } from "./read-index.ts";
import { ReadRounds } from "./reads.ts";
import { maybeCommit, replicate, replicateToAll, tellCommit } from "./replication.ts";
import { becomeFollower, leaderRole } from "./roles.ts";
import { isHandingOver, type State, say, traceRole } from "./state.ts";
import { maybeFinishTransfer, mostUpToDatePeer } from "./transfer.ts";
import { entryBytes, type NodeId, type ProposalId } from "./types.ts";

/** Takes office: everything else waits until an entry of this term is committed (§5.4.2, §8). */
export function becomeLeader(state: State): void {
  const { log, ledger, self } = state;
  assert(state.role.kind === "candidate", "leader: only a candidate takes office");
  assert(state.vote === self, "leader: a leader voted for itself");
  assert(ledger.durableTerm === state.term, "leader: the own vote is durable before office is taken (P3)");
  assert(ledger.durable === log.last.index, "leader: the own log is durable before office is taken (P3)");
  const progress = new Map(
    peersOf(log.configuration, self).map((id) => [id, initialProgress(log.last.index)]),
  );
  const opening = log.extend(state.term, { kind: "noop" });
  state.uncommittedBytes = 0;
  state.role = {
    kind: "leader",
    progress,
    reads: new ReadRounds(),
    opened: opening.index,
    heartbeatTicks: 0,
    quorumTicks: 0,
    newsTicks: 0,
    earlierCommit: opening.index,
    transfer: undefined,
  };
  traceRole(state, "a majority voted for it");
  state.trace.push({ kind: "leader", leader: self, term: state.term });
  replicateToAll(state);
}

/** Why a proposal cannot be taken, or nothing. */
export type ProposalRefusal = "notLeader" | "transferring" | "overloaded";

/** Appends a proposal to the log, or says why not. Bounded: a leader refuses rather than grows (T26). */
export function propose(
  state: State,
  proposal: { readonly id: ProposalId; readonly data: Uint8Array; readonly crc: number },
): ProposalRefusal | undefined {
  const { role, settings } = state;
  if (role.kind !== "leader") return "notLeader";
  if (isHandingOver(state)) return "transferring";
  const body = { kind: "command", data: proposal.data, crc: proposal.crc } as const;
  // Weighed as it will be when it is committed and taken off again, so that nothing is left over (T26).
  const full = state.uncommittedBytes + entryBytes(body) > settings.uncommittedBytesMax;
  if (full && state.uncommittedBytes > 0) return "overloaded";
  const entry = state.log.extend(state.term, body);
  state.uncommittedBytes += entryBytes(body);
  state.proposals.add(proposal.id, { index: entry.index, term: entry.term });
  replicateToAll(state);
  return undefined;
}

export function tickLeader(state: State): void {
  const role = leaderRole(state);
  if (state.ledger.waitingTicks >= state.settings.electionTicks) return abandonStalledDisk(state);
  role.quorumTicks++;
  if (role.quorumTicks >= state.settings.electionTicks && !checkQuorum(state)) return;
  tickTransfer(state);
  tickSnapshots(state);
  role.newsTicks++;
  if (role.newsTicks >= state.settings.commitNewsTicks) tellCommit(state);
  role.heartbeatTicks++;
  if (role.heartbeatTicks >= state.settings.heartbeatTicks) broadcastHeartbeat(state);
}

/**
 * A leader whose own disk has not answered for an election timeout must not keep the cluster: it can still
 * replicate, but it can neither apply nor answer. It hands over to whoever holds the whole log, and steps down.
 */
function abandonStalledDisk(state: State): void {
  const successor = mostUpToDatePeer(state);
  const match = successor === undefined ? undefined : leaderRole(state).progress.get(successor)?.match;
  if (successor !== undefined && match === state.log.last.index)
    say(state, successor, { kind: "timeoutNow" });
  becomeFollower(state, { term: state.term, leader: undefined, why: "its own disk has stalled" });
}

/** Steps down unless a quorum was heard of since the last check (thesis §6.2). */
function checkQuorum(state: State): boolean {
  const role = leaderRole(state);
  const { log, self } = state;
  role.quorumTicks = 0;
  role.earlierCommit = log.committed;
  const live = isQuorum(log.configuration, (id) => id === self || role.progress.get(id)?.active === true);
  if (!live) {
    becomeFollower(state, { term: state.term, leader: undefined, why: "no quorum answers" });
    return false;
  }
  for (const [id, progress] of role.progress) role.progress.set(id, afterCheck(progress));
  return true;
}

/**
 * What was on its way to a peer that has been silent for so long is lost, probably: probe it before sending more. A
 * learner that is silent is not caught up either, whatever it once held (R7).
 */
function afterCheck(progress: Progress): Progress {
  if (!progress.active && progress.state === "replicate") return toProbe(progress);
  return withActive(progress, false);
}

/** A transfer that takes longer than an election is given up, and writes go on (thesis §3.10). */
function tickTransfer(state: State): void {
  const role = leaderRole(state);
  if (role.transfer === undefined) return;
  role.transfer.ticks++;
  if (role.transfer.ticks < state.settings.electionTicks) return;
  state.trace.push({ kind: "transfer", to: role.transfer.to, ended: true });
  role.transfer = undefined;
}

/** A snapshot transfer of which nothing is heard ends too, so that a lost word cannot stall a peer for good. */
function tickSnapshots(state: State): void {
  const role = leaderRole(state);
  for (const [id, progress] of role.progress) {
    if (progress.state !== "snapshot") continue;
    const ticks = progress.ticks + 1;
    if (ticks < state.settings.snapshotTicks) {
      role.progress.set(id, { ...progress, ticks });
      continue;
    }
    role.progress.set(id, toProbe(progress));
    state.trace.push({ kind: "progress", peer: id, state: "probe" });
  }
}

export function handleHeartbeatResponse(state: State, message: MessageOf<"heartbeatResponse">): void {
  const role = leaderRole(state);
  const progress = role.progress.get(message.from);
  if (progress === undefined) return;
  role.reads.answered(message.from, message.round);
  role.progress.set(message.from, roomForOne(withActive(progress, true)));
  // An answer shows that the peer lives; if it lacks entries, the last append or its answer was lost (T23, T27).
  if (progress.match < state.log.last.index || progress.state === "probe")
    replicate(state, message.from, true);
  maybeConfirmReads(state);
}

/** Lets one more append out: the pipeline must not stay shut because answers were lost. */
function roomForOne(progress: ReturnType<typeof withActive>): ReturnType<typeof withActive> {
  if (progress.state === "probe") return { ...progress, paused: false };
  if (progress.state === "replicate") return { ...progress, inflight: progress.inflight.slice(1) };
  return progress;
}

/** The leader's own entries have become durable: they count now (P6). */
export function handleOwnProgress(state: State): void {
  if (maybeCommit(state)) replicateToAll(state);
}

/** Begins a transfer to `to`, or to the voter whose log reaches furthest. Refused for learners and strangers. */
export function transfer(state: State, to: NodeId | undefined): void {
  const role = leaderRole(state);
  const target = to ?? mostUpToDatePeer(state);
  if (target === undefined || target === state.self || !isVoter(state.log.configuration, target)) return;
  if (role.transfer !== undefined) return;
  role.transfer = { to: target, ticks: 0 };
  state.trace.push({ kind: "transfer", to: target, ended: false });
  if (!maybeFinishTransfer(state)) replicate(state, target, true);
}
