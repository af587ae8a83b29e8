import { describe, expect, it } from "vitest";
import { differenceOf, SAME_AGAIN } from "./checkers/same-seed-same-trace.ts";
import type { Profile } from "./profile.ts";
import { type Trial, tryCase } from "./tool/trial.ts";
import { World } from "./world.ts";

const MINUTE = 60_000;

function run(seed: number, profile: Partial<Profile>): Trial {
  return tryCase({ seed, profile: { ...new World(seed).profile, ...profile } });
}

describe("a seed", () => {
  it.each([
    { kind: "as it is drawn", seeds: [1, 5, 9, 77, 123, 210], profile: {} },
    { kind: "with the real codec", seeds: [2, 6, 124], profile: { codec: true } },
    { kind: "with the real state machine", seeds: [3, 8], profile: { sqlite: true } },
    { kind: "with both", seeds: [4], profile: { codec: true, sqlite: true } },
  ])("I21 does the same again, down to every message: $kind", { timeout: MINUTE }, ({ seeds, profile }) => {
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
