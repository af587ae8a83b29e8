/** What a client may ask and what it gets. Counter values are bigint, everything else fits a number. */

/** A whole number in the signed 64-bit range. A `number` must be a safe integer. */
export type Int64 = bigint | number;

export interface ClientOptions {
  /** Base URLs of the nodes, such as `http://127.0.0.1:4000`. At least one; the client learns the leader. */
  readonly urls: readonly string[];
  /** Defaults to the global one. */
  readonly fetch?: typeof fetch;
  /** For a whole call, all its attempts and pauses included, in ms. 10,000 by default. */
  readonly timeoutMs?: number;
  /**
   * For the first attempt at each node, in ms; doubled with every further round, so that a paused node costs
   * little and a slow cluster still gets its time. 1,500 by default.
   */
  readonly attemptTimeoutMs?: number;
  /** The first pause after every node was tried in vain, in ms; doubled each round. 50 by default. */
  readonly backoffMsMin?: number;
  /** No pause is longer, except one that a node asked for (`Retry-After`). In ms, 1,000 by default. */
  readonly backoffMsMax?: number;
}

/** For one call. */
export interface CallOptions {
  /** Ends the call. An aborted write that may have reached the cluster rejects with `OutcomeUnknown`. */
  readonly signal?: AbortSignal;
  /** Replaces the client's `timeoutMs` for this call. */
  readonly timeoutMs?: number;
}

export interface WriteOptions extends CallOptions {
  /**
   * 1 to 255 printable ASCII characters. Made up for each call when left out; give one to make the same write
   * again after an `OutcomeUnknown`, or from another process.
   */
  readonly idempotencyKey?: string;
}

/** What an increment may carry. */
export interface Increment {
  /** 1 when left out; negative to count down. */
  readonly by?: Int64;
  /** Refused with LIMIT_REACHED if the result would be below this. */
  readonly min?: Int64;
  /** Refused with LIMIT_REACHED if the result would be above this. */
  readonly max?: Int64;
  /** Counts only the first time this member is seen for this key. 1 to 512 bytes of UTF-8. */
  readonly once?: string;
}

/** A counter as it was read. */
export interface Counter {
  readonly key: string;
  readonly value: bigint;
  /** The number of its latest change. */
  readonly revision: number;
}

/** Where in the log an answer belongs. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** A counter after a change. */
export interface Changed extends Counter {
  /** False when nothing changed, for instance because the `once` member had been seen. */
  readonly changed: boolean;
}

/** What an increment gives. */
export interface Incremented extends Changed, LogPosition {
  /** Whether this is the outcome of an earlier attempt with the same idempotency key. */
  readonly replayed: boolean;
}

export interface Reading extends Counter, LogPosition {
  /** For a stale read: ms since the node last heard from a leader; otherwise 0. */
  readonly ageMs: number;
}

/**
 * `linearizable` sees every write that was acknowledged before the read began. `stale` answers at once from
 * whatever the asked node has applied.
 */
export type Consistency = "linearizable" | "stale";

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
}

export interface ListOptions extends ReadOptions {
  /** Only counters whose key begins with this. */
  readonly prefix?: string;
  /** 1 to 1,000; 100 by default. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface Page extends LogPosition {
  readonly counters: readonly Counter[];
  /** Gives the next page; undefined on the last. */
  readonly cursor: string | undefined;
}

/** One operation of a batch; an increment when `op` is left out. */
export type Operation =
  | ({ readonly op?: "increment"; readonly key: string } & Increment)
  /** Refused with REVISION_MISMATCH unless the counter's revision is `ifRevision`; 0: it must not exist. */
  | { readonly op: "set"; readonly key: string; readonly value: Int64; readonly ifRevision?: number }
  | { readonly op: "delete"; readonly key: string; readonly ifRevision?: number };

export interface BatchDone extends LogPosition {
  /** One for each operation, in order. */
  readonly results: readonly Changed[];
  readonly replayed: boolean;
}

/** A member as one node sees it. */
export interface PeerView {
  readonly id: string;
  readonly api: string;
  readonly reachable: boolean;
  readonly roundTripMs: number | undefined;
}

/** What one node says about itself and the cluster. */
export interface NodeView {
  /** Where this was asked. */
  readonly url: string;
  readonly id: string;
  readonly clusterId: string;
  readonly version: string;
  readonly role: string;
  readonly term: number;
  readonly leader: { readonly id: string; readonly url: string } | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly revision: number;
  readonly counters: number;
  readonly peers: readonly PeerView[];
  readonly alarm: string | undefined;
  readonly uptimeMs: number;
}
