/** Scenarios in which the machines break, and not only the processes on them. */

import type { Act, Scenario } from "../scenario.ts";
import { FAILING_DISKS, failingDisks } from "./failing-disk.ts";
import { FULL_DISKS, needsSmallDisk, stageFullDisks } from "./full-disk.ts";
import { KILL_POINTS, stageKillPoints } from "./kill-points.ts";
import { KILLED_SYSCALLS, killSyscalls, restlessMachines } from "./kill-syscalls.ts";
import { Machines, needsShim } from "./machines.ts";
import { losePower, POWER_LOSSES } from "./power-loss.ts";
import { SLOW_DISKS, slowDisks } from "./slow-disk.ts";
import { needsStrace, STRACED, stageStrace } from "./strace.ts";

/** Nodes with a shim before their disks. */
function shimmed(
  run: (machines: Machines, act: Act) => Promise<void>,
  start: () => Promise<Machines> = () => Machines.start(),
): Pick<Scenario, "harmless" | "lacks" | "stage"> {
  return {
    harmless: false,
    lacks: needsShim,
    stage: async () => {
      const machines = await start();
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
  {
    name: "kill-syscalls",
    about:
      "a node dies between two system calls (appended and not synced, …), and half of the time its machine too",
    needs: { "kill-point": KILLED_SYSCALLS },
    ...shimmed((machines, act) => killSyscalls(machines, act), restlessMachines),
  },
  {
    name: "slow-disk",
    about: "syncs of a follower, of the leader and of all take 30 ms to 2 s longer for a while",
    needs: { "slow-disk": SLOW_DISKS },
    ...shimmed(slowDisks),
  },
  {
    name: "failing-disk",
    about: "a sync fails (EIO): the node ends at once, its power fails too, and it comes back",
    needs: { "failing-disk": FAILING_DISKS },
    ...shimmed(failingDisks),
  },
  {
    name: "disk-full",
    about:
      "the disk of a follower, of the leader and of all fills up; there is room again, and they come back",
    harmless: false,
    lacks: needsSmallDisk,
    needs: { "disk-full": FULL_DISKS },
    stage: stageFullDisks,
  },
  {
    name: "strace",
    about: "a node is killed before its nth write or sync, or that fails with EIO or ENOSPC, by strace",
    harmless: false,
    lacks: needsStrace,
    needs: { strace: STRACED },
    stage: stageStrace,
  },
];
