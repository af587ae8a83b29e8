/** The words of the counter state machine: what a client may ask, what came of it, and what is remembered. */

import type { ErrorCode, Hash52 } from "../base/index.ts";

/** Add `by` to a counter; an absent counter counts as 0. */
export interface Add {
  readonly kind: "add";
  readonly key: string;
  readonly by: bigint;
  /** Refused with LIMIT_REACHED if the result would be below this. */
  readonly min?: bigint;
  /** Refused with LIMIT_REACHED if the result would be above this. */
  readonly max?: bigint;
  /**
   * Instead of refusing, adds only as much as the bounds allow, down to nothing; never in the other direction. Needs a
   * bound. Where the add would not be refused it is done in full; where no part of it leads to a value within the
   * bounds nothing is added, so that a counter that is beyond its bound already stays where it is. The range of a
   * counter still refuses with COUNTER_OVERFLOW where no bound comes first.
   */
  readonly saturate?: true;
  /**
   * Counts only the first time this member is seen for this key. 1 to 512 bytes of UTF-8. An add that brings
   * a new member is a change even if `by` is 0, so that members never exist without their counter. A member for whom
   * the bounds of a saturating add left nothing is not seen: it may count later.
   */
  readonly once?: string;
}

/** Give a counter this value. */
export interface SetValue {
  readonly kind: "set";
  readonly key: string;
  readonly value: bigint;
  /** Refused with REVISION_MISMATCH unless the counter's revision is this one. */
  readonly ifRevision?: ExpectedRevision;
}

/** Remove a counter and its `once` members. Done, with nothing changed, if there is no such counter. */
export interface Delete {
  readonly kind: "delete";
  readonly key: string;
  readonly ifRevision?: ExpectedRevision;
}

/** The revision that a counter is expected to have: 0 means that it must not exist, "any" that it must. */
export type ExpectedRevision = number | "any";

/** One change to one counter. */
export type Change = Add | SetValue | Delete;

/** Changes that happen in order and entirely, or not at all. 1 to 1,000: see batch.ts for what reads them one by one. */
export interface Batch {
  readonly kind: "batch";
  /** In order; or, where there are `places`, each change that the batch repeats, once, in the order of its first use. */
  readonly changes: readonly Change[];
  /** Of each change in order, which of `changes` it is. Never where each of these is used once. */
  readonly places?: Uint16Array<ArrayBuffer>;
}

/** Opens a client session; the answer carries its id. Refused with IDEMPOTENCY_CAPACITY while there are too many. */
export interface OpenSession {
  readonly kind: "openSession";
}

/** Makes a retry harmless: the outcome is remembered for a window of log time and given again. */
export type Once =
  /** A key that the client made up: 1 to 255 characters. */
  | { readonly kind: "key"; readonly key: string }
  /**
   * A place in a client session. Outcomes of numbers below `firstUnanswered` are forgotten: the client
   * promises never to send them again.
   */
  | {
      readonly kind: "session";
      readonly session: number;
      readonly seq: number;
      readonly firstUnanswered: number;
    };

/** What is to be done, without the means of asking twice. */
export type Operation = Change | Batch | OpenSession;

/** What a client asks of the state machine. */
export interface Command {
  readonly operation: Operation;
  readonly once?: Once;
}

/** How one change came out. */
export interface Changed {
  readonly key: string;
  /** After the change; 0 for a deleted counter. */
  readonly value: bigint;
  /** The counter's revision after the change; for a deleted counter, that of the deletion; 0 if never written. */
  readonly revision: number;
  /** False when nothing changed: the `once` member had been seen, a set to the present value, and the like. */
  readonly changed: boolean;
  /** Of an add that saturates only: how much was added, 0 for a member that had been seen. */
  readonly applied?: bigint;
}

/**
 * Refusals that are decided when a command is applied, and remembered like any outcome, except for those about
 * remembering itself: the codes that begin with IDEMPOTENCY and SESSION.
 */
export type RefusalCode = Extract<
  ErrorCode,
  | "COUNTER_OVERFLOW"
  | "LIMIT_REACHED"
  | "REVISION_MISMATCH"
  | "COUNTER_NOT_FOUND"
  | "IDEMPOTENCY_KEY_REUSED"
  | "IDEMPOTENCY_CAPACITY"
  | "SESSION_EXPIRED"
>;

