/** What is done to the cluster while the load runs. Each scenario is one function. */

import { setTimeout as sleep } from "node:timers/promises";
import { backUp } from "./back-up.ts";
import { changeMembers } from "./change-members.ts";
import { Cluster } from "./cluster.ts";
import type { Load } from "./load.ts";
import { LocalCluster } from "./local-cluster.ts";
import type { Target } from "./target.ts";

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Nothing is broken in it, only tended: no request of a client may fail. */
  readonly harmless: boolean;
  readonly stage: () => Promise<Stage>;
}

/** A running cluster of its own, and what is to happen to it. */
export interface Stage {
  readonly cluster: Target & { stop(): Promise<void> };
  /** Leaves the cluster whole. */
  readonly run: (load: Load, say: (line: string) => void) => Promise<void>;
}

/** Single nodes, to be hurt. */
function hurt(run: (cluster: Cluster, load: Load) => Promise<void>): Pick<Scenario, "harmless" | "stage"> {
  return {
    harmless: false,
    stage: async () => {
      const cluster = await Cluster.start();
      return { cluster, run: (load) => run(cluster, load) };
    },
  };
}

/** What `raftally cluster` runs, to be tended. */
function tended(
  run: (cluster: LocalCluster, load: Load, say: (line: string) => void) => Promise<void>,
): Pick<Scenario, "harmless" | "stage"> {
  return {
    harmless: true,
    stage: async () => {
      const cluster = await LocalCluster.start();
      return { cluster, run: (load, say) => run(cluster, load, say) };
    },
  };
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
    ...hurt(async (cluster, load) => {
      for (let round = 0; round < 5; round++) {
        await served(load, 300);
        const leader = await cluster.leader();
        await cluster.kill(leader);
        await served(load, 300);
        await cluster.startNode(leader);
      }
      await served(load, 300);
    }),
  },
  {
    name: "kill-all",
    about: "kills all nodes at once with SIGKILL under load, three times, and starts them again",
    ...hurt(async (cluster, load) => {
      for (let round = 0; round < 3; round++) {
        await served(load, 500);
        await cluster.kill(...cluster.nodes.map(({ id }) => id));
        await cluster.startAll();
      }
      await served(load, 500);
    }),
  },
  {
    name: "pause-leader",
    about: "stops the leader with SIGSTOP for 5 s under load, and lets it go on, twice",
    ...hurt(async (cluster, load) => {
      for (let round = 0; round < 2; round++) {
        await served(load, 500);
        const leader = await cluster.leader();
        cluster.pause(leader);
        await sleep(5_000);
        cluster.resume(leader);
      }
      await served(load, 500);
    }),
  },
  {
    name: "rolling-restart",
    about:
      "restarts every node in turn with raftally rolling-restart under load, three times; no request may fail",
    ...tended(async (cluster, load, say) => {
      for (let round = 0; round < 3; round++) {
        await served(load, 500);
        load.lap();
        await cluster.rollingRestart((line) => {
          const ofNode = /^n\d+ \(/.test(line);
          say(ofNode ? `${line} Longest stall: ${Math.round(load.lap())} ms.` : line);
        });
      }
      await served(load, 500);
    }),
  },
  {
    name: "change-members",
    about:
      "3 to 5 to 4 to 3 nodes, the leader removed, every node replaced, a removed one coming back; no request may fail",
    harmless: true,
    stage: async () => {
      const cluster = await Cluster.start();
      return { cluster, run: (load, say) => changeMembers(cluster, load, say) };
    },
  },
  {
    name: "back-up",
    about: "takes a backup of each node under load and restores it as a new cluster; no request may fail",
    harmless: true,
    stage: async () => {
      const cluster = await Cluster.start();
      return { cluster, run: (load, say) => backUp(cluster, load, say) };
    },
  },
];
