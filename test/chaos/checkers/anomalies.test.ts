import { describe, expect, it } from "vitest";
import { countsUp } from "../../../chaos/checkers/counting.ts";
import { judge } from "../../../chaos/checkers/judge.ts";
import { checkLinearizable } from "../../../chaos/checkers/linearizable.ts";
import type { Operation } from "../../../chaos/history.ts";
import type { Call } from "../../../chaos/history-reader.ts";
import { Prng } from "../../../src/base/index.ts";
import { ANOMALIES } from "./anomalies.ts";
import { isLinearizable } from "./brute-force.ts";
import { type Demand, serve } from "./service.ts";
import { draw } from "./small-histories.ts";

function counting(prng: Prng, key: string): Operation {
  if (prng.chance(0.6)) return { f: "add", key, by: prng.pick(["1", "1", "1", "2", "7"]) };
  return prng.chance(0.8) ? { f: "read", key } : { f: "read", key, stale: true };
}

function mixed(prng: Prng, key: string): Operation {
  const kind = prng.between(0, 9);
  if (kind < 3) return { f: "add", key, by: prng.pick(["1", "1", "-1", "3", "0"]) };
  if (kind < 5) return { f: "add", key, by: prng.pick(["1", "-1"]), min: "0", max: "6" };
  if (kind < 6) return { f: "set", key, value: String(prng.between(-2, 4)) };
  return prng.chance(0.8) ? { f: "read", key } : { f: "read", key, stale: true };
}

/** Every checker on one history, the search on all counters. */
function verdicts(calls: readonly Call[]): Readonly<Record<string, boolean | "unknown">> {
  const history = { calls, notes: [], lines: 0, durationNs: 0 };
  const all = [...judge(history), checkLinearizable(calls)];
  return Object.fromEntries(all.map(({ checker, valid }) => [checker, valid]));
}

const RIGHT = { arithmetic: true, counting: true, linearizable: true, witness: true, replays: true };

describe("the checkers", () => {
  it("accept what a service that works answers, with unknown outcomes, repeats and counters of every kind", () => {
    for (let seed = 0; seed < 800; seed++) {
      const prng = new Prng(seed);
      const demand: Demand = {
        operations: prng.between(1, 60),
        clients: prng.between(1, 8),
        keys: prng.pick([["a"], ["a", "b", "c"]]),
        unknown: prng.pick([0, 0.05, 0.3]),
        repeated: prng.pick([0, 0.2]),
        draw: prng.pick([counting, mixed]),
      };
      const calls = serve(prng, demand);
      expect(verdicts(calls), `seed ${seed}\n${draw(calls)}`).toEqual(RIGHT);
    }
  });

  it.each(Object.entries(ANOMALIES))("reject %s", (name, { inject, claimedBy }) => {
    let injected = 0;
    for (let seed = 0; seed < 600; seed++) {
      const prng = new Prng(seed);
      const operations = prng.between(4, 40);
      const right = serve(prng, {
        operations,
        clients: prng.between(1, 8),
        keys: ["a"],
        unknown: 0,
        repeated: 0,
        draw: counting,
      });
      expect(countsUp(right)).toBe(true);
      const wrong = inject(prng, right);
      if (wrong === undefined) continue;
      injected++;
      const found = verdicts(wrong);
      for (const checker of claimedBy) {
        expect(found[checker], `${checker} must see ${name}, seed ${seed}\n${draw(wrong)}`).toBe(false);
      }
    }
    expect(injected).toBeGreaterThan(400);
  });

  it("reject a history with unknown outcomes and an anomaly if and only if brute force does", () => {
    const tally = { wrong: 0, excused: 0 };
    for (let seed = 0; seed < 2_500; seed++) {
      const prng = new Prng(seed);
      const [operations, clients] = [prng.between(2, 8), prng.between(1, 4)];
      const demand: Demand = {
        operations,
        clients,
        keys: ["a"],
        unknown: 0.3,
        repeated: 0,
        draw: prng.pick([counting, mixed]),
      };
      const { inject } = prng.pick(Object.values(ANOMALIES));
      const calls = inject(prng, serve(prng, demand));
      if (calls === undefined) continue;
      const truth = isLinearizable(calls);
      // An unknown outcome may explain what was meant to be wrong.
      tally[truth ? "excused" : "wrong"]++;
      const found = verdicts(calls);
      const about = `seed ${seed}\n${draw(calls)}`;
      expect(found["linearizable"], about).toBe(truth);
      if (countsUp(calls)) expect(found["counting"], about).toBe(truth);
      if (truth) expect(found["arithmetic"], about).toBe(true);
    }
    expect(tally.wrong).toBeGreaterThan(900);
    expect(tally.excused).toBeGreaterThan(50);
  });
});