/** What apply returned for one command. */
export type Outcome =
  | {
      readonly kind: "done";
      /** One for each change of the command, in order; empty for openSession. */
      readonly results: readonly Changed[];
      /** How many of the results say that they changed something, where that is known without making them. */
      readonly changed?: number;
      /** Set for openSession. */
      readonly session?: number;
      /** Whether this is the outcome of an earlier attempt, given again. */
      readonly replayed: boolean;
    }
  | {
      readonly kind: "refused";
      readonly code: RefusalCode;
      /** A sentence with the particulars. */
      readonly detail: string;
      /** Which change of a batch was refused, from 0. */
      readonly position: number;
      readonly replayed: boolean;
    };

/** A counter as it is stored. */
export interface CounterRow {
  readonly key: string;
  readonly value: bigint;
  /** The number of its latest change. */
  readonly revision: number;
}

/** The state of everything that is not a row. */
export interface Totals {
  /** The number of the latest change to any counter; 0 before the first. */
  readonly revision: number;
  /** Milliseconds of log time so far (the sum of what the entries carry). */
  readonly logTime: number;
  /** Sum of the hashes of all rows of all tables, see digestAdd. */
  readonly digest: Hash52;
  readonly counters: number;
  /** Outcomes remembered by key. */
  readonly rememberedKeys: number;
  /** The serial of the latest outcome that was remembered by key; 0 before the first. */
  readonly outcomeSerial: number;
  /** Sessions that exist. */
  readonly sessions: number;
  /** Sessions ever opened: the id of the latest one. Ids are never used again. */
  readonly sessionsOpened: number;
  /** How long an idempotency key is remembered at least, in ms of log time: see effectiveWindow. */
  readonly idempotencyWindowMs: number;
}

/** One outcome remembered by its idempotency key. */
export interface RememberedOutcome {
  readonly key: string;
  /** Hash of the operation that was first sent with the key. */
  readonly fingerprint: Hash52;
  /** Log time at which it was applied, ms. */
  readonly at: number;
  /** Numbers the remembered outcomes in the order in which they were made; no two are equal. */
  readonly serial: number;
  /** The encoded outcome. */
  readonly outcome: Uint8Array;
}

/** A client session and the outcomes that its client may still ask for again. */
export interface SessionRow {
  readonly id: number;
  /** Log time of its latest use, ms. */
  readonly usedAt: number;
  readonly firstUnanswered: number;
  /** Encoded outcomes of the numbers from `firstUnanswered` on, by number. The order of the map means nothing. */
  readonly outcomes: ReadonlyMap<number, { readonly fingerprint: Hash52; readonly outcome: Uint8Array }>;
}

/**
 * Where the state machine keeps its rows. The production one is SQLite inside a transaction; the simulator's
 * is in memory. All writes between two entries happen entirely or not at all. A `put` replaces the row with
 * the same key or id; a `delete` of an absent row does nothing. Rows are never changed once put.
 */
export interface Table {
  counter(key: string): CounterRow | undefined;
  putCounter(row: CounterRow): void;
  /** @param revision of the deletion, for whoever follows changes; a counter may be made and deleted by one entry. */
  deleteCounter(key: string, revision: number): void;
  hasMember(key: string, member: string): boolean;
  /** Only called if the member is not there. */
  addMember(key: string, member: string): void;
  /**
   * Removes all members of a key. Returns the sum of their hashes (memberRowHash, digestAdd), so that the digest
   * can follow; not the members, of which there may be millions.
   */
  deleteMembers(key: string): Hash52;
  outcome(key: string): RememberedOutcome | undefined;
  putOutcome(row: RememberedOutcome): void;
  /** The remembered outcome with the lowest serial. */
  oldestOutcome(): RememberedOutcome | undefined;
  /** @param row as it was given by the table. */
  deleteOutcome(row: RememberedOutcome): void;
  session(id: number): SessionRow | undefined;
  putSession(row: SessionRow): void;
  deleteSession(id: number): void;
  /** The session that was used longest ago; of several, that with the lowest id, so that all replicas agree. */
  oldestSession(): SessionRow | undefined;
  /**
   * A log time, ms, before which no session was last used; not always the latest such time, but found without looking
   * for the oldest session.
   */
  sessionsUsedSince(): number;
  /** EMPTY_TOTALS before the first put. */
  totals(): Totals;
  putTotals(totals: Totals): void;
}
