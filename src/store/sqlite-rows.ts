/** Rows as SQLite gives them, checked: each carries its hash, and a row that does not match it is damage. */

import { pack, unpack } from "msgpackr";
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
import { CorruptionError } from "./errors.ts";

/** What to do about damage in state.db, which holds nothing that is not also elsewhere. */
export const STATE_ADVICE: string =
  "stop the node, remove state.db, state.db-wal and state.db-shm, and start it again: it then rebuilds its state " +
  "from its latest snapshot and its log";

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

  /** @param columns key, member, hash. */
  member(columns: Columns): readonly [key: string, member: string] {
    const [key, member, hash] = columns;
    if (typeof key !== "string" || typeof member !== "string") throw this.#damage("members", key);
    this.#check("members", key, hash, memberRowHash(key, member));
    return [key, member];
  }

  /** @param columns serial, key, fingerprint, at, outcome, hash. */
  outcome(columns: Columns): RememberedOutcome {
    const [serial, key, fingerprint, at, outcome, hash] = columns;
    if (typeof key !== "string" || !(outcome instanceof Uint8Array)) throw this.#damage("outcomes", key);
    const row: RememberedOutcome = {
      key,
      fingerprint: Number(fingerprint),
      at: Number(at),
      serial: Number(serial),
      outcome,
    };
    this.#check("outcomes", key, hash, outcomeRowHash(row));
    return row;
  }

  /** @param columns id, used_at, first_unanswered, outcomes, hash. */
  session(columns: Columns): SessionRow {
    const [id, usedAt, firstUnanswered, packed, hash] = columns;
    if (!(packed instanceof Uint8Array)) throw this.#damage("sessions", id);
    const row: SessionRow = {
      id: Number(id),
      usedAt: Number(usedAt),
      firstUnanswered: Number(firstUnanswered),
      outcomes: this.#sessionOutcomes(id, packed),
    };
    this.#check("sessions", id, hash, sessionRowHash(row));
    return row;
  }

  #sessionOutcomes(id: unknown, packed: Uint8Array): SessionRow["outcomes"] {
    try {
      const list: readonly (readonly [number, Hash52, Uint8Array])[] = unpack(packed);
      return new Map(list.map(([seq, fingerprint, outcome]) => [seq, { fingerprint, outcome }]));
    } catch (error) {
      throw this.#damage("sessions", id, error);
    }
  }

  #check(table: string, key: unknown, stored: unknown, computed: Hash52): void {
    if (Number(stored) !== computed) throw this.#damage(table, key);
  }

  #damage(table: string, key: unknown, cause?: unknown): CorruptionError {
    const found = `a row of ${table} (${JSON.stringify(String(key))}) does not match its hash`;
    return stateDamage(this.#file, found, cause);
  }
}

/** A session's outcomes as they are stored. */
export function packSessionOutcomes(row: SessionRow): Uint8Array {
  return pack([...row.outcomes].map(([seq, { fingerprint, outcome }]) => [seq, fingerprint, outcome]));
}
