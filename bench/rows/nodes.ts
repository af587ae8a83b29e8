/** Nodes that are stopped and started, with a clock beside them. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../chaos/index.ts";
import { probeRaftally } from "../contenders/raftally.ts";
import type { Availability, World } from "../types.ts";

/** How long a node may take to become ready, ms. */
const READY_MS = 120_000;
/** How often it is asked whether it is, ms. */
const ASK_MS = 5;

/** For the `probe` of rows that say nothing new where disks or networks are slow. */
export async function fastOnly(world: World): Promise<Availability> {
  if (world.fsyncMs === 0 && world.rttMs === 0) return await probeRaftally(world);
  return { available: false, reason: "measured with the real disk and network only" };
}

/**
 * Starts the processes of all nodes that do not run, all at once.
 * @returns how long each took from the start of its process until it answered as ready, in ms, in the order of the nodes.
 * @throws {Error} if one ends or takes too long; the signal's reason.
 */
export async function timedStart(cluster: Cluster, signal: AbortSignal): Promise<readonly number[]> {
  signal.throwIfAborted();
  const starting = cluster.nodes.filter(({ id }) => !cluster.isRunning(id));
  const began = starting.map(({ id }) => {
    const beganMs = performance.now();
    cluster.spawn(id);
    return { id, beganMs };
  });
  return await Promise.all(
    began.map(async ({ id, beganMs }) => (await readyAtMs(cluster, id, signal)) - beganMs),
  );
}

async function readyAtMs(cluster: Cluster, id: string, signal: AbortSignal): Promise<number> {
  const { url } = cluster.node(id);
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    signal.throwIfAborted();
    const answer = await fetch(`${url}/readyz`, { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return performance.now();
    if (!cluster.isRunning(id)) throw new Error(`${id} ended while starting: see its log`);
    await sleep(ASK_MS);
  }
  throw new Error(`${id} was not ready within ${READY_MS} ms`);
}

/** Stops every node, so that what it wrote stays: by SIGTERM, or with SIGKILL all at once. */
export async function stopAll(cluster: Cluster, how: "gracefully" | "killed"): Promise<void> {
  const ids = cluster.nodes.map(({ id }) => id);
  if (how === "killed") return await cluster.kill(...ids);
  await Promise.all(ids.map((id) => cluster.terminate(id)));
}
