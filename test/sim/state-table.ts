/** The rows of a simulated node's state: in memory for speed, and on some seeds in SQLite, as the product keeps them. */

import Sqlite, { type Database } from "better-sqlite3";
import { type CounterRow, MemoryTable, type Table, type Totals } from "../../src/counter/index.ts";
import type { SnapshotMeta } from "../../src/raft/index.ts";
import {
  answerScan,
  createState,
  isScanQuery,
  MetaWriter,
  type Query,
  type QueryAnswer,
  type RowSource,
  readMeta,
  SqliteTable,
  verifyRows,
} from "../../src/store/index.ts";
import { memorySource } from "../store/memory-source.ts";

export interface StateTable {
  totals(): Totals;
  /** Runs `work`, which changes the table and says how far that leads, as one transaction. */
  transact(work: (table: Table) => SnapshotMeta): void;
  answer(query: Query): QueryAnswer;
  /** A copy that no longer follows this one. */
  clone(): StateTable;
  /** @throws {CorruptionError} its rows do not add up to its digest. */
  check(): void;
  /** It is not needed any more. */
  close(): void;
}

export class MemoryState implements StateTable {
  readonly #table: MemoryTable;

  constructor(table: MemoryTable = new MemoryTable()) {
    this.#table = table;
  }

  totals(): Totals {
    return this.#table.totals();
  }

  transact(work: (table: Table) => SnapshotMeta): void {
    work(this.#table);
  }

  answer(query: Query): QueryAnswer {
    if (query.kind === "get") return { kind: "get", row: this.#table.counter(query.key) };
    if (isScanQuery(query)) return answerScan(query, memorySource(this.#table.counters()), () => false);
    if (query.kind === "changes") throw new Error("nobody follows changes in the simulated world");
    const { prefix, after, limit } = query;
    const rows: CounterRow[] = [...this.#table.counters()]
      .filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return { kind: "list", rows: rows.slice(0, limit), more: rows.length > limit };
  }

  clone(): MemoryState {
    return new MemoryState(this.#table.clone());
  }

  check(): void {}

  close(): void {}
}

interface Opened {
  readonly database: Database;
  readonly table: SqliteTable;
  readonly meta: MetaWriter;
}

/** The tables, statements and rows of `state.db`, in a database that is in memory. */
export class SqliteState implements StateTable {
  readonly #clusterId: string;
  /** What it is opened from when it is needed. */
  readonly #bytes: Buffer;
  readonly #totals: Totals;
  #opened: Opened | undefined;

  private constructor(clusterId: string, bytes: Buffer, totals: Totals) {
    this.#clusterId = clusterId;
    this.#bytes = bytes;
    this.#totals = totals;
  }

  /** A state that has applied nothing. */
  static create(clusterId: string, { configuration }: SnapshotMeta): SqliteState {
    const database = new Sqlite(":memory:");
    createState(database, clusterId, configuration);
    const { totals } = readMeta(database, clusterId);
    const bytes = database.serialize();
    database.close();
    return new SqliteState(clusterId, bytes, totals);
  }

  totals(): Totals {
    return this.#opened?.table.totals() ?? this.#totals;
  }

  transact(work: (table: Table) => SnapshotMeta): void {
    const { database, table, meta } = this.#open();
    database
      .transaction(() => {
        const position = work(table);
        table.flush();
        meta.write({ clusterId: this.#clusterId, position, totals: table.totals() });
      })
      .immediate();
  }

  answer(query: Query): QueryAnswer {
    const { table } = this.#open();
    if (query.kind === "get") return { kind: "get", row: table.counter(query.key) };
    if (query.kind === "changes")
      return table.changes.after(query.after, query.limit, table.totals().revision);
    if (isScanQuery(query)) {
      const source: RowSource = {
        row: (key) => table.counter(key),
        rows: (prefix, after) => table.list(prefix, after, Number.MAX_SAFE_INTEGER),
      };
      return answerScan(query, source, () => false);
    }
    const { prefix, after, limit } = query;
    const rows = table.list(prefix, after, limit + 1);
    return { kind: "list", rows: rows.slice(0, limit), more: rows.length > limit };
  }

  clone(): SqliteState {
    const bytes = this.#opened?.database.serialize() ?? this.#bytes;
    return new SqliteState(this.#clusterId, bytes, this.totals());
  }

  check(): void {
    const { database, table } = this.#open();
    verifyRows(database, table.totals());
  }

  close(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const database = new Sqlite(this.#bytes);
    const { totals } = readMeta(database, this.#clusterId);
    verifyRows(database, totals);
    this.#opened = { database, table: new SqliteTable(database, totals), meta: new MetaWriter(database) };
    return this.#opened;
  }
}
