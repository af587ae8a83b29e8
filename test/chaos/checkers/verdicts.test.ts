import { describe, expect, it } from "vitest";
import { checkArithmetic, isSumOfSome } from "../../../chaos/checkers/arithmetic.ts";
import { operationsOf } from "../../../chaos/checkers/calls.ts";
import { checkCounting } from "../../../chaos/checkers/counting.ts";
import { checkLinearizable } from "../../../chaos/checkers/linearizable.ts";
import { checkReplays } from "../../../chaos/checkers/replays.ts";
import type { Operation } from "../../../chaos/history.ts";
import { NEVER } from "../../../chaos/history-reader.ts";
import { Prng } from "../../../src/base/index.ts";
import { type Cases, expectVerdict } from "./case.ts";
import { add, failed, keyed, ok, READ, STALE, set, unknown } from "./told.ts";

const NEAR_THE_END: Operation = { f: "set", key: "k", value: String(2n ** 63n - 2n) };

describe("arithmetic", () => {
  const cases: Cases = {
    "accepts the sum": { calls: [ok(add(1), [0, 1], 1), ok(add(5), [2, 3], 6), ok(READ, [4, 5], 6)] },
    "accepts a part of the unknown": {
      calls: [unknown(add(3), 0), ok(add(1), [1, 2], 4), unknown(add(5), 3), ok(READ, [4, 5], 4)],
    },
    "accepts that a bound was reached": {
      calls: [ok(add(1), [0, 1], 1), failed(add(1, { max: "1" }), [2, 3]), ok(READ, [4, 5], 1)],
    },
    "rejects what is missing": {
      calls: [ok(add(1), [0, 1], 1), ok(add(1), [2, 3], 2), ok(READ, [4, 5], 1)],
      detail: /k was 1 in the end, and 2 were acknowledged/,
      offenders: [4],
    },
    "rejects what is too much": {
      calls: [unknown(add(2), 0), ok(add(1), [1, 2], 1), ok(READ, [4, 5], 4)],
      detail: /some of 1 unknown adds, 2 in all, do not make up for it/,
      offenders: [4],
    },
    "rejects an unknown add that only began afterwards": {
      calls: [ok(add(1), [0, 1], 1), ok(READ, [2, 3], 3), unknown(add(2), 4)],
      detail: /some of 0 unknown adds/,
      offenders: [2],
    },
    "rejects one of several last reads": {
      calls: [ok(add(1), [0, 1], 1), ok(READ, [2, 3], 1), ok(READ, [4, 5], 0)],
      detail: /k was 0/,
      offenders: [4],
    },
  };
  it.each(Object.entries(cases))("%s", (_, one) => expectVerdict(checkArithmetic, one));

  it("does not know where nobody read in the end", () => {
    const { valid, detail } = checkArithmetic([
      ok(add(1), [0, 2], 1),
      ok(READ, [1, 3], 1),
      ok(STALE, [4, 5], 1),
    ]);
    expect(valid).toBe("unknown");
    expect(detail).toBe("k was not read when all its writes were over");
  });

  it("finds sums of some parts as trying all does", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 3_000; round++) {
      const parts = Array.from({ length: prng.between(0, 8) }, () => BigInt(prng.between(-6, 12)));
      const total = BigInt(prng.between(-15, 40));
      let possible = false;
      for (let chosen = 0; chosen < 1 << parts.length; chosen++) {
        const sum = parts.reduce((all, part, at) => ((chosen >> at) & 1 ? all + part : all), 0n);
        possible ||= sum === total;
      }
      expect(isSumOfSome(total, parts), `${total} of ${parts.join(" ")}`).toBe(possible);
    }
  });

  it("looks at range and divisor only where there are too many sums", () => {
    const parts = Array.from({ length: 40 }, (_, at) => 6n * (1n << BigInt(at)));
    expect(isSumOfSome(6n * 123_456_789n, parts)).toBe(true);
    expect(isSumOfSome(6n * 123_456_789n + 3n, parts)).toBe(false);
    expect(isSumOfSome(6n * (1n << 40n), parts)).toBe(false);
  });
});

