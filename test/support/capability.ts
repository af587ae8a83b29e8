/**
 * What a test may need beyond npm's packages, and the only way to skip for the lack of it.
 *
 *     it("syncs once for each batch", (context) => {
 *       requires(context, "strace");
 *       ...
 *     });
 *
 * A skip names what is missing, and `npm test` lists it at the end. With `RAFTALLY_TEST_ALL=1` (which `.ci/run`
 * sets after it has installed the packages below) a test that could have run fails instead of being skipped.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";

/** `absent`: it could be installed. `refused`: this machine or this user may not use it. */
type Presence = "present" | "absent" | "refused";

interface CapabilityInfo {
  /** What is missing, as it is said to whoever reads the list of skipped tests. */
  readonly lack: string;
  /** The Debian package that brings it; `.ci/run` installs it where it may. */
  readonly package: string | undefined;
  readonly probe: () => Presence;
}

export type Capability =
  | "root"
  | "tmpfs"
  | "strace"
  | "compiler"
  | "curl"
  | "wrk"
  | "nginx"
  | "haproxy"
  | "promtool"
  | "chromium"
  | "patience";

/** Debian's browser. Tests bring none of their own. */
export const CHROMIUM: string = "/usr/bin/chromium";

export const CAPABILITIES: Readonly<Record<Capability, CapabilityInfo>> = {
  root: { lack: "root", package: undefined, probe: () => (isRoot() ? "present" : "refused") },
  tmpfs: { lack: "root and the right to mount a tmpfs", package: undefined, probe: probeTmpfs },
  strace: {
    lack: "strace and the right to trace a child",
    package: "strace",
    probe: () => probeCommand("strace", ["-o", "/dev/null", "true"]),
  },
  compiler: { lack: "a C compiler (gcc)", package: "gcc", probe: () => probeCommand("gcc", ["--version"]) },
  curl: { lack: "curl", package: "curl", probe: () => probeCommand("curl", ["--version"]) },
  nginx: { lack: "nginx", package: "nginx", probe: () => probeCommand("nginx", ["-v"]) },
  haproxy: { lack: "HAProxy", package: "haproxy", probe: () => probeCommand("haproxy", ["-v"]) },
  promtool: {
    lack: "Prometheus's own checker (promtool)",
    package: "prometheus",
    probe: () => probeCommand("promtool", ["--version"]),
  },
  chromium: { lack: "Chromium", package: "chromium", probe: () => probeCommand(CHROMIUM, ["--version"]) },
  // `npm test` is to end within three minutes; what watches real processes for long is for .ci/run.
  patience: {
    lack: "patience: it takes long, and runs with RAFTALLY_TEST_ALL=1, as in .ci/run",
    package: undefined,
    probe: () => (process.env["RAFTALLY_TEST_ALL"] === "1" ? "present" : "refused"),
  },
  // wrk has no way to say its version that exits with 0, so any exit at all will do.
  wrk: { lack: "wrk", package: "wrk", probe: () => (started("wrk", ["-v"]) ? "present" : "absent") },
};

/**
 * Skips the running test, with the reason, unless this machine has everything named.
 * @throws {Error} instead of skipping, with `RAFTALLY_TEST_ALL=1`, when root could have installed what is missing.
 */
export function requires(context: Pick<TestContext, "skip">, ...needed: readonly Capability[]): void {
  for (const name of needed) {
    const { lack, package: debian, probe } = CAPABILITIES[name];
    const presence = probe();
    if (presence === "present") continue;
    if (mustRun(presence)) throw new Error(`needs ${lack}, which the Debian package ${debian} would bring`);
    context.skip(`needs ${lack}`);
  }
}

/** How much of `whole` a run tries: all of it with `RAFTALLY_TEST_ALL=1`, as in .ci/run, and otherwise a third. */
export function portion(whole: number, all: string | undefined = process.env["RAFTALLY_TEST_ALL"]): number {
  return all === "1" ? whole : Math.ceil(whole / 3);
}

/** Whether a test that lacks something must fail rather than be skipped. */
export function mustRun(
  presence: Presence,
  all: string | undefined = process.env["RAFTALLY_TEST_ALL"],
): boolean {
  return all === "1" && presence === "absent" && isRoot();
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function started(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).error === undefined;
}

function probeCommand(command: string, args: readonly string[]): Presence {
  const { error, status } = spawnSync(command, args, { stdio: "ignore" });
  if (error !== undefined) return "absent";
  return status === 0 ? "present" : "refused";
}

/** Containers often have root but not the right to mount, and only trying tells. */
function probeTmpfs(): Presence {
  if (!isRoot()) return "refused";
  const directory = mkdtempSync(join(tmpdir(), "raftally-tmpfs-"));
  try {
    if (probeCommand("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]) !== "present")
      return "refused";
    return probeCommand("umount", [directory]) === "present" ? "present" : "refused";
  } finally {
    rmdirSync(directory);
  }
}
