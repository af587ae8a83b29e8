/** What an increment costs the nodes, looked at from outside while they are under load. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Raftally } from "../contenders/raftally-cluster.ts";
import type { Figures, Sample, Timing } from "../types.ts";
import { boundBetween, growth, type Metrics, sampleOf, scrape } from "./metrics.ts";
import { megabytes } from "./numbers.ts";

/** The share of the time in which the event loop may be later than the figure says. */
const PUNCTUAL = 0.999;
const SYNC = "raftally_wal_fsync_duration_seconds";
const LOOP = "raftally_event_loop_delay_seconds";
/** The looks lie this far within the measured time, as a share of it, so that both see the load. */
const MARGIN = 0.05;

/** What each node says of itself, by its id. */
export async function scrapeAll(
  { cluster }: Raftally,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Metrics>> {
  const scraped = cluster.nodes.map(async ({ id, url }) => [id, await scrape(url, signal)] as const);
  return new Map(await Promise.all(scraped));
}

/** Megabytes of the node that has most. */
export function memory(all: ReadonlyMap<string, Metrics>): number {
  const bytes = [...all.values()].map((metrics) => sampleOf(metrics, "process_resident_memory_bytes"));
  return megabytes(Math.max(...bytes));
}

/** What happened between two scrapes of all nodes under load. */
export function costs(
  before: ReadonlyMap<string, Metrics>,
  after: ReadonlyMap<string, Metrics>,
  { leader, seconds }: { readonly leader: string; readonly seconds: number },
): Figures {
  const pairs = [...after].map(([id, metrics]) => ({ id, was: before.get(id) ?? new Map(), is: metrics }));
  const led = pairs.find(({ id }) => id === leader);
  if (led === undefined) throw new Error(`the leader ${leader} was not asked`);
  const { was, is } = led;
  const lateMs = (of: typeof pairs): number =>
    Math.max(...of.map((one) => boundBetween(one.was, one.is, LOOP, PUNCTUAL) * 1_000));
  const followers = pairs.filter((one) => one !== led);
  const cpu = (of: typeof pairs): number =>
    Math.max(...of.map((one) => growth(one.was, one.is, "process_cpu_seconds_total") / seconds));
  const changes = growth(was, is, "raftally_changes_acknowledged_total");
  const writes = growth(was, is, "raftally_wal_writes_total");
  return {
    loopDelay: lateMs([led]),
    loopDelayFollowers: lateMs(followers),
    loopBusy: growth(was, is, "raftally_event_loop_cpu_seconds_total") / seconds,
    nodeCpu: cpu(pairs),
    followerCpu: cpu(followers),
    syncMs: (growth(was, is, `${SYNC}_sum`) / growth(was, is, `${SYNC}_count`)) * 1_000,
    syncs: writes / seconds,
    batch: changes / writes,
    written: growth(was, is, "raftally_wal_written_bytes_total") / changes,
    wire: growth(was, is, "raftally_peer_sent_bytes_total") / changes,
    snapshots: pairs.reduce((sum, one) => sum + growth(one.was, one.is, "raftally_snapshots_taken_total"), 0),
  };
}

/**
 * Adds what it costs to the sample of a load on three nodes or more.
 * @param work must take as long as `timing` says.
 * @throws what `work` throws; {@link Error} if leadership changed meanwhile.
 */
export async function withCosts(
  raftally: Raftally,
  timing: Timing,
  work: () => Promise<Sample>,
): Promise<Sample> {
  const ended = new AbortController();
  const signal = AbortSignal.any([timing.signal, ended.signal]);
  // From the first scrape on a node looks how late its event loop is.
  await scrapeAll(raftally, signal);
  const leader = await raftally.cluster.leader();
  const looked = look(raftally, leader, { ...timing, signal });
  // If the work fails, that is what is told.
  looked.catch(() => undefined);
  try {
    const { figures, check } = await work();
    const told = { figures: { ...figures, ...(await looked) }, check };
    if ((await raftally.cluster.leader()) !== leader)
      throw new Error(`${leader} has lost leadership meanwhile`);
    return told;
  } finally {
    ended.abort();
  }
}

async function look(raftally: Raftally, leader: string, timing: Timing): Promise<Figures> {
  const { warmupSeconds, seconds, signal } = timing;
  await sleep((warmupSeconds + seconds * MARGIN) * 1_000, undefined, { signal });
  const before = await scrapeAll(raftally, signal);
  const beganMs = performance.now();
  await sleep(seconds * (1 - 2 * MARGIN) * 1_000, undefined, { signal });
  const after = await scrapeAll(raftally, signal);
  const tookSeconds = (performance.now() - beganMs) / 1_000;
  return { ...costs(before, after, { leader, seconds: tookSeconds }), memoryLoaded: memory(after) };
}
