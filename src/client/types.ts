/** What a client may ask and what it gets. Counter values are bigint, everything else fits a number. */

import type { Place } from "./errors.ts";

/** A whole number in the signed 64-bit range. A `number` must be a safe integer. */
export type Int64 = bigint | number;

export interface ClientOptions {
  /**
   * Base URLs of the nodes, such as `http://127.0.0.1:4000`. At least one that answers; the client learns who leads and,
   * while it works, who else belongs to the cluster.
   */
  readonly urls: readonly string[];
  /** Defaults to the global one. */
  readonly fetch?: typeof fetch;
  /** Sent to every node as a bearer token: a share of its own where nodes limit how much is asked (`--rate-limit`). */
  readonly token?: string;
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
  /**
   * How often the client asks who belongs to the cluster, while calls are made, in ms: nodes that were added are then
   * asked too, and those that left no more. 1,000 by default; 0 keeps it to `urls`, as behind a load balancer whose
   * nodes cannot be reached from here.
   */
  readonly discoverMs?: number;
  /**
   * How a write that has to be tried several times counts once. `keys`, the default: each write carries an idempotency
   * key, which the cluster remembers, and with which any process may ask for its outcome again. `sessions`: the client
   * opens a session with its first write and numbers its writes; the cluster remembers a few outcomes for each client,
   * however much it writes. For programs that write much. At most 256 writes of one client are then in flight; more
   * wait. A write with an `idempotencyKey` of its own stays outside the session.
   */
  readonly exactlyOnce?: "keys" | "sessions";
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
   * 1 to 255 printable ASCII characters, no space at either end. Made up for each call when left out; give one to make the same write
   * again after an `OutcomeUnknown`, or from another process.
   */
  readonly idempotencyKey?: string;
  /**
   * From an `OutcomeUnknown` of a client with sessions: makes the same write again, which counts once at most. To be
   * asked soon: it is remembered while fewer than 256 writes follow, and until the session expires.
   */
  readonly place?: Place;
}

/** At most one condition; without one the counter is set whatever it is. */
export interface SetOptions extends WriteOptions {
  /** Refused with REVISION_MISMATCH unless the counter's revision is this one; 0: it must not exist. */
  readonly ifRevision?: number;
  /** Refused with REVISION_MISMATCH if the counter exists. */
  readonly ifAbsent?: boolean;
  /** Refused with REVISION_MISMATCH unless the counter exists. */
  readonly ifExists?: boolean;
}

/** At most one condition. */
export interface DeleteOptions extends WriteOptions {
  /** Refused with REVISION_MISMATCH unless the counter's revision is this one. */
  readonly ifRevision?: number;
  /** Refused with REVISION_MISMATCH unless the counter exists. */
  readonly ifExists?: boolean;
}

export interface AllocateOptions extends WriteOptions {
  /** Refused with LIMIT_REACHED if a number above this would be handed out. */
  readonly max?: Int64;
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
  /**
   * `saturate`: instead of being refused, adds only as much as `min` and `max` allow, down to nothing; `applied` of the
   * answer says how much that was. `reject` by default.
   */
  readonly onLimit?: "reject" | "saturate";
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
  /** Of an increment with `onLimit: "saturate"` only: how much was added. */
  readonly applied?: bigint;
}

/** What an increment, a set or a delete gives; of a deleted counter the value is 0. */
export interface Incremented extends Changed, LogPosition {
  /** Whether this is the outcome of an earlier attempt with the same idempotency key. */
  readonly replayed: boolean;
}

/** Numbers that nobody else gets: `from` to `to`, both included. */
export interface Allocation extends Counter, LogPosition {
  readonly from: bigint;
  readonly to: bigint;
  /** How many: to - from + 1. */
  readonly count: bigint;
  readonly replayed: boolean;
}

/** How old an answer may be. */
export interface Age {
  /**
   * For a stale read: ms since the node last heard from a leader, `Infinity` if it has not since it started. Otherwise 0.
   */
  readonly ageMs: number;
}

export interface Reading extends Counter, LogPosition, Age {}

/**
 * `linearizable` sees every write that was acknowledged before the read began. `stale` answers at once from
 * whatever the asked node has applied.
 */
export type Consistency = "linearizable" | "stale";

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
  /**
   * Answered only by a state that has applied this entry of the log: with the `index` of a write's answer, a client
   * reads its own write from any node, also with `consistency: "stale"`.
   */
  readonly minIndex?: number;
}

export interface ListOptions extends ReadOptions {
  /** Only counters whose key begins with this. */
  readonly prefix?: string;
  /**
   * Only counters whose whole key matches this glob, as in Redis: `*` any text, `?` one character, `[abc]`, `[a-z]`,
   * `[^a]`; a backslash before any of these takes it as it stands.
   */
  readonly match?: string;
  /** By key (the default), by value from the least up, or from the greatest down. */
  readonly order?: "key" | "value" | "-value";
  /** 1 to 1,000; 100 by default. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface Page extends LogPosition, Age {
  readonly counters: readonly Counter[];
  /** Gives the next page; undefined on the last. */
  readonly cursor: string | undefined;
}