describe("counting", () => {
  const cases: Cases = {
    "leaves sets, bounds and adds that count down to the search": {
      calls: [ok(set(5), [0, 1], 7), ok(add(1, { max: "9" }), [2, 3], 1)],
    },
    "joins the repeats of a write also where another write was asked for first under their key": {
      calls: [
        keyed(failed(set(9), [0, 1], "NO_LEADER"), "id"),
        keyed(unknown(add(1), 2), "id"),
        ok(READ, [3, 4], 1),
        keyed(ok(add(1), [5, 6], 1, { replayed: true }), "id"),
      ],
    },
    "lets a stale read be of any time before": {
      calls: [ok(add(1), [0, 1], 1), ok(add(1), [2, 3], 2), ok(STALE, [4, 5], 0), ok(READ, [6, 7], 2)],
    },
    "rejects a stale read of what had not been asked": {
      calls: [ok(STALE, [0, 1], 1), ok(add(1), [2, 3], 1)],
      detail: /the read on k that answered 1 was over before the add of 1 on k that answered 1 began/,
      offenders: [0, 2],
    },
    "rejects two adds to one value": {
      calls: [ok(add(1), [0, 1], 1), ok(add(1), [2, 3], 1)],
      detail: /two adds on k both made it 1/,
      offenders: [0, 2],
    },
    "rejects an add that leaps over a value": {
      calls: [ok(add(1), [0, 9], 1), ok(add(5), [1, 8], 6), ok(READ, [2, 7], 3)],
      detail: /the add of 5 that made k 6 leapt over 3, which it was/,
      offenders: [2, 1],
    },
    "rejects a value that no add leads to": {
      calls: [ok(add(5), [0, 1], 3)],
      detail: /an add of 5 is said to have made k 3, and it only counts up from 0/,
      offenders: [0],
    },
    "rejects a hole that nobody can fill": {
      calls: [unknown(add(2), 0), ok(add(1), [1, 2], 2), ok(READ, [3, 4], 2)],
      detail:
        /k went from 0 to 1, but nobody was told of adding that 1; .* 1 adds of unknown outcome had begun/,
      offenders: [1],
    },
    "rejects a hole that was there before what could fill it had begun": {
      calls: [ok(add(1), [0, 1], 2), unknown(add(1), 2), ok(READ, [3, 4], 2)],
      detail: /k went from 0 to 1.* 0 adds of unknown outcome had begun/,
      offenders: [0],
    },
    "uses each unknown add once": {
      calls: [unknown(add(1), 0), ok(add(1), [1, 2], 2), ok(add(1), [3, 4], 4)],
      detail: /k went from 2 to 3/,
      offenders: [3],
    },
    "finds which unknown adds fill which holes": {
      calls: [
        ...[3, 2, 4].map((by, at) => unknown(add(by), at)),
        ok(add(10), [5, 6], 15),
        ok(add(10), [7, 8], 29),
      ],
    },
    "sees that unknown adds fill one hole or the other, and not both": {
      calls: [
        ...[3, 2, 5].map((by, at) => unknown(add(by), at)),
        ok(add(10), [5, 6], 15),
        ok(add(10), [7, 8], 28),
      ],
    },
  };
  it.each(Object.entries(cases))("%s", (_, one) => expectVerdict(checkCounting, one));

  it("says how much it has judged", () => {
    const calls = [
      ok(add(1), [0, 1], 1),
      ok(READ, [2, 3], 1),
      ok({ f: "set", key: "other", value: "1" }, [4, 5], 1),
    ];
    expect(checkCounting(calls)).toMatchObject({ checker: "counting", valid: true, operations: 2 });
  });
});

