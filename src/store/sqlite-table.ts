/** The rows of the state machine in SQLite. */

import type { Database, Statement } from "better-sqlite3";
import { digestAdd, type Hash52 } from "../base/index.ts";
import {
  type CounterRow,
  counterRowHash,
  memberRowHash,
  outcomeRowHash,
  type RememberedOutcome,
  type SessionRow,
  sessionRowHash,
  type Table,
  type Totals,
} from "../counter/index.ts";
import { ChangeHistory } from "./change-history.ts";
import { lowerBound, upperBound } from "./key-range.ts";
import { OutcomeIndex } from "./outcome-index.ts";
import { type Columns, packSessionOutcomes, RowReader, stateDamage } from "./sqlite-rows.ts";
import { outcomeRows } from "./whole-tables.ts";

type Query = Statement<unknown[], Columns>;

/** Sessions that are kept in memory because they were used lately. */
const RECENT_SESSIONS_MAX = 4_096;
/** And only those whose outcomes take no more bytes than this, which is all that a client with few callers needs. */
const RECENT_SESSION_BYTES_MAX = 1_024;

interface Deleted {
  readonly deletedAt: number;
}

/**
 * A table inside a transaction that its owner begins and commits.
 *
 * Counters, sessions and outcomes are kept here and written by {@link flush}, so that each is written once however many
 * entries of one transaction change it. Members are written at once. Totals stay here; the owner writes them with the
 * applied index.
 */
export class SqliteTable implements Table {
  /** Of the counters, from the opening of this table on. */
  readonly changes: ChangeHistory;
  readonly #rows: RowReader;
  readonly #sql: ReturnType<typeof prepareAll>;
  #totals: Totals;
  /** Counters as they will be; with `deletedAt`, the revision of the deletion, those that go. */
  readonly #counters = new Map<string, CounterRow | Deleted>();
  /** Those of them of which {@link changes} has not been told. */
  readonly #untold = new Map<string, CounterRow | Deleted>();
  /** Outcomes that SQLite does not have, in order of serial; all that it has are older. */
  readonly #outcomes = new Map<string, RememberedOutcome>();
  /** Finds those that SQLite has. */
  readonly #byKey = new OutcomeIndex();
  /** Members added since the last commit. */
  #members = 0;
  readonly #sessions = new Map<number, SessionRow | null>();
  /** As SQLite has them, the one that was used longest ago first: who writes in a session writes in it again. */
  readonly #recentSessions = new Map<number, SessionRow>();
  /** No session was last used before this log time, ms. */
  #sessionsUsedSince = 0;
  /** The remembered outcome with the lowest serial; undefined if it has to be looked up. */
  #oldestOutcome: RememberedOutcome | undefined;

  constructor(database: Database, totals: Totals) {
    this.#rows = new RowReader(database.name);
    this.#sql = prepareAll(database);
    this.#totals = totals;
    this.changes = new ChangeHistory(totals.revision);
    // Each is checked: a key that damage has changed would be taken for one that was never used.
    for (const columns of outcomeRows(database, totals.rememberedKeys)) {
      const { key, serial } = this.#rows.outcome(columns);
      this.#byKey.add(key, serial);
    }
    if (this.#byKey.size !== totals.rememberedKeys) {
      throw stateDamage(
        database.name,
        "it has other outcomes than it counts, so some are missing or too many",
      );
    }
  }

  /** Tells those who follow the counters what has changed, each once. To be called at the end of an apply. */
  tell(): void {
    for (const [key, row] of this.#untold) {
      if ("deletedAt" in row) this.changes.note({ key, value: 0n, revision: row.deletedAt, deleted: true });
      else this.changes.note({ key, value: row.value, revision: row.revision, deleted: false });
    }
    this.#untold.clear();
    this.changes.commit();
  }

  /** Writes what was kept back. To be called before the transaction is committed. */
  flush(): void {
    const { putCounter, deleteCounter } = this.#sql;
    this.tell();
    for (const [key, row] of this.#counters) {
      if ("deletedAt" in row) deleteCounter.run(key);
      else putCounter.run(key, row.value, row.revision, counterRowHash(row));
    }
    this.#counters.clear();
    this.#members = 0;
    this.#flushOutcomes();
    this.#flushSessions();
  }

