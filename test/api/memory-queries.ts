/** Questions about many counters, answered the plain way from all of them. */

import { type CounterRow, compileGlob } from "../../src/counter/index.ts";
import type { GroupSum, Query, QueryAnswer, ScanQuery } from "../../src/store/index.ts";

type ListQuery = Extract<Query, { kind: "list" }>;

export function answerMany(counters: Iterable<CounterRow>, query: ListQuery | ScanQuery): QueryAnswer {
  const rows = [...counters].sort((a, b) => compareBytes(a.key, b.key));
  switch (query.kind) {
    case "list": {
      const { prefix, after, limit } = query;
      return {
        kind: "list",
        ...page(
          rows.filter(({ key }) => key.startsWith(prefix) && isAfter(key, after)),
          limit,
        ),
      };
    }
    case "scan":
      return { kind: "scan", ...page(scanned(rows, query), query.limit) };
    case "sum":
      return sumOf(
        rows.filter(({ key }) => key.startsWith(query.prefix)),
        query,
      );
    case "select": {
      const globs = query.globs.map(compileGlob);
      const fits = ({ key }: CounterRow): boolean =>
        query.keys.includes(key) || globs.some((glob) => glob.matches(key));
      return { kind: "select", ...page(rows.filter(fits), query.limit) };
    }
  }
}

function isAfter(key: string, after: string | undefined): boolean {
  return after === undefined || compareBytes(key, after) > 0;
}

function page(rows: readonly CounterRow[], limit: number): { rows: readonly CounterRow[]; more: boolean } {
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

function scanned(
  rows: readonly CounterRow[],
  { prefix, match, order, after }: Extract<ScanQuery, { kind: "scan" }>,
): CounterRow[] {
  const glob = match === undefined ? undefined : compileGlob(match);
  const compare = (a: Pick<CounterRow, "key" | "value">, b: Pick<CounterRow, "key" | "value">): number => {
    const byValue = order === "key" ? 0 : Number(a.value > b.value) - Number(a.value < b.value);
    return (order === "-value" ? -byValue : byValue) || compareBytes(a.key, b.key);
  };
  return rows
    .filter(({ key }) => key.startsWith(prefix) && (glob?.matches(key) ?? true))
    .sort(compare)
    .filter((row) => after === undefined || compare(row, after) > 0);
}

function sumOf(
  rows: readonly CounterRow[],
  { prefix, depth, limit }: Extract<ScanQuery, { kind: "sum" }>,
): QueryAnswer {
  const groups = new Map<string, GroupSum>();
  for (const { key, value } of depth === 0 ? [] : rows) {
    const segments = key.slice(prefix.length).split(":");
    const name = segments.length <= depth ? key : `${prefix}${segments.slice(0, depth).join(":")}:`;
    const { sum, counters } = groups.get(name) ?? { sum: 0n, counters: 0 };
    groups.set(name, { prefix: name, sum: sum + value, counters: counters + 1 });
  }
  const all = [...groups.values()].sort((a, b) => compareBytes(a.prefix, b.prefix));
  const sum = rows.reduce((total, { value }) => total + value, 0n);
  const total = { prefix, sum, counters: rows.length };
  return { kind: "sum", total, groups: all.slice(0, limit), more: all.length > limit };
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
