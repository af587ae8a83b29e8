/** Scenarios in which the machines break, and not only the processes on them. */

import type { Act, Scenario } from "../scenario.ts";
import { KILL_POINTS, stageKillPoints } from "./kill-points.ts";
import { Machines, needsShim } from "./machines.ts";
import { losePower, POWER_LOSSES } from "./power-loss.ts";

/** Nodes with a shim before their disks. */
function shimmed(
  run: (machines: Machines, act: Act) => Promise<void>,
): Pick<Scenario, "harmless" | "lacks" | "stage"> {
  return {
    harmless: false,
    lacks: needsShim,
    stage: async () => {
      const machines = await Machines.start();
      return { cluster: machines.staged, run: (act) => run(machines, act) };
    },
  };
}

export const BROKEN_MACHINES: readonly Scenario[] = [
  {
    name: "power-loss",
    about:
      "all nodes at once lose power under load, six times and also while they recover; unsynced writes are lost",
    needs: { "power-loss": POWER_LOSSES },
    ...shimmed((machines, act) => losePower(machines, act)),
  },
  {
    name: "kill-points",
    about: "a node dies at each of 14 exact points of its work, as leader and as follower, and comes back",
    harmless: false,
    needs: { "kill-point": KILL_POINTS },
    stage: stageKillPoints,
  },
];
