/**
 * Disks that fill up: a small file system for each node with a file in it that grows, where root may mount one, or
 * else the shim, which then refuses what would make files longer. The node must end, say why, and come back with
 * everything once there is room.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "../cluster.ts";
import { type Act, type Stage, served } from "../scenario.ts";
import { shimLack } from "../shim/library.ts";
import { Machines } from "./machines.ts";
import { stagedWith } from "./staged.ts";

const MIB = 1_048_576;
const SIZE_MIB = 48;
/** How long a node may take to use up what is left and to end of it, ms. */
const PATIENCE_MS = 20_000;

type Victims = "a follower" | "the leader" | "all";

const PLAN: readonly Victims[] = ["a follower", "the leader", "all"];

/** How many faults a run has. */
export const FULL_DISKS: number = PLAN.length;

/** For `Scenario.lacks`. */
export async function needsSmallDisk(): Promise<string | undefined> {
  const lack = shimLack();
  if (mayMount() || lack === undefined) return undefined;
  return `needs root and the right to mount a tmpfs, or ${lack}`;
}

/** What fills up the disks of nodes, and makes room again. */
interface Disks {
  readonly kind: string;
  fill(id: string): void;
  free(id: string): void;
}

export async function stageFullDisks(): Promise<Stage> {
  if (mayMount()) return await stageMounted();
  const machines = await Machines.start();
  const disks: Disks = {
    kind: "the shim",
    fill: (id) => machines.disk(id).control.limitRoom(200_000),
    free: (id) => machines.disk(id).control.limitRoom(undefined),
  };
  return { cluster: machines.staged, run: (act) => fillDisks(machines.cluster, disks, act) };
}

async function stageMounted(): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "raftally-small-"));
  const mounted = new Set<string>();
  const cleanUp = (): void => {
    for (const path of mounted) spawnSync("umount", [path]);
    rmSync(directory, { recursive: true, force: true });
  };
  const disk = (id: string): string => {
    const path = join(directory, id);
    if (mounted.has(path)) return path;
    mkdirSync(path);
    if (!mount(path)) throw new Error(`${path} cannot be mounted`);
    mounted.add(path);
    return path;
  };
  const balloon = (id: string): string => join(disk(id), "balloon");
  const disks: Disks = {
    kind: "a small file system",
    fill: (id) => {
      const { bavail, bsize } = statfsSync(disk(id));
      writeFileSync(balloon(id), Buffer.alloc(Math.max(0, bavail * bsize - 200_000)));
    },
    free: (id) => rmSync(balloon(id), { force: true }),
  };
  try {
    const cluster = await Cluster.start({ launch: (id) => ({ data: join(disk(id), "data") }) });
    return { cluster: stagedWith(cluster, directory, cleanUp), run: (act) => fillDisks(cluster, disks, act) };
  } catch (error) {
    cleanUp();
    throw error;
  }
}

async function fillDisks(cluster: Cluster, disks: Disks, act: Act): Promise<void> {
  const { load, faults, random, say } = act;
  for (const of of PLAN) {
    await served(load, 200);
    const leader = await cluster.leader();
    const ids = cluster.nodes.map(({ id }) => id);
    const followers = ids.filter((id) => id !== leader);
    const full = of === "all" ? ids : [of === "the leader" ? leader : random.pick(followers)];
    const hitsLeader = full.includes(leader);
    const fault = faults.begin("disk-full", full, { detail: `${of}, by ${disks.kind}`, hitsLeader });
    for (const id of full) disks.fill(id);
    const ended = await Promise.all(full.map((id) => endsOfIt(cluster, id)));
    // Two of three go on without the third.
    if (of !== "all") await served(load, 200);
    for (const id of full) disks.free(id);
    const detail = `${of} (${full.join(" ")}): ${ended.filter(Boolean).length} ended of it`;
    // Where a majority is gone no more is written, and what is left of the others' room stays.
    fault.end({ effective: ended.filter(Boolean).length > (full.length - 1) / 2, detail });
    say(detail);
    await cluster.startAll();
  }
  await served(load, 200);
}

/** Whether a node ends within a while, with an error, and says in its log that the disk is full. */
async function endsOfIt(cluster: Cluster, id: string): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (cluster.isRunning(id) && performance.now() < until) await sleep(10);
  if (cluster.isRunning(id)) return false;
  const { exitCode } = await cluster.ended(id);
  return exitCode === 1 && /ENOSPC|SQLITE_FULL|disk is full/i.test(readFileSync(cluster.log(id), "utf8"));
}

function mount(path: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MIB * MIB}`, "tmpfs", path]).status === 0;
}

/** Containers often have root but not this right, and only trying tells. */
function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const path = mkdtempSync(join(tmpdir(), "raftally-mount-"));
  try {
    return mount(path) && spawnSync("umount", [path]).status === 0;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
