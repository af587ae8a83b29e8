/** One node of a local cluster: a `serve` process, its log, and what to do when it dies. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS } from "../base/index.ts";
import { EXIT } from "./commands.ts";
import { guardPaused, type PauseGuard } from "./local/pause-guard.ts";
import { StartRefusal, systemReason } from "./refusal.ts";
import { readReport } from "./report.ts";

export interface ChildOptions {
  readonly id: string;
  /** Arguments of `raftally serve`. */
  readonly args: readonly string[];
  /** More of them, as long as it has never answered. */
  readonly firstArgs?: readonly string[];
  /** What must not be visible in the list of processes. */
  readonly secret: string;
  /** More of that kind: variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** A line for the terminal. */
  readonly say: (line: string) => void;
  /** Its state or its process has changed. */
  readonly onChange?: () => void;
}

/** `gone`: refuses to start, or was put out of service, and does not come back. */
export type ChildState = "starting" | "running" | "paused" | "stopped" | "gone";

/** How the first start of a node ended. */
export type Started =
  | { readonly kind: "listening" }
  | { readonly kind: "failed"; readonly id: string; readonly why: string; readonly exitCode: number };

/** How an asked restart ended. */
export type Restarted =
  /** It answers again. `stopMs`: until its process was gone; `startMs`: from then until it answered. */
  | { readonly kind: "listening"; readonly stopMs: number; readonly startMs: number; readonly stop: Death }
  | { readonly kind: "failed"; readonly sentence: string };

const PROGRAM: string = fileURLToPath(new URL("../../bin/raftally.js", import.meta.url));
/** A log beyond this is put aside when its node starts. */
const LOG_BYTES_MAX = 16_777_216;
const RESTART_MS_MIN = 250;
const RESTART_MS_MAX = 1_000;
/** Signals that the system sends to a process for what it did itself; any other comes from outside. */
const CRASHES: ReadonlySet<string> = new Set(["SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP"]);
/** Whoever lives so long is well: the next death is answered quickly again. */
const WELL_MS = 10_000;
/** A node that dies so often before it ever answers is given up. */
const FIRST_DEATHS_MAX = 4;

/** How a process ended. Neither code nor signal: it could not be started at all. */
export interface Death {
  readonly code?: number | undefined;
  readonly signal?: string | undefined;
}

/** Whether the node failed by itself, rather than being killed or asked to stop by somebody else. */
export function failedByItself({ code, signal }: Death): boolean {
  return signal === undefined ? code !== 0 : CRASHES.has(signal);
}

/**
 * How long to wait before a node is started again, ms. Only a node that fails by itself is likely to fail again;
 * one that was killed from outside is well, and its cluster wants it back.
 * @param failures how often it failed by itself in a row, this time included.
 */
export function restartPause(death: Death, failures: number): number {
  if (!failedByItself(death)) return RESTART_MS_MIN;
  return Math.min(RESTART_MS_MIN * 2 ** Math.max(0, failures - 1), RESTART_MS_MAX);
}

/** A restart that was asked for and is under way. */
interface Wish {
  readonly askedAt: number;
  /** How the old process ended, and when; undefined while it lives. */
  stop: { readonly at: number; readonly death: Death } | undefined;
  readonly settle: (restarted: Restarted) => void;
}

