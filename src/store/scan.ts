/**
 * The answers to questions that may have to look at every counter. Memory is bounded by what is asked for, never by
 * what there is: one pass over the rows in the order of keys, from where the prefix and the fixed beginning of a glob
 * allow.
 */

import { assert, assertNever } from "../base/index.ts";
import { type CounterRow, compileGlob, type Glob } from "../counter/index.ts";
import { compareKeys } from "./key-range.ts";
import { TopRows } from "./top-rows.ts";
import type { GroupSum, Query, QueryAnswer, ScanQuery } from "./types.ts";

/** Where a scan finds its rows. */
export interface RowSource {
  row(key: string): CounterRow | undefined;
  /** Counters whose key begins with `prefix`, in order of their UTF-8 bytes, after `after`. Read as far as it is used. */
  rows(prefix: string, after: string | undefined): Iterable<CounterRow>;
}

/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 512;

/** The time for a scan is over. */
class OutOfTime extends Error {}

/** Whether a query is answered by a scan. */
export function isScanQuery(query: Query): query is ScanQuery {
  return query.kind === "scan" || query.kind === "sum" || query.kind === "select";
}

/**
 * The answer to `query`, or that it takes too much.
 * @param isOver looked at now and then: whether the time is over.
 */
export function answerScan(query: ScanQuery, source: RowSource, isOver: () => boolean): QueryAnswer {
  const { limit } = query;
  assert(Number.isSafeInteger(limit) && limit > 0, "scan: it asks for at least one row");
  const limited = { row: source.row.bind(source), rows: untilOver(source, isOver) };
  try {
    return answer(query, limited);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    const detail = "It would have had to look at more counters than there was time for.";
    return { kind: "tooMuch", detail };
  }
}

function untilOver(source: RowSource, isOver: () => boolean): RowSource["rows"] {
  let looked = 0;
  return function* rows(prefix, after) {
    for (const row of source.rows(prefix, after)) {
      if (++looked % ROWS_PER_LOOK === 0 && isOver()) throw new OutOfTime();
      yield row;
    }
  };
}

function answer(query: ScanQuery, source: RowSource): QueryAnswer {
  switch (query.kind) {
    case "scan":
      return query.order === "key" ? scanByKey(query, source) : scanByValue(query, source);
    case "sum":
      return sum(query, source);
    case "select":
      return select(query, source);
    default:
      return assertNever(query);
  }
}

type Scan = Extract<ScanQuery, { readonly kind: "scan" }>;

function scanByKey({ prefix, match, after, limit }: Scan, source: RowSource): QueryAnswer {
  const rows = firstOf(matching(source, { prefix, match, after: after?.key }), limit + 1);
  return { kind: "scan", rows: rows.slice(0, limit), more: rows.length > limit };
}

function scanByValue({ prefix, match, order, after, limit }: Scan, source: RowSource): QueryAnswer {
  const best = new TopRows(limit + 1, order === "value" ? "lowest" : "highest");
  for (const row of matching(source, { prefix, match, after: undefined })) {
    if (after === undefined || isLater(row, after, order)) best.add(row);
  }
  const rows = best.sorted();
  return { kind: "scan", rows: rows.slice(0, limit), more: rows.length > limit };
}

/** Whether a row comes after a place in an order by value. */
function isLater(row: CounterRow, after: NonNullable<Scan["after"]>, order: Scan["order"]): boolean {
  if (row.value === after.value) return compareKeys(row.key, after.key) > 0;
  return order === "value" ? row.value > after.value : row.value < after.value;
}

/** The counters below `prefix` that match, in order of key. */
function* matching(
  source: RowSource,
  {
    prefix,
    match,
    after,
  }: { readonly prefix: string; readonly match: string | undefined; readonly after: string | undefined },
): Iterable<CounterRow> {
  if (match === undefined) return yield* source.rows(prefix, after);
  const glob = compileGlob(match);
  const start = glob.prefix.startsWith(prefix) ? glob.prefix : prefix;
  // What the one demands and the other does not allow is found nowhere.
  if (!start.startsWith(glob.prefix)) return;
  yield* globbed(source, glob, { start, after });
}

function* globbed(
  source: RowSource,
  glob: Glob,
  { start, after }: { readonly start: string; readonly after: string | undefined },
): Iterable<CounterRow> {
  for (const row of source.rows(start, after)) if (glob.matches(row.key)) yield row;
}

function firstOf(rows: Iterable<CounterRow>, limit: number): CounterRow[] {
  const found: CounterRow[] = [];
  for (const row of rows) {
    found.push(row);
    if (found.length === limit) break;
  }
  return found;
}

function sum(
  { prefix, depth, limit }: Extract<ScanQuery, { readonly kind: "sum" }>,
  source: RowSource,
): QueryAnswer {
  const total = { prefix, sum: 0n, counters: 0 };
  const groups: { -readonly [Field in keyof GroupSum]: GroupSum[Field] }[] = [];
  let more = false;
  // All counters of one group lie together in the order of keys.
  let last = "";
  for (const { key, value } of source.rows(prefix, undefined)) {
    total.sum += value;
    total.counters++;
    if (depth === 0) continue;
    const name = groupOf(key, prefix, depth);
    const isSame = total.counters > 1 && name === last;
    last = name;
    if (!isSame && groups.length === limit) more = true;
    if (more) continue;
    if (!isSame) groups.push({ prefix: name, sum: 0n, counters: 0 });
    const group = groups.at(-1);
    if (group === undefined) continue;
    group.sum += value;
    group.counters++;
  }
  return { kind: "sum", total, groups, more };
}

/** The next `depth` segments of a key behind `prefix`, with the colon behind them; the key itself if it has no more. */
function groupOf(key: string, prefix: string, depth: number): string {
  let at = prefix.length;
  for (let segment = 0; segment < depth; segment++) {
    const colon = key.indexOf(":", at);
    if (colon < 0) return key;
    at = colon + 1;
  }
  return key.slice(0, at);
}

function select(
  { keys, globs, limit }: Extract<ScanQuery, { readonly kind: "select" }>,
  source: RowSource,
): QueryAnswer {
  const found = new Map<string, CounterRow>();
  for (const key of keys) {
    const row = source.row(key);
    if (row !== undefined) found.set(key, row);
  }
  for (const pattern of globs) {
    const glob = compileGlob(pattern);
    // Each gives its first ones in order of key: so all of those that come first among all are there.
    const rows = firstOf(globbed(source, glob, { start: glob.prefix, after: undefined }), limit + 1);
    for (const row of rows) found.set(row.key, row);
  }
  const rows = [...found.values()].sort((a, b) => compareKeys(a.key, b.key));
  return { kind: "select", rows: rows.slice(0, limit), more: rows.length > limit };
}
