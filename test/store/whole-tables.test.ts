/** Tables read page by page, held against the same rows one by one. */

import Sqlite, { type Database } from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Item } from "../../src/counter/index.ts";
import { readMeta, SqliteTable, verifyRows } from "../../src/store/index.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { counterRows, outcomeRows } from "../../src/store/whole-tables.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory } from "./state-log.ts";

/** More than three pages of each. */
const ROWS = 650;
const COUNTERS = "SELECT key, value, revision, hash FROM counters ORDER BY key";
const OUTCOMES = "SELECT serial, key, fingerprint, at, outcome, hash FROM outcomes ORDER BY serial";

let directory = "";
let database: Database;

function reopen(): Database {
  database?.close();
  database = new Sqlite(`${directory}/state.db`);
  return database;
}

beforeEach(() => {
  directory = makeDirectory();
  const path = `${directory}/state.db`;
  const state = new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 16_777_216 });
  const log = new LogMaker(5);
  const items = Array.from({ length: ROWS }, (_, at): Item => {
    // Keys whose order as UTF-16 is another than as UTF-8 are among them.
    const key = `${["a", "é", "￼", "😀"][at % 4]}${at}`;
    const by = at % 3 === 0 ? 9_223_372_036_854_775_000n : BigInt(at + 1);
    const operation = { kind: "add", key, by } as const;
    return { kind: "command", command: { operation, once: { kind: "key", key: `key ${key}` } } };
  });
  state.apply([log.commands(items)], false);
  state.close();
  reopen();
});

afterEach(() => {
  database.close();
  removeDirectory(directory);
});

describe("a whole table", () => {
  it("is given row for row, whatever is on which page", () => {
    const counters = database.prepare(COUNTERS).raw().safeIntegers().all();
    const outcomes = database.prepare(OUTCOMES).raw().all();
    expect(counters).toHaveLength(ROWS);
    expect(outcomes).toHaveLength(ROWS);
    expect([...counterRows(database, ROWS)]).toEqual(counters);
    expect([...outcomeRows(database, ROWS)]).toEqual(outcomes);
  });

  it.each([0, 1, 200, 401, ROWS - 1])("ends one row after the %i that there should be", (expected) => {
    expect([...counterRows(database, expected)]).toHaveLength(expected + 1);
    expect([...outcomeRows(database, expected)]).toHaveLength(expected + 1);
  });

  it.each([
    ["a counter without a name", "INSERT INTO counters VALUES ('', 1, 1, 1)", /a row of counters \(""\)/],
    [
      "a sound row before the first outcome",
      "INSERT INTO outcomes SELECT 0, key, fingerprint, at, outcome, hash FROM outcomes WHERE serial = 1",
      /a row of outcomes/,
    ],
    [
      "one with a number below all",
      "INSERT INTO outcomes SELECT -3, key, fingerprint, at, outcome, hash FROM outcomes WHERE serial = 1",
      /a row of outcomes/,
    ],
  ])("is refused with %s", (_name, sql, found) => {
    const { totals } = readMeta(database);
    expect(() => verifyRows(database, totals)).not.toThrow();
    database.exec(sql);
    expect(() => verifyRows(database, totals)).toThrow(found);
  });

  it("has no text where an outcome's bytes were, though their digits are the same", () => {
    database.unsafeMode();
    database.pragma("writable_schema = ON");
    database.exec("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'outcomes'");
    reopen().exec(
      "UPDATE outcomes SET outcome = CAST(outcome AS TEXT) WHERE serial = (SELECT max(serial) FROM outcomes)",
    );
    const { totals } = readMeta(database);
    expect(() => verifyRows(database, totals)).toThrow(/a row of outcomes \(.*\) does not match its hash/);
  });

  it.each([
    ["is gone", "DELETE FROM outcomes WHERE serial = 400"],
    ["is one too many", "UPDATE meta SET totals = replace(totals, ':650,\"outcome', ':649,\"outcome')"],
  ])("is not believed by whoever only looks at the outcomes, if one %s", (_name, sql) => {
    const { totals } = readMeta(database);
    expect(() => new SqliteTable(database, totals)).not.toThrow();
    database.exec(sql);
    const { rememberedKeys } = JSON.parse(
      database.prepare<[], string>("SELECT totals FROM meta").pluck().get() ?? "",
    ) as typeof totals;
    expect(() => new SqliteTable(database, { ...totals, rememberedKeys })).toThrow(
      /other outcomes than it counts/,
    );
  });
});
