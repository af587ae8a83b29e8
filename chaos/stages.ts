/** The clusters that scenarios are played on. */

import { Cluster, type ClusterOptions } from "./cluster.ts";
import { Nemesis } from "./nemesis.ts";
import { ProxiedNetwork } from "./network/proxied.ts";
import type { TroubledNetwork } from "./network/types.ts";
import type { Act, Scenario } from "./scenario.ts";

/** What a scenario is given to hurt. */
export interface Hurt {
  readonly cluster: Cluster;
  readonly nemesis: Nemesis;
  readonly act: Act;
  /** Of scenarios without an end of their own. */
  readonly durationMs: number;
}

type Staged = Pick<Scenario, "harmless" | "lacks" | "stage">;

/** Single nodes, to be hurt. */
export function onNodes(run: (hurt: Hurt) => Promise<void>, options: ClusterOptions = {}): Staged {
  return {
    harmless: false,
    stage: async ({ durationMs }) => {
      const cluster = await Cluster.start(options);
      return { cluster, run: (act) => run({ cluster, nemesis: new Nemesis(cluster, act), act, durationMs }) };
    },
  };
}

/** Nodes behind proxies, whose ways can be troubled without root. */
export function onProxies(run: (hurt: Hurt) => Promise<void>, options: ClusterOptions = {}): Staged {
  return {
    ...onNetwork(run, (seed) => new ProxiedNetwork(seed), options),
    lacks: async () => ProxiedNetwork.lack(),
  };
}

/** Nodes on a network whose ways can be troubled. */
export function onNetwork(
  run: (hurt: Hurt) => Promise<void>,
  networkOf: (seed: number) => TroubledNetwork | Promise<TroubledNetwork>,
  options: ClusterOptions = {},
): Staged {
  return {
    harmless: false,
    stage: async ({ random, durationMs }) => {
      const network = await networkOf(random.below(2 ** 31));
      const cluster = await Cluster.start({ ...options, network });
      return {
        cluster,
        run: async (act) => {
          await run({ cluster, nemesis: new Nemesis(cluster, act, network.links), act, durationMs });
          for (const doubt of network.doubts) act.faults.doubt(doubt);
        },
      };
    },
  };
}