describe("the search", () => {
  const cases: Cases = {
    "accepts a refusal where the bound was reached": {
      calls: [ok(set(5), [0, 1], 5), failed(add(1, { max: "5" }), [2, 3]), ok(READ, [4, 5], 5)],
    },
    "rejects a refusal where it was not": {
      calls: [ok(set(5), [0, 1], 5), failed(add(1, { max: "6" }), [2, 3])],
      detail: /"add 1 to k within ..6" was refused, which cannot have taken effect .* the counter was 5/,
      offenders: [0, 2],
    },
    "accepts a stale read of what an unknown set once made": {
      calls: [unknown(set(7), 0), ok(set(5), [1, 2], 5), ok(add(1), [3, 4], 6), ok(STALE, [5, 6], 7)],
    },
    "rejects a stale read of what never was": {
      calls: [ok(set(5), [1, 2], 5), ok(STALE, [5, 6], 7)],
      detail: /"stale read of k" answered 7, which is of no time before it/,
      offenders: [1, 5],
    },
    "keeps apart what the counter had in one way and in another": {
      // The add of 3 either made 8 of 5, and then nothing makes 9 of 6, or it made 9, and then the counter never was 8.
      calls: [
        unknown(add(3), 0),
        ok(set(5), [1, 2], 5),
        ok(set(6), [3, 4], 6),
        ok(READ, [5, 6], 9),
        ok(STALE, [7, 8], 8),
      ],
      detail: /"stale read of k" answered 8, which is of no time before it/,
      offenders: [5, 7],
    },
    "lets no stale read see what was only set later": {
      calls: [
        ok(set(6), [0, 2], 6),
        ok(set(8), [1, 20], 8),
        ok(STALE, [3, 4], 8),
        ok(READ, [5, 6], 6),
        ok(READ, [7, 8], 8),
      ],
      detail: /"read of k" answered 8, which cannot have taken effect/,
      offenders: [5, 1, 7],
    },
    "knows that an unknown add cannot have left the range": {
      calls: [
        ok(NEAR_THE_END, [0, 1], String(2n ** 63n - 2n)),
        unknown(add(2), 2),
        ok(add(-1), [3, 4], String(2n ** 63n - 1n)),
      ],
      detail: /after "set k to 9223372036854775806" ended the counter was 9223372036854775806/,
      offenders: [0, 3],
    },
    "rejects an answer beyond a bound": {
      calls: [ok(add(2, { max: "1" }), [0, 1], 2)],
      detail: /at the beginning the counter was 0/,
      offenders: [0],
    },
  };
  it.each(Object.entries(cases))("%s", (_, one) => expectVerdict(checkLinearizable, one));

  it("does not know when there is more to look at than it may", () => {
    // Any of 40 sets of unknown outcome and as many adds, in any order, and a value that none of them leads to.
    const unknowns = Array.from({ length: 40 }, (_, at) => [
      unknown(set(3 * 2 ** at), 2 * at),
      unknown(add(2 ** at), 2 * at + 1),
    ]);
    const calls = [...unknowns.flat(), ok(READ, [100, 101], -1)];
    const verdict = checkLinearizable(calls, { budget: 2_000 });
    expect(verdict.valid).toBe("unknown");
    expect(verdict.detail).toContain("more configurations than a budget of 2000 allows");
  });
});

describe("replays", () => {
  const first = keyed(ok(add(1), [0, 1], 1, { revision: 1, index: 5, term: 1 }), "id");
  const cases: Cases = {
    "accepts the same answer again": {
      calls: [first, keyed(ok(add(1), [2, 3], 1, { revision: 1, index: 9, term: 1, replayed: true }), "id")],
    },
    "leaves another operation under the same key alone": {
      calls: [first, keyed(failed(add(2), [2, 3], "IDEMPOTENCY_KEY_REUSED"), "id")],
    },
    "rejects another value": {
      calls: [first, keyed(ok(add(1), [2, 3], 2, { revision: 2, index: 9, term: 1 }), "id")],
      detail: /with the idempotency key id was answered differently/,
      offenders: [0, 2],
    },
    "rejects a second first answer": {
      calls: [first, keyed(ok(add(1), [2, 3], 1, { revision: 1, index: 9, term: 1 }), "id")],
      detail: /was twice answered as if for the first time/,
      offenders: [0, 2],
    },
    "rejects a refusal of what was done": {
      calls: [first, keyed(failed(add(1), [2, 3]), "id")],
      detail: /was answered, and refused by the counter/,
      offenders: [0, 2],
    },
    "rejects a repeat before the original": {
      calls: [first, keyed(ok(add(1), [2, 3], 1, { revision: 1, index: 4, term: 1, replayed: true }), "id")],
      detail: /was repeated at an index before that of the original/,
      offenders: [0, 2],
    },
  };
  it.each(Object.entries(cases))("%s", (_, one) => expectVerdict(checkReplays, one));

  it("are one operation for all other checkers", () => {
    const lost = keyed(unknown(add(1), 0), "a");
    const found = keyed(ok(add(1), [4, 5], 1, { replayed: true }), "a");
    expect(operationsOf([lost, ok(READ, [2, 3], 1), found])).toMatchObject([
      { invoked: 0, ended: 5, outcome: { type: "ok", value: "1" } },
      { invoked: 2 },
    ]);
    const refused = [keyed(unknown(add(1), 0), "a"), keyed(failed(add(1), [1, 2]), "a")];
    expect(operationsOf(refused)).toMatchObject([
      { invoked: 0, ended: 2, outcome: { error: "LIMIT_REACHED" } },
    ]);
    const open = [keyed(failed(add(1), [0, 1], "NO_LEADER"), "a"), keyed(unknown(add(1), 2), "a")];
    expect(operationsOf(open)).toMatchObject([{ invoked: 0, ended: NEVER, outcome: { type: "info" } }]);
    const never = [0, 2].map((from) => keyed(failed(add(1), [from, from + 1], "NO_LEADER"), "a"));
    expect(operationsOf(never)).toMatchObject([{ invoked: 0, ended: 3, outcome: { type: "fail" } }]);
  });
});
