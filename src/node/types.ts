/** What a node offers to the HTTP API: writes, reads, its state. `NodeService` is implemented by `startNode`. */

import type { ErrorCode } from "../base/index.ts";
import type { Command, Outcome } from "../counter/index.ts";
import type { Configuration, NodeId, RoleKind } from "../raft/index.ts";
import type { Query, QueryAnswer } from "../store/index.ts";

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
  readonly clusterId: string;
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

export interface NodeService {
  /** Always resolves; never later than the node's write timeout (5 s by default). */
  write(command: Command): Promise<WriteResult>;
  /** Always resolves; never later than the node's read timeout (3 s by default). */
  read(query: Query, consistency: Consistency): Promise<ReadResult>;
  status(): NodeStatus;
  /** Ready if every check is ok. */
  checks(): readonly Check[];
}
