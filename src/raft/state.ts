/** The state of the algorithm (figure 2 of the paper), shared by the files that hold its rules. */

import type { Prng } from "../base/index.ts";
import type { RaftSettings, RoleKind, TraceEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import type { RaftLog } from "./log.ts";
import type { Message } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { Progress } from "./progress.ts";
import type { Proposals } from "./proposals.ts";
import { isVoter } from "./quorum.ts";
import type { ForwardedReads, ReadRounds } from "./reads.ts";
import type { Index, NodeId, ReadId, SnapshotMeta, Term } from "./types.ts";

/** Roles own their fields: a follower cannot have votes, a leader cannot lack progress. */
export type Role = Follower | PreCandidate | Candidate | Leader;

export interface Follower {
  readonly kind: "follower";
  leader: NodeId | undefined;
  /** Ticks since this node last heard from `leader`, or since the role began. */
  ticks: number;
  timeout: number;
  /** Whether it has given its vote since the role began, and waits for what comes of it. */
  hasVoted: boolean;
  readonly forwarded: ForwardedReads;
}

export interface PreCandidate {
  readonly kind: "preCandidate";
  readonly votes: Map<NodeId, boolean>;
  ticks: number;
  timeout: number;
}

export interface Candidate {
  readonly kind: "candidate";
  readonly votes: Map<NodeId, boolean>;
  ticks: number;
  timeout: number;
}

export interface Leader {
  readonly kind: "leader";
  readonly progress: Map<NodeId, Progress>;
  readonly reads: ReadRounds;
  /** The entry that opened the term; until it is committed no read is answered (§8). */
  readonly opened: Index;
  heartbeatTicks: number;
  quorumTicks: number;
  newsTicks: number;
  /** What was committed at a moment no longer ago than an election timeout: a learner that holds it keeps up (R7). */
  earlierCommit: Index;
  transfer: Transfer | undefined;
}

/** A leadership transfer under way (thesis §3.10). */
export interface Transfer {
  readonly to: NodeId;
  ticks: number;
}

export interface State {
  readonly self: NodeId;
  readonly settings: RaftSettings;
  readonly prng: Prng;
  readonly log: RaftLog;
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly proposals: Proposals;
  term: Term;
  vote: NodeId | undefined;
  role: Role;
  /** The latest durable snapshot of this node. */
  snapshot: SnapshotMeta | undefined;
  /** Bytes of this leader's proposals that are not committed. */
  uncommittedBytes: number;
  /**
   * Added to the id of each read that is forwarded. Drawn anew at each start: the answer to a read of the process
   * before this one must not be taken for that to a read of this one, whose ids begin again (T30).
   */
  readonly forwardedBase: number;
  /** What the next Ready hands out. */
  readonly reads: { readonly id: ReadId; readonly index: Index }[];
  readonly readsFailed: ReadId[];
  readonly sendSnapshot: { readonly to: NodeId; readonly snapshot: SnapshotMeta }[];
  readonly trace: TraceEvent[];
}

/** A timeout for the next election, drawn anew each time so that split votes resolve (§5.2, T13). */
export function drawTimeout({ prng, settings }: State): number {
  return prng.between(settings.electionTicks, 2 * settings.electionTicks - 1);
}

export function roleKind(state: State): RoleKind {
  if (state.role.kind !== "follower") return state.role.kind;
  return isVoter(state.log.configuration, state.self) ? "follower" : "learner";
}

/** Who leads this term, as far as this node knows. */
export function leaderOf(state: State): NodeId | undefined {
  if (state.role.kind === "leader") return state.self;
  return state.role.kind === "follower" ? state.role.leader : undefined;
}

/** Whether this node leads or has heard from a leader within an election timeout (thesis §4.2.3). */
export function hasLiveLeader(state: State): boolean {
  const { role, settings } = state;
  if (role.kind === "leader") return true;
  return role.kind === "follower" && role.leader !== undefined && role.ticks < settings.electionTicks;
}

/**
 * Whether this leader takes no more proposals: it is about to hand over, or it is no voter of the configuration in
 * force and steps down once that is committed (R6). What it took before then is committed with it; of anything it
 * took later it might never hear again, since nobody sends the log to a node that has left.
 */
export function isHandingOver({ role, log, self }: State): boolean {
  return role.kind === "leader" && (role.transfer !== undefined || !isVoter(log.configuration, self));
}

/** A message without what every message says. */
type Body<M> = M extends Message ? Omit<M, "from" | "to" | "term"> : never;

/** Queues a message in the present term. */
export function say(state: State, to: NodeId, body: Body<Message>): void {
  sayInTerm(state, to, { term: state.term, body });
}

/** Queues a message that bears another term: pre-votes and their grants. */
export function sayInTerm(state: State, to: NodeId, what: { term: Term; body: Body<Message> }): void {
  state.outbox.push({ ...what.body, from: state.self, to, term: what.term } as Message);
}

export function traceRole(state: State, why: string): void {
  state.trace.push({ kind: "role", role: roleKind(state), term: state.term, why });
}
