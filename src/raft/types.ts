/** The nouns of the Raft paper. `Term`, `Index` and `NodeId` are branded: swapping two does not compile. */

import { assert, type Hash52, hash52 } from "../base/index.ts";

declare const brand: unique symbol;

/** A leader's period of office, 0 before the first election. A safe integer. */
export type Term = number & { readonly [brand]: "Term" };
/** A position in the log. The first entry is at 1; 0 is the position before it. A safe integer. */
export type Index = number & { readonly [brand]: "Index" };
/** The name of a node within its cluster: 1 to 32 of `a-z 0-9 -`. Never used twice in a cluster's life. */
export type NodeId = string & { readonly [brand]: "NodeId" };
/** Names one waiting write. Drawn by the caller of the core, unique within a process. */
export type ProposalId = number;
/** Names one attempt at a linearizable read. Never used twice within a process, not even for a retry. */
export type ReadId = number;

/** @throws {InvariantViolation} unless `value` is a safe whole number of at least 0. */
export function term(value: number): Term {
  assert(Number.isSafeInteger(value) && value >= 0, "term: a safe whole number of at least 0");
  return value as Term;
}

/** @throws {InvariantViolation} unless `value` is a safe whole number of at least 0. */
export function index(value: number): Index {
  assert(Number.isSafeInteger(value) && value >= 0, "index: a safe whole number of at least 0");
  return value as Index;
}

const NODE_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** Whether `value` may name a node. */
export function isNodeId(value: string): boolean {
  return NODE_ID.test(value);
}

/** @throws {InvariantViolation} unless {@link isNodeId}. */
export function nodeId(value: string): NodeId {
  assert(isNodeId(value), "node id: 1 to 32 of a-z, 0-9 and inner -");
  return value as NodeId;
}

/** The entry after `at`. */
export function next(at: Index): Index {
  return (at + 1) as Index;
}

/** The entry before `at`, which is not 0. */
export function before(at: Index): Index {
  assert(at > 0, "index: nothing comes before 0");
  return (at - 1) as Index;
}

/** The lower of two indexes. */
export function minIndex(a: Index, b: Index): Index {
  return a < b ? a : b;
}

/** What names an entry beyond doubt: at most one entry ever has this index and term (§5.3). */
export interface EntryId {
  readonly index: Index;
  readonly term: Term;
}

/** One node as the configuration knows it. Which set it belongs to is said beside it. */
export interface Member {
  readonly id: NodeId;
  /** The random identity its data directory drew when it was initialised: 32 hex digits. */
  readonly incarnation: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

/** A node that was removed. Neither its id nor its data directory can come back (R9). */
export type RemovedMember = Pick<Member, "id" | "incarnation">;

/**
 * Who belongs to the cluster. While `outgoing` is not empty the configuration is joint (§6): every decision
 * needs a majority of `voters` and a majority of `outgoing`. Learners receive the log and never count.
 */
export interface Configuration {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Everyone named above, once, in order of id. */
  readonly members: readonly Member[];
  /** Everyone who once was a member and is no more, in order of id. */
  readonly removed: readonly RemovedMember[];
}

/**
 * A change of the configuration (§6). Several nodes may be added, promoted and removed at once; one change at a time
 * is under way in a cluster. What changes the voters goes through a joint configuration, everything else is in force
 * at once.
 */
export interface ConfigurationChange {
  /** New learners. Their ids have never been used in this cluster. */
  readonly add: readonly Member[];
  /** Learners that become voters; they must have caught up (R7). */
  readonly promote: readonly NodeId[];
  /** Voters or learners that leave for good. */
  readonly remove: readonly NodeId[];
  /** Members whose addresses changed; id and incarnation are those known. */
  readonly move: readonly Member[];
}

interface EntryBase extends EntryId {
  /** Hash of this entry chained to the one before ({@link chainHash}): equal chains mean equal logs. */
  readonly chain: Hash52;
}

/** One record of the replicated log. A `noop` opens each term (§8); a `configuration` counts once appended. */
export type Entry =
  | (EntryBase & { readonly kind: "noop" })
  | (EntryBase & { readonly kind: "command"; readonly data: Uint8Array; readonly crc: number })
  | (EntryBase & { readonly kind: "configuration"; readonly configuration: Configuration });

/** What must be on disk before a node speaks about it (§5, figure 2, "persistent state"). */
export interface HardState {
  readonly term: Term;
  readonly vote: NodeId | undefined;
  /** A lower bound of what is committed; it needs no flush of its own (P8). */
  readonly commit: Index;
}

/** A position in the log with all that is needed to go on from it when nothing before it is left. */
export interface SnapshotMeta extends EntryId {
  /** The chain hash of the entry at `index`; 0 at index 0. */
  readonly chain: Hash52;
  /** The configuration in force at `index`. */
  readonly configuration: Configuration;
  /** Where that configuration was appended; 0 for the initial one. */
  readonly configurationIndex: Index;
}

/** An entry without its chain hash, as its author makes it. */
export type EntryBody =
  | { readonly kind: "noop" }
  | { readonly kind: "command"; readonly data: Uint8Array; readonly crc: number }
  | { readonly kind: "configuration"; readonly configuration: Configuration };

/** The chain hash of an entry, given that of the one before it. */
export function chainHash(previous: Hash52, id: EntryId, body: EntryBody): Hash52 {
  switch (body.kind) {
    case "noop":
      return hash52([previous, id.index, id.term, 0]);
    case "command":
      return hash52([previous, id.index, id.term, 1, body.crc, body.data.length]);
    case "configuration":
      return hash52([previous, id.index, id.term, 2, JSON.stringify(canonical(body.configuration))]);
  }
}

/** The configuration as nested lists in a fixed order, so that equal ones have equal text. */
function canonical(configuration: Configuration): unknown {
  const { voters, outgoing, learners, members, removed } = configuration;
  const all = members.map((m) => [m.id, m.incarnation, m.peer, m.api]);
  return [voters, outgoing, learners, all, removed.map((r) => [r.id, r.incarnation])];
}

/** What an entry weighs against limits of memory and messages, in bytes. */
export function entryBytes(entry: EntryBody): number {
  return entry.kind === "command" ? 64 + entry.data.length : 64;
}