  /** Rows that wait for the commit: those that {@link flush} would write, and members, which are written at once. */
  get unwritten(): number {
    return this.#counters.size + this.#outcomes.size + this.#sessions.size + this.#members;
  }

  counter(key: string): CounterRow | undefined {
    const kept = this.#counters.get(key);
    if (kept !== undefined) return "deletedAt" in kept ? undefined : kept;
    // What has changed lately changes again, and looking for it in SQLite takes half as long as writing it.
    const latest = this.changes.latest(key);
    if (latest !== undefined) return latest.deleted ? undefined : rowOf(latest);
    const columns = this.#sql.counter.get(key);
    return columns === undefined ? undefined : this.#rows.counter(columns);
  }

  putCounter(row: CounterRow): void {
    this.#counters.set(row.key, row);
    this.#untold.set(row.key, row);
  }

  deleteCounter(key: string, revision: number): void {
    this.#counters.set(key, { deletedAt: revision });
    this.#untold.set(key, { deletedAt: revision });
  }

  hasMember(key: string, member: string): boolean {
    const columns = this.#sql.member.get(key, member);
    if (columns === undefined) return false;
    this.#rows.member(columns);
    return true;
  }

  addMember(key: string, member: string): void {
    this.#sql.addMember.run(key, member, memberRowHash(key, member));
    this.#members++;
  }

  /**
   * Row by row, so that the memory it needs does not grow with the members: a key may have millions. The time
   * does: 0.7 to 1.6 s for a million members, during which this node applies nothing else (measured on 2 busy
   * cores; see "Known limits" in DESIGN.md).
   */
  deleteMembers(key: string): Hash52 {
    let sum = 0;
    let found = false;
    for (const columns of this.#sql.members.iterate(key)) {
      sum = digestAdd(sum, this.#rows.member(columns));
      found = true;
    }
    if (found) this.#sql.deleteMembers.run(key);
    return sum;
  }

  outcome(key: string): RememberedOutcome | undefined {
    const kept = this.#outcomes.get(key);
    if (kept !== undefined) return kept;
    return this.#byKey.find(key, (serial) => {
      const columns = this.#sql.outcome.get(serial);
      if (columns === undefined) throw this.#rows.missing("outcomes", key);
      const row = this.#rows.outcome(columns);
      return row.key === key ? row : undefined;
    });
  }

  putOutcome(row: RememberedOutcome): void {
    this.#outcomes.set(row.key, row);
  }

  oldestOutcome(): RememberedOutcome | undefined {
    if (this.#oldestOutcome === undefined) {
      const columns = this.#sql.oldestOutcome.get();
      const [kept] = columns === undefined ? this.#outcomes.values() : [this.#rows.outcome(columns)];
      this.#oldestOutcome = kept;
    }
    return this.#oldestOutcome;
  }

  deleteOutcome({ key, serial }: RememberedOutcome): void {
    if (!this.#outcomes.delete(key)) {
      this.#sql.deleteOutcome.run(serial);
      this.#byKey.remove(key, serial);
    }
    if (this.#oldestOutcome?.key === key) this.#oldestOutcome = undefined;
  }

  session(id: number): SessionRow | undefined {
    const kept = this.#sessions.get(id);
    if (kept !== undefined) return kept ?? undefined;
    const recent = this.#recentSessions.get(id);
    if (recent !== undefined) return recent;
    const columns = this.#sql.session.get(id);
    return columns === undefined ? undefined : this.#rows.session(columns);
  }

  putSession(row: SessionRow): void {
    this.#sessions.set(row.id, row);
  }

  deleteSession(id: number): void {
    this.#sessions.set(id, null);
  }

  oldestSession(): SessionRow | undefined {
    // Only SQLite knows the order, so it has to know the rows.
    this.#flushSessions();
    const columns = this.#sql.oldestSession.get();
    const oldest = columns === undefined ? undefined : this.#rows.session(columns);
    // Those that are opened later are used later.
    this.#sessionsUsedSince = oldest?.usedAt ?? this.#totals.logTime;
    return oldest;
  }

  sessionsUsedSince(): number {
    return this.#sessionsUsedSince;
  }

  totals(): Totals {
    return this.#totals;
  }

  putTotals(totals: Totals): void {
    this.#totals = totals;
  }

  /**
   * Counters whose key begins with `prefix`, in order of their UTF-8 bytes, after `after`.
   * @param limit rows at most, at least 1.
   */
  list(prefix: string, after: string | undefined, limit: number): readonly CounterRow[] {
    // Only SQLite knows the order, so it has to know the rows.
    this.flush();
    const from = lowerBound(prefix, after);
    const before = upperBound(prefix);
    const found =
      before === undefined ? this.#sql.listAll.all(from, limit) : this.#sql.list.all(from, before, limit);
    return found.map((columns) => this.#rows.counter(columns));
  }

  #flushOutcomes(): void {
    for (const row of this.#outcomes.values()) {
      const { serial, key, fingerprint, at, outcome } = row;
      this.#sql.putOutcome.run(serial, key, fingerprint, at, outcome, outcomeRowHash(row));
      this.#byKey.add(key, serial);
    }
    this.#outcomes.clear();
  }

  #flushSessions(): void {
    const { putSession, deleteSession } = this.#sql;
    for (const [id, row] of this.#sessions) {
      this.#recentSessions.delete(id);
      if (row === null) {
        deleteSession.run(id);
        continue;
      }
      const outcomes = packSessionOutcomes(row);
      putSession.run(id, row.usedAt, row.firstUnanswered, outcomes, sessionRowHash(row));
      if (outcomes.length <= RECENT_SESSION_BYTES_MAX) this.#recentSessions.set(id, row);
    }
    this.#sessions.clear();
    this.#forgetSessions();
  }

  #forgetSessions(): void {
    for (const id of this.#recentSessions.keys()) {
      if (this.#recentSessions.size <= RECENT_SESSIONS_MAX) return;
      this.#recentSessions.delete(id);
    }
  }
}

