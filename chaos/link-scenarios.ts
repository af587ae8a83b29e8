/** Scenarios about the ways between nodes. */

import type { Nemesis, Pair } from "./nemesis.ts";
import { among, between } from "./nemesis.ts";
import type { Random } from "./random.ts";
import { type Scenario, served } from "./scenario.ts";
import { type Hurt, onProxies } from "./stages.ts";

/** Long enough for an election, and for a link to be given up (three silent intervals of a second each). */
const CUT_MS = 4_000;

/** Splits the nodes into two halves, of which at most one has a majority. */
export async function partition(nemesis: Nemesis, random: Random, forMs: number): Promise<void> {
  const ids = random.shuffled(nemesis.ids);
  const at = 1 + random.below(ids.length - 1);
  const [some, others] = [ids.slice(0, at), ids.slice(at)];
  const detail = `${some.join(" ")} from ${others.join(" ")}`;
  await nemesis.cut("partition", between(some, others), forMs, { nodes: some, detail });
}

/** The leader and so many others as do not make a majority, cut off from all the rest. */
export async function leaderInMinority(
  nemesis: Nemesis,
  leader: string,
  random: Random,
  forMs: number,
): Promise<void> {
  const others = random.shuffled(nemesis.ids.filter((id) => id !== leader));
  const company = Math.ceil(nemesis.ids.length / 2) - 2;
  const [some, rest] = [[leader, ...others.slice(0, company)], others.slice(company)];
  const detail = `${some.join(" ")} from ${rest.join(" ")}`;
  await nemesis.cut("partition", between(some, rest), forMs, { nodes: some, detail });
}

/** Everyone sees a majority, but no two see the same one. Needs 5 nodes. */
export async function ring(nemesis: Nemesis, random: Random, forMs: number): Promise<void> {
  const ids = random.shuffled(nemesis.ids);
  const cut = ids.flatMap((id, at) => {
    const across = [ids[(at + 2) % ids.length], ids[(at + 3) % ids.length]];
    return across.flatMap((other): Pair[] => (other === undefined || other === id ? [] : [[id, other]]));
  });
  await nemesis.cut("partition", cut, forMs, { nodes: ids, detail: `a ring: ${ids.join(" ")}` });
}

/** Two halves that meet in one node only. */
export async function bridge(nemesis: Nemesis, random: Random, forMs: number): Promise<void> {
  const [middle = "", ...rest] = random.shuffled(nemesis.ids);
  const half = Math.floor(rest.length / 2);
  const [some, others] = [rest.slice(0, half), rest.slice(half)];
  const detail = `${some.join(" ")} and ${others.join(" ")} meet in ${middle}`;
  await nemesis.cut("partition", between(some, others), forMs, { nodes: [middle], detail });
}

/** Some ways work in one direction only. */
export async function oneWay(nemesis: Nemesis, random: Random, forMs: number): Promise<void> {
  const ways = random.shuffled(among(nemesis.ids));
  const cut = ways.slice(0, Math.max(1, Math.floor(ways.length * 0.35)));
  const detail = cut.map(([from, to]) => `${from} to ${to}`).join(", ");
  await nemesis.cut("one-way", cut, forMs, { nodes: [...new Set(cut.flat())], detail });
}

/** One direction of everything that concerns one node: it is deaf, or mute. */
export async function halfDead(
  nemesis: Nemesis,
  id: string,
  what: "deaf" | "mute",
  forMs: number,
): Promise<void> {
  const others = nemesis.ids.filter((other) => other !== id);
  const cut = others.map((other): Pair => (what === "deaf" ? [other, id] : [id, other]));
  await nemesis.cut("one-way", cut, forMs, { nodes: [id], detail: `${id} is ${what}` });
}

/** Nobody but clients reaches the node, nor it anybody else. */
export async function isolate(nemesis: Nemesis, id: string, forMs: number): Promise<void> {
  const others = nemesis.ids.filter((other) => other !== id);
  await nemesis.cut("isolate-leader", between([id], others), forMs, { nodes: [id], detail: `${id} alone` });
}

async function partitions({ cluster, nemesis, act: { load, random } }: Hurt): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await served(load, 200);
    await leaderInMinority(nemesis, await cluster.leader(), random, CUT_MS);
    for (const fault of [partition, ring, bridge]) {
      await served(load, 200);
      await fault(nemesis, random, CUT_MS);
    }
  }
  await served(load, 300);
}

async function oneWays({ cluster, nemesis, act: { load, random } }: Hurt): Promise<void> {
  for (const what of ["deaf", "mute"] as const) {
    await served(load, 200);
    await halfDead(nemesis, await cluster.leader(), what, CUT_MS);
  }
  for (let round = 0; round < 3; round++) {
    await served(load, 200);
    await oneWay(nemesis, random, CUT_MS);
  }
  await served(load, 300);
}

async function isolations({ cluster, nemesis, act: { load } }: Hurt): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await served(load, 200);
    await isolate(nemesis, await cluster.leader(), CUT_MS);
  }
  await served(load, 300);
}

async function slowLinks({ cluster, nemesis, act: { load } }: Hurt): Promise<void> {
  const all = among(nemesis.ids);
  await served(load, 200);
  await nemesis.worsen("slow-link", all, { delayMs: 20, jitterMs: 40 }, 3_000);
  await served(load, 100);
  const leader = await cluster.leader();
  const slow = between(
    [leader],
    nemesis.ids.filter((id) => id !== leader),
  );
  await nemesis.worsen("slow-link", slow, { delayMs: 150, jitterMs: 150 }, 3_000);
  await served(load, 100);
  await nemesis.worsen("slow-link", all, { bytesPerSecond: 65_536 }, 3_000);
  await served(load, 100);
  await nemesis.worsen("lossy-link", all, { loss: 0.05, duplication: 0.02 }, 4_000);
  await served(load, 100);
  await nemesis.worsen("damaged-link", all, { damage: 0.002 }, 4_000);
  for (let round = 0; round < 3; round++) {
    await served(load, 100);
    await nemesis.reset(leader, nemesis.ids.find((id) => id !== leader) ?? "");
  }
  await served(load, 300);
}

export const LINK_SCENARIOS: readonly Scenario[] = [
  {
    name: "partition",
    about:
      "splits 5 nodes in two (the leader in the smaller half, too), into a ring, and into halves that meet in one node, 4 s each, by proxies",
    needs: { partition: 7 },
    ...onProxies(partitions, { size: 5 }),
  },
  {
    name: "one-way",
    about:
      "makes the leader deaf, then mute, and cuts a third of all ways in one direction, 4 s each, by proxies",
    needs: { "one-way": 4 },
    ...onProxies(oneWays),
  },
  {
    name: "isolate-leader",
    about: "cuts the leader off from all other nodes, but not from clients, four times for 4 s, by proxies",
    needs: { "isolate-leader": 4 },
    ...onProxies(isolations),
  },
  {
    name: "slow-link",
    about: "delays, narrows, loses, doubles, damages and resets what nodes say to each other, by proxies",
    needs: { "slow-link": 3, "lossy-link": 1, "damaged-link": 1, reset: 3 },
    ...onProxies(slowLinks),
  },
];
