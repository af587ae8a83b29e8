/** What a node remembers, as the driver sees it. `NodeStore` is implemented by `openStore`. */

import type { CounterRow, ItemOutcome, Totals } from "../counter/index.ts";
import type {
  Entry,
  HardState,
  Index,
  LogWrite,
  NodeId,
  RemovedMember,
  SnapshotMeta,
  Term,
} from "../raft/index.ts";

/** One member as this node's data directory knows it. */
export interface KnownMember {
  readonly id: NodeId;
  readonly peer: string;
  readonly api: string;
  /** Learnt at the first contact and never changed; undefined until then. */
  readonly incarnation: string | undefined;
}

/**
 * `identity.json`: who this data directory is. Written once, and again for each member met for the first time. Fields
 * that a later version has added to the format are kept when it is written.
 */
export interface Identity {
  readonly format: 1;
  readonly clusterId: string;
  readonly id: NodeId;
  /** 32 hex digits, drawn when the directory was initialised. */
  readonly incarnation: string;
  /** Whether the log exists: all initial members have met, or this node has become a member by joining. */
  readonly formed: boolean;
  /** Whether it joined a cluster that was there already: its log began with no configuration. */
  readonly joined?: true;
  /**
   * All initial members, or those of the cluster when this node joined it, this one included, in order of id. Once
   * formed the log's configuration is the truth.
   */
  readonly members: readonly KnownMember[];
}

/** `identity.json` of a node that has asked to join a cluster and is not one of its members yet. */
export interface JoiningIdentity {
  readonly format: 1;
  readonly joining: true;
  readonly id: NodeId;
  /** 32 hex digits, drawn when the directory was initialised. */
  readonly incarnation: string;
}

/** What the log, the snapshots and state.db held at open, checked against each other. */
export interface Recovered {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  readonly snapshot: SnapshotMeta | undefined;
  readonly entries: readonly Entry[];
  readonly applied: Index;
  /** Bytes cut from a torn tail, 0 as a rule. */
  readonly tornBytes: number;
}

/** A question to the state machine, answered from the state at one index. */
export type Query =
  | { readonly kind: "get"; readonly key: string }
  /** Counters whose key begins with `prefix`, in order of their UTF-8 bytes, after `after`. */
  | {
      readonly kind: "list";
      readonly prefix: string;
      readonly after: string | undefined;
      readonly limit: number;
    }
  | ScanQuery
  /**
   * The latest change of every counter that was changed after revision `after`, deletions included, in order of
   * revision: at most `limit`.
   */
  | { readonly kind: "changes"; readonly after: number; readonly limit: number };

/**
 * A question that may have to look at every counter. It is answered in a thread of its own, so that neither applying
 * nor other reads wait for it, from one state that has applied at least everything that was asked for before.
 */
export type ScanQuery =
  | {
      readonly kind: "scan";
      readonly prefix: string;
      /** A glob for the whole key (see glob.ts): `*` any text, `?` one character, `[a-z]`; undefined: all. */
      readonly match: string | undefined;
      readonly order: ScanOrder;
      /** Only counters that come later in this order. */
      readonly after: { readonly key: string; readonly value: bigint } | undefined;
      readonly limit: number;
    }
  /** Sum and number of the counters below `prefix`, grouped by the next `depth` `:` segments; 0: only the total. */
  | { readonly kind: "sum"; readonly prefix: string; readonly depth: number; readonly limit: number }
  /** Counters whose key is one of `keys` or matches one of `globs`, in order of key, each once. */
  | {
      readonly kind: "select";
      readonly keys: readonly string[];
      readonly globs: readonly string[];
      readonly limit: number;
    };

/** By key (UTF-8 bytes), or by value, upwards or downwards; equal values by key. */
export type ScanOrder = "key" | "value" | "-value";

