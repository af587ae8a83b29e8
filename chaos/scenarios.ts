/** All scenarios, in the order in which they are played. */

import { backUp } from "./back-up.ts";
import { BROKEN_MACHINES } from "./broken/scenarios.ts";
import { changeMembers } from "./change-members.ts";
import { CLOCK_SCENARIO } from "./clock.ts";
import { Cluster } from "./cluster.ts";
import { LINK_SCENARIOS } from "./link-scenarios.ts";
import { LocalCluster } from "./local-cluster.ts";
import { MIXED_SCENARIO } from "./mixed.ts";
import { NAMESPACE_SCENARIO } from "./namespace-scenario.ts";
import { type Act, type Scenario, served } from "./scenario.ts";
import { type Hurt, onNodes } from "./stages.ts";

/** Until a fault has been long enough for others to act, and is not over when they do. */
const PAUSE_MS = 5_000;

async function killLeaders({ cluster, nemesis, act: { load } }: Hurt): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await served(load, 200);
    const leader = await cluster.leader();
    await nemesis.kill("kill", leader);
    await served(load, 200);
    await nemesis.start(leader);
  }
  await served(load, 200);
}

async function killAll({ nemesis, act: { load } }: Hurt): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await served(load, 300);
    await nemesis.kill("kill-all", ...nemesis.ids);
    await nemesis.start(...nemesis.ids);
  }
  await served(load, 300);
}

async function pauses({ cluster, nemesis, act: { load } }: Hurt): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await served(load, 200);
    await nemesis.pause(PAUSE_MS, await cluster.leader());
  }
  await served(load, 200);
  const leader = await cluster.leader();
  await nemesis.pause(PAUSE_MS / 2, ...nemesis.ids.filter((id) => id !== leader));
  await served(load, 200);
  await nemesis.pause(PAUSE_MS / 2, ...nemesis.ids);
  await served(load, 300);
}

async function replaceEach({ nemesis, act: { load, say } }: Hurt): Promise<void> {
  for (const lost of [...nemesis.ids]) {
    await served(load, 200);
    const began = performance.now();
    const fresh = await nemesis.replace(lost);
    say(`${fresh} in the place of ${lost}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  }
  await served(load, 300);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "kill-leader",
    about: "kills the leader with SIGKILL five times under load, and starts it again each time",
    needs: { kill: 5 },
    ...onNodes(killLeaders),
  },
  {
    name: "kill-all",
    about: "kills all nodes at once with SIGKILL under load, three times, and starts them again",
    needs: { "kill-all": 3 },
    ...onNodes(killAll),
  },
  {
    name: "pause",
    about: "stops the leader with SIGSTOP for 5 s, twice, then all but the leader, then all nodes at once",
    needs: { pause: 4 },
    ...onNodes(pauses),
  },
  ...LINK_SCENARIOS,
  NAMESPACE_SCENARIO,
  CLOCK_SCENARIO,
  ...BROKEN_MACHINES,
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
    name: "replace-node",
    about: "loses each node with its disk in turn, lets a new one join, and puts that in its place",
    needs: { "replace-node": 3 },
    ...onNodes(replaceEach),
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
  MIXED_SCENARIO,
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
