/** What a node offers to the HTTP API: writes, reads, its state. `NodeService` is implemented by `startNode`. */

import type { ErrorCode } from "../base/index.ts";
import type { Command, Outcome } from "../counter/index.ts";
import type { Configuration, Member, NodeId, RoleKind } from "../raft/index.ts";
import type { Query, QueryAnswer, SnapshotManifest } from "../store/index.ts";
import type { LiveSource } from "./live-types.ts";

/** A refusal by the node itself, as opposed to one by the state machine. */
export interface NodeRefusal {
  readonly kind: "failed";
  readonly code: Extract<
    ErrorCode,
    "NO_LEADER" | "OVERLOADED" | "SHUTTING_DOWN" | "READ_TIMEOUT" | "STATE_DIVERGED" | "OUTCOME_UNKNOWN"
  >;
  readonly detail: string;
  readonly retryAfterMs: number;
}

/** How a write ended. Each ends exactly once. */
export type WriteResult =
  | { readonly kind: "applied"; readonly outcome: Outcome; readonly index: number; readonly term: number }
  /** Not done here: the leader takes writes, at this URL. */
  | { readonly kind: "redirect"; readonly leader: NodeId; readonly url: string }
  | NodeRefusal;

export type ReadResult =
  | {
      readonly kind: "answer";
      readonly answer: QueryAnswer;
      /** The state that answered had applied the log up to here. */
      readonly index: number;
      readonly term: number;
      /**
       * For a stale read: ms since this node last heard from a leader, or as leader from a majority; undefined if it
       * has not since it started. 0 for a linearizable read.
       */
      readonly ageMs: number | undefined;
    }
  | NodeRefusal;

export type Consistency = "linearizable" | "stale";

export interface PeerStatus {
  readonly id: NodeId;
  readonly api: string;
  readonly peer: string;
  readonly reachable: boolean;
  readonly roundTripMs: number | undefined;
  /** Known on the leader only. */
  readonly match: number | undefined;
  readonly state: "probe" | "replicate" | "snapshot" | undefined;
}

export interface NodeStatus {
  readonly id: NodeId;
  /** The random identity that this node's data directory drew; "" until the directory is open. */
  readonly incarnation: string;
  /** "" while the node has not learnt to which cluster it belongs. */
  readonly clusterId: string;
  /** host:port at which its peers reach this node, as it was told. */
  readonly peerAddress: string;
  /** The URL that clients are sent to, as it was told. */
  readonly apiUrl: string;
  /**
   * `joining`: asks a cluster that runs already to take it in. `forming`: waits for the other initial members.
   * `running`: takes part, be it as a learner.
   */
  readonly state: "joining" | "forming" | "running";
  readonly version: string;
  readonly role: RoleKind;
  readonly term: number;
  readonly leader: { readonly id: NodeId; readonly url: string } | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly last: number;
  /** First index still in the log. */
  readonly first: number;
  readonly snapshot: number;
  readonly revision: number;
  readonly counters: number;
  readonly digest: number;
  /** Idempotency keys remembered now, and for how long each is, in ms of log time. */
  readonly rememberedKeys: number;
  readonly idempotencyWindowMs: number;
  readonly configuration: Configuration;
  readonly peers: readonly PeerStatus[];
  /** Set when digests of replicas differ: what is known of it, in a sentence. */
  readonly alarm: string | undefined;
  readonly uptimeMs: number;
}

/** One condition of readiness. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface NodeService extends ClusterOperations {
  /** What the node tells of itself while it works. */
  readonly live: LiveSource;
  /** Always resolves; never later than the node's write timeout (5 s by default). */
  write(command: Command): Promise<WriteResult>;
  /**
   * Always resolves; never later than the node's read timeout (3 s by default).
   * @param minIndex answered only by a state that has applied this entry of the log: with the `index` that a write was
   *   answered with, a client reads its own write from any node. Waits for it, at most for the read timeout.
   */
  read(query: Query, consistency: Consistency, minIndex?: number): Promise<ReadResult>;
  status(): NodeStatus;
  /** Ready if every check is ok. */
  checks(): readonly Check[];
}

