import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  decodePayload,
  encodePayload,
  INT64_MAX,
  INT64_MIN,
  type Item,
  MemoryTable,
  outcomeOf,
} from "../../src/counter/index.ts";
import { add, apply, item, SMALL, seen, set } from "./commands.ts";

/** Near either end, near 0, anywhere. */
const start = fc.oneof(
  fc.bigInt({ min: INT64_MAX - 20n, max: INT64_MAX }),
  fc.bigInt({ min: INT64_MIN, max: INT64_MIN + 20n }),
  fc.bigInt({ min: -20n, max: 20n }),
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
);

const step = fc
  .oneof(
    fc.bigInt({ min: -5n, max: 5n }),
    fc.constantFrom(INT64_MAX, INT64_MIN, 2n ** 61n, -(2n ** 61n)),
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  )
  .filter((by) => by !== 0n);

describe("a run", () => {
  it("equals its adds one by one, in one entry or in many, near overflow at both ends too", () => {
    fc.assert(
      fc.property(start, step, fc.integer({ min: 1, max: 30 }), (value, by, count) => {
        const whole = new MemoryTable();
        apply(whole, set("a", value));
        const [together, apart] = [whole.clone(), whole.clone()];
        const run: Item = { kind: "run", key: "a", by, count };
        const outcomes = applyPayload(whole, { elapsed: 0, items: [run] }, SMALL);
        const ones = Array.from({ length: count }, () => item(add("a", by)));
        const one = applyPayload(together, { elapsed: 0, items: ones }, SMALL);
        for (let offset = 0; offset < count; offset++) {
          const expected = apply(apart, add("a", by));
          expect(outcomeOf(outcomes, { item: 0, offset })).toEqual(expected);
          expect(outcomeOf(one, { item: offset, offset: 0 })).toEqual(expected);
        }
        expect(seen(whole)).toEqual(seen(apart));
        expect(seen(together)).toEqual(seen(apart));
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses the adds from the first overflow on, and keeps those before", () => {
    const table = new MemoryTable();
    apply(table, set("a", INT64_MAX - 5n));
    const payload = { elapsed: 0, items: [{ kind: "run" as const, key: "a", by: 2n, count: 4 }] };
    const outcomes = applyPayload(table, payload, SMALL);
    expect(outcomes).toMatchObject([
      { first: { value: INT64_MAX - 3n, revision: 2 }, applied: 2, refusal: { code: "COUNTER_OVERFLOW" } },
    ]);
    expect(table.counter("a")).toEqual({ key: "a", value: INT64_MAX - 1n, revision: 3 });
  });

  it("of which nothing fits changes nothing and creates nothing", () => {
    const table = new MemoryTable();
    apply(table, set("a", INT64_MIN));
    const before = seen(table);
    const run: Item = { kind: "run", key: "a", by: -1n, count: 3 };
    expect(applyPayload(table, { elapsed: 0, items: [run] }, SMALL)).toMatchObject([{ applied: 0 }]);
    expect(seen(table)).toEqual(before);
  });

  it("of a billion adds takes no longer than one", () => {
    const table = new MemoryTable();
    const run: Item = { kind: "run", key: "a", by: 3n, count: 1e9 };
    const payload = decodePayload(encodePayload({ elapsed: 0, items: [run] }));
    const outcomes = applyPayload(table, payload, SMALL);
    expect(table.counter("a")).toEqual({ key: "a", value: 3_000_000_000n, revision: 1e9 });
    expect(outcomeOf(outcomes, { item: 0, offset: 1e9 - 1 })).toMatchObject({
      results: [{ value: 3_000_000_000n, revision: 1e9 }],
    });
  });

  it("of 0, or of no adds, is never applied", () => {
    for (const run of [
      { by: 0n, count: 1 },
      { by: 1n, count: 0 },
    ]) {
      const items: Item[] = [{ kind: "run", key: "a", ...run }];
      expect(() => applyPayload(new MemoryTable(), { elapsed: 0, items }, SMALL)).toThrow(/run: /);
      expect(() => decodePayload(encodePayload({ elapsed: 0, items }))).toThrow(/run/);
    }
  });
});
