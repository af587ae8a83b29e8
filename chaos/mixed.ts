/** Everything at once: one fault of a process and one of the network at a time, in an order left to chance. */

import { setTimeout as sleep } from "node:timers/promises";
import { stagedWith } from "./broken/staged.ts";
import { Cluster } from "./cluster.ts";
import { bridge, halfDead, isolate, oneWay, partition } from "./link-scenarios.ts";
import { Disks } from "./mixed-disks.ts";
import { among } from "./nemesis.ts";
import { ProxiedNetwork } from "./network/proxied.ts";
import type { Random } from "./random.ts";
import { type Scenario, type Stage, type StageOptions, served } from "./scenario.ts";
import { type Hurt, onProxies } from "./stages.ts";

type Fault = (hurt: Hurt) => Promise<void>;

/** Between two faults of a kind the cluster is to serve so much, or to rest so long: else nothing is at stake. */
const SERVED = 100;
const REST_MS: readonly [number, number] = [500, 3_000];
const LAST_MS: readonly [number, number] = [300, 6_000];
const PATIENCE_MS = 90_000;

function lasting(random: Random): number {
  return random.between(...LAST_MS);
}

async function killOne({ cluster, nemesis, act: { random } }: Hurt, whom: "leader" | "any"): Promise<void> {
  const id = whom === "leader" ? await cluster.leader() : random.pick(nemesis.ids);
  await nemesis.kill("kill", id);
  await sleep(lasting(random));
  await nemesis.start(id);
}

async function killAll({ nemesis, act: { random } }: Hurt): Promise<void> {
  await nemesis.kill("kill-all", ...nemesis.ids);
  const [first = "", ...rest] = random.shuffled(nemesis.ids);
  // They come back one after the other, and one of them is killed again while it recovers.
  for (const id of rest) {
    nemesis.spawn(id);
    await sleep(random.between(0, 500));
  }
  await nemesis.kill("kill", ...rest.slice(0, 1));
  await nemesis.start(first, ...rest);
}

async function pauseLeader({ cluster, nemesis, act: { random } }: Hurt): Promise<void> {
  await nemesis.pause(lasting(random), await cluster.leader());
}

async function pauseSome({ nemesis, act: { random } }: Hurt): Promise<void> {
  const some = random.shuffled(nemesis.ids).slice(0, 1 + random.below(nemesis.ids.length));
  await nemesis.pause(lasting(random) / 2, ...some);
}

/** One node, some, or all of them. */
async function powerLoss({ nemesis, act: { random } }: Hurt, disks: Disks): Promise<void> {
  const all = random.shuffled(nemesis.ids);
  const some = random.chance(0.6) ? all : all.slice(0, 1 + random.below(all.length));
  await nemesis.losePower((id) => disks.losePower(id, random), ...some);
  if (random.chance(0.4)) {
    // Once more, while they are still reading what the first time has left them.
    for (const id of some) nemesis.spawn(id);
    await sleep(random.between(0, 1_500));
    await nemesis.losePower((id) => disks.losePower(id, random), ...some);
  }
  await nemesis.start(...some);
}

async function replaceOne({ nemesis, act: { random, say } }: Hurt): Promise<void> {
  const lost = random.pick(nemesis.ids);
  say(`${await nemesis.replace(lost)} in the place of ${lost}`);
}

/** What is done to processes. Each comes once before any comes again. */
const PROCESS_FAULTS: readonly Fault[] = [
  (hurt) => killOne(hurt, "leader"),
  pauseLeader,
  (hurt) => killOne(hurt, "any"),
  killAll,
  ({ nemesis, act: { random } }) => nemesis.restart(random.pick(nemesis.ids)),
  pauseSome,
  replaceOne,
];

/** What is done to the ways between them. */
const LINK_FAULTS: readonly Fault[] = [
  async ({ cluster, nemesis, act: { random } }) => isolate(nemesis, await cluster.leader(), lasting(random)),
  ({ nemesis, act: { random } }) => partition(nemesis, random, lasting(random)),
  ({ nemesis, act: { random } }) => oneWay(nemesis, random, lasting(random)),
  ({ nemesis, act: { random } }) =>
    nemesis.worsen("slow-link", among(nemesis.ids), { delayMs: 20, jitterMs: 60 }, lasting(random)),
  ({ nemesis, act: { random } }) => bridge(nemesis, random, lasting(random)),
  ({ nemesis, act: { random } }) =>
    nemesis.worsen("lossy-link", among(nemesis.ids), { loss: 0.05, duplication: 0.03 }, lasting(random)),
  async ({ cluster, nemesis, act: { random } }) => {
    const what = random.chance(0.5) ? "deaf" : "mute";
    await halfDead(nemesis, await cluster.leader(), what, lasting(random));
  },
  async ({ nemesis, act: { random } }) => {
    const [a = "", b = ""] = random.shuffled(nemesis.ids);
    await nemesis.reset(a, b);
  },
];

/** One fault after the other, until the time is over. The first round goes in order, so that none is missing. */
async function lane(faults: readonly Fault[], hurt: Hurt, rest: () => Promise<void>): Promise<void> {
  const until = performance.now() + hurt.durationMs;
  for (let round = 0; ; round++) {
    for (const fault of round === 0 ? faults : hurt.act.random.shuffled(faults)) {
      await rest();
      if (performance.now() > until) return;
      await fault(hurt);
    }
  }
}

async function mixed(hurt: Hurt, disks: Disks | undefined): Promise<void> {
  const { nemesis, act } = hurt;
  const { load, random } = act;
  const processFaults: Fault[] = [...PROCESS_FAULTS];
  if (disks !== undefined) processFaults.splice(1, 0, (each) => powerLoss(each, disks));
  else act.say(`without power loss: it needs ${Disks.lack()}`);
  await served(load, SERVED);
  await Promise.all([
    lane(processFaults, hurt, () => served(load, SERVED, PATIENCE_MS)),
    lane(LINK_FAULTS, hurt, () => sleep(random.between(...REST_MS))),
  ]);
  await nemesis.heal();
  for (const doubt of disks?.doubts ?? []) act.faults.doubt(doubt);
  await served(load, 3 * SERVED);
}

async function stage(options: StageOptions): Promise<Stage> {
  const disks = Disks.lack() === undefined ? await Disks.make() : undefined;
  const launch = disks === undefined ? {} : { launch: (id: string) => disks.launch(id) };
  const staged = await onProxies((hurt) => mixed(hurt, disks), launch).stage(options);
  if (disks === undefined || !(staged.cluster instanceof Cluster)) return staged;
  return { ...staged, cluster: stagedWith(staged.cluster, disks.folder, () => disks.remove()) };
}

export const MIXED_SCENARIO: Scenario = {
  name: "mixed",
  about:
    "nodes die, lose power, pause, restart and are replaced while ways are cut, slow and lossy, for --minutes (1 if not said)",
  needs: { kill: 1, pause: 1, "isolate-leader": 1, partition: 1, "one-way": 1 },
  harmless: false,
  lacks: async () => ProxiedNetwork.lack(),
  stage,
};
