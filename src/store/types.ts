/** What a node remembers, as the driver sees it. `NodeStore` is implemented by `openStore`. */

import type { CounterRow, ItemOutcome, Totals } from "../counter/index.ts";
import type { Entry, HardState, Index, LogWrite, NodeId, SnapshotMeta, Term } from "../raft/index.ts";

/** One member as this node's data directory knows it. */
export interface KnownMember {
  readonly id: NodeId;
  readonly peer: string;
  readonly api: string;
  /** Learnt at the first contact and never changed; undefined until then. */
  readonly incarnation: string | undefined;
}

/** `identity.json`: who this data directory is. Written once, and again for each member met for the first time. */
export interface Identity {
  readonly format: 1;
  readonly clusterId: string;
  readonly id: NodeId;
  /** 32 hex digits, drawn when the directory was initialised. */
  readonly incarnation: string;
  /** Whether all initial members have met, so that the log exists and this node may vote. */
  readonly formed: boolean;
  /** All initial members, this one included, in order of id. */
  readonly members: readonly KnownMember[];
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
    };

export type QueryAnswer =
  | { readonly kind: "get"; readonly row: CounterRow | undefined }
  /** `more`: further counters follow the last one given. */
  | { readonly kind: "list"; readonly rows: readonly CounterRow[]; readonly more: boolean };

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
  /** Copies the state to a durable snapshot at whatever index it finds, while applying goes on. */
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
  close(): Promise<void>;
}
