/** What state.db holds besides rows: its format, whose it is, how far it has been applied, digests. */

import Sqlite, { type Database, type Statement } from "better-sqlite3";
import { digestAdd, type Hash52, hash52 } from "../base/index.ts";
import { EMPTY_TOTALS, type Totals } from "../counter/index.ts";
import { type Configuration, index, type SnapshotMeta, term } from "../raft/index.ts";
import { IdentityError, NewerFormatError } from "./errors.ts";
import { type Columns, RowReader, stateDamage } from "./sqlite-rows.ts";
import { configurationOf, configurationText, countOf, fieldsOf, jsonOf } from "./state-configuration.ts";
import type { StateDigest } from "./types.ts";
import { counterRows, outcomeRows } from "./whole-tables.ts";

/** Written into the header of the file (`user_version`). A newer program raises it when it changes a table. */
export const STATE_FORMAT = 1;
/** "RAFT": written into the header of the file, so that no other database is taken for a state. */
const APPLICATION_ID = 0x52414654;
/** A digest is kept at every index that this divides, so that nodes have some at equal indexes. */
export const DIGEST_INTERVAL = 1_024;
/** Digests kept. */
export const DIGESTS_KEPT = 64;
/** How long SQLite waits for a lock. Only a snapshot's reader is beside us, and holds one for microseconds. */
export const BUSY_MS = 5_000;

const TABLES = `
  CREATE TABLE counters (
    key TEXT PRIMARY KEY, value INTEGER NOT NULL, revision INTEGER NOT NULL, hash INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE members (
    key TEXT NOT NULL, member TEXT NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (key, member)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE outcomes (
    serial INTEGER PRIMARY KEY, key TEXT NOT NULL, fingerprint INTEGER NOT NULL, at INTEGER NOT NULL,
    outcome BLOB NOT NULL, hash INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, used_at INTEGER NOT NULL, first_unanswered INTEGER NOT NULL,
    outcomes BLOB NOT NULL, hash INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX sessions_by_use ON sessions (used_at, id);
  CREATE TABLE digests (
    at INTEGER PRIMARY KEY, digest INTEGER NOT NULL, hash INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1), cluster_id TEXT NOT NULL, applied INTEGER NOT NULL,
    term INTEGER NOT NULL, chain INTEGER NOT NULL, configuration TEXT NOT NULL,
    configuration_index INTEGER NOT NULL, totals TEXT NOT NULL, hash INTEGER NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${STATE_FORMAT};
`;

/** How far a state has been applied, and all of it that is not a row. */
export interface StateMeta {
  readonly clusterId: string;
  readonly position: SnapshotMeta;
  readonly totals: Totals;
}

/** Opens a file to read it; it must exist. Creates nothing, unless the file is in WAL mode. */
export function openToRead(file: string): Database {
  const database = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  database.pragma("trusted_schema = OFF");
  return database;
}

/** Opens state.db to write it, or creates the empty file. Whoever calls adds the tables, if there are none. */
export function openToWrite(file: string): Database {
  const database = new Sqlite(file, { timeout: BUSY_MS });
  database.pragma("trusted_schema = OFF");
  database.pragma("cell_size_check = ON");
  database.pragma("journal_mode = WAL");
  // After a power cut the log replays what is lost here. Said at every open: the default depends on the build.
  database.pragma("synchronous = NORMAL");
  // Checkpoints are made between two applies, never inside a commit.
  database.pragma("wal_autocheckpoint = 0");
  database.pragma("cache_size = -65536");
  return database;
}

/** Whether the file holds nothing yet: it is new, or its making was cut short. */
export function isBlank(database: Database): boolean {
  return database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0;
}

/** Makes the tables of a state that has applied nothing. */
export function createState(database: Database, clusterId: string, initial: Configuration): void {
  const position: SnapshotMeta = {
    index: index(0),
    term: term(0),
    chain: 0,
    configuration: initial,
    configurationIndex: index(0),
  };
  database.transaction(() => {
    database.exec(TABLES);
    new MetaWriter(database).write({ clusterId, position, totals: EMPTY_TOTALS });
  })();
}

/**
 * Reads and checks everything but the rows.
 * @throws {CorruptionError} if this is not a state, or it is damaged.
 * @throws {NewerFormatError} if a newer version wrote it.
 * @throws {IdentityError} if it belongs to another cluster than `clusterId`, where that is given.
 */
export function readMeta(database: Database, clusterId?: string): StateMeta {
  const file = database.name;
  const format = Number(database.pragma("user_version", { simple: true }));
  if (database.pragma("application_id", { simple: true }) !== APPLICATION_ID) {
    throw stateDamage(file, "it is not a state of Raftally");
  }
  if (format > STATE_FORMAT) throw new NewerFormatError(file, `format ${format} is above ${STATE_FORMAT}`);
  if (format !== STATE_FORMAT) throw stateDamage(file, `format ${format} never existed`);
  const columns = database
    .prepare<unknown[], Columns>(
      "SELECT cluster_id, applied, term, chain, configuration, configuration_index, totals, hash FROM meta",
    )
    .raw()
    .get();
  if (columns === undefined) throw stateDamage(file, "its row of meta is missing");
  const meta = metaOf(file, columns);
  if (clusterId !== undefined && meta.clusterId !== clusterId) {
    const sentence = `${file} belongs to cluster ${meta.clusterId}, and this node to ${clusterId}: use the directory of this node's own cluster.`;
    throw new IdentityError("otherCluster", sentence);
  }
  return meta;
}

