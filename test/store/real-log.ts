/** Logs on the real disk, and processes that write them, for the tests that break both. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { realDisk } from "../../src/store/disk.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import { type Contents, INITIAL_BASE, OWNER } from "./log-model.ts";

export const CHILD: string = fileURLToPath(new URL("append-forever.ts", import.meta.url));

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "raftally-store-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function createRealLog(directory: string): Promise<void> {
  return createLog(realDisk, directory, { owner: OWNER, base: INITIAL_BASE });
}

export async function readContents(directory: string): Promise<Contents & { tornBytes: number }> {
  const { shape, entries, tornBytes } = await readLog(realDisk, directory, OWNER);
  return { hardState: shape.hardState, base: shape.base, entries, tornBytes };
}

export interface Acked {
  readonly index: number;
  readonly chain: number;
}

export interface Running {
  readonly child: ChildProcess;
  /** What it has acknowledged so far. */
  readonly acked: Acked[];
  readonly errors: () => string;
  /** Resolves when it has opened the log and acknowledged this many writes, or has ended. */
  reached(count: number): Promise<void>;
  /** Resolves when it has ended and all it said has been read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts a process that appends, under `wrapper` (such as strace) if given. */
export function startAppending(
  directory: string,
  {
    writes,
    atATime,
    wrapper = [],
    env = {},
  }: { writes: number; atATime: number; wrapper?: string[]; env?: NodeJS.ProcessEnv },
): Running {
  const command = [...wrapper, process.execPath, CHILD, directory, String(writes), String(atATime)];
  return startProcess(command, directory, env);
}

/** Starts a process that says `open` and then `acked <index> <chain>` for each write. */
export function startProcess(
  command: readonly string[],
  directory: string,
  env: NodeJS.ProcessEnv = {},
): Running {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    // Hundreds of processes run the same few modules.
    env: { ...process.env, NODE_COMPILE_CACHE: join(directory, "compiled"), ...env },
  });
  const acked: Acked[] = [];
  let errors = "";
  let rest = "";
  let lines = 0;
  let waiting: { readonly lines: number; resolve(): void } | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    const complete = (rest + chunk.toString()).split("\n");
    rest = complete.pop() ?? "";
    lines += complete.length;
    for (const line of complete) {
      const [word, at, chain] = line.split(" ");
      if (word === "acked") acked.push({ index: Number(at), chain: Number(chain) });
    }
    if (waiting !== undefined && lines >= waiting.lines) waiting.resolve();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      waiting?.resolve();
      resolve({ code, signal });
    });
  });
  const reached = (count: number) =>
    new Promise<void>((resolve) => {
      // The first line says that the log is open.
      waiting = { lines: count + 1, resolve };
      if (lines >= waiting.lines || child.exitCode !== null || child.signalCode !== null) resolve();
    });
  return { child, acked, errors: () => errors, reached, ended };
}

/** Lets the event loop turn `count` times: a short while of no certain length. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Why strace cannot be used here; undefined if it can. */
export function straceMissing(): string | undefined {
  const probe = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (probe.error !== undefined) return "strace is not installed";
  return probe.status === 0 ? undefined : `strace may not trace here (${probe.stderr.trim().split("\n")[0]})`;
}

/** The same bytes with one bit of the byte at `at` changed. */
export function flip(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
  return bytes;
}
