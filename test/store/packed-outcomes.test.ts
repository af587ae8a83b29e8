import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyPayload, type ItemOutcome, LIMITS, MemoryTable } from "../../src/counter/index.ts";
import { packOutcomes, unpackOutcomes } from "../../src/store/packed-outcomes.ts";
import { anyHistory } from "../counter/commands.ts";

type Outcomes = readonly (readonly ItemOutcome[])[];

/** As it is after its way from one thread to the other. */
function crossed(outcomes: Outcomes): Outcomes {
  return unpackOutcomes(structuredClone(packOutcomes(outcomes)));
}

function done(keys: readonly string[], from = 1): ItemOutcome {
  const results = keys.map((key, at) => ({
    key,
    value: BigInt(from + at),
    revision: from + at,
    changed: at % 2 === 0,
  }));
  return { kind: "command", outcome: { kind: "done", results, replayed: false } };
}

const KEYS = ["hits", "é", "🧮", "line\nbreak", "", "\ud800", "a".repeat(512), "hits", "x", "y"];
const MANY = done(KEYS);
const SERIES: ItemOutcome = {
  kind: "series",
  rows: Array.from({ length: 9 }, (_, at) => ({ value: -(2n ** 63n) + BigInt(at), revision: 2 ** 52 + at })),
};
const RUN: ItemOutcome = {
  kind: "run",
  first: { key: "hot", value: -(2n ** 63n), revision: Number.MAX_SAFE_INTEGER - 1, changed: true },
  by: 2n ** 63n - 1n,
  applied: 2,
  refusal: undefined,
};
const CUT_RUN: ItemOutcome = {
  ...RUN,
  applied: 1,
  refusal: { code: "COUNTER_OVERFLOW", detail: "too much" },
};
const REFUSED: ItemOutcome = {
  kind: "command",
  outcome: { kind: "refused", code: "LIMIT_REACHED", detail: "no room", position: 3, replayed: true },
};
const SESSION: ItemOutcome = {
  kind: "command",
  outcome: { kind: "done", results: [], session: 12, replayed: false },
};
const REPLAYED: ItemOutcome = {
  kind: "command",
  outcome: {
    kind: "done",
    results: [{ key: "hits", value: 1n, revision: 1, changed: true }],
    replayed: true,
  },
};
const SATURATED: ItemOutcome = {
  kind: "command",
  outcome: {
    kind: "done",
    results: [{ key: "hits", value: 1n, revision: 1, changed: true, applied: 3n }],
    replayed: false,
  },
};

describe("outcomes on their way between threads", () => {
  it("are what they were, whatever a history does", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const table = new MemoryTable();
        const outcomes = history.map((payload) => applyPayload(table, payload, LIMITS));
        expect(crossed(outcomes)).toStrictEqual(outcomes);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["nothing", []],
    ["entries without items", [[], [], []]],
    ["a few, which cross as they are", [[done(["a"]), RUN]]],
    ["every key there could be", [[MANY]]],
    [
      "series, a short one too",
      [[SERIES, MANY, { kind: "series", rows: [{ value: 0n, revision: 1 }] }], [SERIES]],
    ],
    ["runs among commands, over several entries", [[MANY, RUN], [], [RUN, done([]), MANY]]],
    [
      "what has no common form, in between",
      [
        [CUT_RUN, MANY, REFUSED, SESSION],
        [REPLAYED, RUN, SATURATED],
      ],
    ],
  ] satisfies readonly (readonly [string, Outcomes])[])("are what they were: %s", (_name, outcomes) => {
    expect(crossed(outcomes)).toStrictEqual(outcomes);
  });

  it("cross in columns where there are many of them, and only what has no common form as objects", () => {
    expect(packOutcomes([[MANY, REFUSED, RUN, SERIES, done(["z"])]])).toMatchObject({ others: [REFUSED] });
    expect(packOutcomes([[done(["a"])]])).toEqual({ plain: [[done(["a"])]] });
  });
});
