/** The parts that a cluster of the kit is made of, and how a test describes one. */

import type {
  Entry,
  LogWrite,
  Message,
  MessageKind,
  NodeId,
  ProposalOutcome,
  Raft,
  RaftSettings,
  SnapshotMeta,
  TraceEvent,
} from "../../src/raft/index.ts";
import type { Disk } from "./disk.ts";

/** A message on its way. It stays on the wire until a test delivers or drops it. */
export interface Packet {
  readonly id: number;
  readonly message: Message;
}

/** A snapshot on its way from one node to another. */
export interface Transfer {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly snapshot: SnapshotMeta;
}

type Work =
  | { readonly kind: "apply"; readonly entries: readonly Entry[] }
  | { kind: "restore"; meta: SnapshotMeta };

/** One node: its core, its disk, and what lies between them. */
export interface Node {
  readonly id: NodeId;
  readonly disk: Disk;
  raft: Raft | undefined;
  starts: number;
  /** Writes that have begun and are not durable. */
  writes: LogWrite[];
  /** Messages that wait for a write. */
  held: { readonly seq: number; readonly messages: readonly Message[] }[];
  /** What the state machine has not got to yet. */
  work: Work[];
  readonly outcomes: ProposalOutcome[];
  readonly reads: { readonly id: number; readonly index: number }[];
  readonly readsFailed: number[];
  readonly trace: TraceEvent[];
}

export interface NodeSetup {
  /** The terms of the entries that the disk holds at the beginning. */
  readonly log?: readonly number[];
  readonly term?: number;
  readonly vote?: string;
  readonly commit?: number;
}

export interface ClusterSetup {
  readonly voters: readonly string[];
  readonly learners?: readonly string[];
  readonly outgoing?: readonly string[];
  readonly settings?: Partial<RaftSettings>;
  readonly seed?: number;
  readonly nodes?: Readonly<Record<string, NodeSetup>>;
}

export interface Filter {
  readonly from?: string;
  readonly to?: string;
  readonly kind?: MessageKind;
}
