/** Disks on which a sync fails (EIO). The node must end at once and not try again: what was not synced may be gone. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Act, served } from "../scenario.ts";
import type { Machines } from "./machines.ts";

/** How long a node may take to come by a sync that fails, and to end of it, ms. */
const PATIENCE_MS = 20_000;

interface Failure {
  /** Part of the path whose sync fails. */
  readonly pattern: string;
  readonly of: "leader" | "follower";
  /** Whether it takes a snapshot to bring it about. */
  readonly snapshot: boolean;
}

const PLAN: readonly Failure[] = [
  { pattern: ".wal", of: "leader", snapshot: false },
  { pattern: ".wal", of: "follower", snapshot: false },
  // The copy and its journal, and not their folder: SQLite passes over a failed sync of the folder of a journal, which
  // means nothing here, because the copy gets its name later and by another sync.
  { pattern: "/snapshots/taking", of: "leader", snapshot: true },
  { pattern: "/snapshots/taking", of: "follower", snapshot: true },
];

/** How many faults a run has. */
export const FAILING_DISKS: number = PLAN.length;

export async function failingDisks(machines: Machines, act: Act): Promise<void> {
  for (const failure of PLAN) await failOnce(machines, act, failure);
  await served(act.load, 200);
  machines.checkModel();
}

async function failOnce(machines: Machines, act: Act, { pattern, of, snapshot }: Failure): Promise<void> {
  const { cluster } = machines;
  const { load, faults, random, say } = act;
  await served(load, 200);
  const leader = await cluster.leader();
  const id = of === "leader" ? leader : random.pick(machines.ids.filter((other) => other !== leader));
  const { control } = machines.disk(id);
  const before = control.counts().syncsFailed;
  control.failSync(1 + random.below(snapshot ? 2 : 30), pattern);
  const backup = snapshot ? takeBackup(machines, id) : Promise.resolve();
  const ended = await endsWithin(machines, id, PATIENCE_MS);
  await backup;
  const failed = control.counts().syncsFailed - before;
  if (failed > 0 && !ended) throw new Error(`${id} goes on although a sync of ${pattern} has failed`);
  if (!ended) await cluster.kill(id);
  const { exitCode } = await cluster.ended(id);
  if (failed > 0 && exitCode !== 1)
    throw new Error(`${id} ended with exit code ${exitCode} after a sync had failed`);
  // The kernel calls such pages clean: what they held may be gone at any time.
  const { takenBack } = machines.disk(id).losePower(random, "all");
  const detail = `a sync of ${pattern} on ${id}, ${of}; exit code ${exitCode}, then ${takenBack} writes lost`;
  faults.once("failing-disk", [id], { effective: failed === 1 && exitCode === 1, detail });
  say(detail);
  await cluster.startAll();
}

/** Makes a node take a snapshot. It may end of it. */
async function takeBackup({ cluster }: Machines, id: string): Promise<void> {
  const file = join(cluster.directory, `${id}.backup`);
  await cluster.run("backup", file, "--url", cluster.node(id).url, "--timeout", "2s").catch(() => undefined);
  rmSync(file, { force: true });
}

async function endsWithin({ cluster }: Machines, id: string, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (cluster.isRunning(id) && performance.now() < until) await sleep(10);
  return !cluster.isRunning(id);
}
