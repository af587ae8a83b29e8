/**
 * The thread in which scans are answered: reads state.db beside the worker that applies to it, one scan after the
 * other, each from one state. Its first error is its last.
 */

import { parentPort, workerData } from "node:worker_threads";
import type { Database, Statement } from "better-sqlite3";
import { defined } from "../base/index.ts";
import type { CounterRow } from "../counter/index.ts";
import { lowerBound, upperBound } from "./key-range.ts";
import { answerScan, type RowSource } from "./scan.ts";
import { type Columns, RowReader } from "./sqlite-rows.ts";
import { openToRead, readMeta } from "./sqlite-schema.ts";
import { stateFailure } from "./state-database.ts";
import { plainError, type ScanMessage, type ScanRequest, type ScanWorkerOptions } from "./state-protocol.ts";
import type { QueryAnswers, ScanQuery } from "./types.ts";

const port = defined(parentPort ?? undefined, "scan: this module runs in a worker");
const options = workerData as ScanWorkerOptions;
const stop = new Int32Array(options.stop);

interface Opened {
  readonly database: Database;
  readonly source: RowSource;
}

let opened: Opened | undefined;

function open(): Opened {
  const database = openToRead(options.path);
  database.pragma("cell_size_check = ON");
  return { database, source: sourceOf(database) };
}

/** Every row is held against its hash, so that no sum is made of damage. */
function sourceOf(database: Database): RowSource {
  const reader = new RowReader(database.name);
  const select = "SELECT key, value, revision, hash FROM counters";
  const prepare = (sql: string): Statement<unknown[], Columns> =>
    database.prepare<unknown[], Columns>(sql).raw().safeIntegers();
  const one = prepare(`${select} WHERE key = ?`);
  const all = prepare(`${select} WHERE key >= ? ORDER BY key`);
  const range = prepare(`${select} WHERE key >= ? AND key < CAST(? AS TEXT) ORDER BY key`);
  return {
    row: (key) => {
      const columns = one.get(key);
      return columns === undefined ? undefined : reader.counter(columns);
    },
    *rows(prefix, after): Iterable<CounterRow> {
      const [from, before] = [lowerBound(prefix, after), upperBound(prefix)];
      const found = before === undefined ? all.iterate(from) : range.iterate(from, before);
      for (const columns of found) yield reader.counter(columns);
    },
  };
}

function answer(query: ScanQuery, limitMs: number): QueryAnswers {
  opened ??= open();
  const { database, source } = opened;
  const endMs = performance.now() + limitMs;
  const isOver = (): boolean => performance.now() >= endMs || Atomics.load(stop, 0) !== 0;
  // One transaction: the position is that of the very state that the rows are of.
  return database
    .transaction((): QueryAnswers => {
      const { position } = readMeta(database, options.clusterId);
      const answers = [answerScan(query, source, isOver)];
      return { answers, index: position.index, term: position.term };
    })
    .deferred();
}

/** Lets go of the file, which may be replaced by another. */
function release(): void {
  opened?.database.close();
  opened = undefined;
}

function say(message: ScanMessage): void {
  port.postMessage(message);
}

function end(): void {
  port.removeAllListeners("message");
  port.unref();
}

port.on("message", (request: ScanRequest) => {
  try {
    if (request.kind === "scan") {
      say({ id: request.id, value: answer(request.query, request.limitMs) });
      return;
    }
    release();
    say({ id: request.id, value: undefined });
    if (request.kind === "close") end();
  } catch (error) {
    say({ id: request.id, error: plainError(stateFailure(options.path, `scan ${options.path}`, error)) });
    end();
  }
});
