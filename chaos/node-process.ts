/** One process of the program, its log and its end. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What people run. */
export const EXECUTABLE: string = fileURLToPath(new URL("../bin/raftally.js", import.meta.url));

/** Flags of Node.js that its first line has for whoever starts it by its name; nothing here knows the program from inside. */
const NODE_FLAGS: readonly string[] =
  /^#!\/usr\/bin\/env -S node (.+)/.exec(readFileSync(EXECUTABLE, "utf8"))?.[1]?.split(" ") ?? [];

/** What one start of a node's process has that the others need not have. */
export interface Launch {
  /** Run in the place of `bin/raftally.js`, with the same arguments. */
  readonly program?: string;
  /** Flags of Node.js itself, beside those of every node. */
  readonly node?: readonly string[];
  /**
   * A command that is given all the rest as its last arguments. It must become that process (as `env` and
   * `ip netns exec` do), or else signals reach the command instead of the node.
   */
  readonly under?: readonly string[];
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its data directory; a directory of its own within the cluster's if left out. */
  readonly data?: string;
  /** Of `raftally serve`, beside those of every node. */
  readonly flags?: readonly string[];
}

/** How a process ended: one of the two is there. */
export interface Exit {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** Both together; where both say something, `over` is heard, and lists follow each other. */
export function mergedLaunch(base: Launch, over: Launch): Launch {
  return {
    ...base,
    ...over,
    node: [...(base.node ?? []), ...(over.node ?? [])],
    under: [...(base.under ?? []), ...(over.under ?? [])],
    env: { ...base.env, ...over.env },
    flags: [...(base.flags ?? []), ...(over.flags ?? [])],
  };
}

export class NodeProcess {
  /** Resolves when the process is gone. */
  readonly ended: Promise<Exit>;
  readonly #child: ChildProcess;
  #exit: Exit | undefined;

  /**
   * Starts the program.
   * @param log the file to which it adds what it prints.
   */
  constructor(args: readonly string[], launch: Launch, log: string) {
    const { program = EXECUTABLE, node = [], under = [], env = {} } = launch;
    const [command = "", ...rest] = [...under, process.execPath, ...NODE_FLAGS, ...node, program, ...args];
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const lines = createWriteStream(log, { flags: "a" });
    child.stdout.pipe(lines, { end: false });
    child.stderr.pipe(lines, { end: false });
    // Not at its exit: what it wrote last may still be on its way.
    child.once("close", () => lines.end());
    lines.on("error", (error) => process.emitWarning(`${log} cannot be written: ${error.message}`));
    this.#child = child;
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (exitCode, signal) => {
        this.#exit = { exitCode: exitCode ?? undefined, signal: signal ?? undefined };
        resolve(this.#exit);
      });
    });
    // Whoever waits for the end is told as well; this is for when nobody does.
    this.ended.catch((error: unknown) => process.emitWarning(String(error)));
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  get isRunning(): boolean {
    return this.#exit === undefined && this.#child.pid !== undefined;
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end (SIGTERM, also where it is stopped), and makes it end after `patienceMs`. */
  async stop(patienceMs: number): Promise<Exit> {
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const late = setTimeout(() => this.signal("SIGKILL"), patienceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(late);
    }
  }
}

/**
 * Runs a command of the program to its end, and gives what it printed, as JSON.
 * @throws {Error} if it ended with another code than 0.
 */
export async function runProgram(args: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, [EXECUTABLE, ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [printed, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    printed += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    complained += chunk;
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  if (exitCode !== 0) throw new Error(`raftally ${args[0]} ended with exit code ${exitCode}: ${complained}`);
  return JSON.parse(printed);
}
