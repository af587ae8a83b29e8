/** Runs the simulator outside the tests: `npm run sim -- --help`. */

import { readFileSync, writeFileSync } from "node:fs";
import { type Case, formatCase, parseCase } from "./tool/case.ts";
import { draw, type FailureOptions, reportFailure, tell } from "./tool/failure.ts";
import { HELP, type Plan, parsePlan } from "./tool/plan.ts";
import { runPool } from "./tool/pool.ts";
import { Totals } from "./tool/totals.ts";
import { tryCase } from "./tool/trial.ts";
import type { Done } from "./tool/worker.ts";

/** How often progress is told: on a terminal, and to a file or a pipe, ms. */
const PROGRESS_MS = { terminal: 200, otherwise: 5_000 } as const;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const now = (): number => performance.now();

function drawnBy(seed: number, { length }: Plan): Pick<Case, "seed" | "length"> {
  return length === undefined ? { seed } : { seed, length };
}

function failureOptions({ shrinkMs }: Plan): FailureOptions {
  return { shrinkMs, width: process.stdout.columns ?? 160, now, print };
}

/** Tells how far it is until it is called off. */
function tellProgress(totals: Totals): () => void {
  const { isTTY } = process.stderr;
  const line = (): void => {
    process.stderr.write(isTTY ? `\r\u001b[K${totals.line}` : `${totals.line}\n`);
  };
  const timer = setInterval(line, isTTY ? PROGRESS_MS.terminal : PROGRESS_MS.otherwise);
  return () => {
    clearInterval(timer);
    if (isTTY) process.stderr.write("\r\u001b[K");
  };
}

async function runSeeds(plan: Plan): Promise<number> {
  const totals = new Totals(now);
  const failures: Done[] = [];
  const quiet = tellProgress(totals);
  let seed = plan.from;
  try {
    await runPool({
      jobs: Math.min(plan.jobs, plan.seeds),
      next: () => {
        const over = seed >= plan.from + plan.seeds || totals.elapsedMs >= plan.forMs;
        return failures.length > 0 || over ? undefined : { drawn: drawnBy(seed++, plan), check: plan.check };
      },
      done: (done) => {
        totals.add(done);
        if (done.broken !== undefined) failures.push(done);
      },
    });
  } finally {
    quiet();
  }
  const [first] = failures.sort((a, b) => a.seed - b.seed);
  if (first?.broken === undefined) return finish(totals, plan);
  const smallest = reportFailure(drawnBy(first.seed, plan), first.broken, failureOptions(plan));
  if (plan.save !== undefined) writeFileSync(plan.save, formatCase(smallest));
  if (plan.story > 0) tell(drawnBy(first.seed, plan), plan.story, print);
  print(totals.line);
  return 1;
}

function finish(totals: Totals, plan: Plan): number {
  if (plan.story > 0) tell(drawnBy(plan.from, plan), plan.story, print);
  for (const line of totals.summary) print(line);
  // Not everything can happen in runs of one length only.
  const lacks = totals.lacks && plan.length === undefined;
  print(lacks ? "something that is counted never happened" : "nothing was violated");
  return lacks ? 1 : 0;
}

function runCase(file: string, plan: Plan): number {
  const one = parseCase(readFileSync(file, "utf8"));
  const { broken, result } = tryCase(one);
  if (plan.story > 0) tell(one, plan.story, print);
  if (broken === undefined) {
    print(`${result?.events} events, ${result?.virtualMs.toFixed(2)} virtual ms: nothing was violated`);
    return 0;
  }
  draw(one, failureOptions(plan));
  return 1;
}

try {
  const plan = parsePlan(process.argv.slice(2), Date.now());
  if (plan === "help") print(HELP);
  else process.exitCode = plan.caseFile === undefined ? await runSeeds(plan) : runCase(plan.caseFile, plan);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
