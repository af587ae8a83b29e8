/** Slow disks and slow networks, for the nodes of Raftally. */

import type { ClusterOptions } from "../../chaos/index.ts";
import type { World } from "../types.ts";

/** Nothing is made slower. */
export const FAST_WORLD: World = { fsyncMs: 0, rttMs: 0 };

/**
 * What a cluster has to be started with in order to live in such a world.
 * @throws {Error} if this machine cannot be made so slow.
 */
export async function slowed(world: World): Promise<ClusterOptions> {
  if (world.fsyncMs === 0 && world.rttMs === 0) return {};
  throw new Error("this benchmark cannot make disks and networks slower");
}

/** Why such a world cannot be made on this machine, or undefined. */
export async function slowWorldLacks(world: World): Promise<string | undefined> {
  return world.fsyncMs === 0 && world.rttMs === 0
    ? undefined
    : "disks and networks cannot be made slower here";
}