function metaOf(file: string, columns: Columns): StateMeta {
  const [clusterId, applied, atTerm, chain, configuration, configurationIndex, totals, hash] = columns;
  const typed = typeof clusterId === "string" && typeof configuration === "string";
  if (!typed || typeof totals !== "string") throw stateDamage(file, "its row of meta is damaged");
  const parts = [clusterId, Number(applied), Number(atTerm), Number(chain), configuration];
  if (metaHash([...parts, Number(configurationIndex), totals]) !== hash) {
    throw stateDamage(file, "its row of meta does not match its hash");
  }
  return {
    clusterId,
    position: {
      index: index(Number(applied)),
      term: term(Number(atTerm)),
      chain: Number(chain),
      configuration: configurationOf(jsonOf(configuration)),
      configurationIndex: index(Number(configurationIndex)),
    },
    totals: totalsOf(totals),
  };
}

function totalsOf(text: string): Totals {
  const fields = fieldsOf(jsonOf(text), "totals");
  const count = (name: keyof Totals): number => countOf(fields, name);
  return {
    revision: count("revision"),
    logTime: count("logTime"),
    digest: count("digest"),
    counters: count("counters"),
    rememberedKeys: count("rememberedKeys"),
    outcomeSerial: count("outcomeSerial"),
    sessions: count("sessions"),
    sessionsOpened: count("sessionsOpened"),
    idempotencyWindowMs: count("idempotencyWindowMs"),
  };
}

function metaHash(parts: readonly (number | string)[]): Hash52 {
  return hash52(parts);
}

/** Writes the row of meta and the digests, inside a transaction of its owner. */
export class MetaWriter {
  readonly #put: Statement<unknown[]>;
  readonly #putDigest: Statement<unknown[]>;
  readonly #pruneDigests: Statement<unknown[]>;
  /** The latest configuration and its text: it is written with every apply and hardly ever changes. */
  #configuration: Configuration | undefined;
  #text = "";

  constructor(database: Database) {
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO meta (one, cluster_id, applied, term, chain, configuration, configuration_index, " +
        "totals, hash) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#putDigest = database.prepare("INSERT OR REPLACE INTO digests (at, digest, hash) VALUES (?, ?, ?)");
    this.#pruneDigests = database.prepare("DELETE FROM digests WHERE at <= ?");
  }

  write({ clusterId, position, totals }: StateMeta): void {
    if (position.configuration !== this.#configuration) {
      this.#configuration = position.configuration;
      this.#text = configurationText(position.configuration);
    }
    const text = JSON.stringify(totals);
    const { index: applied, term: atTerm, chain, configurationIndex } = position;
    const hash = metaHash([clusterId, applied, atTerm, chain, this.#text, configurationIndex, text]);
    this.#put.run(clusterId, applied, atTerm, chain, this.#text, configurationIndex, text, hash);
  }

  /** Keeps a digest, and of the older ones the latest {@link DIGESTS_KEPT} with it. */
  writeDigest({ index: at, digest }: StateDigest): void {
    this.#putDigest.run(at, digest, hash52([at, digest]));
    this.#pruneDigests.run(at - DIGESTS_KEPT * DIGEST_INTERVAL);
  }
}

/**
 * The digests kept, oldest first.
 * @param file what to call the database in the sentence, if it is a copy of another.
 * @throws {CorruptionError} if one is damaged.
 */
export function readDigests(database: Database, file: string = database.name): StateDigest[] {
  const rows = database.prepare<unknown[], Columns>("SELECT at, digest, hash FROM digests ORDER BY at").raw();
  return rows.all().map(([at, digest, hash]) => {
    if (hash52([Number(at), Number(digest)]) !== hash) {
      throw stateDamage(file, "a row of digests does not match its hash");
    }
    return { index: index(Number(at)), digest: Number(digest) };
  });
}

/**
 * Reads every row and compares their number and digest with the totals.
 * @param file what to call the database in the sentence, if it is a copy of another.
 * @throws {CorruptionError} if a row is damaged, missing, or one too many.
 */
export function verifyRows(database: Database, totals: Totals, file: string = database.name): void {
  const rows = new RowReader(file);
  const scan = (sql: string): Iterable<Columns> => database.prepare<unknown[], Columns>(sql).raw().iterate();
  let digest: Hash52 = 0;
  // Every row ends in its hash, which it was held against when it was read.
  const sum = (found: Iterable<Columns>, read: (columns: Columns) => unknown): number => {
    let count = 0;
    for (const columns of found) {
      read(columns);
      digest = digestAdd(digest, Number(columns.at(-1)));
      count += 1;
    }
    return count;
  };
  const counters = sum(counterRows(database, totals.counters), (columns) => rows.counter(columns));
  sum(scan("SELECT key, member, hash FROM members"), (columns) => rows.member(columns));
  const outcomes = sum(outcomeRows(database, totals.rememberedKeys), (columns) => rows.outcome(columns));
  const sessions = sum(
    scan("SELECT id, used_at, first_unanswered, outcomes, hash FROM sessions"),
    (columns) => rows.session(columns),
  );
  const counted = counters === totals.counters && outcomes === totals.rememberedKeys;
  if (!counted || sessions !== totals.sessions || digest !== totals.digest) {
    throw stateDamage(file, "its rows do not add up to its digest, so some are missing or too many");
  }
  // They are of earlier states, so no sum covers them; whoever opens the state believes them all the same.
  readDigests(database, file);
}