/** What somebody wants of the membership. */
export type MembershipRequest =
  /** Becomes a learner: it receives the log and has no vote. */
  | { readonly kind: "add"; readonly member: Member }
  | { readonly kind: "promote"; readonly id: NodeId }
  | { readonly kind: "remove"; readonly id: NodeId }
  /** One change: the learner `by` is promoted and `id` leaves. */
  | { readonly kind: "replace"; readonly id: NodeId; readonly by: NodeId }
  /** A member has new addresses. */
  | { readonly kind: "move"; readonly member: Member };

/** What a change would mean, for whoever decides on it. */
export interface MembershipPlan {
  readonly before: FaultTolerance;
  readonly after: FaultTolerance;
  /** Why it would be refused now; undefined if it would not. */
  readonly refusal: MembershipRefusal | undefined;
}

export interface FaultTolerance {
  readonly voters: number;
  /** Voters that may fail, of a cluster in which all are well. */
  readonly mayFail: number;
  /** Voters that can be reached now, the leader included. */
  readonly reachable: number;
}

/** A refusal that says what to do. */
export interface MembershipRefusal {
  readonly kind: "failed";
  readonly code: Extract<
    ErrorCode,
    | "MEMBER_NOT_FOUND"
    | "ID_USED"
    | "ALREADY_CHANGING"
    | "WOULD_LOSE_QUORUM"
    | "NOT_CAUGHT_UP"
    | "INVALID_CHANGE"
    | "TRANSFER_FAILED"
  >;
  readonly detail: string;
  readonly retryAfterMs: number | undefined;
}

interface Redirect {
  readonly kind: "redirect";
  readonly leader: NodeId;
  readonly url: string;
}

export type MembershipResult =
  /** In force, committed, and not joint any more. */
  | { readonly kind: "changed"; readonly configuration: Configuration; readonly index: number }
  | Redirect
  | MembershipRefusal
  | NodeRefusal;

export type PlanResult = { readonly kind: "planned"; readonly plan: MembershipPlan } | Redirect | NodeRefusal;

export type TransferResult =
  | { readonly kind: "transferred"; readonly leader: NodeId; readonly url: string }
  | Redirect
  | MembershipRefusal
  | NodeRefusal;

/** One member as this node sees it; what only the leader knows is undefined elsewhere. */
export interface MemberStatus extends Member {
  /** `joining` and `leaving`: a voter of only one half of a joint configuration. */
  readonly role: "voter" | "learner" | "joining" | "leaving";
  readonly leads: boolean;
  /** Whether this node has a link to it; true for itself. */
  readonly reachable: boolean;
  /** Entries that it is known to hold. */
  readonly match: number | undefined;
  /** Until a learner has caught up: how far it is, 0 to 100, and about how long it still takes, ms. */
  readonly catchUp: { readonly percent: number; readonly msLeft: number | undefined } | undefined;
}

/** A consistent copy of the state, to be read while the node goes on. `release` when done, in any case. */
export interface Backup {
  readonly kind: "backup";
  readonly manifest: SnapshotManifest;
  /** The file that the manifest describes. */
  readonly path: string;
  release(): void;
}

/** A node that has no state yet, or a wrong one, refuses. */
export type BackupResult = Backup | NodeRefusal;

/** What a node offers to whoever runs the cluster. */
export interface ClusterOperations {
  members(): readonly MemberStatus[];
  /** Always resolves: when the change is in force, or with the reason why not, or after the write timeout. */
  changeMembership(request: MembershipRequest): Promise<MembershipResult>;
  planMembership(request: MembershipRequest): PlanResult;
  /**
   * Hands leadership to `to`, or to the voter whose log reaches furthest. Resolves when that one leads.
   * @param from without `to`: hand over only if this one leads, and answer with whoever does if it is another. So a
   *   request that is made again, because its answer was lost, hands over once.
   */
  transferLeadership(to: NodeId | undefined, from?: NodeId): Promise<TransferResult>;
  /** A snapshot of this node's state, taken now. @throws {StorageFailure} (rejects) the disk failed. */
  backup(): Promise<BackupResult>;
}
