/**
 * All rows of the two tables that can hold a million of them, in pages: a row that SQLite's binding hands over one by one
 * takes it twice as long, and one with bytes four times, because each of them becomes a buffer (docs/performance.md).
 */

import type { Database } from "better-sqlite3";
import type { Columns } from "./sqlite-rows.ts";

/** An outcome of a full batch is 20 KiB, so that a page of them is a few MiB. */
const PAGE_ROWS = 200;

/**
 * Columns for `RowReader.counter`, in the order of their keys.
 * @param expected how many there should be. No more than one more is given: a damaged file could go on for ever.
 */
export function counterRows(database: Database, expected: number): Iterable<Columns> {
  const sql = `SELECT key, value, revision, hash FROM counters WHERE key > ? ORDER BY key LIMIT ${PAGE_ROWS}`;
  const page = database.prepare<unknown[], Columns>(sql).raw().safeIntegers();
  // A key has a character at least.
  return paged((after) => page.all(after), "", expected + 1);
}

/**
 * Columns for `RowReader.outcome`, in the order of their serials.
 * @param expected as for {@link counterRows}.
 */
export function outcomeRows(database: Database, expected: number): Iterable<Columns> {
  const page = database
    .prepare<unknown[], Columns>(
      // Text in the place of bytes is damage, and its digits would be the same.
      "SELECT serial, key, fingerprint, at, iif(typeof(outcome) = 'blob', hex(outcome), NULL), hash " +
        `FROM outcomes WHERE serial > ? ORDER BY serial LIMIT ${PAGE_ROWS}`,
    )
    .raw();
  const rows = (after: unknown): Columns[] => page.all(after).map(withBytes);
  // Serials begin at 1.
  return paged(rows, 0, expected + 1);
}

function withBytes([serial, key, fingerprint, at, digits, hash]: Columns): Columns {
  const outcome = typeof digits === "string" ? Buffer.from(digits, "hex") : null;
  return [serial, key, fingerprint, at, outcome, hash];
}

/** @param pageAfter the rows after the one whose first column this is; none behind the last. */
function* paged(
  pageAfter: (after: unknown) => readonly Columns[],
  before: unknown,
  most: number,
): Generator<Columns> {
  let left = most;
  for (let page = pageAfter(before); left > 0 && page.length > 0; page = pageAfter(page.at(-1)?.[0])) {
    yield* page.slice(0, left);
    left -= page.length;
  }
}
