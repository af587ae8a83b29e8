/** Elections (§5.2, §5.4.1; pre-vote and transfer: thesis §9.6 and §3.10). */

import { assert } from "../base/index.ts";
import { becomeLeader } from "./leader.ts";
import { isUpToDate } from "./log.ts";
import type { MessageOf } from "./messages.ts";
import { isVoter, tally } from "./quorum.ts";
import { becomeFollower, leaveRole } from "./roles.ts";
import { drawTimeout, hasLiveLeader, leaderOf, type State, say, sayInTerm, traceRole } from "./state.ts";
import { type NodeId, type Term, term } from "./types.ts";

/**
 * Whether this node may ask for votes: a voter of the configuration in force or of the committed one (R4), no
 * snapshot half installed, and a disk that answers.
 */
export function mayCampaign(state: State): boolean {
  const { log, ledger, self, settings } = state;
  return (
    (isVoter(log.configuration, self) || isVoter(log.committedConfiguration, self)) &&
    !ledger.installing &&
    ledger.waitingTicks < settings.electionTicks
  );
}

/** Asks whether an election could be won, before disturbing anyone with a new term. */
export function preCampaign(state: State): void {
  assert(state.role.kind !== "leader", "election: a leader does not campaign");
  leaveRole(state);
  const votes = new Map<NodeId, boolean>();
  state.role = { kind: "preCandidate", votes, ticks: 0, timeout: drawTimeout(state) };
  traceRole(state, "no word from a leader");
  state.trace.push({ kind: "leader", leader: undefined, term: state.term });
  const asked = term(state.term + 1);
  for (const id of otherVoters(state)) {
    sayInTerm(state, id, { term: asked, body: { kind: "requestPreVote", last: lastOf(state) } });
  }
  countPreVote(state, state.self, true);
}

/**
 * A link to a peer stands. Whoever knows no leader asks soon instead of waiting out its timer: nodes that were all started
 * together have one as soon as a majority is there. Where a leader lives, the one asked refuses, and nobody is disturbed
 * (thesis §9.6). The moment is drawn once, from half an election timeout, so that those that meet do not all ask at once.
 */
export function hasten(state: State): void {
  const { prng, role, settings } = state;
  if (role.kind === "leader" || role.kind === "candidate" || leaderOf(state) !== undefined) return;
  // A higher term would end the election for which it has just voted.
  if (role.kind === "follower" && role.hasVoted) return;
  const soon = Math.ceil(settings.electionTicks / 2);
  if (role.timeout - role.ticks <= soon) return;
  role.ticks = role.timeout - prng.between(1, soon);
}

/** Starts an election: next term, own vote, requests that leave once both and the whole log are durable (P3). */
export function campaign(state: State, transfer: boolean): void {
  assert(state.role.kind !== "leader", "election: a leader does not campaign");
  leaveRole(state);
  state.term = term(state.term + 1);
  state.vote = state.self;
  state.role = { kind: "candidate", votes: new Map(), ticks: 0, timeout: drawTimeout(state) };
  traceRole(state, transfer ? "the leader hands over" : "the pre-vote was won");
  state.trace.push({ kind: "leader", leader: undefined, term: state.term });
  for (const id of otherVoters(state)) say(state, id, { kind: "requestVote", last: lastOf(state), transfer });
}

function otherVoters({ log, self }: State): readonly NodeId[] {
  const { voters, outgoing } = log.configuration;
  return [...new Set([...voters, ...outgoing])].filter((id) => id !== self);
}

function lastOf({ log }: State): { index: typeof log.last.index; term: Term } {
  return { index: log.last.index, term: log.last.term };
}

/** Counts the own vote once it and the whole log are on disk, so that a leader always holds both (P3). */
export function maybeVoteForSelf(state: State): void {
  const { role, ledger, log, self } = state;
  if (role.kind !== "candidate" || role.votes.has(self)) return;
  if (ledger.durableTerm < state.term || ledger.durable < log.last.index) return;
  countVote(state, self, true);
}

/**
 * Answers a pre-vote. Nothing changes here and nothing is written: not the term, not the vote, not the timer.
 * A live leader other than the asker is protected (T09: the leader itself may ask after it stepped down).
 */
export function handleRequestPreVote(state: State, message: MessageOf<"requestPreVote">): void {
  const leader = leaderOf(state);
  if (hasLiveLeader(state) && leader !== message.from && message.term >= state.term) return;
  const granted = message.term > state.term && isUpToDate(message.last, state.log.last);
  // A refusal bears our own term, so that an asker who is behind learns of it (T08).
  const answer = granted ? message.term : state.term;
  sayInTerm(state, message.from, { term: answer, body: { kind: "preVoteResponse", granted } });
}

export function handlePreVoteResponse(state: State, message: MessageOf<"preVoteResponse">): void {
  if (state.role.kind !== "preCandidate") return;
  if (message.granted && message.term !== state.term + 1) return;
  countPreVote(state, message.from, message.granted);
}

function countPreVote(state: State, from: NodeId, granted: boolean): void {
  const { role } = state;
  assert(role.kind === "preCandidate", "election: pre-votes are counted by a pre-candidate");
  if (!isVoter(state.log.configuration, from)) return;
  if (!role.votes.has(from)) role.votes.set(from, granted);
  switch (tally(state.log.configuration, role.votes)) {
    case "won":
      return campaign(state, false);
    case "lost":
      return becomeFollower(state, { term: state.term, leader: undefined, why: "the pre-vote was lost" });
    case "pending":
  }
}

/** Answers a vote request of the present term; a higher one has been entered before. */
export function handleRequestVote(state: State, message: MessageOf<"requestVote">): void {
  assert(message.term === state.term, "election: the term gate let another term through");
  const mayVote =
    state.vote === message.from || // a repeat of the vote we gave,
    (state.vote === undefined && leaderOf(state) === undefined); // or we are free and know no leader (T06);
  const granted = mayVote && isUpToDate(message.last, state.log.last); // and it knows all that we know.
  if (granted) {
    state.vote = message.from;
    // A pre-candidate that gives its vote away waits for the outcome; a follower begins to wait anew.
    if (state.role.kind === "follower") state.role.ticks = 0;
    else becomeFollower(state, { term: state.term, leader: undefined, why: "gave its vote" });
    if (state.role.kind === "follower") state.role.hasVoted = true;
  }
  say(state, message.from, { kind: "voteResponse", granted });
}

export function handleVoteResponse(state: State, message: MessageOf<"voteResponse">): void {
  assert(message.term === state.term, "election: the term gate let another term through");
  if (state.role.kind !== "candidate") return;
  countVote(state, message.from, message.granted);
}

function countVote(state: State, from: NodeId, granted: boolean): void {
  const { role, log } = state;
  assert(role.kind === "candidate", "election: votes are counted by a candidate");
  if (!isVoter(log.configuration, from)) return;
  // The first answer counts; a repeat changes nothing.
  if (!role.votes.has(from)) role.votes.set(from, granted);
  switch (tally(log.configuration, role.votes)) {
    case "won":
      return becomeLeader(state);
    case "lost":
      return becomeFollower(state, { term: state.term, leader: undefined, why: "the election was lost" });
    case "pending":
  }
}

/** The leader hands over: campaign at once, without a pre-vote, which would be refused while it lives (T11). */
export function handleTimeoutNow(state: State, message: MessageOf<"timeoutNow">): void {
  assert(message.term === state.term, "election: the term gate let another term through");
  if (state.role.kind === "leader" || !mayCampaign(state)) return;
  campaign(state, true);
}
