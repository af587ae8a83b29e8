/**
 * The simulator as one killer, run inside a patched copy: seed after seed until one shows what was declared.
 *
 *     node test/mutants/simulate.ts --from 1 --seeds 500 --seconds 60 --until "I8" --until "assert: log:"
 *
 * The last line is the result as JSON. Each seed is named before it begins, so that one that never ends is known.
 */

import { parseArgs } from "node:util";
import { InvariantViolation } from "../../src/base/index.ts";
import { Violation } from "../sim/observer.ts";
import { simulate } from "../sim/world.ts";
import { isDeclared } from "./mutant.ts";

/** After so many seeds that failed in other ways it is not looked on. */
const STRAYS_MAX = 25;

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    seeds: { type: "string" },
    seconds: { type: "string" },
    until: { type: "string", multiple: true, default: [] },
  },
});

function nameOf(error: unknown): string {
  if (error instanceof Violation) return error.invariant;
  if (error instanceof InvariantViolation) return `assert: ${error.message}`;
  return `error: ${error instanceof Error ? error.message : String(error)}`;
}

const from = Number(values.from);
const seeds = Number(values.seeds ?? Number.POSITIVE_INFINITY);
const budgetMs = 1_000 * Number(values.seconds ?? Number.POSITIVE_INFINITY);
const startedMs = performance.now();
const strays: Record<string, number> = {};
let killedBy: string | undefined;
let detail: string | undefined;
let failed = 0;
let seed = from;
for (; seed < from + seeds && performance.now() - startedMs < budgetMs && failed < STRAYS_MAX; seed++) {
  process.stdout.write(`seed ${seed}\n`);
  try {
    simulate(seed);
  } catch (error) {
    const name = nameOf(error);
    if (values.until.some((declared) => isDeclared(name, declared))) {
      killedBy = name;
      detail = error instanceof Error ? error.message : undefined;
      break;
    }
    failed++;
    strays[name] = (strays[name] ?? 0) + 1;
  }
}
const ms = Math.round(performance.now() - startedMs);
process.stdout.write(`${JSON.stringify({ killedBy, detail, seed, ms, strays })}\n`);
