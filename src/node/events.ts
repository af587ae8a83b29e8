/** The contract of the reducer: what it is told (`NodeEvent`) and what it wants done (`Effects`). */

import type { Command } from "../counter/index.ts";
import type { Entry, LogWrite, Member, Message, NodeId, SnapshotMeta, TraceEvent } from "../raft/index.ts";
import type { Applied, Query, QueryAnswers, StateDigest } from "../store/index.ts";
import type {
  Consistency,
  MembershipRequest,
  MembershipResult,
  ReadResult,
  TransferResult,
  WriteResult,
} from "./types.ts";

/** Names one request of a client, unique within the process. */
export type RequestId = number;

export type NodeEvent =
  /** One tick of the election clock passed. */
  | { readonly kind: "tick" }
  | { readonly kind: "write"; readonly id: RequestId; readonly command: Command }
  | {
      readonly kind: "read";
      readonly id: RequestId;
      readonly query: Query;
      readonly consistency: Consistency;
      /** Answered by a state that has applied this entry; 0, or left out: by any. */
      readonly minIndex?: number;
    }
  | { readonly kind: "receive"; readonly message: Message }
  | { readonly kind: "digest"; readonly from: NodeId; readonly digest: StateDigest }
  /** The write with this number, and all before it, are on disk. */
  | { readonly kind: "persisted"; readonly seq: number }
  /** The oldest `apply` or `restore` that was asked for is done. */
  | { readonly kind: "applied"; readonly applied: Applied }
  /** The `queries` with this number are answered. */
  | { readonly kind: "queried"; readonly ticket: number; readonly answers: QueryAnswers }
  /** Somebody is about to look at the state machine from elsewhere: it is to be asked for all that was answered. */
  | { readonly kind: "stateLookedAt" }
  /** `bytes`: of its file. */
  | { readonly kind: "snapshotTaken"; readonly snapshot: SnapshotMeta; readonly bytes: number }
  | { readonly kind: "snapshotReceived"; readonly snapshot: SnapshotMeta }
  | { readonly kind: "snapshotProgress"; readonly to: NodeId }
  | { readonly kind: "snapshotSent"; readonly to: NodeId; readonly ok: boolean }
  | { readonly kind: "unreachable"; readonly peer: NodeId }
  /** A link to `peer` stands. No configuration can be sent to a peer that is outdated. */
  | { readonly kind: "linked"; readonly peer: NodeId; readonly outdated: boolean }
  | { readonly kind: "membership"; readonly id: RequestId; readonly request: MembershipRequest }
  /** A peer says what the configuration should say of it. */
  | {
      readonly kind: "announce";
      readonly from: NodeId;
      readonly member: Member;
      readonly wantsVote: boolean;
    }
  /**
   * Hand leadership to `to`, or to the voter whose log reaches furthest. With an id it is a request, and answered;
   * without, nothing happens on a node that does not lead.
   */
  | {
      readonly kind: "transfer";
      readonly id?: RequestId;
      readonly to?: NodeId | undefined;
      /** Only if this one leads; undefined: whoever does. */
      readonly from?: NodeId | undefined;
    }
  /** Hand leadership over and take no more writes: the node is about to stop. */
  | { readonly kind: "stop" };

/** A request that has ended. */
export type Response =
  | { readonly kind: "write"; readonly id: RequestId; readonly result: WriteResult }
  | { readonly kind: "read"; readonly id: RequestId; readonly result: ReadResult }
  | { readonly kind: "membership"; readonly id: RequestId; readonly result: MembershipResult }
  | { readonly kind: "transfer"; readonly id: RequestId; readonly result: TransferResult };

/** What the driver has to do now, in the order of the fields. Everything is handed out once. */
export interface Effects {
  /** Begin this write; say `persisted` when it is durable. */
  readonly write: LogWrite | undefined;
  /** Messages that may leave now, whether `write` is durable or not. */
  readonly send: readonly Message[];
  /** Replace the state by the local snapshot at this position; say `applied`. */
  readonly restore: SnapshotMeta | undefined;
  /** Apply these entries; say `applied`. */
  readonly apply: { readonly entries: readonly Entry[]; readonly wantOutcomes: boolean } | undefined;
  /** Run these after everything applied before; say `queried`. */
  readonly queries: readonly { readonly ticket: number; readonly queries: readonly Query[] }[];
  readonly responses: readonly Response[];
  /** Tell every peer. */
  readonly digests: readonly StateDigest[];
  /** Begin a snapshot; say `snapshotTaken`. None is under way. */
  readonly takeSnapshot: boolean;
  /** Offer the latest snapshot to these peers; say `snapshotSent`. */
  readonly sendSnapshot: readonly { readonly to: NodeId; readonly snapshot: SnapshotMeta }[];
  readonly trace: readonly NodeTrace[];
}

/** What happened, for logs, metrics and checkers. */
export type NodeTrace =
  | TraceEvent
  /** Commands became an entry: how many, in how many bytes. */
  | { readonly kind: "entry"; readonly commands: number; readonly bytes: number }
  /** This leader removes a member that was silent for so long, ms. */
  | { readonly kind: "autoremove"; readonly peer: NodeId; readonly silentMs: number }
  | { readonly kind: "alarm"; readonly text: string };

export interface NodeSettings {
  /** A write waits this long for a leader before it is refused, ms. */
  readonly holdMs: number;
  /** A write in the log that is not settled after this long ends as unknown, ms. */
  readonly writeMs: number;
  /** A read that is not confirmed after this long is refused, ms. */
  readonly readMs: number;
  /** Bytes of commands waiting in this node; beyond it new ones are refused. */
  readonly pendingBytesMax: number;
  /** Reads waiting in this node; beyond it new ones are refused. */
  readonly pendingReadsMax: number;
  /** Bytes of entries that wait for the state machine, beyond which nothing more is taken in. */
  readonly unappliedBytesMax: number;
  /** Bytes of entries handed to the state machine at a time. */
  readonly applyBytesMax: number;
  /** A leader whose state machine has not answered for this long hands over, ms. */
  readonly applyStallMs: number;
  /** Bytes of commands in one entry; one command always fits. */
  readonly entryBytesMax: number;
  /** Where entries carry so many commands, the next one waits until as many have gathered again (gathering.ts). */
  readonly gatherFrom: number;
  /** A leader removes a member that was silent for so long, ms; undefined: never. */
  readonly autoremoveMs: number | undefined;
  /** Voters that the cluster is to have: no leader makes it smaller by itself. */
  readonly wantedVoters: number;
  /** A snapshot is taken when the log holds this many bytes beyond the latest one, or as many as that one has … */
  readonly snapshotBytes: number;
  /** … though no more than this … */
  readonly snapshotBytesMax: number;
  /** … or this many entries beyond the latest snapshot. */
  readonly snapshotEntries: number;
}

export const NODE_SETTINGS: NodeSettings = {
  holdMs: 3_000,
  writeMs: 5_000,
  readMs: 3_000,
  pendingBytesMax: 67_108_864,
  pendingReadsMax: 20_000,
  unappliedBytesMax: 67_108_864,
  applyBytesMax: 4_194_304,
  applyStallMs: 2_000,
  entryBytesMax: 1_048_576,
  gatherFrom: 16,
  autoremoveMs: undefined,
  wantedVoters: 3,
  snapshotBytes: 16_777_216,
  snapshotBytesMax: 67_108_864,
  snapshotEntries: 50_000,
};
