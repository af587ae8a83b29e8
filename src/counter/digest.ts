/**
 * The hash of each kind of row, and the digest that is their sum.
 *
 * The store saves these hashes beside the rows and compares them when it reads; nodes compare the digests. They
 * are part of the replicated state: a change of any of them is a change of its format.
 */

import { crc32c, digestAdd, HASH_MODULUS, type Hash52, hash52 } from "../base/index.ts";
import type { CounterRow, RememberedOutcome, SessionRow } from "./types.ts";

/** The first part of each hash: rows of different tables differ even if their fields are equal. */
const COUNTER = 1;
const MEMBER = 2;
const OUTCOME = 3;
const SESSION = 4;

/** Hash of a counter. */
export function counterRowHash(row: CounterRow): Hash52 {
  const { key, value, revision } = row;
  const small = Number(value);
  // Most values are exact in a double, and their digits need not be written out.
  if (Number.isSafeInteger(small))
    return hash52([COUNTER, key, small < 0 ? 1 : 0, Math.abs(small), revision]);
  return hash52([COUNTER, key, value.toString(), revision]);
}

/** Hash of a `once` member of a counter. */
export function memberRowHash(key: string, member: string): Hash52 {
  return hash52([MEMBER, key, member]);
}

/** Hash of an outcome remembered by key. */
export function outcomeRowHash(row: RememberedOutcome): Hash52 {
  const { key, fingerprint, at, serial, outcome } = row;
  return hash52([OUTCOME, key, fingerprint, at, serial, outcome.length, crc32c(outcome)]);
}

/** Hash of a session with its outcomes, whatever their order in the map. */
export function sessionRowHash(row: SessionRow): Hash52 {
  let sum = 0;
  for (const [seq, { fingerprint, outcome }] of row.outcomes) {
    sum = (sum + hash52([seq, fingerprint, outcome.length, crc32c(outcome)])) % HASH_MODULUS;
  }
  return hash52([SESSION, row.id, row.usedAt, row.firstUnanswered, row.outcomes.size, sum]);
}

/** Every row of a state machine, in any order. */
export interface AllRows {
  readonly counters: Iterable<CounterRow>;
  /** Pairs of key and member. */
  readonly members: Iterable<readonly [key: string, member: string]>;
  readonly outcomes: Iterable<RememberedOutcome>;
  readonly sessions: Iterable<SessionRow>;
}

/** The digest as it must be, from the rows themselves: to check what `Totals.digest` says. */
export function digestOfRows(rows: AllRows): Hash52 {
  let digest: Hash52 = 0;
  for (const row of rows.counters) digest = digestAdd(digest, counterRowHash(row));
  for (const [key, member] of rows.members) digest = digestAdd(digest, memberRowHash(key, member));
  for (const row of rows.outcomes) digest = digestAdd(digest, outcomeRowHash(row));
  for (const row of rows.sessions) digest = digestAdd(digest, sessionRowHash(row));
  return digest;
}
