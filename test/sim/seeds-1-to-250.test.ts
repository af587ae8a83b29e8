import { describe, expect, it } from "vitest";
import { range, runBatch } from "./batch.ts";

const MINUTES = 900_000;

describe("the simulated cluster, seeds 1 to 250", () => {
  it("keeps every promise, and everything that is counted has happened", { timeout: MINUTES }, () => {
    const { coverage, results } = runBatch(range(1, 250));
    expect(coverage.missing, "never happened").toEqual([]);
    expect(results).toHaveLength(250);
  });
});
