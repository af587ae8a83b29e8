/**
 * Runs the simulator outside the tests: `npm run sim -- --help`.
 * Exit code 0: nothing was violated; 1: something was, with the seed and the events before it; 2: bad arguments.
 */

import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { report, simulate } from "./world.ts";

const HELP = `npm run sim -- --seed N                  one seed
npm run sim -- --seeds N [--from M]      N seeds from M on (from 1, unless said)
npm run sim -- --minutes N [--from M]    seeds from M on, for so long (from one that the time of day gives)
`;

interface Plan {
  readonly from: number;
  readonly seeds: number;
  readonly untilMs: number;
}

/** How often the line of progress is written, ms. */
const PROGRESS_MS = 500;

function plan(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const from = values.from === undefined ? undefined : whole("--from", values.from);
  if (values.seed !== undefined) {
    return { from: whole("--seed", values.seed), seeds: 1, untilMs: Number.POSITIVE_INFINITY };
  }
  if (values.seeds !== undefined) {
    return { from: from ?? 1, seeds: whole("--seeds", values.seeds), untilMs: Number.POSITIVE_INFINITY };
  }
  if (values.minutes === undefined) throw new Error(`say what to run:\n${HELP}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0");
  return {
    from: from ?? Date.now(),
    seeds: Number.POSITIVE_INFINITY,
    untilMs: performance.now() + minutes * 60_000,
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} takes a whole number`);
  return value;
}

interface Totals {
  seeds: number;
  events: number;
  virtualMs: number;
}

function line({ seeds, events, virtualMs }: Totals, startedMs: number): string {
  const seconds = (performance.now() - startedMs) / 1_000;
  const hours = (virtualMs / 3_600_000).toFixed(2);
  return `${seeds} seeds, ${events} events (${Math.round(events / seconds)}/s), ${hours} virtual hours, ${seconds.toFixed(1)} s`;
}

function run({ from, seeds, untilMs }: Plan): number {
  const startedMs = performance.now();
  const totals: Totals = { seeds: 0, events: 0, virtualMs: 0 };
  const coverage = new Coverage();
  let toldMs = startedMs;
  for (let seed = from; seed < from + seeds && performance.now() < untilMs; seed++) {
    try {
      const result = simulate(seed);
      coverage.add(result.coverage);
      totals.events += result.events;
      totals.virtualMs += result.virtualMs;
    } catch (error) {
      if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
      process.stdout.write(`${report(seed, error)}\n`);
      return 1;
    }
    totals.seeds++;
    if (process.stderr.isTTY && performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now();
      process.stderr.write(`\r\u001b[K${line(totals, startedMs)}`);
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  for (const [name, times] of Object.entries(coverage.counts)) {
    process.stdout.write(`${String(times).padStart(12)}  ${name}\n`);
  }
  process.stdout.write(`${line(totals, startedMs)}: nothing was violated\n`);
  return 0;
}

try {
  process.exitCode = run(plan(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
