/** Rows as SQLite gives them, checked: each carries its hash, and a row that does not match it is damage. */

import type { Hash52 } from "../base/index.ts";
import {
  type CounterRow,
  counterRowHash,
  memberRowHash,
  outcomeRowHash,
  type RememberedOutcome,
  type SessionRow,
  sessionRowHash,
} from "../counter/index.ts";
import { CorruptionError, LOST_ADVICE } from "./errors.ts";

/** What to do about damage in state.db, which holds nothing that is not also elsewhere. */
export const STATE_ADVICE: string =
  "stop the node, remove state.db, state.db-wal and state.db-shm, and start it again: it then rebuilds its state " +
  `from its latest snapshot and its log; if that is refused, ${LOST_ADVICE}`;

/** Damage in state.db. @param found what was found, as a clause. */
export function stateDamage(file: string, found: string, cause?: unknown): CorruptionError {
  return new CorruptionError({ file, found, advice: STATE_ADVICE, cause });
}

/** One row: its columns in the order of the query. Whatever a damaged file holds may be in them. */
export type Columns = readonly unknown[];

/** Reads rows of one database file. All throw {@link CorruptionError} for a row that is not as it was written. */
export class RowReader {
  readonly #file: string;

  /** @param file the path of the database, for the sentence. */
  constructor(file: string) {
    this.#file = file;
  }

  /** @param columns key, value, revision, hash; read with safe integers. */
  counter(columns: Columns): CounterRow {
    const [key, value, revision, hash] = columns;
    const typed = typeof key === "string" && typeof value === "bigint";
    if (!typed || typeof revision !== "bigint") throw this.#damage("counters", key);
    const row: CounterRow = { key, value, revision: Number(revision) };
    this.#check("counters", key, hash, counterRowHash(row));
    return row;
  }

  /** Returns the hash of the row: a member is nothing else. @param columns key, member, hash. */
  member(columns: Columns): Hash52 {
    const [key, member, hash] = columns;
    if (typeof key !== "string" || typeof member !== "string") throw this.#damage("members", key);
    const own = memberRowHash(key, member);
    this.#check("members", key, hash, own);
    return own;
  }

  /** @param columns serial, key, fingerprint, at, outcome, hash. */
  outcome(columns: Columns): RememberedOutcome {
    const [serial, key, fingerprint, at, outcome, hash] = columns;
    if (typeof key !== "string" || !(outcome instanceof Uint8Array)) throw this.#damage("outcomes", key);
    const row: RememberedOutcome = {
      key,
      fingerprint: this.#whole("outcomes", key, fingerprint),
      at: this.#whole("outcomes", key, at),
      serial: this.#whole("outcomes", key, serial),
      outcome,
    };
    this.#check("outcomes", key, hash, outcomeRowHash(row));
    return row;
  }

  /** @param columns id, used_at, first_unanswered, outcomes, hash. */
  session(columns: Columns): SessionRow {
    const [id, usedAt, firstUnanswered, packed, hash] = columns;
    const outcomes = packed instanceof Uint8Array ? unpackSessionOutcomes(packed) : undefined;
    if (outcomes === undefined) throw this.#damage("sessions", id);
    const row: SessionRow = {
      id: this.#whole("sessions", id, id),
      usedAt: this.#whole("sessions", id, usedAt),
      firstUnanswered: this.#whole("sessions", id, firstUnanswered),
      outcomes,
    };
    this.#check("sessions", id, hash, sessionRowHash(row));
    return row;
  }

  /** What to throw for a row that was there, and is not any more. */
  missing(table: string, key: unknown): CorruptionError {
    return stateDamage(this.#file, `a row of ${table} (${JSON.stringify(String(key))}) is gone`);
  }

  /** The hashes are those of whole numbers, and pass over a fraction that damage has added. */
  #whole(table: string, key: unknown, column: unknown): number {
    const value = typeof column === "bigint" ? Number(column) : column;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.#damage(table, key);
    return value;
  }

  #check(table: string, key: unknown, stored: unknown, computed: Hash52): void {
    if (Number(stored) !== computed) throw this.#damage(table, key);
  }

  #damage(table: string, key: unknown): CorruptionError {
    const found = `a row of ${table} (${JSON.stringify(String(key))}) does not match its hash`;
    return stateDamage(this.#file, found);
  }
}

/** Bytes before each of a session's outcomes: its number and fingerprint as doubles, and its length. */
const OUTCOME_HEAD_BYTES = 20;

/** A session's outcomes as they are stored: for each, in any order, head and bytes. */
export function packSessionOutcomes(row: SessionRow): Uint8Array {
  let length = 0;
  for (const { outcome } of row.outcomes.values()) length += OUTCOME_HEAD_BYTES + outcome.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [seq, { fingerprint, outcome }] of row.outcomes) {
    // Both are whole numbers below 2^53, which a double holds exactly.
    view.setFloat64(at, seq);
    view.setFloat64(at + 8, fingerprint);
    view.setUint32(at + 16, outcome.length);
    bytes.set(outcome, at + OUTCOME_HEAD_BYTES);
    at += OUTCOME_HEAD_BYTES + outcome.length;
  }
  return bytes;
}

/** What {@link packSessionOutcomes} packed; undefined if it packed no such bytes. */
function unpackSessionOutcomes(bytes: Uint8Array): SessionRow["outcomes"] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const outcomes = new Map<number, { readonly fingerprint: Hash52; readonly outcome: Uint8Array }>();
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < OUTCOME_HEAD_BYTES) return undefined;
    const from = at + OUTCOME_HEAD_BYTES;
    const to = from + view.getUint32(at + 16);
    if (to > bytes.length) return undefined;
    const seq = view.getFloat64(at);
    const fingerprint = view.getFloat64(at + 8);
    // A double that is not whole is damage which no hash shows: those of 24 and of 24.5 are the same.
    if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(fingerprint)) return undefined;
    // A copy: one outcome that is kept must not keep the bytes of all.
    outcomes.set(seq, { fingerprint, outcome: new Uint8Array(bytes.subarray(from, to)) });
    at = to;
  }
  return outcomes;
}
