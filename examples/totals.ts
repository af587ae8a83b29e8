/**
 * What the counters must come to, counted from the file directly: by columns, as one would with awk, and with
 * nothing of the code that sends the lines but the spelling of keys.
 */

import { BYTES, counterKey, type Group, UNREADABLE } from "./counting.ts";

/** Key to value, of every counter that must exist. */
export type Totals = ReadonlyMap<string, bigint>;

/** @throws {Error} if two names would share a counter: then no total could be right. */
export function countDirectly(lines: readonly string[]): Totals {
  const counted: Record<Exclude<Group, "visitors">, Map<string, number>> = {
    path: new Map(),
    status: new Map(),
    hour: new Map(),
  };
  const visitors = new Map<string, Set<string>>();
  let bytes = 0;
  let unreadable = 0;
  for (const line of lines) {
    const columns = line.split(" ");
    const [visitor = "", , , time = "", , , target = "", protocol = "", status = "", size = ""] = columns;
    if (!protocol.startsWith("HTTP/")) {
      unreadable += 1;
      continue;
    }
    const query = target.indexOf("?");
    const path = query < 0 ? target : target.slice(0, query);
    add(counted.path, path);
    add(counted.status, status);
    add(counted.hour, hourOf(time));
    bytes += Number.parseInt(size, 10) || 0;
    visitors.set(path, (visitors.get(path) ?? new Set()).add(visitor));
  }
  const totals = new Map<string, bigint>([[BYTES, BigInt(bytes)]]);
  if (unreadable > 0) totals.set(UNREADABLE, BigInt(unreadable));
  for (const group of ["path", "status", "hour"] as const) put(totals, group, counted[group]);
  put(totals, "visitors", new Map([...visitors].map(([path, seen]) => [path, seen.size])));
  return totals;
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** `[17/May/2015:10:05:03` is `2015-05-17T10`. */
function hourOf(time: string): string {
  const [day, hour] = time.slice(1).split(":");
  return new Date(`${day?.replaceAll("/", " ")} ${hour}:00 UTC`).toISOString().slice(0, 13);
}

function put(totals: Map<string, bigint>, group: Group, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) {
    const key = counterKey(group, name);
    if (totals.has(key)) throw new Error(`two names share the counter ${key}`);
    totals.set(key, BigInt(count));
  }
}

/** One counter that is not what it must be. */
export interface Difference {
  readonly key: string;
  /** Undefined: it must not exist. */
  readonly expected: bigint | undefined;
  /** Undefined: it does not exist. */
  readonly found: bigint | undefined;
}

/** Every counter that is wrong, missing or too many. */
export function differences(expected: Totals, found: Totals): readonly Difference[] {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  return [...keys]
    .map((key) => ({ key, expected: expected.get(key), found: found.get(key) }))
    .filter((counter) => counter.expected !== counter.found);
}
