/** The shim as a library that can be loaded: compiled once for each run, where there is a compiler. */

import { execFile, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SOURCES = ["shim.c", "names.c", "journal.c", "tracked.c"];
const FLAGS = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];

/** What this machine lacks for the shim, as it is said after "needs"; undefined if nothing. */
export function shimLack(): string | undefined {
  if (process.platform !== "linux") return "Linux: the shim stands between a program and glibc";
  const { error, status } = spawnSync("gcc", ["--version"], { stdio: "ignore" });
  return error === undefined && status === 0 ? undefined : "a C compiler (gcc) to build chaos/shim";
}

let built: Promise<string> | undefined;

/**
 * The path of the library, for LD_PRELOAD; removed when this process ends.
 * @throws {Error} (rejects) if it cannot be compiled.
 */
export function shimLibrary(): Promise<string> {
  built ??= compile();
  return built;
}

async function compile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "raftally-shim-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const library = join(directory, "shim.so");
  const sources = SOURCES.map((source) => join(import.meta.dirname, source));
  await promisify(execFile)("gcc", [...FLAGS, "-o", library, ...sources]);
  return library;
}
