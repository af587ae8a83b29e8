/** The contract of the core: what it is told (`Event`) and what it asks for (`Ready`). */

import type { Message } from "./messages.ts";
import type {
  Configuration,
  ConfigurationChange,
  Entry,
  EntryId,
  HardState,
  Index,
  NodeId,
  ProposalId,
  ReadId,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** Something that happened. Everything the core knows of the world comes in through one of these. */
export type Event =
  /** One unit of time passed. */
  | { readonly kind: "tick" }
  | { readonly kind: "receive"; readonly message: Message }
  /** `data` is one encoded entry; `crc` its CRC32C. */
  | { readonly kind: "propose"; readonly id: ProposalId; readonly data: Uint8Array; readonly crc: number }
  /**
   * Change the configuration (§6). Ends like any proposal: committed means that the first of its entries is, the
   * joint one if there are two; whoever leads then adds the second by itself.
   */
  | {
      readonly kind: "proposeConfiguration";
      readonly id: ProposalId;
      readonly change: ConfigurationChange;
    }
  /** Asks for a read index; `id` is fresh for each attempt. */
  | { readonly kind: "read"; readonly id: ReadId }
  /** Hand leadership to `to`, or to the most up-to-date voter. */
  | { readonly kind: "transfer"; readonly to: NodeId | undefined }
  /** The write with this number, and all before it, are on disk. */
  | { readonly kind: "persisted"; readonly seq: number }
  /** The state machine has applied up to here. */
  | { readonly kind: "applied"; readonly index: Index }
  /** A snapshot of the state machine at this position is durable on this node. */
  | { readonly kind: "snapshotTaken"; readonly snapshot: SnapshotMeta }
  /**
   * InstallSnapshot (§7): a snapshot that a leader of this cluster offered is durable here, as a file, and
   * verified. No term: what a snapshot holds is committed, whoever leads now.
   */
  | { readonly kind: "snapshotReceived"; readonly snapshot: SnapshotMeta }
  /** The transfer that `sendSnapshot` asked for is getting on: it is not given up for its length. */
  | { readonly kind: "snapshotProgress"; readonly to: NodeId }
  /** The transfer that `sendSnapshot` asked for has ended; `ok` if the peer has the whole file. */
  | { readonly kind: "snapshotSent"; readonly to: NodeId; readonly ok: boolean }
  | { readonly kind: "unreachable"; readonly peer: NodeId }
  /** A link to a peer stands: a node that knows no leader does not wait out its timer to ask who would vote for it. */
  | { readonly kind: "reachable" };

/** One atomic batch for the log on disk. All of it becomes durable, or none. */
export interface LogWrite {
  /** 1, 2, 3, …: counts the writes of this process. */
  readonly seq: number;
  readonly hardState?: HardState;
  /** Entries from here on are dropped, before anything is appended. */
  readonly truncateFrom?: Index;
  readonly append: readonly Entry[];
  /** The log is empty and begins after this snapshot, which came from a leader. */
  readonly install?: SnapshotMeta;
  /** The log now begins after this position, which a durable snapshot of this node covers. */
  readonly compact?: SnapshotMeta;
}

/**
 * Why the configuration is not changed.
 *
 * - `notOpened`: this leader has committed no entry of its own term yet (R1); a moment later it has.
 * - `changing`: another change is under way (R1).
 * - `behind`: a learner that is to be promoted has not caught up (R7).
 * - `invalid`: it contradicts the configuration; `changeProblem` says how.
 */
export type ChangeRefusal = "notOpened" | "changing" | "behind" | "invalid";

/** How a proposal ended. Each ends exactly once. */
export type ProposalOutcome =
  | { readonly id: ProposalId; readonly kind: "committed"; readonly at: EntryId }
  /** Never entered a log, or another entry was committed in its place: it has not happened and never will. */
  | {
      readonly id: ProposalId;
      readonly kind: "rejected";
      readonly reason: "notLeader" | "transferring" | "overloaded" | "superseded";
    }
  /** A change of the configuration that cannot be made, or not now. */
  | { readonly id: ProposalId; readonly kind: "rejected"; readonly reason: ChangeRefusal }
  | { readonly id: ProposalId; readonly kind: "unknown" };

/** What the core wants done. Duties are carried out in the order of the fields. */
export interface Ready {
  readonly write: LogWrite | undefined;
  /** May leave at once, also before `write` is durable. */
  readonly send: readonly Message[];
  /** May leave only once `persisted(seq)` has been said. */
  readonly sendAfter: readonly { readonly seq: number; readonly messages: readonly Message[] }[];
  /** Load the state machine from this snapshot before any later apply. */
  readonly restore: SnapshotMeta | undefined;
  /** Committed, durable here, and not handed out before; in order. */
  readonly apply: readonly Entry[];
  /** May be answered once the state machine has applied `index`. */
  readonly reads: readonly { readonly id: ReadId; readonly index: Index }[];
  /** Reads that ended without a read index (no leader, leader lost): try again with a fresh id. */
  readonly readsFailed: readonly ReadId[];
  readonly outcomes: readonly ProposalOutcome[];
  /** These peers need the latest snapshot of this node; answer with `snapshotSent`. */
  readonly sendSnapshot: readonly { readonly to: NodeId; readonly snapshot: SnapshotMeta }[];
  readonly trace: readonly TraceEvent[];
}

export type RoleKind = "follower" | "preCandidate" | "candidate" | "leader" | "learner";

/** Every transition, for metrics, the event feed and the checkers. */
export type TraceEvent =
  | { readonly kind: "role"; readonly role: RoleKind; readonly term: Term; readonly why: string }
  | { readonly kind: "leader"; readonly leader: NodeId | undefined; readonly term: Term }
  | { readonly kind: "commit"; readonly index: Index; readonly term: Term; readonly byLeader: boolean }
  /** Another configuration is in force: appended, received with a snapshot, or back after a truncation. */
  | { readonly kind: "configuration"; readonly index: Index; readonly configuration: Configuration }
  | { readonly kind: "truncate"; readonly from: Index }
  | { readonly kind: "install"; readonly index: Index }
  | { readonly kind: "compact"; readonly index: Index }
  | { readonly kind: "progress"; readonly peer: NodeId; readonly state: "probe" | "replicate" | "snapshot" }
  | { readonly kind: "transfer"; readonly to: NodeId; readonly ended: boolean };

/** Everything the core must know at start, as recovered from disk, and its settings. */
export interface RaftOptions {
  readonly self: NodeId;
  /** Seeds the election timeouts; each node and each start draws its own. */
  readonly seed: number;
  readonly hardState: HardState;
  /** What precedes the first entry of `entries`. */
  readonly base: SnapshotMeta;
  /** The latest durable snapshot of this node, if it has one; its index is at least `base.index`. */
  readonly snapshot: SnapshotMeta | undefined;
  /** The durable log after `base`, contiguous. */
  readonly entries: readonly Entry[];
  /** How far the state machine has durably applied. */
  readonly applied: Index;
  readonly settings: RaftSettings;
}

export interface RaftSettings {
  /** Ticks without word from a leader before a follower campaigns; drawn anew from [this, 2 × this). */
  readonly electionTicks: number;
  /** Ticks between heartbeats; at most a third of `electionTicks`. */
  readonly heartbeatTicks: number;
  /**
   * Ticks that the news of a commit may wait for an append that carries it along; 0 sends it at once, as a message
   * of its own. A linearizable read at a follower does not wait for it: the round that confirms it tells.
   */
  readonly commitNewsTicks: number;
  /** Bytes of entries in one append. At least one entry always goes. */
  readonly messageBytesMax: number;
  /** Appends on their way to one peer. */
  readonly inflightMessagesMax: number;
  /** Bytes of entries on their way to one peer. */
  readonly inflightBytesMax: number;
  /** Bytes of proposals not yet committed; beyond it a leader refuses (never below one proposal). */
  readonly uncommittedBytesMax: number;
  /** Entries kept below a snapshot for followers that are a little behind. */
  readonly trailingEntriesMax: number;
  /** Bytes of entries kept below a snapshot. */
  readonly trailingBytesMax: number;
  /** Bytes of entries that a leader keeps at the most for live peers that lack them (P11). */
  readonly retainedBytesMax: number;
  /** Ticks without a sign of progress after which a snapshot transfer is given up. */
  readonly snapshotTicks: number;
}