export type QueryAnswer =
  | { readonly kind: "get"; readonly row: CounterRow | undefined }
  /** `more`: further counters follow the last one given. */
  | { readonly kind: "list"; readonly rows: readonly CounterRow[]; readonly more: boolean }
  | { readonly kind: "scan"; readonly rows: readonly CounterRow[]; readonly more: boolean }
  | {
      readonly kind: "sum";
      readonly total: GroupSum;
      /** In order of prefix; empty at depth 0. A counter without a further segment is a group of its own. */
      readonly groups: readonly GroupSum[];
      /** Whether there were more groups than `limit`. */
      readonly more: boolean;
    }
  | { readonly kind: "select"; readonly rows: readonly CounterRow[]; readonly more: boolean }
  | {
      readonly kind: "changes";
      readonly changes: readonly CounterChange[];
      /** Everything up to here has been told; less than the revision of the state if `limit` was reached. */
      readonly upTo: number;
      /** The revision of the state that answered. */
      readonly revision: number;
      /** History reaches back to here: if `after` is lower, changes may be missing, and none are given. */
      readonly since: number;
    }
  /**
   * The question took too long to answer. With `busy` it was not tried, because too many others wait: the same
   * question may be answered a little later.
   */
  | { readonly kind: "tooMuch"; readonly detail: string; readonly busy?: true };

/** The sum is exact and may leave the 64-bit range. */
export interface GroupSum {
  /** Ends with `:` unless it is the key of one counter. */
  readonly prefix: string;
  readonly sum: bigint;
  readonly counters: number;
}

/** A counter as its latest change left it. */
export interface CounterChange {
  readonly key: string;
  /** 0 if it was deleted. */
  readonly value: bigint;
  readonly revision: number;
  readonly deleted: boolean;
}

export interface QueryAnswers {
  /** One for each query, in order. */
  readonly answers: readonly QueryAnswer[];
  /** The entry that was applied last when the queries ran. */
  readonly index: Index;
  readonly term: Term;
}

export interface StateDigest {
  readonly index: Index;
  readonly digest: number;
}

export interface Applied {
  readonly index: Index;
  /** For each entry of kind `command`, in order, what became of its items; empty unless asked for. */
  readonly outcomes: readonly (readonly ItemOutcome[])[];
  /** Digests at every 1,024th index that this apply passed. */
  readonly digests: readonly StateDigest[];
  readonly totals: Totals;
}

/** A snapshot file and what it holds. */
export interface SnapshotManifest {
  readonly format: 1;
  readonly clusterId: string;
  readonly meta: SnapshotMeta;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Digest of the state inside. */
  readonly digest: number;
}

/** A complete, durable snapshot of this data directory. */
export interface LocalSnapshot {
  readonly manifest: SnapshotManifest;
  /**
   * Whether this node took it from its own state or another node sent it. A snapshot ahead of the log is
   * harmless if it was received (its install was not recorded yet) and proof of a shortened log if it was
   * taken; so this is durable with the file.
   */
  readonly origin: "taken" | "received";
}

/** A snapshot on its way in. Survives interruption: what has arrived is kept and gone on from. */
export interface IncomingSnapshot {
  /** Bytes that are here already: where to go on. */
  readonly offset: number;
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Verifies length and checksum and makes the snapshot durable under its name. A file that does not match
   * its manifest is removed and refused, so that the next attempt begins anew.
   */
  finish(): Promise<boolean>;
  /** Lets go of the file without finishing; what has arrived stays. */
  abandon(): Promise<void>;
}

