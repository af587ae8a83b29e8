/** The same cuts once more with real packets, for a proxy is not a network. */

import { halfDead, isolate, oneWay, partition } from "./link-scenarios.ts";
import { among } from "./nemesis.ts";
import { NamespaceNetwork } from "./network/namespaces.ts";
import { type Scenario, served } from "./scenario.ts";
import { type Hurt, onNetwork } from "./stages.ts";

const CUT_MS = 4_000;

async function packets({ cluster, nemesis, act: { load, random } }: Hurt): Promise<void> {
  await served(load, 200);
  await isolate(nemesis, await cluster.leader(), CUT_MS);
  await served(load, 200);
  await halfDead(nemesis, await cluster.leader(), "deaf", CUT_MS);
  await served(load, 200);
  await halfDead(nemesis, await cluster.leader(), "mute", CUT_MS);
  await served(load, 200);
  await partition(nemesis, random, CUT_MS);
  await served(load, 200);
  await oneWay(nemesis, random, CUT_MS);
  await served(load, 200);
  await nemesis.worsen("lossy-link", among(nemesis.ids), { loss: 0.1 }, CUT_MS);
  await served(load, 300);
}

export const NAMESPACE_SCENARIO: Scenario = {
  name: "namespaces",
  about:
    "isolates, splits, deafens and mutes nodes in network namespaces, and loses a tenth of all packets, by nftables",
  needs: { "isolate-leader": 1, "one-way": 2, partition: 1, "lossy-link": 1 },
  ...onNetwork(packets, () => NamespaceNetwork.open()),
  lacks: () => NamespaceNetwork.lack(),
};
