/** Runs the real program in real processes, and leaves none behind. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const PROGRAM: string = fileURLToPath(new URL("../../bin/raftally.js", import.meta.url));

export interface Ended {
  /** Undefined if a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly out: string;
  readonly error: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Everything printed so far, on both streams. */
  text(): string;
  /** Resolves once the text so far matches; rejects if the process ends first. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node.js itself. */
  readonly node?: readonly string[];
  /** A command that is given the program's own as its last arguments, and runs it. */
  readonly under?: readonly string[];
}

export function start(
  argv: readonly string[],
  { env = {}, node = [], under = [] }: StartOptions = {},
): Running {
  const [command = "", ...rest] = [...under, process.execPath, ...node, PROGRAM, ...argv];
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    // The clusters of tests have no past that could call.
    env: { PATH: process.env["PATH"], RAFTALLY_FOUNDING_WAIT: "0s", ...env },
  });
  // Here and not in a hook of this module, which would hold for the first file of tests in a process only.
  onTestFinished(() => void child.kill("SIGKILL"));
  const texts = { out: "", error: "" };
  const listeners = new Set<() => void>();
  const heard = (stream: "out" | "error") => (chunk: Buffer) => {
    texts[stream] += chunk.toString("utf8");
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", heard("out"));
  child.stderr.on("data", heard("error"));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined, ...texts });
    });
  });
  const text = (): string => texts.out + texts.error;
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(text());
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`it ended before it said ${pattern}:\n${text()}`)));
    });
  return { child, ended, text, until };
}

/** Runs a command line to its end. */
export function run(argv: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return start(argv, options).ended;
}

/** Whether a process with this id exists (and is not a zombie that waits for its parent). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves once `condition` holds; looks every 20 ms. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