export class ChildNode {
  readonly id: string;
  /** Settles when the node answers for the first time, or never will. */
  readonly started: Promise<Started>;
  /** Settles when it cannot start, or refuses to start again: it will not come back by itself. */
  readonly givenUp: Promise<void>;
  readonly #options: ChildOptions;
  #settle: (started: Started) => void = () => {};
  #giveUp: () => void = () => {};
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;
  #listened = false;
  #gaveUp = false;
  /** Deaths in a row without a good life in between. */
  #deaths = 0;
  /** Those of them that were the node's own failures. */
  #failures = 0;
  #bornAt = 0;
  #lastSentence: string | undefined;
  #wish: Wish | undefined;
  /** Whether the process that runs now has answered. */
  #answers = false;
  /** Wakes it if this process dies, while it is paused. */
  #paused: PauseGuard | undefined;
  /** How long it is to stay down once it is dead, ms, if it was killed here. */
  #holdMs: number | undefined;
  /** When it is started again, by `performance.now()`; undefined unless it waits for that. */
  #backAt: number | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.id = options.id;
    this.started = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.givenUp = new Promise((resolve) => {
      this.#giveUp = () => {
        this.#gaveUp = true;
        resolve();
        this.#changed();
      };
    });
  }

  /** Whether it refuses to start, or to start again: it was removed from its cluster, say. */
  get hasGivenUp(): boolean {
    return this.#gaveUp;
  }

  get state(): ChildState {
    if (this.#gaveUp) return "gone";
    if (this.#process === undefined) return "stopped";
    if (this.#paused !== undefined) return "paused";
    return this.#answers ? "running" : "starting";
  }

  /** In how many ms it is started again; undefined unless it waits for that. */
  get backInMs(): number | undefined {
    return this.#backAt === undefined ? undefined : Math.max(0, Math.round(this.#backAt - performance.now()));
  }

  /** Why it ended last, as it said itself. */
  get lastSentence(): string | undefined {
    return this.#lastSentence;
  }

  /** Its process id; undefined while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** @throws {StartRefusal} if its log cannot be written. */
  start(): void {
    const { args, firstArgs = [], secret, env, logPath } = this.#options;
    const log = openLog(logPath);
    this.#bornAt = performance.now();
    this.#backAt = undefined;
    this.#answers = false;
    this.#lastSentence = undefined;
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, PROGRAM, "serve", ...args, ...(this.#listened ? [] : firstArgs)],
      {
        stdio: ["ignore", log, log, "ipc"],
        env: { ...withoutOurs(process.env), ...env, RAFTALLY_SECRET: secret },
      },
    );
    closeSync(log);
    this.#process = child;
    child.on("message", (message) => this.#hear(message));
    // Without this listener a failed spawn would be thrown; "exit" does not come then.
    child.on("error", (error) => {
      if (child.pid === undefined) this.#died({}, systemReason(error));
    });
    child.once("exit", (code, signal) => {
      this.#died({ code: code ?? undefined, signal: signal ?? undefined }, signal ?? `exit code ${code}`);
    });
    this.#changed();
  }

  /** Starts it now, if it is down and waits to be started again. @returns whether it was down. */
  startNow(): boolean {
    if (this.#process !== undefined || this.#stopping || this.#gaveUp) return false;
    clearTimeout(this.#restart);
    this.#startAgain();
    return true;
  }

  /** Stops it where it is, by SIGSTOP: it answers nobody, and knows nothing of it afterwards. @returns whether it ran. */
  pause(): boolean {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#paused !== undefined || this.#stopping) return false;
    this.#paused = guardPaused(pid);
    this.#process?.kill("SIGSTOP");
    this.#changed();
    return true;
  }

  /** Goes on with it. @returns whether it was paused here. */
  resume(): boolean {
    if (this.#paused === undefined) return false;
    this.#process?.kill("SIGCONT");
    this.#unguard();
    this.#changed();
    return true;
  }

  /**
   * Kills it, as a power failure would, and keeps it down for `holdMs`, ms. Resolves when it is gone, with whether it
   * ran.
   */
  async killFor(holdMs: number): Promise<boolean> {
    const child = this.#process;
    if (child === undefined || this.#stopping) return false;
    this.#holdMs = holdMs;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
    return true;
  }

  /** Kills it for good. Resolves when it is gone. */
  async retire(): Promise<void> {
    const ended = this.stop(0);
    this.kill();
    await ended;
    this.#giveUp();
  }

  /** Asks it to stop, and kills it if it has not after `killAfterMs`. Resolves when it is gone. */
  async stop(killAfterMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#fulfil({ kind: "failed", sentence: "the cluster is being stopped." });
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    this.#wake(child);
    const timer = setTimeout(() => this.kill(), killAfterMs);
    await gone;
    clearTimeout(timer);
  }

  /** @returns whether there was a process to kill. */
  kill(): boolean {
    return this.#process?.kill("SIGKILL") === true;
  }

  /**
   * Asks it to stop, kills it if it has not after `killAfterMs`, and starts it again at once. Resolves when it answers
   * again, or will not.
   */
  async restart(killAfterMs: number): Promise<Restarted> {
    const child = this.#process;
    if (child === undefined || this.#stopping) return { kind: "failed", sentence: "it does not run." };
    if (this.#wish !== undefined) return { kind: "failed", sentence: "it is being restarted already." };
    const late = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    const restarted = new Promise<Restarted>((settle) => {
      this.#wish = { askedAt: performance.now(), stop: undefined, settle };
    });
    child.once("exit", () => clearTimeout(late));
    child.kill("SIGTERM");
    this.#wake(child);
    return await restarted;
  }

  /** A signal waits for as long as a process is paused. */
  #wake(child: ChildProcess): void {
    if (this.#paused === undefined) return;
    child.kill("SIGCONT");
    this.#unguard();
    this.#changed();
  }

  #unguard(): void {
    this.#paused?.dismiss();
    this.#paused = undefined;
  }

  #changed(): void {
    this.#options.onChange?.();
  }

  #fulfil(restarted: Restarted): void {
    this.#wish?.settle(restarted);
    this.#wish = undefined;
  }

  #hear(message: unknown): void {
    const report = readReport(message);
    if (report?.kind === "stopping") this.#lastSentence = report.sentence;
    if (report?.kind !== "listening") return;
    const wish = this.#wish;
    if (wish?.stop !== undefined) {
      const { at, death } = wish.stop;
      const startMs = performance.now() - at;
      this.#fulfil({ kind: "listening", stopMs: at - wish.askedAt, startMs, stop: death });
    } else if (this.#listened) {
      this.#options.say(`${this.id} is back.`);
    }
    this.#listened = true;
    this.#answers = true;
    this.#settle({ kind: "listening" });
    this.#changed();
  }

  #died(death: Death, how: string): void {
    this.#process = undefined;
    this.#unguard();
    this.#afterDeath(death, how);
    this.#changed();
  }

  #afterDeath(death: Death, how: string): void {
    const holdMs = this.#holdMs;
    this.#holdMs = undefined;
    if (this.#stopping) return;
    if (holdMs !== undefined) return this.#stayDown(holdMs);
    if (this.#wish !== undefined && this.#wish.stop === undefined) {
      this.#wish.stop = { at: performance.now(), death };
      return this.#startAgain();
    }
    const { say, logPath } = this.#options;
    const { code } = death;
    const well = performance.now() - this.#bornAt > WELL_MS;
    this.#deaths = well ? 1 : this.#deaths + 1;
    this.#failures = (well ? 0 : this.#failures) + (failedByItself(death) ? 1 : 0);
    const why = this.#lastSentence ?? `it died (${how}); its log is ${logPath}.`;
    if (!this.#listened && (code === EXIT.refused || this.#deaths >= FIRST_DEATHS_MAX)) {
      const exitCode = code === EXIT.refused ? EXIT.refused : EXIT.failed;
      this.#settle({ kind: "failed", id: this.id, why, exitCode });
      return this.#giveUp();
    }
    if (code === EXIT.refused) {
      say(`${this.id} refuses to start again, and the others go on without it: ${why}`);
      this.#fulfil({ kind: "failed", sentence: `it refuses to start again: ${why}` });
      this.#giveUp();
      return;
    }
    if (this.#deaths >= FIRST_DEATHS_MAX) this.#fulfil({ kind: "failed", sentence: why });
    const told = this.#lastSentence === undefined ? "" : ` ${this.#lastSentence}`;
    say(`${this.id} died (${how}); starting it again.${told}`);
    this.#startAfter(restartPause(death, this.#failures));
  }

  /** It was killed here, which says nothing about how well it is. */
  #stayDown(ms: number): void {
    this.#fulfil({ kind: "failed", sentence: "it was killed meanwhile." });
    this.#options.say(`${this.id} was killed as asked, and is started again in ${ms / 1_000} s.`);
    this.#startAfter(ms);
  }

  #startAfter(ms: number): void {
    this.#backAt = performance.now() + ms;
    this.#restart = setTimeout(() => this.#startAgain(), ms);
  }

  #startAgain(): void {
    try {
      this.start();
    } catch (error) {
      if (!(error instanceof StartRefusal)) throw error;
      this.#options.say(`${this.id} cannot be started again: ${error.message}`);
      this.#fulfil({ kind: "failed", sentence: error.message });
      this.#giveUp();
    }
  }
}

/** The launcher's own settings are not meant for its nodes: they get theirs as flags. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("RAFTALLY_")));
}

function openLog(path: string): number {
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
    return openSync(path, "a");
  } catch (error) {
    throw new StartRefusal(`the log ${path} cannot be written: ${systemReason(error)}.`);
  }
}
