/** Disks that take long for a sync: of one follower, of the leader, of all. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Act, served } from "../scenario.ts";
import type { Machines } from "./machines.ts";

/** How long a disk stays slow, ms. */
const SLOW_MS = 4_000;

interface Slowness {
  readonly of: "a follower" | "the leader" | "all";
  /** What each sync takes longer. The leader is to be replaced when its own disk is slower than an election timeout. */
  readonly delayMs: number;
}

const PLAN: readonly Slowness[] = [
  { of: "a follower", delayMs: 300 },
  { of: "the leader", delayMs: 100 },
  { of: "the leader", delayMs: 2_000 },
  { of: "all", delayMs: 30 },
];

/** How many faults a run has. */
export const SLOW_DISKS: number = PLAN.length;

export async function slowDisks(machines: Machines, { load, faults, random, say }: Act): Promise<void> {
  const { cluster } = machines;
  for (const { of, delayMs } of PLAN) {
    await served(load, 200);
    const leader = await cluster.leader();
    const followers = machines.ids.filter((id) => id !== leader);
    const slow = of === "all" ? machines.ids : [of === "the leader" ? leader : random.pick(followers)];
    const syncs = (): number => slow.reduce((sum, id) => sum + machines.disk(id).control.counts().syncs, 0);
    load.lap();
    const fault = faults.begin("slow-disk", slow, {
      detail: `${of}: ${delayMs} ms`,
      hitsLeader: slow.includes(leader),
    });
    for (const id of slow) machines.disk(id).control.delaySyncs(delayMs);
    const before = syncs();
    await sleep(SLOW_MS);
    const slowed = syncs() - before;
    for (const id of slow) machines.disk(id).control.delaySyncs(0);
    const stallMs = Math.round(load.lap());
    const detail = `${of}: ${slowed} syncs took ${delayMs} ms longer, longest stall ${stallMs} ms`;
    fault.end({ effective: slowed > 0, detail });
    say(detail);
    // Not even a disk that hangs may keep the cluster: its node hands over.
    if (of !== "all" && stallMs > SLOW_MS)
      throw new Error(`one slow disk stopped the cluster for ${stallMs} ms`);
  }
  await served(load, 200);
}
