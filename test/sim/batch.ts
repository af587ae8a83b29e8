/** A batch of seeds as a test: every seed passes, and together they have tested something. */

import { Coverage } from "./coverage.ts";
import { storyOf } from "./tool/failure.ts";
import { tryCase } from "./tool/trial.ts";
import type { RunResult } from "./world.ts";

export interface Batch {
  readonly coverage: Coverage;
  readonly results: readonly RunResult[];
}

/** @throws {Error} with the seed, its story and how to see it again, at the first seed that fails. */
export function runBatch(seeds: Iterable<number>): Batch {
  const coverage = new Coverage();
  const results: RunResult[] = [];
  for (const seed of seeds) {
    const result = run(seed);
    coverage.add(result.coverage);
    results.push(result);
  }
  return { coverage, results };
}

function run(seed: number): RunResult {
  const { broken, result } = tryCase({ seed });
  if (broken === undefined && result !== undefined) return result;
  throw new Error(storyOf({ seed }));
}

/** The whole numbers from `first` to `last`. */
export function* range(first: number, last: number): Iterable<number> {
  for (let seed = first; seed <= last; seed++) yield seed;
}
