/** `raftally top`: the greatest counters and how fast they grow, on a terminal again and again. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Counter, type Json, printExact, type RaftallyClient, RaftallyError } from "../client/index.ts";
import { asking, clientFor, given } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { type Column, explain, printable, type Screen, type Terminal, table } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { onStopSignal } from "./signals.ts";

/** The greatest counters at one moment, and the sum of all. */
interface Reading {
  readonly atMs: number;
  readonly counters: readonly Counter[];
  readonly sum: bigint;
  readonly count: number;
}

/** A counter, and what it gained a second between two readings; undefined if it was not among them before. */
interface Rated {
  readonly counter: Counter;
  readonly perSecond: number | undefined;
}

const PAGE_MAX = 1_000;

export async function top(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { justOnce, json, interval } = parsed.values;
  const screen = justOnce || json ? undefined : terminal.screen;
  return asking(parsed, terminal, "read the greatest counters", async () => {
    const client = clientFor(parsed.values);
    if (screen !== undefined) return refresh(parsed, client, screen);
    const before = await read(parsed, client);
    await sleep(interval);
    const now = await read(parsed, client);
    if (json) for (const line of jsonLines(now, before)) terminal.out(printExact(line));
    else for (const line of picture(now, before)) terminal.out(line);
    return EXIT.done;
  });
}

/** Until Ctrl-C. A cluster that does not answer for a while is said, and waited for. */
async function refresh(parsed: Parsed, client: RaftallyClient, screen: Screen): Promise<number> {
  const stop = new AbortController();
  const { signal } = stop;
  const undo = onStopSignal(() => stop.abort());
  let before: Reading | undefined;
  try {
    while (!signal.aborted) {
      try {
        const now = await read(parsed, client, signal);
        screen.show(picture(now, before).slice(0, Math.max(3, screen.rows - 1)));
        before = now;
      } catch (error) {
        if (signal.aborted) break;
        // The first answer decides whether there is anything to wait for.
        if (!(error instanceof RaftallyError) || before === undefined) throw error;
        const { what, why } = explain("read the greatest counters", error);
        screen.show([what, `  why: ${printable(why)}`]);
      }
      await sleep(parsed.values.interval, undefined, { signal }).catch(() => undefined);
    }
    return EXIT.done;
  } finally {
    undo();
  }
}

async function read({ values }: Parsed, client: RaftallyClient, signal?: AbortSignal): Promise<Reading> {
  const { prefix, match, limit = PAGE_MAX, consistency } = values;
  const scope = { consistency, ...given({ prefix: prefix === "" ? undefined : prefix, signal }) };
  const options = {
    ...scope,
    ...given({ match }),
    order: "-value",
    limit: Math.min(limit, PAGE_MAX),
  } as const;
  const [page, total] = await Promise.all([client.list(options), client.sum(scope)]);
  return { atMs: performance.now(), counters: page.counters, sum: total.sum, count: total.counters };
}

function rated(now: Reading, before: Reading | undefined): readonly Rated[] {
  const values = new Map(before?.counters.map(({ key, value }) => [key, value]));
  return now.counters.map((counter) => {
    const value = values.get(counter.key);
    const perSecond =
      before === undefined || value === undefined ? undefined : rate(counter.value - value, now, before);
    return { counter, perSecond };
  });
}

function rate(gained: bigint, now: Reading, before: Reading): number {
  return (Number(gained) * 1_000) / Math.max(1, now.atMs - before.atMs);
}

const COLUMNS: readonly Column[] = [
  { title: "key", widthMax: 60 },
  { title: "value", align: "right" },
  { title: "per second", align: "right" },
];

function picture(now: Reading, before: Reading | undefined): readonly string[] {
  if (now.count === 0) return ["There are no such counters yet."];
  const total = before === undefined ? undefined : rate(now.sum - before.sum, now, before);
  const rows = rated(now, before).map(({ counter, perSecond }) => [
    counter.key,
    String(counter.value),
    showRate(perSecond),
  ]);
  const counters = `${now.count.toLocaleString("en")} counter${now.count === 1 ? "" : "s"}`;
  const growth = total === undefined ? "" : `, ${showRate(total)} a second`;
  return [`${counters}, sum ${now.sum}${growth}`, "", ...table(COLUMNS, rows)];
}

function showRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return "-";
  const digits = perSecond === 0 || Math.abs(perSecond) >= 100 ? 0 : 1;
  return perSecond.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function jsonLines(now: Reading, before: Reading): readonly Json[] {
  return rated(now, before).map(({ counter: { key, value, revision }, perSecond }) => ({
    key,
    value,
    revision,
    perSecond: perSecond === undefined ? null : Math.round(perSecond * 10) / 10,
  }));
}
