/** What nodes occupy and how punctual they stay: idle, under full load for long, and after ten million increments. */

import { setTimeout as sleep } from "node:timers/promises";
import { BATCH_KEYS, batches, freshPrefix, increments, KEYED_SECONDS } from "../contenders/raftally.ts";
import {
  leaderUrl,
  patientClient,
  type Raftally,
  startRaftally,
  sumCheck,
} from "../contenders/raftally-cluster.ts";
import { type Contender, contender, type Sample, type Timing } from "../types.ts";
import { inBatches } from "./batches.ts";
import { memory, scrapeAll, withCosts } from "./costs.ts";
import { DiskWatch } from "./disk-use.ts";
import { fastOnly } from "./nodes.ts";
import { megabytes } from "./numbers.ts";

const CONNECTIONS = 64;
const KEYS = 1_000;
/** How long full load is kept up in a full run, in seconds. */
const LOADED_SECONDS = 600;
const IDLE_SECONDS = { full: 20, quick: 3 } as const;
const INCREMENTS = { full: 10_000_000, quick: 500_000 } as const;

async function idle(raftally: Raftally, timing: Timing): Promise<Sample> {
  const seconds = timing.quick ? IDLE_SECONDS.quick : IDLE_SECONDS.full;
  timing.progress(`${seconds} s of doing nothing`);
  // One, so that it is seen to work at all.
  await patientClient(raftally).increment("idle:one", {}, { signal: timing.signal });
  await sleep(seconds * 1_000, undefined, { signal: timing.signal });
  return {
    figures: { memoryIdle: memory(await scrapeAll(raftally, timing.signal)) },
    check: await sumCheck(raftally, "idle:", { acknowledged: 1, underway: 0 }),
  };
}

/** Full load for long, as single requests: snapshots and checkpoints included. */
async function loaded(raftally: Raftally, timing: Timing): Promise<Sample> {
  const { cluster } = raftally;
  const disk = new DiskWatch(cluster.nodes.map(({ id }) => cluster.data(id)));
  disk.start();
  try {
    const work = { connections: CONNECTIONS, keys: KEYS };
    const { figures, check } = await withCosts(raftally, timing, () => increments(raftally, work, timing));
    const { most, last } = await disk.stop();
    return { figures: { ...figures, disk: megabytes(last), diskMost: megabytes(most) }, check };
  } finally {
    await disk.stop();
  }
}

/** After that there is much to remember, and to copy into each snapshot. */
async function keyed(raftally: Raftally, timing: Timing): Promise<Sample> {
  const numbered = { kind: "key", prefix: freshPrefix("once") } as const;
  const work = { connections: CONNECTIONS, keys: 1, numbered };
  return await withCosts(raftally, timing, () => increments(raftally, work, timing));
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
    {
      id: "keyed",
      about: "increments of one key, with an idempotency key on each",
      connections: CONNECTIONS,
      keys: 1,
      seconds: KEYED_SECONDS,
      fullOnly: true,
      run: keyed,
    },
    {
      id: "batch",
      about: "increments through /v1/batch, 1,000 in each, with all these keys to remember",
      connections: CONNECTIONS,
      keys: BATCH_KEYS,
      fullOnly: true,
      run: (raftally, timing) => withCosts(raftally, timing, () => batches(raftally, timing)),
    },
  ],
});
