/** The state machine of one node in SQLite: what runs inside the worker thread. */

import { statSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { SqliteError } from "better-sqlite3";
import { assert, crc32c } from "../base/index.ts";
import {
  applyPayload,
  decodePayload,
  type ItemOutcome,
  LIMITS,
  MalformedBytes,
  type Payload,
  type Totals,
} from "../counter/index.ts";
import { chainHash, type Entry, type Index, type SnapshotMeta } from "../raft/index.ts";
import { NewerFormatError } from "./errors.ts";
import { stateDamage } from "./sqlite-rows.ts";
import {
  BUSY_MS,
  createState,
  DIGEST_INTERVAL,
  isBlank,
  MetaWriter,
  openToWrite,
  readDigests,
  readMeta,
  verifyRows,
} from "./sqlite-schema.ts";
import { SqliteTable } from "./sqlite-table.ts";
import { failureOf, type StateWorkerOptions } from "./state-protocol.ts";
import { prepareReplacement, removeReplacement, swapIn } from "./state-replace.ts";
import type { Applied, Query, QueryAnswer, QueryAnswers, SnapshotManifest, StateDigest } from "./types.ts";

/** Rows that wait for a commit at most, but for those of one apply. */
const COMMIT_ROWS = 2_048;
/** A state of up to this many bytes is read whole when it is opened: a fraction of a second. */
const VERIFY_BYTES_MAX = 33_554_432;

/** Before each page in SQLite's WAL (its file format, §4.1). */
const FRAME_HEAD_BYTES = 24;

interface Checkpoint {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * state.db while it is open. Every method may throw, and then the object is not to be used again; whatever was
 * not committed is gone with it.
 */
export class StateDatabase {
  readonly #options: StateWorkerOptions;
  #database: Database;
  #table: SqliteTable;
  #meta: MetaWriter;
  #position: SnapshotMeta;
  /** Bytes of SQLite's WAL at which the next checkpoint is tried. */
  #checkpointAt: number;

  constructor(options: StateWorkerOptions) {
    this.#options = options;
    this.#checkpointAt = options.walBytesMax;
    removeReplacement(options.path);
    const opened = openState(options);
    this.#database = opened.database;
    this.#table = opened.table;
    this.#meta = opened.meta;
    this.#position = opened.position;
  }

  /** The last entry applied, and the configuration in force there. */
  get position(): SnapshotMeta {
    return this.#position;
  }

  totals(): Totals {
    return this.#table.totals();
  }

  /** The digests remembered, oldest first, those of this transaction too. */
  digests(): readonly StateDigest[] {
    return readDigests(this.#database);
  }

  /**
   * Applies entries that follow the last applied one, in the transaction that {@link commit} ends: what a crash takes
   * back the log replays.
   */
  apply(entries: readonly Entry[], wantOutcomes: boolean): Applied {
    const outcomes: (readonly ItemOutcome[])[] = [];
    const digests: StateDigest[] = [];
    if (!this.#database.inTransaction) this.#database.exec("BEGIN IMMEDIATE");
    for (const entry of entries) {
      const made = this.#applyEntry(entry);
      if (wantOutcomes && made !== undefined) outcomes.push(made);
      if (entry.index % DIGEST_INTERVAL === 0) {
        digests.push({ index: entry.index, digest: this.totals().digest });
      }
    }
    this.#table.tell();
    for (const digest of digests) this.#meta.writeDigest(digest);
    return { index: this.#position.index, outcomes, digests, totals: this.totals() };
  }

  /** Whether so much has been applied since the last commit that the next one should not wait for more. */
  get isCommitDue(): boolean {
    return this.#table.unwritten >= COMMIT_ROWS;
  }

  /** Writes all that was applied into state.db, together with the applied index: all of it or nothing. */
  commit(): void {
    if (!this.#database.inTransaction) return;
    this.#table.flush();
    const { clusterId } = this.#options;
    this.#meta.write({ clusterId, position: this.#position, totals: this.totals() });
    this.#database.exec("COMMIT");
    this.#checkpointIfDue();
  }

  #applyEntry(entry: Entry): ItemOutcome[] | undefined {
    const last = this.#position;
    assert(entry.index === last.index + 1, "state: an entry follows the last applied one");
    assert(entry.term >= last.term, "state: terms never go back");
    assert(
      entry.chain === chainHash(last.chain, entry, entry),
      "state: an entry continues the chain of hashes",
    );
    const { index, term, chain } = entry;
    if (entry.kind === "configuration") {
      this.#position = { index, term, chain, configuration: entry.configuration, configurationIndex: index };
      return undefined;
    }
    const { configuration, configurationIndex } = last;
    this.#position = { index, term, chain, configuration, configurationIndex };
    if (entry.kind === "noop") return undefined;
    // The chain covers the checksum of the payload, and this the payload.
    assert(crc32c(entry.data) === entry.crc, "state: a payload matches its checksum");
    return applyPayload(this.#table, payloadOf(entry.index, entry.data), LIMITS);
  }

  query(queries: readonly Query[]): QueryAnswers {
    const answers = queries.map((query) => this.#answer(query));
    return { answers, index: this.#position.index, term: this.#position.term };
  }

  #answer(query: Query): QueryAnswer {
    if (query.kind === "get") return { kind: "get", row: this.#table.counter(query.key) };
    if (query.kind === "changes") {
      return this.#table.changes.after(query.after, query.limit, this.totals().revision);
    }
    assert(query.kind === "list", "state: scans are answered in a thread of their own");
    const { prefix, after, limit } = query;
    assert(Number.isSafeInteger(limit) && limit > 0, "state: a list asks for at least one row");
    const rows = this.#table.list(prefix, after, limit + 1);
    return { kind: "list", rows: rows.slice(0, limit), more: rows.length > limit };
  }

  /** Replaces the state by a copy of the snapshot in `file`; see the crash table in state-store.ts. */
  restore(file: string, manifest: SnapshotManifest): Applied {
    assert(manifest.meta.index >= this.#position.index, "state: a restore never goes back");
    this.commit();
    prepareReplacement(this.#options.path, file, manifest);
    this.#database.pragma("busy_timeout = 0");
    const [checkpoint] = this.#checkpoint("TRUNCATE");
    if (checkpoint?.busy !== 0) throw new Error("another process has state.db open");
    this.#database.close();
    swapIn(this.#options.path);
    const opened = openState(this.#options);
    this.#database = opened.database;
    this.#table = opened.table;
    this.#meta = opened.meta;
    this.#position = opened.position;
    return { index: this.#position.index, outcomes: [], digests: [], totals: this.totals() };
  }

  /** Tries a checkpoint if one is due, also one that was put off because somebody was reading. */
  checkpoint(): void {
    this.#checkpointAt = Math.min(this.#checkpointAt, this.#options.walBytesMax);
    this.commit();
    this.#checkpointIfDue();
  }

  close(): void {
    this.commit();
    this.#database.close();
  }

  /**
   * Bounds SQLite's WAL: moves it into the database, so that the next commit begins it anew, unless a snapshot is reading
   * from it. The file stays as long as it is: what was cut off would have to be found on the disk again.
   */
  #checkpointIfDue(): void {
    const { path, walBytesMax } = this.#options;
    if (statSync(`${path}-wal`).size < walBytesMax) return;
    const bytes = this.#walBytes();
    // It was begun anew since a reader held up the latest checkpoint.
    if (bytes < walBytesMax) this.#checkpointAt = walBytesMax;
    if (bytes < this.#checkpointAt) return;
    // A reader would hold up the checkpoint, and we would hold up the applies: try again later instead.
    this.#database.pragma("busy_timeout = 0");
    const [result] = this.#checkpoint("RESTART");
    this.#database.pragma(`busy_timeout = ${BUSY_MS}`);
    this.#checkpointAt = result?.busy === 0 ? walBytesMax : bytes + walBytesMax;
  }

  /** Bytes of SQLite's WAL that wait for a checkpoint, with those before them; 0 if the database has everything. */
  #walBytes(): number {
    const [wal] = this.#checkpoint("NOOP");
    if (wal === undefined || wal.log === wal.checkpointed) return 0;
    return wal.log * (Number(this.#database.pragma("page_size", { simple: true })) + FRAME_HEAD_BYTES);
  }

  /** What became of it; `log` and `checkpointed` are frames of the WAL, and those that are in the database too. */
  #checkpoint(mode: "NOOP" | "RESTART" | "TRUNCATE"): Checkpoint[] {
    return this.#database.pragma(`wal_checkpoint(${mode})`) as Checkpoint[];
  }
}

/** The payload of an entry whose bytes are intact: if they make no sense, a later version made them. */
function payloadOf(at: Index, data: Uint8Array): Payload {
  try {
    return decodePayload(data);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new NewerFormatError("log/", `entry ${at} cannot be read (${error.message})`);
  }
}

function openState({ path, clusterId, initial, walBytesMax }: StateWorkerOptions): {
  readonly database: Database;
  readonly table: SqliteTable;
  readonly meta: MetaWriter;
  readonly position: SnapshotMeta;
} {
  const database = openToWrite(path);
  try {
    // What a long reader has made longer is cut off again.
    database.pragma(`journal_size_limit = ${walBytesMax}`);
    if (isBlank(database)) createState(database, clusterId, initial);
    const { position, totals } = readMeta(database, clusterId);
    if (statSync(path).size <= VERIFY_BYTES_MAX) verifyWhole(database, totals);
    return { database, table: new SqliteTable(database, totals), meta: new MetaWriter(database), position };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Also what only SQLite can see: a damaged index would hide a row from whoever asks for it by key. */
function verifyWhole(database: Database, totals: Totals): void {
  const found = database.pragma("integrity_check(1)", { simple: true });
  if (found !== "ok") throw stateDamage(database.name, `SQLite finds it damaged (${String(found)})`);
  verifyRows(database, totals);
}

/** The store's own error for whatever went wrong with state.db. */
export function stateFailure(path: string, doing: string, error: unknown): Error {
  if (error instanceof SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code)) {
    return stateDamage(path, `SQLite finds it damaged (${error.message})`, error);
  }
  return failureOf(doing, error);
}
