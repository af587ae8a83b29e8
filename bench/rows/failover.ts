/** How long nobody is served when the leader dies, and when it hands over. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../chaos/index.ts";
import { type Raftally, startRaftally } from "../contenders/raftally-cluster.ts";
import { type Contender, contender, type Sample, type Timing } from "../types.ts";
import { fastOnly } from "./nodes.ts";
import { median } from "./numbers.ts";
import { Writers } from "./writers.ts";

const CLIENTS = 4;
const LOOPS = 4;
const KILLS = { full: 30, quick: 5 } as const;
const TRANSFERS = { full: 30, quick: 5 } as const;
/** What must have been acknowledged before the next fault. */
const PROGRESS = 200;
/** How often a write more is begun while nobody is served, ms: whoever comes in between is to be served as well. */
const PROBE_MS = 10;
/** How long after a transfer was asked for acknowledgements are watched, ms. */
const WATCH_MS = 500;

/**
 * The leader dies by SIGKILL under load. What counts is the time from then until the first acknowledgement of a write
 * that was begun after it, by a client that knows nothing of it.
 */
async function leaderKilled({ cluster }: Raftally, timing: Timing): Promise<Sample> {
  const kills = timing.quick ? KILLS.quick : KILLS.full;
  return await underLoad(cluster, "killed", timing.signal, async (writers) => {
    const tookMs: number[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      await writers.progress(PROGRESS, timing.signal);
      tookMs.push(await killOnce(cluster, writers, timing.signal));
      timing.progress(`${kill} of ${kills} kills, ${Math.round(tookMs.at(-1) ?? 0)} ms`);
    }
    return { p50: median(tookMs), max: Math.max(...tookMs) };
  });
}

/** @returns ms until somebody was served again. The node is back when it resolves. */
async function killOnce(cluster: Cluster, writers: Writers, signal: AbortSignal): Promise<number> {
  const leader = await cluster.leader();
  const killedMs = performance.now();
  const dead = cluster.kill(leader);
  const first = writers.firstBegunFrom(killedMs, signal);
  const probes = [writers.write(0)];
  const probing = setInterval(() => probes.push(writers.write(probes.length)), PROBE_MS);
  try {
    const { atMs } = await first;
    return atMs - killedMs;
  } finally {
    clearInterval(probing);
    await dead;
    if (!signal.aborted) await cluster.startNode(leader);
    await Promise.all(probes);
  }
}

/** Leadership is handed over under load, to whoever is furthest. */
async function transferred({ cluster }: Raftally, timing: Timing): Promise<Sample> {
  const transfers = timing.quick ? TRANSFERS.quick : TRANSFERS.full;
  return await underLoad(cluster, "transferred", timing.signal, async (writers) => {
    const client = cluster.client();
    const stallMs: number[] = [];
    for (let transfer = 1; transfer <= transfers; transfer++) {
      await writers.progress(PROGRESS, timing.signal);
      const before = await cluster.leader();
      writers.lap();
      const { id } = await client.transfer(undefined, { signal: timing.signal });
      if (id === before) throw new Error(`leadership stayed at ${before}`);
      await sleep(WATCH_MS, undefined, { signal: timing.signal });
      stallMs.push(writers.lap());
      timing.progress(`${transfer} of ${transfers} transfers, ${Math.round(stallMs.at(-1) ?? 0)} ms`);
    }
    return { p50: median(stallMs), stall: Math.max(...stallMs) };
  });
}

async function underLoad(
  cluster: Cluster,
  key: string,
  signal: AbortSignal,
  work: (writers: Writers) => Promise<Sample["figures"]>,
): Promise<Sample> {
  const writers = new Writers({ urls: cluster.urls, clients: CLIENTS, loops: LOOPS, key, signal });
  writers.start();
  try {
    const figures = await work(writers);
    await writers.stop();
    return { figures, check: await writers.check() };
  } finally {
    await writers.stop();
  }
}

export const FAILOVER: Contender = contender<Raftally>({
  id: "raftally-failover",
  name: "Raftally, its leader lost",
  about: "three nodes; 16 callers with the TypeScript client as it comes",
  packages: [],
  rounds: 1,
  probe: fastOnly,
  start: (context) => startRaftally(context, 3),
  stop: ({ cluster }) => cluster.stop(),
  workloads: [
    {
      id: "leader-killed",
      about: "the leader is killed: until a write begun after it is acknowledged",
      connections: CLIENTS * LOOPS,
      keys: 1,
      run: leaderKilled,
    },
    {
      id: "transfer",
      about: "leadership is handed over: the longest time without an acknowledgement",
      connections: CLIENTS * LOOPS,
      keys: 1,
      run: transferred,
    },
  ],
});