function rowOf({ key, value, revision }: CounterRow): CounterRow {
  return { key, value, revision };
}

const COUNTER = "SELECT key, value, revision, hash FROM counters";
const OUTCOME = "SELECT serial, key, fingerprint, at, outcome, hash FROM outcomes";
const SESSION = "SELECT id, used_at, first_unanswered, outcomes, hash FROM sessions";

function prepareAll(database: Database) {
  const read = (sql: string): Query => database.prepare<unknown[], Columns>(sql).raw();
  const write = (sql: string): Statement<unknown[]> => database.prepare(sql);
  return {
    counter: read(`${COUNTER} WHERE key = ?`).safeIntegers(),
    list: read(`${COUNTER} WHERE key >= ? AND key < CAST(? AS TEXT) ORDER BY key LIMIT ?`).safeIntegers(),
    listAll: read(`${COUNTER} WHERE key >= ? ORDER BY key LIMIT ?`).safeIntegers(),
    putCounter: write(
      "INSERT INTO counters (key, value, revision, hash) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE " +
        "SET value = excluded.value, revision = excluded.revision, hash = excluded.hash",
    ),
    deleteCounter: write("DELETE FROM counters WHERE key = ?"),
    member: read("SELECT key, member, hash FROM members WHERE key = ? AND member = ?"),
    members: read("SELECT key, member, hash FROM members WHERE key = ?"),
    addMember: write("INSERT INTO members (key, member, hash) VALUES (?, ?, ?)"),
    deleteMembers: write("DELETE FROM members WHERE key = ?"),
    outcome: read(`${OUTCOME} WHERE serial = ?`),
    oldestOutcome: read(`${OUTCOME} ORDER BY serial LIMIT 1`),
    putOutcome: write(
      "INSERT INTO outcomes (serial, key, fingerprint, at, outcome, hash) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    deleteOutcome: write("DELETE FROM outcomes WHERE serial = ?"),
    session: read(`${SESSION} WHERE id = ?`),
    oldestSession: read(`${SESSION} ORDER BY used_at, id LIMIT 1`),
    putSession: write(
      "INSERT INTO sessions (id, used_at, first_unanswered, outcomes, hash) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) " +
        "DO UPDATE SET used_at = excluded.used_at, first_unanswered = excluded.first_unanswered, " +
        "outcomes = excluded.outcomes, hash = excluded.hash",
    ),
    deleteSession: write("DELETE FROM sessions WHERE id = ?"),
  };
}