export interface SumOptions extends ReadOptions {
  /** Only counters whose key begins with this. */
  readonly prefix?: string;
  /** Grouped by so many `:` segments after the prefix, 0 to 8; 0 by default: no groups. */
  readonly depth?: number;
}

/** The sum of a group of counters; it may be beyond 64 bits. */
export interface GroupSum {
  /** What the keys of the group begin with. */
  readonly prefix: string;
  readonly sum: bigint;
  readonly counters: number;
}

export interface Sum extends GroupSum, LogPosition, Age {
  readonly groups: readonly GroupSum[];
  /** Whether there are more groups than are given. The sum is of all. */
  readonly more: boolean;
}

/** Several counters as they were at one moment. */
export interface Selection extends LogPosition, Age {
  /** Those that exist. */
  readonly counters: readonly Counter[];
  /** Whether there are more than are given: at most 1,000 are. */
  readonly more: boolean;
}

/** One operation of a batch; an increment when `op` is left out. */
export type Operation =
  | ({ readonly op?: "increment"; readonly key: string } & Increment)
  /** Refused with REVISION_MISMATCH unless the counter's revision is `ifRevision`; 0: must not exist, "any": must. */
  | { readonly op: "set"; readonly key: string; readonly value: Int64; readonly ifRevision?: number | "any" }
  | { readonly op: "delete"; readonly key: string; readonly ifRevision?: number | "any" };

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
  /** The identity that its data directory drew; undefined until the directory is open, and of older nodes. */
  readonly incarnation: string | undefined;
  /** Its own addresses, as it was told them; undefined of older nodes. */
  readonly peerAddress: string | undefined;
  readonly apiUrl: string | undefined;
  /** `joining` and `forming`: it does not take part yet. */
  readonly state: "joining" | "forming" | "running";
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

/** A node as it is named to be added: what `status` of the new node shows. */
export interface NewMember {
  readonly id: string;
  readonly incarnation: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to. */
  readonly api: string;
}

/** Where a member is reached from now on; at least one of the two. */
export type NewAddresses = Partial<Pick<NewMember, "peer" | "api">>;

/** One member of the cluster, as one node sees it. */
export interface MemberView extends NewMember {
  /** `joining` and `leaving`: a change of the voters is under way, and it votes in one half of it. */
  readonly role: "voter" | "learner" | "joining" | "leaving";
  readonly leads: boolean;
  readonly reachable: boolean;
  /** Entries that it is known to hold; only the leader knows. */
  readonly match: number | undefined;
  /** Of a learner that has not caught up: how far it is, 0 to 100, and about how long it still takes, ms. */
  readonly catchUp: { readonly percent: number; readonly msLeft: number | undefined } | undefined;
}

export interface Membership {
  readonly members: readonly MemberView[];
  /** The node that sees them so: the leader, while one is known. */
  readonly seenBy: string;
  readonly leader: { readonly id: string; readonly url: string } | undefined;
}

/** A change of the membership. One is under way at a time. */
export type MembershipChange =
  /** Becomes a learner: it receives the log and has no vote. */
  | { readonly kind: "add"; readonly member: NewMember }
  /** A learner that has caught up gets a vote. */
  | { readonly kind: "promote"; readonly id: string }
  /** Leaves for good: neither its id nor its data directory can come back. */
  | { readonly kind: "remove"; readonly id: string }
  /** In one change the learner `by` gets a vote and `id` leaves. */
  | { readonly kind: "replace"; readonly id: string; readonly by: string }
  /** Has new addresses; what is not named stays. */
  | ({ readonly kind: "move"; readonly id: string } & NewAddresses);

/** The membership once a change is in force. */
export interface MembershipDone {
  /** Where in the log; undefined if the answer was lost and the list of members showed that it was done. */
  readonly index: number | undefined;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

/** How many failures the cluster bears. */
export interface FaultTolerance {
  readonly voters: number;
  /** Voters that may fail, while all are well. */
  readonly mayFail: number;
  /** Voters that can be reached now. */
  readonly reachable: number;
}

/** What a change would mean. */
export interface MembershipPlan {
  readonly before: FaultTolerance;
  readonly after: FaultTolerance;
  /** Why it would be refused now, and what to do. */
  readonly refusal: { readonly code: string; readonly detail: string } | undefined;
}

/** A backup on its way. It has arrived whole once `stream` has ended after `bytes` bytes. */
export interface BackupDownload {
  readonly stream: ReadableStream<Uint8Array>;
  readonly bytes: number;
  /** The last entry of the log that is in it. */
  readonly index: number;
  readonly term: number;
  /** Of the counters inside, to compare with that of a node. */
  readonly digest: number;
  /** Of the snapshot inside, 64 hex digits. */
  readonly sha256: string;
  /** The name that the node proposes. */
  readonly filename: string;
}
