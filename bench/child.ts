/** Processes of other systems: started, waited for, and ended whatever happens. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a graceful end may take before the process is killed, ms. */
const STOP_MS = 10_000;
const START_MS = 30_000;
const POLL_MS = 20;
const LAST_BYTES = 2_000;

/** Those that run. If this process ends in a way that lets nobody stop them, they are killed. */
const running: Set<ChildProcess> = new Set();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Sees to it that a process does not outlive this one. */
export function tracked(child: ChildProcess): void {
  running.add(child);
  const forget = (): void => {
    running.delete(child);
  };
  child.once("exit", forget);
  child.once("error", forget);
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As whom it runs, where this process may choose (root). */
  readonly uid?: number;
  readonly gid?: number;
}

/** A process that runs until it is stopped. */
export class Child {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = "";

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#name = command.split("/").at(-1) ?? command;
    const { env, ...rest } = options;
    const child = spawn(command, args, {
      ...rest,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    tracked(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said = (this.#said + text).slice(-LAST_BYTES);
      });
    }
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once("exit", resolve);
      child.once("error", (error) => {
        this.#said += error.message;
        resolve(error);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** What it printed last. */
  get said(): string {
    return this.#said;
  }

  /**
   * Waits for a condition.
   * @throws {Error} if the process ends before it holds, or it takes too long.
   */
  async until(what: string, holds: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await holds())) {
      signal?.throwIfAborted();
      if (!this.isRunning) throw new Error(`${this.#name} ended before ${what}: ${this.#said.trim()}`);
      if (performance.now() > deadline) throw new Error(`${this.#name}: not ${what} in ${START_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Ends it (SIGTERM or another signal, and SIGKILL after a while), and waits until it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#ended;
    clearTimeout(late);
  }
}

/** Whether somebody answers at a port of 127.0.0.1. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * Runs a command to its end and gives what it printed on its standard output.
 * @throws {Error} if it cannot be started or ends with another code than 0; the reason of `signal`.
 */
export async function output(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const { env, signal, ...rest } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    ...rest,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  tracked(child);
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  signal?.addEventListener("abort", kill, { once: true });
  try {
    let [printed, complained] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complained += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`${command} ended with exit code ${code}: ${complained || printed}`);
    return printed;
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/**
 * The first line that a command prints when it is asked for its version.
 * @returns undefined if there is no such command.
 */
export async function versionOf(command: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await output(command, args)).split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}
