import { describe, expect, it } from "vitest";
import { range, runBatch } from "./batch.ts";

const MINUTES = 900_000;

describe("the simulated cluster, seeds 251 to 500", () => {
  it("keeps every promise, and everything that is counted has happened", { timeout: MINUTES }, () => {
    const { coverage, results } = runBatch(range(251, 500));
    expect(coverage.missing, "never happened").toEqual([]);
    expect(results).toHaveLength(250);
  });
});
