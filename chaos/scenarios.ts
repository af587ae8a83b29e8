/** All scenarios, in the order in which they are played. */

import { setTimeout as sleep } from "node:timers/promises";
import { backUp } from "./back-up.ts";
import { changeMembers } from "./change-members.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { LocalCluster } from "./local-cluster.ts";
import { type Act, type Scenario, served } from "./scenario.ts";

/** Single nodes, to be hurt. */
function hurt(
  run: (cluster: Cluster, act: Act) => Promise<void>,
  options: ClusterOptions = {},
): Pick<Scenario, "harmless" | "stage"> {
  return {
    harmless: false,
    stage: async () => {
      const cluster = await Cluster.start(options);
      return { cluster, run: (act) => run(cluster, act) };
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "kill-leader",
    about: "kills the leader with SIGKILL five times under load, and starts it again each time",
    needs: { kill: 5 },
    ...hurt(async (cluster, { load, faults }) => {
      for (let round = 0; round < 5; round++) {
        await served(load, 300);
        const leader = await cluster.leader();
        faults.once("kill", [leader], { effective: cluster.isRunning(leader) });
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
    needs: { "kill-all": 3 },
    ...hurt(async (cluster, { load, faults }) => {
      for (let round = 0; round < 3; round++) {
        await served(load, 500);
        const all = cluster.nodes.map(({ id }) => id);
        faults.once("kill-all", all, { effective: all.every((id) => cluster.isRunning(id)) });
        await cluster.kill(...all);
        await cluster.startAll();
      }
      await served(load, 500);
    }),
  },
  {
    name: "pause",
    about: "stops the leader with SIGSTOP for 5 s under load, and lets it go on, twice",
    needs: { pause: 2 },
    ...hurt(async (cluster, { load, faults }) => {
      for (let round = 0; round < 2; round++) {
        await served(load, 500);
        const leader = await cluster.leader();
        const fault = faults.begin("pause", [leader]);
        cluster.pause(leader);
        await sleep(5_000);
        cluster.resume(leader);
        fault.end({ effective: cluster.isRunning(leader) });
      }
      await served(load, 500);
    }),
  },
  {
    name: "rolling-restart",
    about:
      "restarts every node in turn with raftally rolling-restart under load, three times; no request may fail",
    harmless: true,
    needs: { "rolling-restart": 3 },
    stage: async () => {
      const cluster = await LocalCluster.start();
      return { cluster, run: (act) => restartEach(cluster, act) };
    },
  },
  {
    name: "change-members",
    about:
      "3 to 5 to 4 to 3 nodes, the leader removed, every node replaced, a removed one coming back; no request may fail",
    harmless: true,
    needs: { "change-members": 1 },
    stage: async () => {
      const cluster = await Cluster.start();
      return { cluster, run: (act) => changeMembers(cluster, act) };
    },
  },
  {
    name: "back-up",
    about: "takes a backup of each node under load and restores it as a new cluster; no request may fail",
    harmless: true,
    needs: { "back-up": 3 },
    stage: async () => {
      const cluster = await Cluster.start();
      return { cluster, run: (act) => backUp(cluster, act) };
    },
  },
];

async function restartEach(cluster: LocalCluster, { load, say, faults }: Act): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await served(load, 500);
    load.lap();
    const fault = faults.begin(
      "rolling-restart",
      cluster.nodes.map(({ id }) => id),
    );
    await cluster.rollingRestart((line) => {
      const ofNode = /^n\d+ \(/.test(line);
      say(ofNode ? `${line} Longest stall: ${Math.round(load.lap())} ms.` : line);
    });
    fault.end({ effective: true });
  }
  await served(load, 500);
}
