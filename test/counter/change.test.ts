import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { applyPayload, INT64_MAX, INT64_MIN, MemoryTable, type Outcome } from "../../src/counter/index.ts";
import { add, apply, batch, item, keyed, remove, SMALL, seen, set } from "./commands.ts";

let table: MemoryTable;

beforeEach(() => {
  table = new MemoryTable();
});

function done(key: string, value: bigint, revision: number, changed: boolean = true): Outcome {
  return { kind: "done", results: [{ key, value, revision, changed }], replayed: false };
}

function refusal(code: string, detail: string, position: number = 0): unknown {
  return { kind: "refused", code, detail, position, replayed: false };
}

describe("add", () => {
  it("counts from 0 and gives each change a revision of its own", () => {
    expect(apply(table, add("a"))).toEqual(done("a", 1n, 1));
    expect(apply(table, add("b", -5n))).toEqual(done("b", -5n, 2));
    expect(apply(table, add("a", 4n))).toEqual(done("a", 5n, 3));
  });

  it("of 0 changes nothing and creates nothing", () => {
    expect(apply(table, add("a", 0n))).toEqual(done("a", 0n, 0, false));
    expect(table.counter("a")).toBeUndefined();
    apply(table, add("a", 3n));
    expect(apply(table, add("a", 0n))).toEqual(done("a", 3n, 1, false));
    expect(table.totals()).toMatchObject({ revision: 1, counters: 1 });
  });

  it("reaches both ends of the 64-bit range and is refused beyond, never wrapped", () => {
    expect(apply(table, add("a", INT64_MAX))).toEqual(done("a", INT64_MAX, 1));
    const before = seen(table);
    expect(apply(table, add("a"))).toEqual(
      refusal(
        "COUNTER_OVERFLOW",
        "The counter is at 9223372036854775807; adding 1 would leave the signed 64-bit range.",
      ),
    );
    expect(seen(table)).toEqual(before);
    expect(apply(table, add("b", INT64_MIN))).toEqual(done("b", INT64_MIN, 2));
    expect(apply(table, add("b", -1n))).toMatchObject({ code: "COUNTER_OVERFLOW" });
    expect(apply(table, add("b", INT64_MAX))).toEqual(done("b", -1n, 3));
  });

  it("may reach its bounds and is refused beyond them", () => {
    expect(apply(table, add("a", 7n, { min: 0n, max: 7n }))).toEqual(done("a", 7n, 1));
    expect(apply(table, add("a", 3n, { max: 9n }))).toEqual(
      refusal("LIMIT_REACHED", "The counter is at 7; adding 3 would bring it to 10, above the maximum of 9."),
    );
    expect(apply(table, add("a", -7n, { min: 0n }))).toEqual(done("a", 0n, 2));
    expect(apply(table, add("a", -1n, { min: 0n }))).toEqual(
      refusal(
        "LIMIT_REACHED",
        "The counter is at 0; adding -1 would bring it to -1, below the minimum of 0.",
      ),
    );
    expect(apply(table, add("new", 1n, { min: 5n }))).toMatchObject({ code: "LIMIT_REACHED" });
    expect(table.counter("new")).toBeUndefined();
  });

  it("names the bound where both the bound and the range would be passed", () => {
    apply(table, add("a", INT64_MAX));
    expect(apply(table, add("a", 1n, { max: INT64_MAX }))).toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("with a member counts the first time only, for each key", () => {
    expect(apply(table, add("a", 2n, { once: "m" }))).toEqual(done("a", 2n, 1));
    expect(apply(table, add("a", 2n, { once: "m" }))).toEqual(done("a", 2n, 1, false));
    expect(apply(table, add("a", 2n, { once: "n" }))).toEqual(done("a", 4n, 2));
    expect(apply(table, add("b", 2n, { once: "m" }))).toEqual(done("b", 2n, 3));
  });

  it("with a member that was refused counts the next time", () => {
    apply(table, add("a", 5n));
    expect(apply(table, add("a", 1n, { once: "m", max: 5n }))).toMatchObject({ code: "LIMIT_REACHED" });
    expect(apply(table, add("a", 1n, { once: "m", max: 6n }))).toEqual(done("a", 6n, 2));
  });

  it("with a member that has been counted is done whatever its bounds, for nothing changes", () => {
    apply(table, add("a", 5n, { once: "m" }));
    expect(apply(table, add("a", 5n, { once: "m", max: 5n }))).toEqual(done("a", 5n, 1, false));
  });

  it("of 0 with a new member is a change, so that members never lack their counter", () => {
    expect(apply(table, add("a", 0n, { once: "m" }))).toEqual(done("a", 0n, 1));
    expect(table.counter("a")).toEqual({ key: "a", value: 0n, revision: 1 });
    expect(table.hasMember("a", "m")).toBe(true);
  });
});

describe("an add that saturates", () => {
  function saturated(value: bigint, revision: number, applied: bigint): Outcome {
    const result = { key: "a", value, revision, changed: applied !== 0n, applied };
    return { kind: "done", results: [result], replayed: false };
  }

  it("adds up to its bound and says how much, then nothing", () => {
    expect(apply(table, add("a", 7n, { max: 10n, saturate: true }))).toEqual(saturated(7n, 1, 7n));
    expect(apply(table, add("a", 7n, { max: 10n, saturate: true }))).toEqual(saturated(10n, 2, 3n));
    expect(apply(table, add("a", 7n, { max: 10n, saturate: true }))).toEqual(saturated(10n, 2, 0n));
    expect(apply(table, add("a", -25n, { min: 0n, max: 3n, saturate: true }))).toEqual(
      saturated(0n, 3, -10n),
    );
  });

  it("creates nothing where nothing fits", () => {
    expect(apply(table, add("a", -1n, { min: 0n, saturate: true }))).toEqual(saturated(0n, 0, 0n));
    expect(table.counter("a")).toBeUndefined();
  });

  it("never takes away from a counter that is beyond its bound already", () => {
    apply(table, set("a", 20n));
    expect(apply(table, add("a", 5n, { max: 10n, saturate: true }))).toEqual(saturated(20n, 1, 0n));
    expect(apply(table, add("a", -5n, { min: 30n, saturate: true }))).toEqual(saturated(20n, 1, 0n));
    // No part of it leads to a value within the bounds.
    expect(apply(table, add("a", 5n, { min: 30n, saturate: true }))).toEqual(saturated(20n, 1, 0n));
    // On its way back it does what one that rejects would do.
    expect(apply(table, add("a", -15n, { max: 10n, saturate: true }))).toEqual(saturated(5n, 2, -15n));
  });

  it("is refused where the range ends before the bound in its direction", () => {
    apply(table, set("a", INT64_MAX - 1n));
    expect(apply(table, add("a", 5n, { min: 0n, saturate: true }))).toMatchObject({
      code: "COUNTER_OVERFLOW",
    });
    expect(apply(table, add("a", 5n, { max: INT64_MAX, saturate: true }))).toEqual(
      saturated(INT64_MAX, 2, 1n),
    );
    expect(apply(table, add("a", INT64_MIN, { min: INT64_MIN, saturate: true }))).toEqual(
      saturated(-1n, 3, INT64_MIN),
    );
  });

  it("sees a member only if it could be counted", () => {
    apply(table, set("a", 5n));
    const once = { max: 5n, saturate: true, once: "m" } as const;
    expect(apply(table, add("a", 1n, once))).toEqual(saturated(5n, 1, 0n));
    expect(table.hasMember("a", "m")).toBe(false);
    expect(apply(table, add("a", 2n, { ...once, max: 6n }))).toEqual(saturated(6n, 2, 1n));
    expect(table.hasMember("a", "m")).toBe(true);
    expect(apply(table, add("a", 2n, { ...once, max: 60n }))).toEqual(saturated(6n, 2, 0n));
    // Of 0 it brings the member along, unless the counter is out of bounds.
    expect(apply(table, add("a", 0n, { ...once, once: "n" }))).toEqual(saturated(6n, 2, 0n));
    expect(apply(table, add("a", 0n, { ...once, max: 6n, once: "n" }))).toMatchObject({
      results: [{ value: 6n, revision: 3, changed: true, applied: 0n }],
    });
    expect(table.hasMember("a", "n")).toBe(true);
  });

  it("is given again with what it added, and is another request than one that rejects", () => {
    const operation = add("a", 7n, { max: 5n, saturate: true });
    const first = apply(table, operation, { once: keyed("k") });
    expect(first).toEqual(saturated(5n, 1, 5n));
    expect(apply(table, operation, { once: keyed("k") })).toEqual({ ...first, replayed: true });
    expect(apply(table, add("a", 7n, { max: 5n }), { once: keyed("k") })).toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
  });

  it("keeps within its bounds and its direction, does in full what would not be refused, and wastes no room", () => {
    const small = fc.bigInt({ min: -6n, max: 6n });
    fc.assert(
      fc.property(
        small,
        small,
        fc.option(small, { nil: undefined }),
        fc.option(small, { nil: undefined }),
        (value, by, min, max) => {
          fc.pre((min ?? max) !== undefined);
          const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
          const own = new MemoryTable();
          apply(own, set("a", value));
          const outcome = apply(own, add("a", by, { ...bounds, saturate: true }));
          const [result] = outcome.kind === "done" ? outcome.results : [];
          const applied = result?.applied ?? -100n;
          const fits = (amount: bigint): boolean =>
            (min === undefined || value + amount >= min) && (max === undefined || value + amount <= max);
          // Every amount between nothing and all of it is tried.
          let best = 0n;
          for (let amount = by; amount !== 0n; amount -= by > 0n ? 1n : -1n) {
            if (!fits(amount)) continue;
            best = amount;
            break;
          }
          expect(applied).toBe(best);
          expect(result?.value).toBe(value + applied);
          expect(own.counter("a")?.value).toBe(value + applied);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("set", () => {
  it("gives a value, and changes nothing if the counter has it", () => {
    expect(apply(table, set("a", 9n))).toEqual(done("a", 9n, 1));
    expect(apply(table, set("a", 9n))).toEqual(done("a", 9n, 1, false));
    expect(apply(table, set("a", INT64_MIN))).toEqual(done("a", INT64_MIN, 2));
  });

  it("to 0 creates a counter", () => {
    expect(apply(table, set("a", 0n))).toEqual(done("a", 0n, 1));
    expect(table.totals().counters).toBe(1);
  });

  it("is refused unless the revision is the one expected", () => {
    apply(table, add("other"));
    expect(apply(table, set("a", 1n, 7))).toEqual(
      refusal("REVISION_MISMATCH", "The counter does not exist, but was expected at revision 7."),
    );
    expect(apply(table, set("a", 1n, 0))).toEqual(done("a", 1n, 2));
    expect(apply(table, set("a", 2n, 0))).toEqual(
      refusal("REVISION_MISMATCH", "The counter exists at revision 2, but was expected not to exist."),
    );
    expect(apply(table, set("a", 2n, 1))).toEqual(
      refusal("REVISION_MISMATCH", "The counter is at revision 2, but was expected at 1."),
    );
    expect(apply(table, set("a", 2n, 2))).toEqual(done("a", 2n, 3));
  });

  it("to the present value is refused all the same if the revision is another", () => {
    apply(table, set("a", 2n));
    expect(apply(table, set("a", 2n, 5))).toMatchObject({ code: "REVISION_MISMATCH" });
  });
});

describe("a change of a counter that must exist", () => {
  const absent = refusal("REVISION_MISMATCH", "The counter does not exist, but was expected to.");

  it("is refused while there is none, and is done whatever its revision", () => {
    expect(apply(table, set("a", 1n, "any"))).toEqual(absent);
    expect(apply(table, remove("a", "any"))).toEqual(absent);
    expect(table.totals()).toMatchObject({ revision: 0, counters: 0 });
    apply(table, add("a", 0n, { once: "m" }));
    expect(apply(table, set("a", 0n, "any"))).toEqual(done("a", 0n, 1, false));
    expect(apply(table, set("a", 1n, "any"))).toEqual(done("a", 1n, 2));
    expect(apply(table, remove("a", "any"))).toEqual(done("a", 0n, 3));
    expect(apply(table, remove("a", "any"))).toEqual(absent);
  });

  it("is another request than one without the condition, under one idempotency key", () => {
    apply(table, add("a"));
    apply(table, set("a", 5n, "any"), { once: keyed("k") });
    expect(apply(table, set("a", 5n), { once: keyed("k") })).toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
  });
});

describe("delete", () => {
  it("removes the counter and its members", () => {
    apply(table, add("a", 1n, { once: "m" }));
    apply(table, add("a", 1n, { once: "n" }));
    expect(apply(table, remove("a"))).toEqual(done("a", 0n, 3));
    expect(table.counter("a")).toBeUndefined();
    expect(table.hasMember("a", "m")).toBe(false);
    expect(table.totals()).toMatchObject({ counters: 0, digest: 0, revision: 3 });
  });

  it("of an absent counter is done, and changes nothing", () => {
    expect(apply(table, remove("a"))).toEqual(done("a", 0n, 0, false));
    expect(apply(table, remove("a", 0))).toEqual(done("a", 0n, 0, false));
    expect(table.totals().revision).toBe(0);
  });

  it("is refused unless the revision is the one expected", () => {
    expect(apply(table, remove("a", 1))).toMatchObject({ code: "REVISION_MISMATCH" });
    apply(table, add("a"));
    expect(apply(table, remove("a", 0))).toMatchObject({ code: "REVISION_MISMATCH" });
    expect(apply(table, remove("a", 2))).toMatchObject({ code: "REVISION_MISMATCH" });
    expect(apply(table, remove("a", 1))).toEqual(done("a", 0n, 2));
  });

  it("lets the counter begin anew, at a higher revision and with no member", () => {
    apply(table, add("a", 5n, { once: "m" }));
    apply(table, remove("a"));
    expect(apply(table, add("a", 5n, { once: "m" }))).toEqual(done("a", 5n, 3));
  });
});

describe("batch", () => {
  it("does its changes in order, each on what the one before left", () => {
    const outcome = apply(table, batch(add("a", 2n), set("b", 9n), add("a", 3n), remove("b"), add("c", 0n)));
    expect(outcome).toMatchObject({
      results: [
        { key: "a", value: 2n, revision: 1, changed: true },
        { key: "b", value: 9n, revision: 2, changed: true },
        { key: "a", value: 5n, revision: 1, changed: true },
        { key: "b", value: 0n, revision: 2, changed: true },
        { key: "c", value: 0n, revision: 0, changed: false },
      ],
    });
    expect(table.totals()).toMatchObject({ revision: 2, counters: 1 });
    expect(table.counter("a")).toEqual({ key: "a", value: 5n, revision: 1 });
  });

  it("is refused entirely at the first change that cannot be done, and says which", () => {
    apply(table, add("a", 1n, { once: "m" }));
    const before = seen(table);
    const outcome = apply(
      table,
      batch(add("a", 1n, { once: "n" }), remove("a"), add("a", 1n, { once: "m" }), add("a", 5n, { max: 5n })),
    );
    expect(outcome).toEqual(
      refusal(
        "LIMIT_REACHED",
        "The counter is at 1; adding 5 would bring it to 6, above the maximum of 5.",
        3,
      ),
    );
    expect(seen(table)).toEqual(before);
    expect(table.hasMember("a", "m")).toBe(true);
    expect(table.hasMember("a", "n")).toBe(false);
    expect(apply(table, add("z"))).toEqual(done("z", 1n, 2));
  });

  it("that was refused leaves its members uncounted, also for what follows in the same entry", () => {
    const once = add("a", 1n, { once: "m" });
    const items = [
      item(add("a", 1n, { once: "n" })),
      item(batch(once, add("a", 9n, { max: 5n }))),
      item(once),
    ];
    const [, refused, counted] = applyPayload(table, { elapsed: 0, items }, SMALL);
    expect(refused).toMatchObject({ outcome: { kind: "refused", position: 1 } });
    expect(counted).toMatchObject({ outcome: { results: [{ value: 2n, changed: true }] } });
  });

  it("checks a revision against what its own changes before have left", () => {
    apply(table, add("a"));
    expect(apply(table, batch(add("a"), set("a", 9n, 1)))).toMatchObject({
      code: "REVISION_MISMATCH",
      position: 1,
    });
    expect(apply(table, batch(remove("a"), set("a", 9n, 0)))).toMatchObject({ kind: "done" });
    expect(table.counter("a")?.value).toBe(9n);
  });

  it("may pass beyond a bound that a later change would have kept, but not on the way", () => {
    expect(apply(table, batch(add("a", 9n, { max: 5n }), add("a", -9n)))).toMatchObject({ position: 0 });
    expect(apply(table, batch(add("a", INT64_MAX), add("a", 1n), add("a", -1n)))).toMatchObject({
      code: "COUNTER_OVERFLOW",
      position: 1,
    });
  });
});
