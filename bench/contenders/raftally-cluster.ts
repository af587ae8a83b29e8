/** Raftally as the benchmark runs it: real processes, started from the real command line. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, type ClusterOptions, Cluster as Clusters } from "../../chaos/index.ts";
import type { RaftallyClient } from "../../src/client/index.ts";
import type { LoadResult } from "../load/closed-loop.ts";
import { slowed } from "../slow/world.ts";
import type { Check, Sample, StartContext } from "../types.ts";

/** How long reading the sums may take, ms: the node may still be busy with what is left of the load. */
const SUM_MS = 30_000;

/** A cluster that runs, and where the generator may write. */
export interface Raftally {
  readonly cluster: Cluster;
  readonly directory: string;
}

/** Every cluster that was started. If this process ends in a way that lets nobody stop them, their nodes are killed. */
const clusters: Set<Cluster> = new Set();

process.on("exit", () => {
  for (const cluster of clusters) {
    const running = cluster.nodes.filter(({ id }) => cluster.isRunning(id)).map(({ id }) => id);
    // Its signals are sent before it waits for anything.
    cluster.kill(...running).catch(() => undefined);
    rmSync(cluster.directory, { recursive: true, force: true });
  }
});

/** Starts a cluster of so many nodes, in the world of `context`. */
export async function startRaftally(
  context: StartContext,
  size: number,
  options: ClusterOptions = {},
): Promise<Raftally> {
  const slow = await slowed(context.world);
  const cluster = await Clusters.start({
    size,
    ...slow,
    ...options,
    // On the disk that is measured; the cluster's own directory holds only what the nodes print.
    launch: (id, directory) => ({
      ...slow.launch?.(id, directory),
      ...options.launch?.(id, directory),
      data: join(context.directory, id),
    }),
  });
  clusters.add(cluster);
  try {
    context.signal.throwIfAborted();
    await cluster.leader();
    return { cluster, directory: context.directory };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** The URL of the node that leads. */
export async function leaderUrl({ cluster }: Raftally): Promise<string> {
  return cluster.node(await cluster.leader()).url;
}

/** Who leads, in which term. */
async function officeOf({ cluster }: Raftally): Promise<string> {
  const id = await cluster.leader();
  const terms = (await cluster.views()).map(({ term }) => term);
  return `${id} in term ${Math.max(...terms)}`;
}

/**
 * Puts a cluster to work, which must have the same leader all the time: a generator may take a redirect for an
 * acknowledgement, and then nothing can be said of what was counted.
 * @throws {Error} if leadership changed meanwhile.
 */
export async function whileOneLeads<Result>(
  raftally: Raftally,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = await officeOf(raftally);
  const result = await work();
  const after = await officeOf(raftally);
  if (after !== before) throw new Error(`the leader was ${before} and then ${after}: nothing was measured`);
  return result;
}

/** A client that is patient: it is not what is measured. */
export function patientClient({ cluster }: Raftally): RaftallyClient {
  return cluster.client(0, { timeoutMs: SUM_MS, attemptTimeoutMs: SUM_MS });
}

/** Compares the sum of the counters below a prefix with what was acknowledged. */
export async function sumCheck(
  raftally: Raftally,
  prefix: string,
  { acknowledged, underway }: Pick<LoadResult, "acknowledged" | "underway">,
): Promise<Check> {
  const { sum } = await patientClient(raftally).sum({ prefix });
  return {
    about: `the sum of the counters below ${prefix}`,
    acknowledged: BigInt(acknowledged),
    found: sum,
    underway,
  };
}

/** The sample of a load that increments the counters below a prefix. */
export async function incrementSample(raftally: Raftally, prefix: string, done: LoadResult): Promise<Sample> {
  return {
    figures: { rate: done.rate, ...done.figures },
    check: await sumCheck(raftally, prefix, done),
  };
}
