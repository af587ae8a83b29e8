/**
 * All rows of the two tables that can hold a million of them, in pages: a row that SQLite's binding hands over one by one
 * takes it twice as long, and one with bytes four times, because each of them becomes a buffer (docs/performance.md).
 */

import type { Database, Statement } from "better-sqlite3";
import type { Columns } from "./sqlite-rows.ts";

/** An outcome of a full batch is some 20 KiB, and as digits twice that, so that a page of them is some 12 MiB. */
const PAGE_ROWS = 200;

/**
 * Columns for `RowReader.counter`, in the order of their keys.
 * @param expected how many there should be. No more than one more is given: a damaged file could go on for ever.
 */
export function counterRows(database: Database, expected: number): Iterable<Columns> {
  const select = "SELECT key, value, revision, hash FROM counters";
  return paged(database, { select, by: "key", asBigints: true, most: expected + 1 }, (row) => row);
}

/**
 * Columns for `RowReader.outcome`, in the order of their serials.
 * @param expected as for {@link counterRows}.
 */
export function outcomeRows(database: Database, expected: number): Iterable<Columns> {
  // Text in the place of bytes is damage, and its digits would be the same.
  const digits = "iif(typeof(outcome) = 'blob', hex(outcome), NULL)";
  const select = `SELECT serial, key, fingerprint, at, ${digits}, hash FROM outcomes`;
  return paged(database, { select, by: "serial", asBigints: false, most: expected + 1 }, withBytes);
}

function withBytes([serial, key, fingerprint, at, digits, hash]: Columns): Columns {
  const outcome = typeof digits === "string" ? Buffer.from(digits, "hex") : null;
  return [serial, key, fingerprint, at, outcome, hash];
}

interface Scan {
  readonly select: string;
  /** The first column, by which the rows are in order. */
  readonly by: string;
  readonly asBigints: boolean;
  /** Rows given at most. */
  readonly most: number;
}

function* paged(
  database: Database,
  { select, by, asBigints, most }: Scan,
  read: (columns: Columns) => Columns,
): Generator<Columns> {
  const page = (where: string): Statement<unknown[], Columns> =>
    database
      .prepare<unknown[], Columns>(`${select} ${where} ORDER BY ${by} LIMIT ${PAGE_ROWS}`)
      .raw()
      .safeIntegers(asBigints);
  const next = page(`WHERE ${by} > ?`);
  let left = most;
  // The first page has no lower bound: where a file is damaged there may be rows below all that there should be.
  for (let rows = page("").all(); left > 0 && rows.length > 0; rows = next.all(rows.at(-1)?.[0])) {
    yield* rows.slice(0, left).map(read);
    left -= rows.length;
  }
}
