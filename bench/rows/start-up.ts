/** How long nodes without counters take from the start of their processes until they are ready. */

import { type Raftally, startRaftally } from "../contenders/raftally-cluster.ts";
import { type Contender, contender, type Sample, type Timing } from "../types.ts";
import { fastOnly, stopAll, timedStart } from "./nodes.ts";
import { median } from "./numbers.ts";

const RESTARTS = { full: 10, quick: 2 } as const;
const KEY = "started";

/** One counter is there, so that what is ready afterwards is seen to be what was there before. */
async function restarted({ cluster }: Raftally, timing: Timing): Promise<Sample> {
  const restarts = timing.quick ? RESTARTS.quick : RESTARTS.full;
  const client = cluster.client();
  const tookMs: number[] = [];
  for (let restart = 1; restart <= restarts; restart++) {
    await client.increment(KEY, {}, { signal: timing.signal });
    await stopAll(cluster, "gracefully");
    tookMs.push(Math.max(...(await timedStart(cluster, timing.signal))));
    timing.progress(`${restart} of ${restarts} restarts, ${Math.round(tookMs.at(-1) ?? 0)} ms`);
  }
  const counter = await client.get(KEY);
  return {
    figures: { ready: median(tookMs), max: Math.max(...tookMs) },
    check: {
      about: "the value of one counter",
      acknowledged: BigInt(restarts),
      found: counter?.value ?? 0n,
      underway: 0,
    },
  };
}

function startUp(about: Pick<Contender, "id" | "name" | "about">, size: number): Contender {
  return contender<Raftally>({
    ...about,
    packages: [],
    rounds: 1,
    probe: fastOnly,
    start: (context) => startRaftally(context, size, size === 1 ? { flags: ["--new-cluster"] } : {}),
    stop: ({ cluster }) => cluster.stop(),
    workloads: [
      {
        id: "restart",
        about: "no counters: stopped by SIGTERM, and started until ready",
        connections: 0,
        keys: 1,
        run: restarted,
      },
    ],
  });
}

export const START_UP: Contender = startUp(
  { id: "raftally-start", name: "Raftally, started", about: "three nodes, all at once" },
  3,
);

export const START_UP_ALONE: Contender = startUp(
  { id: "raftally-start-alone", name: "Raftally, one node started", about: "a cluster of one" },
  1,
);
