/** The two small C programs that make disks and networks slower: compiled once for each run, where there is a compiler. */

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror"];

/** What is made of each source beyond the usual flags. */
const PROGRAMS = {
  /** For LD_PRELOAD. */
  "slow-sync": ["-shared", "-fPIC"],
  "far-link": [],
} as const;

type Program = keyof typeof PROGRAMS;

/** What this machine lacks for them, as it is said after "needs"; undefined if nothing. */
export function compilerLack(): string | undefined {
  if (process.platform !== "linux") return "Linux: it stands between a program and glibc, and waits by epoll";
  const { error, status } = spawnSync("gcc", ["--version"], { stdio: "ignore" });
  return error === undefined && status === 0 ? undefined : "a C compiler (gcc)";
}

let folder: string | undefined;
const compiled: Map<Program, Promise<string>> = new Map();

/**
 * The path of a compiled program; removed when this process ends.
 * @throws {Error} (rejects) if it cannot be compiled.
 */
export function compiledProgram(program: Program): Promise<string> {
  const path = compiled.get(program) ?? compile(program);
  compiled.set(program, path);
  return path;
}

async function compile(program: Program): Promise<string> {
  const into = folder ?? mkdtempSync(join(tmpdir(), "raftally-bench-"));
  if (folder === undefined) process.once("exit", () => rmSync(into, { recursive: true, force: true }));
  folder = into;
  const path = join(into, program);
  const source = join(import.meta.dirname, `${program}.c`);
  await promisify(execFile)("gcc", [...FLAGS, ...PROGRAMS[program], "-o", path, source]);
  return path;
}
