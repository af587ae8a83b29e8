/** A thread that runs the seeds it is given, one after the other. */

import { parentPort } from "node:worker_threads";
import { defined } from "../../../src/base/index.ts";
import { differenceOf, SAME_AGAIN } from "../checkers/same-seed-same-trace.ts";
import type { RunResult } from "../world.ts";
import type { Case } from "./case.ts";
import { type Broken, tryCase } from "./trial.ts";

export interface Job {
  readonly drawn: Pick<Case, "seed" | "length">;
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

export function work({ drawn, check }: Job): Done {
  const before = process.threadCpuUsage();
  const { broken, result } = tryCase(drawn);
  const { user, system } = process.threadCpuUsage(before);
  const done: Done = { seed: drawn.seed, result, broken, cpuMs: (user + system) / 1_000 };
  if (!check) return done;
  const message = differenceOf(done, tryCase(drawn));
  return message === undefined ? done : { ...done, broken: { invariant: SAME_AGAIN, message, atMs: 0 } };
}

if (parentPort !== null) {
  const port = defined(parentPort, "worker: it is a thread");
  port.on("message", (job: Job) => port.postMessage(work(job)));
}
