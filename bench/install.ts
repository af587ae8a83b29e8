/** Installs what the peers need from Debian's packages. */

import { spawnSync } from "node:child_process";
import type { Contender } from "./types.ts";

/** The generator of HTTP load. */
const GENERATOR_PACKAGE = "wrk";

/** The packages of all contenders, each once, in order. */
export function packagesOf(contenders: readonly Contender[]): readonly string[] {
  return [...new Set([GENERATOR_PACKAGE, ...contenders.flatMap(({ packages }) => packages)])].sort();
}

/**
 * Installs them, without starting their services.
 * @returns a sentence on why it could not, or undefined.
 */
export function install(packages: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return `only root can install: apt-get install ${packages.join(" ")}`;
  // In runlevel 1 Debian's packages start nothing: the benchmark starts its own, in directories of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-qq", "-y", "--no-install-recommends", ...packages],
  ]) {
    const { error, status } = spawnSync("apt-get", args, { env, stdio: ["ignore", "inherit", "inherit"] });
    if (error !== undefined) return `apt-get cannot be run: ${error.message}`;
    if (status !== 0) return `apt-get ${args[0]} ended with exit code ${status}`;
  }
  return undefined;
}
