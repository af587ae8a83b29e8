/** Lets a node die at an exact point: arms something, brings the node there, and takes care that it really died of it. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../cluster.ts";
import { type Act, served } from "../scenario.ts";

/** Something in which one node dies. */
export interface Trap {
  /** What is said of it. */
  readonly name: string;
  readonly role: Role;
  readonly way: Way;
  arm(id: string): void;
  disarm(id: string): void;
  /** Whether the node has died of this, and of nothing else. */
  isSprung(id: string): boolean;
}

/** Who is to die. */
export type Role = "leader" | "follower";

/**
 * How a node is brought to the point. `load`: by its work. `election`: the leader is killed first. `lag`: the node was
 * down for so long that it needs a snapshot. `start`: it is killed, and started.
 */
export type Way = "load" | "election" | "lag" | "start";

/** How long a node may take to come by, ms. */
const PATIENCE_MS = 40_000;
const LAG_MS_MAX = 60_000;

export interface TrapOptions {
  readonly cluster: Cluster;
  readonly act: Act;
  /** So many entries make a node that missed them need a snapshot. */
  readonly lag: number;
  /** What else is done to a node that is dead. */
  readonly whenDead?: (id: string) => string;
}

/** Brings a node into a trap, and back to life. The cluster is whole afterwards. */
export async function spring(trap: Trap, { cluster, act, lag, whenDead }: TrapOptions): Promise<void> {
  const { load, faults, random, say } = act;
  await served(load, 20);
  const leader = await cluster.leader();
  const followers = cluster.nodes.map(({ id }) => id).filter((id) => id !== leader);
  const id = trap.role === "leader" ? leader : random.pick(followers);
  await lure(trap, id, { cluster, lag, leader });
  const died = await diesWithin(cluster, id, PATIENCE_MS);
  const effective = died && trap.isSprung(id);
  trap.disarm(id);
  if (!died) await cluster.kill(id);
  await cluster.ended(id);
  const after = whenDead?.(id) ?? "";
  const detail = `${trap.name} on ${id}, ${trap.role}, by ${trap.way}${after === "" ? "" : `; ${after}`}`;
  faults.once("kill-point", [id], { effective, detail });
  say(`${effective ? "died" : "DID NOT COME BY"}: ${detail}`);
  await cluster.startAll();
}

async function lure(
  trap: Trap,
  id: string,
  { cluster, lag, leader }: Pick<TrapOptions, "cluster" | "lag"> & { readonly leader: string },
): Promise<void> {
  switch (trap.way) {
    case "load":
      return trap.arm(id);
    case "election":
      trap.arm(id);
      return await cluster.kill(leader);
    case "lag":
    case "start":
      await cluster.kill(id);
      if (trap.way === "lag") await goesOn(cluster, lag);
      trap.arm(id);
      return cluster.spawn(id);
  }
}

/** Waits until so many more entries are committed; several writes may share one. */
async function goesOn(cluster: Cluster, entries: number): Promise<void> {
  const committed = async (): Promise<number> =>
    Math.max(0, ...(await cluster.views()).map(({ commit }) => commit));
  const goal = (await committed()) + entries;
  const until = performance.now() + LAG_MS_MAX;
  while ((await committed()) < goal) {
    if (performance.now() > until)
      throw new Error(`not even ${entries} entries were committed in ${LAG_MS_MAX} ms`);
    await sleep(50);
  }
}

async function diesWithin(cluster: Cluster, id: string, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (cluster.isRunning(id) && performance.now() < until) await sleep(5);
  return !cluster.isRunning(id);
}
