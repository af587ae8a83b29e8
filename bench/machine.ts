/** What the figures of a run are of. */

import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Machine } from "./types.ts";

/** The numbers by which Linux tells filesystems apart (statfs(2)). */
const FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x2fc12fc1, "zfs"],
  [0x6969, "nfs"],
  [0x01021997, "9p"],
]);

function filesystemOf(directory: string): string {
  const { type } = statfsSync(directory);
  return FILESYSTEMS.get(type) ?? `type 0x${type.toString(16)}`;
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

/** @param directory in which the systems will keep their data. */
export function machineOf(directory: string): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()}`,
    distribution: distribution(),
    filesystem: filesystemOf(directory),
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

/** What may make the figures of this machine worthless: one sentence each. */
export function doubtsOf({ filesystem, loadBefore, cores }: Machine): readonly string[] {
  const doubts: string[] = [];
  if (filesystem === "tmpfs")
    doubts.push("The data lie in memory (tmpfs), where a sync costs nothing: use --dir.");
  if (loadBefore > cores / 2) {
    doubts.push(
      `Something else was running: the load average before was ${loadBefore.toFixed(1)} on ${cores} cores.`,
    );
  }
  return doubts;
}

/** The commit of this project, with a plus if files have changed since; "unknown" outside of a clone. */
export function commitOf(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync("git", [...args], {
        cwd: import.meta.dirname,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
    const isChanged = git("status", "--porcelain", "--untracked-files=no").trim() !== "";
    return git("rev-parse", "--short", "HEAD").trim() + (isChanged ? "+" : "");
  } catch {
    return "unknown";
  }
}
