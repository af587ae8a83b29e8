/** What nodes say to each other. Each kind is its own type: no field means different things by kind. */

import type { Hash52 } from "../base/index.ts";
import type { Entry, EntryId, Index, NodeId, ReadId, Term } from "./types.ts";

export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; in a pre-vote request and in its grant the term that would be campaigned for. */
  readonly term: Term;
}

/** "Would you vote for me?": changes nothing and writes nothing (thesis §9.6). */
export type RequestPreVote = Envelope & { readonly kind: "requestPreVote"; readonly last: EntryId };
export type PreVoteResponse = Envelope & { readonly kind: "preVoteResponse"; readonly granted: boolean };

/** RequestVote (§5.2). `transfer` says that the leader asked for this election: leases do not apply. */
export type RequestVote = Envelope & {
  readonly kind: "requestVote";
  readonly last: EntryId;
  readonly transfer: boolean;
};
export type VoteResponse = Envelope & { readonly kind: "voteResponse"; readonly granted: boolean };

/** AppendEntries (§5.3). `previousChain` lets the follower see that the two logs are truly the same. */
export type Append = Envelope & {
  readonly kind: "append";
  readonly previous: EntryId;
  readonly previousChain: Hash52;
  readonly entries: readonly Entry[];
  readonly commit: Index;
};
/** An acceptance carries its match, a refusal its hint, and neither the other's field. */
export type AppendResponse = Envelope & { readonly kind: "appendResponse" } & (
    | { readonly ok: true; readonly match: Index }
    | {
        readonly ok: false;
        /** `previous.index` of the refused message. */
        readonly rejected: Index;
        /** The latest entry that may still be common to both logs. */
        readonly hint: EntryId;
      }
  );

/** Keeps the leader in office and carries the round that confirms reads (thesis §6.4). */
export type Heartbeat = Envelope & {
  readonly kind: "heartbeat";
  /** What the receiver may commit: never more than it is known to hold. */
  readonly commit: Index;
  /** What the leader has committed: only tells a follower how far behind it is. It commits nothing by it (T16). */
  readonly leaderCommit: Index;
  readonly round: number;
};
export type HeartbeatResponse = Envelope & { readonly kind: "heartbeatResponse"; readonly round: number };

/** Leadership transfer (thesis §3.10): campaign now, without a pre-vote. */
export type TimeoutNow = Envelope & { readonly kind: "timeoutNow" };

/** A follower asks for a read index; `id` is the follower's, never used by an earlier process of it, and comes back. */
export type ReadIndexRequest = Envelope & { readonly kind: "readIndex"; readonly id: ReadId };
export type ReadIndexResponse = Envelope & { readonly kind: "readIndexResponse"; readonly id: ReadId } & (
    | { readonly ok: true; readonly index: Index }
    | { readonly ok: false }
  );

export type Message =
  | RequestPreVote
  | PreVoteResponse
  | RequestVote
  | VoteResponse
  | Append
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse;

export type MessageKind = Message["kind"];
export type MessageOf<K extends MessageKind> = Extract<Message, { kind: K }>;
