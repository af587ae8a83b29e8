/**
 * The Raft algorithm as a pure state machine: no clock, no socket, no file, no callback, its randomness seeded.
 *
 *     raft.step({ kind: "tick" })                  // tell it what happened: time, messages, proposals, reads,
 *     raft.step({ kind: "receive", message })      // what the disk and the state machine have done
 *     const ready = raft.ready()                   // ask what to do, after one event or after several
 *
 * The driver's duties for each Ready, in this order:
 *
 *   1. begin `write` (one atomic batch; batches become durable in order); say `persisted(seq)` when it is durable
 *   2. `send` at once: the leader's disk and the network work at the same time
 *   3. hold each list of `sendAfter` until its `persisted(seq)` has been said: this is what keeps a promise from
 *      leaving before it is on disk
 *   4. `restore` the state machine, then `apply` entries in order; say `applied(index)` after each of the two
 *   5. answer a read of `reads` once the state machine has applied its index; try `readsFailed` again with
 *      fresh ids; settle the `outcomes` (a committed proposal is answered once what it gives is known)
 *   6. see to `sendSnapshot`, and say `snapshotSent` when the transfer has ended
 *   7. give `trace` to whoever watches
 *
 * Where to read on: `types.ts` and `messages.ts` are the nouns, `events.ts` the contract, `raft.ts` takes events
 * apart, `election.ts`, `leader.ts`, `replication.ts` and `follower.ts` hold the rules of the paper,
 * `configuration.ts` and `membership.ts` those of changing the cluster, `log.ts`,
 * `progress.ts`, `quorum.ts`, `reads.ts` and `proposals.ts` what they count with, `ledger.ts` and `outbox.ts` the
 * order in which things become durable, `invariants.ts` what must always hold. DESIGN.md tells where this
 * departs from the paper, and why.
 */

export { changeProblem, changesVoters, configurationAfter, leaveJoint, memberOf } from "./configuration.ts";
export type {
  ChangeRefusal,
  Event,
  LogWrite,
  ProposalOutcome,
  RaftOptions,
  RaftSettings,
  Ready,
  RoleKind,
  TraceEvent,
} from "./events.ts";
export { initialMeta, isUpToDate } from "./log.ts";
export type {
  Append,
  AppendResponse,
  Envelope,
  Heartbeat,
  HeartbeatResponse,
  Message,
  MessageKind,
  MessageOf,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestPreVote,
  RequestVote,
  TimeoutNow,
  VoteResponse,
} from "./messages.ts";
export type { Progress } from "./progress.ts";
export {
  configurationProblem,
  isNoConfiguration,
  isQuorum,
  isVoter,
  majority,
  NO_CONFIGURATION,
  peersOf,
  quorumIndex,
  tally,
  type VoteTally,
} from "./quorum.ts";
export { Raft } from "./raft.ts";
export type { RaftStatus } from "./status.ts";
export {
  before,
  type Configuration,
  type ConfigurationChange,
  chainHash,
  type Entry,
  type EntryBody,
  type EntryId,
  entryBytes,
  type HardState,
  type Index,
  index,
  isNodeId,
  type Member,
  minIndex,
  type NodeId,
  next,
  nodeId,
  type ProposalId,
  type ReadId,
  type RemovedMember,
  type SnapshotMeta,
  type Term,
  term,
} from "./types.ts";
