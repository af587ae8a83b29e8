/** What `GET /v1/cluster/events` sends: what happened to a node, and pictures of it several times a second. */

/** Something that happened to a node or that it noticed. */
export interface ClusterEvent {
  /** Counts up from 1 since the node's process started. */
  readonly seq: number;
  /** By the node's wall clock, Unix ms. */
  readonly atMs: number;
  readonly node: string;
  /** `election`, `role`, `leader`, `configuration`, `snapshot`, `link`, `disk`, `alarm`, `started`, `stopping`, … */
  readonly kind: string;
  readonly term: number;
  /** The other node concerned. */
  readonly peer?: string;
  /** One sentence. */
  readonly text: string;
}

export type NodeRole = "follower" | "preCandidate" | "candidate" | "leader" | "learner";

/** A member as the configuration names it. */
export interface PictureMember {
  readonly id: string;
  readonly incarnation: string;
  readonly peer: string;
  readonly api: string;
}

/** While `outgoing` is not empty, a change of the voters is under way: both halves need a majority. */
export interface PictureConfiguration {
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
  readonly learners: readonly string[];
  readonly members: readonly PictureMember[];
}

/** Another member as the node of the picture sees it. */
export interface PicturePeer {
  readonly id: string;
  readonly api: string;
  readonly reachable: boolean;
  readonly roundTripMs?: number;
  /** Known on the leader only: the entries that it is known to hold. */
  readonly match?: number;
  /** Known on the leader only. */
  readonly state?: "probe" | "replicate" | "snapshot";
}

export interface PictureStatus {
  readonly id: string;
  readonly clusterId: string;
  readonly apiUrl: string;
  readonly state: "joining" | "forming" | "running";
  readonly version: string;
  readonly role: NodeRole;
  readonly term: number;
  readonly leader?: { readonly id: string; readonly url: string };
  readonly commit: number;
  readonly applied: number;
  /** The last entry of the log. */
  readonly last: number;
  /** The first entry that is still in the log. */
  readonly first: number;
  /** The last entry that the newest snapshot holds. */
  readonly snapshot: number;
  readonly revision: number;
  readonly counters: number;
  /** Of the state after `applied`: equal on all nodes that have applied as much. */
  readonly digest: number;
  readonly configuration: PictureConfiguration;
  readonly peers: readonly PicturePeer[];
  /** Set when digests of replicas differ. */
  readonly alarm?: string;
  readonly uptimeMs: number;
}

/** Of durations since the last picture, ms. */
export interface PictureSpread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One entry at the end of a log. */
export interface PictureEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: "command" | "noop" | "configuration";
}

/** Messages of one kind that the node sent to one peer since the last picture. */
export interface PictureMessages {
  readonly to: string;
  /** `append`, `appendResponse`, `heartbeat`, `requestVote`, … */
  readonly kind: string;
  readonly count: number;
}

/** Counted since the node's process started. */
export interface PictureTally {
  readonly acknowledgedWrites: number;
  /** Changes of counters in them; each advanced the revision by one. */
  readonly acknowledgedChanges: number;
  /** Writes answered from an earlier attempt: duplicates that did not count twice. */
  readonly replays: number;
  readonly reads: number;
  readonly refused: number;
  readonly unknown: number;
  /** The revision of the node's state when it started. */
  readonly revisionAtStart: number;
}

/** One node at one moment. What is not known is absent. */
export interface NodePicture {
  readonly status: PictureStatus;
  /** By the node's wall clock, Unix ms. */
  readonly atMs: number;
  /** The conditions of readiness. */
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  /** How long it has waited for word of a leader, and after how long it stands for election; ms. */
  readonly election?: { readonly elapsedMs: number; readonly timeoutMs: number };
  /** At most the last 40 entries, oldest first. */
  readonly tail: readonly PictureEntry[];
  /** The last entry that is on the node's disk. */
  readonly stable: number;
  readonly commitLatency?: PictureSpread;
  readonly fsync?: PictureSpread;
  readonly apply?: PictureSpread;
  readonly eventLoopDelay?: PictureSpread;
  readonly messages: readonly PictureMessages[];
  /** Digests of the state at the last indexes that are compared, newest last. */
  readonly digests: readonly { readonly index: number; readonly digest: number }[];
  readonly tally: PictureTally;
  readonly memoryBytes: number;
}
