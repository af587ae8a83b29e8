/** What a node tells of itself while it works: measurements, events, and a picture several times a second. */

import type { NodeId } from "../raft/index.ts";
import type { LogWritten, StateDigest } from "../store/index.ts";
import type { Check, NodeStatus } from "./types.ts";

/** Something that happened to the node or that it noticed; for the feed of events. */
export interface ClusterEvent {
  /** Counts up from 1 since the process started. */
  readonly seq: number;
  /** By the node's wall clock, Unix ms. For people only. */
  readonly atMs: number;
  readonly node: NodeId;
  readonly kind: ClusterEventKind;
  readonly term: number;
  /** The other node concerned, if any. */
  readonly peer: NodeId | undefined;
  /** One sentence. */
  readonly text: string;
}

export type ClusterEventKind =
  | "election"
  | "role"
  | "leader"
  | "configuration"
  | "snapshot"
  | "link"
  | "disk"
  | "alarm"
  | "started"
  | "stopping";

/** Percentiles of one kind of duration since the last picture, ms; undefined if there was none. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One entry at the end of a log. */
export interface TailEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: "command" | "noop" | "configuration";
}

/** Messages of one kind that this node sent to one peer since the last picture. */
export interface MessageCount {
  readonly to: NodeId;
  /** As in the core: append, appendResponse, heartbeat, vote … */
  readonly kind: string;
  readonly count: number;
}

/** The picture of one node. */
export interface NodePicture {
  readonly status: NodeStatus;
  /** By the node's wall clock, Unix ms. */
  readonly atMs: number;
  readonly checks: readonly Check[];
  /** How long the node has waited for word of a leader, and after how long it stands for election; ms. */
  readonly election: { readonly elapsedMs: number; readonly timeoutMs: number } | undefined;
  /** At most the last 40 entries, oldest first. */
  readonly tail: readonly TailEntry[];
  /** The last entry that is on this node's disk. */
  readonly stable: number;
  readonly commitLatency: Spread | undefined;
  readonly fsync: Spread | undefined;
  readonly apply: Spread | undefined;
  readonly eventLoopDelay: Spread | undefined;
  readonly messages: readonly MessageCount[];
  /** Digests of this node's state, newest last: of at most the last 8 indexes that are compared. */
  readonly digests: readonly StateDigest[];
  readonly tally: Tally;
  readonly memoryBytes: number;
}

/** Counted since the process started. */
export interface Tally {
  /** Writes that this node answered with "done". */
  readonly acknowledgedWrites: number;
  /** Changes of counters in them: each advanced the revision by one. Replays do not count again. */
  readonly acknowledgedChanges: number;
  /** Writes that were answered from an earlier attempt: duplicates that did not count twice. */
  readonly replays: number;
  readonly reads: number;
  readonly refused: number;
  readonly unknown: number;
  /** The revision of this node's state when it started. */
  readonly revisionAtStart: number;
}

/** Durations and counts as they happen; each is called synchronously and must be quick. */
export interface LiveObserver {
  /** One batch of the log is durable. @param ms from the call of the store. */
  fsync?(ms: number): void;
  /** @param ms of one apply, and how many entries it had. */
  apply?(ms: number, entries: number): void;
  /** A proposal of this node was committed. @param ms since it was proposed. */
  commit?(ms: number): void;
  event?(event: ClusterEvent): void;
  /** A role changed or a leader was learnt: a picture is worth taking at once. */
  changed?(): void;
  /** The state moved on: it has this revision now. */
  revision?(revision: number): void;
}

/** Counted since the process started: what {@link Tally} does not say. */
export interface LiveCounts {
  /** How often this node learnt of another leader, or of another term of the same one. */
  readonly leaderChanges: number;
  /** Elections that this node stood for, without those that a pre-vote forestalled. */
  readonly elections: number;
  readonly snapshotsTaken: number;
  /** Snapshots of other nodes that replaced this node's state. */
  readonly snapshotsInstalled: number;
  /** Snapshots that a peer has received from this node. */
  readonly snapshotsSent: number;
  /** Snapshots that a peer did not get whole, or could not use. */
  readonly snapshotsFailed: number;
  /** Writes to the log that took longer than {@link SLOW_WRITE_MS}. */
  readonly slowWrites: number;
  /** Writes that this node refused or could not tell the outcome of; not those that the rules of counters refused. */
  readonly writesFailed: number;
  /** Reads that were refused. */
  readonly readsRefused: number;
  /** Sent to all peers together. */
  readonly messagesSent: number;
}

/** What went to this node's log and to its peers since the process started. */
export interface Traffic {
  readonly log: LogWritten;
  /** Bytes that left over the link to each peer. */
  readonly peers: ReadonlyMap<NodeId, number>;
}

/** Of the file system that holds the data directory, as of a few seconds ago. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** A write to the log that takes longer than this is worth an event, ms. */
export const SLOW_WRITE_MS = 500;

export interface LiveSource {
  /** @returns what ends it. */
  observe(observer: LiveObserver): () => void;
  /** Events that are remembered, after `seq`, oldest first; and the lowest number that is remembered. */
  events(afterSeq: number): { readonly events: readonly ClusterEvent[]; readonly first: number };
  /** The picture now. Spreads and messages are of the time since the last call with the same `viewer`. */
  picture(viewer: PictureViewer): NodePicture;
  /** Whoever takes pictures again and again; `close` it. */
  viewer(): PictureViewer;
  /** Names this run of the process: sequence numbers of another one mean nothing. */
  readonly run: string;
  readonly tally: Tally;
  readonly counts: LiveCounts;
  /** Entries of this leader that are not committed yet. */
  readonly proposalsPending: number;
  /** Nothing while the node is still starting. */
  readonly traffic: Traffic;
  /** Undefined until it has been looked at. */
  readonly diskSpace: DiskSpace | undefined;
  /** Bytes of log, state and snapshots on this node's disk; 0 while it is still starting. */
  diskBytes(): Promise<number>;
}

export interface PictureViewer {
  close(): void;
}
