/**
 * All rows of the two tables that can hold a million of them, in pages: a row that SQLite's binding hands over one by one
 * takes it twice as long, and one with bytes four times, because each of them becomes a buffer (docs/performance.md).
 */

import type { Database } from "better-sqlite3";
import type { Columns } from "./sqlite-rows.ts";

/** An outcome of a full batch is some 20 KiB, and as digits twice that, so that a page of them is some 12 MiB. */
const PAGE_ROWS = 200;

/**
 * Columns for `RowReader.counter`, in the order of their keys.
 * @param expected how many there should be. No more than one more is given: a damaged file could go on for ever.
 */
export function counterRows(database: Database, expected: number): Iterable<Columns> {
  const pages = prepared(database, "SELECT key, value, revision, hash FROM counters", "key");
  return paged(
    { first: () => pages.first.safeIntegers().all(), after: (key) => pages.after.safeIntegers().all(key) },
    expected + 1,
  );
}

/**
 * Columns for `RowReader.outcome`, in the order of their serials.
 * @param expected as for {@link counterRows}.
 */
export function outcomeRows(database: Database, expected: number): Iterable<Columns> {
  // Text in the place of bytes is damage, and its digits would be the same.
  const digits = "iif(typeof(outcome) = 'blob', hex(outcome), NULL)";
  const pages = prepared(
    database,
    `SELECT serial, key, fingerprint, at, ${digits}, hash FROM outcomes`,
    "serial",
  );
  return paged(
    {
      first: () => pages.first.all().map(withBytes),
      after: (serial) => pages.after.all(serial).map(withBytes),
    },
    expected + 1,
  );
}

/** The first page has no lower bound: where a file is damaged there may be rows below all that there should be. */
function prepared(database: Database, select: string, by: string) {
  const end = `ORDER BY ${by} LIMIT ${PAGE_ROWS}`;
  return {
    first: database.prepare<unknown[], Columns>(`${select} ${end}`).raw(),
    after: database.prepare<unknown[], Columns>(`${select} WHERE ${by} > ? ${end}`).raw(),
  };
}

function withBytes([serial, key, fingerprint, at, digits, hash]: Columns): Columns {
  const outcome = typeof digits === "string" ? Buffer.from(digits, "hex") : null;
  return [serial, key, fingerprint, at, outcome, hash];
}

interface Pages {
  first(): readonly Columns[];
  /** The rows after the one whose first column this is; none behind the last. */
  after(column: unknown): readonly Columns[];
}

function* paged(pages: Pages, most: number): Generator<Columns> {
  let left = most;
  for (let page = pages.first(); left > 0 && page.length > 0; page = pages.after(page.at(-1)?.[0])) {
    yield* page.slice(0, left);
    left -= page.length;
  }
}
