import { describe, expect, it } from "vitest";
import { differenceOf, SAME_AGAIN } from "./checkers/same-seed-same-trace.ts";
import type { Profile } from "./profile.ts";
import { type Trial, tryCase } from "./tool/trial.ts";
import { World } from "./world.ts";

const MINUTES = 300_000;

function run(seed: number, profile: Partial<Profile>): Trial {
  return tryCase({ seed, profile: { ...new World(seed).profile, ...profile } });
}

/** Seeds of short runs: a long one takes as long as a hundred of them. */
function shortSeeds({ from, count }: { readonly from: number; readonly count: number }): readonly number[] {
  const seeds = Array.from({ length: 100 }, (_, at) => from + at);
  return seeds.filter((seed) => new World(seed).profile.length === "short").slice(0, count);
}

describe("a seed", () => {
  it.each([
    { kind: "as it is drawn", from: 1, count: 4, profile: {} },
    { kind: "with the real codec", from: 50, count: 2, profile: { codec: true } },
    { kind: "with the real state machine", from: 100, count: 1, profile: { sqlite: true } },
    { kind: "with both", from: 150, count: 1, profile: { codec: true, sqlite: true } },
  ])("I21 does the same again, down to every message: $kind", { timeout: MINUTES }, (part) => {
    const { profile } = part;
    const seeds = shortSeeds(part);
    const traces = seeds.map((seed) => {
      const first = run(seed, profile);
      expect(differenceOf(first, run(seed, profile))).toBeUndefined();
      expect(first.result, first.broken?.message).toBeDefined();
      return first.result?.traceHash;
    });
    expect(new Set(traces).size).toBe(seeds.length);
  });

  it("I21 is seen to do something else when it does", () => {
    const one = tryCase({ seed: 5 }, { untilMs: 100 });
    const result = { seed: 5, events: 1, virtualMs: 1, committed: 1, traceHash: 1, coverage: {} };
    const first = { ...one, result: result as NonNullable<typeof one.result> };
    expect(differenceOf(first, first)).toBeUndefined();
    const second = { ...first, result: { ...first.result, traceHash: 2 } };
    expect(differenceOf(first, second)).toContain(SAME_AGAIN);
    const broken = { result: undefined, broken: { message: "I1: two lead", atMs: 3 } };
    expect(differenceOf(first, broken)).toContain("two lead");
  });
});
