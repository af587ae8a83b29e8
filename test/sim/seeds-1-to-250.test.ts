import { describe, expect, it } from "vitest";
import { range, runBatch } from "./batch.ts";
import { simulate } from "./world.ts";

const MINUTES = 300_000;

describe("the simulated cluster, seeds 1 to 250", () => {
  it("keeps every promise, and everything that is counted has happened", { timeout: MINUTES }, () => {
    const { coverage, results } = runBatch(range(1, 250));
    expect(coverage.missing, "never happened").toEqual([]);
    expect(results).toHaveLength(250);
  });

  it("does exactly the same when a seed is run again", { timeout: MINUTES }, () => {
    const seeds = [...range(1, 10), 77, 123, 210];
    const once = seeds.map((seed) => simulate(seed));
    expect(seeds.map((seed) => simulate(seed))).toEqual(once);
    expect(new Set(once.map(({ traceHash }) => traceHash)).size).toBe(seeds.length);
  });
});
