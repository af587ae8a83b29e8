/**
 * Swarm testing: each feature is on or off by seed, because what hides in a world with everything on shows in one where
 * half of it is off. Some seeds have none, and some exactly one.
 */

import type { Prng } from "../../src/base/index.ts";

const ALONE = [
  "loss",
  "duplicate",
  "delay",
  "tail",
  "replay",
  "clog",
  "partition",
  "churn",
  "stall",
  "trouble",
  "crash",
  "death",
  "recovery",
  "install",
  "pause",
  "handover",
  "stop",
  "drift",
  "freeze",
  "wallClock",
  "transfer",
  "membership",
  "rot",
] as const;

/** These mean something only where the membership changes. */
const CHANGING = ["interrupt", "announce", "away", "wipe"] as const;

export type Feature = (typeof ALONE)[number] | (typeof CHANGING)[number];

/** Of all seeds, so many have no feature, and so many exactly one. */
const CHANCE_OF_NONE = 0.05;
const CHANCE_OF_ONE = 0.05;

export function drawSwarm(prng: Prng): ReadonlySet<Feature> {
  const dice = prng.real();
  const one = prng.pick(ALONE);
  const half = [...ALONE, ...CHANGING].filter(() => prng.chance(0.5));
  if (dice < CHANCE_OF_NONE) return new Set();
  if (dice < CHANCE_OF_NONE + CHANCE_OF_ONE) return new Set([one]);
  const swarm = new Set<Feature>(half);
  if (!swarm.has("membership")) for (const feature of CHANGING) swarm.delete(feature);
  return swarm;
}