/** What went to the log of this directory since it was opened. */
export interface LogWritten {
  /** Writes to the disk, each made durable once. Several calls of `write` share one when they come close together. */
  readonly batches: number;
  /** Entries in them; an entry that was replaced later counts too. */
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Every method that writes rejects only when the disk failed, and then the store is finished: all later calls
 * reject too, and the process has to exit (P12).
 */
export interface NodeStore {
  readonly recovered: Recovered;
  /** Appends one batch; resolves when it and all before it are on disk. Calls are carried out in order. */
  write(write: LogWrite): Promise<void>;
  /** Applies entries that follow the last applied one, in one transaction. */
  apply(entries: readonly Entry[], wantOutcomes: boolean): Promise<Applied>;
  /** Runs after every apply asked for before it. */
  query(queries: readonly Query[]): Promise<QueryAnswers>;
  totals(): Promise<Totals>;
  /** The digests of the state that are remembered, oldest first: of every 1,024th index, at most the last 64. */
  digests(): Promise<readonly StateDigest[]>;
  /**
   * Copies the state to a durable snapshot at whatever index it finds, while applying goes on. Not to be called before
   * the state knows a configuration (`Raft.mayTakeSnapshot`): nobody could go on from such a snapshot.
   */
  takeSnapshot(): Promise<SnapshotManifest>;
  /** Replaces the state by the local snapshot at this position, which `IncomingSnapshot.finish` made durable. */
  restore(meta: SnapshotMeta): Promise<Applied>;
  /** The latest durable snapshot, to be sent. */
  latestSnapshot(): SnapshotManifest | undefined;
  /** The path of a snapshot's file; it is not deleted until `releaseSnapshot`. */
  holdSnapshot(meta: SnapshotMeta): string | undefined;
  releaseSnapshot(meta: SnapshotMeta): void;
  /**
   * Reads a snapshot's file again and compares it with its manifest, in a thread of its own. One that was damaged
   * is removed at once, held or not, so that the next `takeSnapshot` makes another even if nothing was applied
   * since; then false. True also if the snapshot is not here (any more).
   */
  verifySnapshot(meta: SnapshotMeta): Promise<boolean>;
  receiveSnapshot(manifest: SnapshotManifest): Promise<IncomingSnapshot>;
  /** Bytes of log segments, state and snapshots on disk. */
  diskBytes(): Promise<number>;
  /** What was written to the log since it was opened. */
  logWritten(): LogWritten;
  close(): Promise<void>;
}

/** What a backup file says about itself: the snapshot inside, and about how much there is to restore. */
export interface BackupManifest extends SnapshotManifest {
  /** The version of Raftally that wrote the file. */
  readonly createdBy: string;
  readonly counters: number;
  /** The number of the last change of a counter. */
  readonly revision: number;
}

/** A backup file as it is sent or written, from its first byte to its last. To be read once. */
export interface BackupStream extends AsyncIterable<Uint8Array> {
  readonly manifest: BackupManifest;
  /** The length of the whole file. */
  readonly bytes: number;
}

/** What became of a data directory that was restored from a backup. */
export interface Restored {
  readonly identity: Identity;
  /** What the backup said, the ids and addresses of the old cluster included. */
  readonly backup: BackupManifest;
  /** What the log of the new cluster begins after: this node alone votes. */
  readonly base: SnapshotMeta;
  /** Of the restored state; equal to that of the backup. */
  readonly digest: number;
}

/** What became of a data directory that was recovered: what it held, and what may be wrong with it. */
export interface Recovery {
  readonly identity: Identity;
  readonly previous: { readonly clusterId: string; readonly incarnation: string };
  /** The last entry that was kept; the log of the new cluster begins after it. */
  readonly base: SnapshotMeta;
  /**
   * Up to here this node knew that the entries it held were acknowledged. Whatever the others acknowledged beyond
   * the base without it is lost.
   */
  readonly knownCommitted: Index;
  /** Entries after {@link knownCommitted} that were kept: clients may have been told nothing, or a failure, of them. */
  readonly unconfirmed: number;
  /** Whether this node had a vote in the old cluster; a learner may be further behind. */
  readonly wasVoter: boolean;
  readonly counters: number;
  readonly revision: number;
  readonly digest: number;
  /** Nodes of the old cluster, which can never join the new one. */
  readonly removed: readonly RemovedMember[];
  /** Whether this only finished a recovery that was interrupted before. */
  readonly resumed: boolean;
}
