/** Slow disks and slow networks, for the nodes of Raftally: simulated, so that every machine can measure them. */

import type { ClusterOptions } from "../../chaos/index.ts";
import type { World } from "../types.ts";
import { FarNetwork } from "./far-network.ts";
import { compiledProgram, compilerLack } from "./programs.ts";

/** Nothing is made slower. */
export const FAST_WORLD: World = { fsyncMs: 0, rttMs: 0 };

/**
 * What a cluster has to be started with in order to live in such a world.
 *
 * Each sync takes `fsyncMs` longer than the disk itself takes: of the log, of the state and of snapshots alike. What
 * nodes say to each other takes half of `rttMs` longer in each direction; what clients say does not. Bandwidth and the
 * number of syncs at a time stay what they are.
 * @throws {Error} if this machine cannot be made so slow (see {@link slowWorldLacks}).
 */
export async function slowed(world: World): Promise<ClusterOptions> {
  const { fsyncMs, rttMs } = world;
  const env = fsyncMs === 0 ? undefined : await slowDisk(fsyncMs);
  const network = rttMs === 0 ? undefined : await FarNetwork.open(rttMs);
  return {
    ...(network === undefined ? {} : { network }),
    ...(env === undefined ? {} : { launch: () => ({ env }) }),
  };
}

/** What a process has to find in its environment so that each of its syncs takes `ms` longer. */
export async function slowDisk(ms: number): Promise<Readonly<Record<string, string>>> {
  return {
    LD_PRELOAD: await compiledProgram("slow-sync"),
    RAFTALLY_SLOW_SYNC_US: String(Math.round(ms * 1_000)),
    // The kernel syncs what is put into its ring without calling anything that could be slowed down.
    UV_USE_IO_URING: "0",
  };
}

/** Why such a world cannot be made on this machine, or undefined. */
export async function slowWorldLacks({ fsyncMs, rttMs }: World): Promise<string | undefined> {
  if (fsyncMs === 0 && rttMs === 0) return undefined;
  const lack = compilerLack();
  return lack === undefined ? undefined : `slow disks and networks need ${lack}`;
}
