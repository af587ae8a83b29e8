/** A thread that runs the seeds it is given, one after the other. */

import { parentPort } from "node:worker_threads";
import { defined } from "../../../src/base/index.ts";
import type { RunResult } from "../world.ts";
import { type Broken, tryCase } from "./trial.ts";

export interface Job {
  readonly seed: number;
  /** Run it twice, and compare. */
  readonly check: boolean;
}

export interface Done {
  readonly seed: number;
  readonly result: RunResult | undefined;
  readonly broken: Broken | undefined;
  /** What it took of this core, ms. */
  readonly cpuMs: number;
}

/** What is said of a seed that does not do the same again. */
export const NOT_DETERMINISTIC = "I21 a seed does the same again";

export function work({ seed, check }: Job): Done {
  const before = process.threadCpuUsage();
  const { broken, result } = tryCase({ seed });
  const { user, system } = process.threadCpuUsage(before);
  const done: Done = { seed, result, broken, cpuMs: (user + system) / 1_000 };
  if (!check) return done;
  const again = tryCase({ seed });
  const [first, second] = [result, again.result].map((one) => one?.traceHash);
  if (first === second && broken?.message === again.broken?.message) return done;
  const message = `${NOT_DETERMINISTIC}: the first run gave ${first}, the second ${second}`;
  return { ...done, broken: { invariant: NOT_DETERMINISTIC, message, atMs: 0 } };
}

if (parentPort !== null) {
  const port = defined(parentPort, "worker: it is a thread");
  port.on("message", (job: Job) => port.postMessage(work(job)));
}
