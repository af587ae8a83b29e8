/** What is done to the cluster while the load runs. Each scenario is one function. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { Load } from "./load.ts";

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Hurts the cluster and leaves it whole again. */
  readonly run: (cluster: Cluster, load: Load) => Promise<void>;
}

/** Waits until the load has been served for a while: a fault on an idle cluster proves nothing. */
async function served(load: Load, increments: number): Promise<void> {
  const until = load.acknowledged + increments;
  while (load.acknowledged < until) await sleep(10);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "kill-leader",
    about: "kills the leader with SIGKILL five times under load, and starts it again each time",
    run: async (cluster, load) => {
      for (let round = 0; round < 5; round++) {
        await served(load, 300);
        const leader = await cluster.leader();
        await cluster.kill(leader);
        await served(load, 300);
        await cluster.startNode(leader);
      }
      await served(load, 300);
    },
  },
  {
    name: "kill-all",
    about: "kills all nodes at once with SIGKILL under load, three times, and starts them again",
    run: async (cluster, load) => {
      for (let round = 0; round < 3; round++) {
        await served(load, 500);
        await cluster.kill(...cluster.nodes.map(({ id }) => id));
        await cluster.startAll();
      }
      await served(load, 500);
    },
  },
  {
    name: "pause-leader",
    about: "stops the leader with SIGSTOP for 5 s under load, and lets it go on, twice",
    run: async (cluster, load) => {
      for (let round = 0; round < 2; round++) {
        await served(load, 500);
        const leader = await cluster.leader();
        cluster.pause(leader);
        await sleep(5_000);
        cluster.resume(leader);
      }
      await served(load, 500);
    },
  },
];
