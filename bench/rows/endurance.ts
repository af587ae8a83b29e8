/** What nodes occupy and how punctual they stay: idle, under full load for long, and after ten million increments. */

import { setTimeout as sleep } from "node:timers/promises";
import { increments } from "../contenders/raftally.ts";
import { leaderUrl, type Raftally, startRaftally, sumCheck } from "../contenders/raftally-cluster.ts";
import { type Contender, contender, type Figures, type Sample, type Timing } from "../types.ts";
import { inBatches } from "./batches.ts";
import { DiskWatch } from "./disk-use.ts";
import { boundBetween, growth, type Metrics, sampleOf, scrape } from "./metrics.ts";
import { fastOnly } from "./nodes.ts";
import { megabytes } from "./numbers.ts";

const CONNECTIONS = 64;
const KEYS = 1_000;
/** How long full load is kept up in a full run, in seconds. */
const LOADED_SECONDS = 600;
const IDLE_SECONDS = { full: 20, quick: 3 } as const;
const INCREMENTS = { full: 10_000_000, quick: 500_000 } as const;
/** The share of the time in which the event loop may be later than the figure says. */
const PUNCTUAL = 0.999;
const LOOP = "raftally_event_loop_delay_seconds";

/** What each node says of itself, by its id. */
async function scrapeAll({ cluster }: Raftally, signal: AbortSignal): Promise<ReadonlyMap<string, Metrics>> {
  const scraped = cluster.nodes.map(async ({ id, url }) => [id, await scrape(url, signal)] as const);
  return new Map(await Promise.all(scraped));
}

/** Megabytes of the node that has most. */
function memory(all: ReadonlyMap<string, Metrics>): number {
  const bytes = [...all.values()].map((metrics) => sampleOf(metrics, "process_resident_memory_bytes"));
  return megabytes(Math.max(...bytes));
}

async function idle(raftally: Raftally, timing: Timing): Promise<Sample> {
  const seconds = timing.quick ? IDLE_SECONDS.quick : IDLE_SECONDS.full;
  timing.progress(`${seconds} s of doing nothing`);
  await sleep(seconds * 1_000, undefined, { signal: timing.signal });
  return {
    figures: { memoryIdle: memory(await scrapeAll(raftally, timing.signal)) },
    check: { about: "nothing", acknowledged: 0n, found: 0n, underway: 0 },
  };
}

/** What an increment cost, between two scrapes of all nodes under load. */
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
  const cpu = pairs.map((one) => growth(one.was, one.is, "process_cpu_seconds_total") / seconds);
  const changes = growth(was, is, "raftally_changes_acknowledged_total");
  const writes = growth(was, is, "raftally_wal_writes_total");
  return {
    loopDelay: lateMs([led]),
    loopDelayFollowers: lateMs(pairs.filter((one) => one !== led)),
    nodeCpu: Math.max(...cpu),
    syncs: writes / seconds,
    batch: changes / writes,
    written: growth(was, is, "raftally_wal_written_bytes_total") / changes,
    wire: growth(was, is, "raftally_peer_sent_bytes_total") / changes,
    snapshots: pairs.reduce((sum, one) => sum + growth(one.was, one.is, "raftally_snapshots_taken_total"), 0),
  };
}

/** Full load, and beside it a look at the nodes when it is under way and another shortly before it ends. */
async function loaded(raftally: Raftally, timing: Timing): Promise<Sample> {
  const { cluster } = raftally;
  const disk = new DiskWatch(cluster.nodes.map(({ id }) => cluster.data(id)));
  const ended = new AbortController();
  const signal = AbortSignal.any([timing.signal, ended.signal]);
  disk.start();
  try {
    // It is made known before the load that somebody wants to know how late the event loop is.
    await scrapeAll(raftally, signal);
    const leader = await cluster.leader();
    const looked = look(raftally, leader, { ...timing, signal });
    looked.catch(() => undefined);
    const sample = await increments(raftally, { connections: CONNECTIONS, keys: KEYS }, timing);
    const figures = { ...sample.figures, ...(await looked) };
    if ((await cluster.leader()) !== leader) throw new Error("another node has become the leader meanwhile");
    const { most, last } = await disk.stop();
    return { ...sample, figures: { ...figures, disk: megabytes(last), diskMost: megabytes(most) } };
  } finally {
    ended.abort();
    await disk.stop();
  }
}

async function look(raftally: Raftally, leader: string, timing: Timing): Promise<Figures> {
  const { signal } = timing;
  await sleep((timing.warmupSeconds + timing.seconds * 0.05) * 1_000, undefined, { signal });
  const before = await scrapeAll(raftally, signal);
  const beganMs = performance.now();
  await sleep(timing.seconds * 0.9 * 1_000, undefined, { signal });
  const after = await scrapeAll(raftally, signal);
  const seconds = (performance.now() - beganMs) / 1_000;
  return { ...costs(before, after, { leader, seconds }), memoryLoaded: memory(after) };
}

/** In batches, because what is asked for is what stays on the disk, and not how long it takes. */
async function tenMillion(raftally: Raftally, timing: Timing): Promise<Sample> {
  const { cluster } = raftally;
  const wanted = timing.quick ? INCREMENTS.quick : INCREMENTS.full;
  const disk = new DiskWatch(
    cluster.nodes.map(({ id }) => cluster.data(id)),
    100,
  );
  disk.start();
  try {
    const acknowledged = await inBatches({
      url: await leaderUrl(raftally),
      keys: KEYS,
      increments: wanted,
      nameOf: (key) => `disk:${key}`,
      signal: timing.signal,
      onProgress: (done) => timing.progress(`${done.toLocaleString("en")} increments`),
    });
    const { most, last } = await disk.stop();
    return {
      figures: { disk: megabytes(last), diskMost: megabytes(most) },
      check: await sumCheck(raftally, "disk:", { acknowledged, underway: 0 }),
    };
  } finally {
    await disk.stop();
  }
}

export const ENDURANCE: Contender = contender<Raftally>({
  id: "raftally-endurance",
  name: "Raftally, what it occupies",
  about: "three nodes",
  packages: [],
  rounds: 1,
  probe: fastOnly,
  start: (context) => startRaftally(context, 3),
  stop: ({ cluster }) => cluster.stop(),
  workloads: [
    { id: "idle", about: "nothing is asked of it", connections: 0, keys: 0, run: idle },
    {
      id: "loaded",
      about: "increments of 1,000 keys, to the leader, for long",
      connections: CONNECTIONS,
      keys: KEYS,
      seconds: LOADED_SECONDS,
      run: loaded,
    },
    {
      id: "ten-million",
      about: "ten million increments of 1,000 keys (half a million with --quick)",
      connections: 8,
      keys: KEYS,
      run: tenMillion,
    },
  ],
});
