import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  effectiveWindow,
  INT64_MAX,
  type Limits,
  MemoryTable,
  type Outcome,
} from "../../src/counter/index.ts";
import {
  add,
  anyHistory,
  anyOperation,
  apply,
  batch,
  item,
  keyed,
  OPEN,
  pass,
  remove,
  SMALL,
  seen,
  set,
  WIDE,
} from "./commands.ts";

const K = keyed("k");

function again(outcome: Outcome): Outcome {
  return { ...outcome, replayed: true };
}

describe("an idempotency key", () => {
  it("makes a retry get the first outcome, and changes nothing a second time", () => {
    const table = new MemoryTable();
    const first = apply(table, add("a", 5n), { once: K });
    expect(first).toMatchObject({ kind: "done", replayed: false, results: [{ value: 5n, revision: 1 }] });
    apply(table, add("a", 100n));
    const before = seen(table);
    expect(apply(table, add("a", 5n), { once: K })).toEqual(again(first));
    expect(apply(table, add("a", 5n), { once: K })).toEqual(again(first));
    expect(seen(table)).toEqual(before);
  });

  it("makes a retry in the same entry get the first outcome", () => {
    const table = new MemoryTable();
    const items = [item(add("a"), K), item(add("a"), K)];
    expect(applyPayload(table, { elapsed: 0, items }, SMALL)).toMatchObject([
      { outcome: { replayed: false, results: [{ value: 1n }] } },
      { outcome: { replayed: true, results: [{ value: 1n }] } },
    ]);
    expect(table.counter("a")?.value).toBe(1n);
  });

  it("gives a refusal again too, even when the command could be done by now", () => {
    const table = new MemoryTable();
    apply(table, set("a", INT64_MAX));
    const refusals: [string, Outcome][] = [
      ["COUNTER_OVERFLOW", apply(table, add("a"), { once: keyed("1") })],
      ["LIMIT_REACHED", apply(table, add("a", 1n, { max: 5n }), { once: keyed("2") })],
      ["REVISION_MISMATCH", apply(table, set("a", 1n, 9), { once: keyed("3") })],
    ];
    for (const [code, outcome] of refusals) expect(outcome).toMatchObject({ code, replayed: false });
    apply(table, remove("a"));
    apply(table, batch(set("a", 0n)));
    expect(apply(table, add("a"), { once: keyed("1") })).toEqual(again(refusals[0]?.[1] as Outcome));
    expect(apply(table, add("a", 1n, { max: 5n }), { once: keyed("2") })).toEqual(
      again(refusals[1]?.[1] as Outcome),
    );
    expect(apply(table, set("a", 1n, 9), { once: keyed("3") })).toEqual(again(refusals[2]?.[1] as Outcome));
    expect(table.counter("a")?.value).toBe(0n);
  });

  it("gives the same session again to whoever opens one twice", () => {
    const table = new MemoryTable();
    expect(apply(table, OPEN, { once: K })).toEqual({
      kind: "done",
      results: [],
      session: 1,
      replayed: false,
    });
    expect(apply(table, OPEN, { once: K })).toEqual({
      kind: "done",
      results: [],
      session: 1,
      replayed: true,
    });
    expect(table.totals().sessions).toBe(1);
  });

  it.each([
    ["another amount", add("a", 2n)],
    ["another counter", add("b")],
    ["a bound", add("a", 1n, { max: 9n })],
    ["the other bound", add("a", 1n, { min: 9n })],
    ["a member", add("a", 1n, { once: "none" })],
    ["a set", set("a", 1n)],
    ["a delete", remove("a")],
    ["a batch of the same", batch(add("a"))],
    ["a session", OPEN],
  ])("is refused for another request: %s", (_, other) => {
    const table = new MemoryTable();
    const first = apply(table, add("a"), { once: K });
    const before = seen(table);
    expect(apply(table, other, { once: K })).toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
      replayed: false,
    });
    expect(seen(table)).toEqual(before);
    expect(apply(table, add("a"), { once: K })).toEqual(again(first));
  });

  it("gives the first outcome of any operation again, after a snapshot too, and executes nothing", () => {
    fc.assert(
      fc.property(anyHistory, anyOperation, anyHistory, (before, operation, after) => {
        const table = new MemoryTable();
        for (const payload of before) applyPayload(table, payload, WIDE);
        const once = keyed("mine");
        const first = apply(table, operation, { once, limits: WIDE });
        const snapshot = table.clone();
        for (const payload of after) applyPayload(table, payload, WIDE);
        for (const place of [table, snapshot]) {
          const state = seen(place);
          expect(apply(place, operation, { once, limits: WIDE })).toEqual(again(first));
          expect(seen(place)).toEqual(state);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("the window", () => {
  it("is over one millisecond of log time after its length, and not before", () => {
    const table = new MemoryTable();
    apply(table, add("a"), { once: K });
    expect(apply(table, add("a"), { once: K, elapsed: SMALL.windowMs })).toMatchObject({ replayed: true });
    expect(apply(table, add("a"), { once: K, elapsed: 1 })).toMatchObject({ replayed: false });
    expect(table.counter("a")?.value).toBe(2n);
  });

  it("is not prolonged by retries", () => {
    const table = new MemoryTable();
    apply(table, add("a"), { once: K });
    for (let n = 0; n < 10; n++) apply(table, add("a"), { once: K, elapsed: 10 });
    expect(apply(table, add("a"), { once: K, elapsed: 1 })).toMatchObject({ replayed: false });
  });

  it("ends late, never early, however log time advances", () => {
    const steps = fc.array(fc.nat(40), { minLength: 1, maxLength: 12, size: "max" });
    fc.assert(
      fc.property(steps, (elapsed) => {
        const table = new MemoryTable();
        apply(table, add("a"), { once: K });
        const total = elapsed.reduce((sum, ms) => sum + ms, 0);
        for (const ms of elapsed) pass(table, ms);
        expect(table.totals().logTime).toBe(total);
        expect(apply(table, add("a"), { once: K })).toMatchObject({ replayed: total <= SMALL.windowMs });
      }),
    );
  });

  it("clears what is past it away in pieces, but counts all of it as gone at once", () => {
    const table = new MemoryTable();
    const limits: Limits = { ...WIDE, windowMs: 100 };
    const items = Array.from({ length: 2_500 }, (_, n) => item(add("a"), keyed(`k${n}`)));
    applyPayload(table, { elapsed: 0, items }, limits);
    pass(table, 101, limits);
    expect(table.totals().rememberedKeys).toBe(1_500);
    expect(apply(table, add("a"), { once: keyed("k2499"), limits })).toMatchObject({ replayed: false });
    expect(table.totals().rememberedKeys).toBe(500);
    pass(table, 0, limits);
    expect(table.totals()).toMatchObject({ rememberedKeys: 1, digest: table.digestOfRows() });
    expect(apply(table, add("a"), { once: keyed("k2499"), limits })).toMatchObject({ replayed: true });
  });

  it("clears away twice as much as a full entry remembers, so that it catches up", () => {
    const table = new MemoryTable();
    const limits: Limits = { ...WIDE, windowMs: 100 };
    for (const [entry, count] of [3_000, 1_500, 1_500].entries()) {
      const items = Array.from({ length: count }, (_, n) => item(add("a"), keyed(`${entry}:${n}`)));
      applyPayload(table, { elapsed: 101, items }, limits);
      expect(table.totals().rememberedKeys).toBe(count);
    }
  });
});

describe("the capacity", () => {
  function full(ages: readonly number[]): MemoryTable {
    const table = new MemoryTable();
    for (const [n, age] of ages.entries()) {
      apply(table, add("a"), { once: keyed(`old${n}`), elapsed: (ages[n - 1] ?? age) - age });
    }
    pass(table, ages.at(-1) ?? 0);
    return table;
  }

  it("is kept by forgetting the oldest, if it is older than the floor", () => {
    const table = full([50, 40, 30]);
    expect(apply(table, add("a"), { once: K })).toMatchObject({ kind: "done" });
    expect(table.totals().rememberedKeys).toBe(SMALL.capacity);
    expect(apply(table, add("a"), { once: keyed("old1") })).toMatchObject({ replayed: true });
    expect(apply(table, add("a"), { once: keyed("old0") })).toMatchObject({ replayed: false });
  });

  it("refuses a new key rather than forget what is not older than the floor, and remembers no such refusal", () => {
    const table = full([20, 10, 0]);
    const before = seen(table);
    expect(apply(table, add("a"), { once: K })).toMatchObject({
      code: "IDEMPOTENCY_CAPACITY",
      replayed: false,
    });
    expect(seen(table)).toEqual(before);
    expect(apply(table, add("a"), { once: keyed("old0") })).toMatchObject({ replayed: true });
    expect(apply(table, add("a"))).toMatchObject({ kind: "done" });
    expect(apply(table, add("a"), { once: K, elapsed: 1 })).toMatchObject({ kind: "done", replayed: false });
    expect(apply(table, add("a"), { once: K })).toMatchObject({ replayed: true });
  });

  it("never makes a key forgotten that is not older than the window then in force", () => {
    const steps = fc.array(fc.tuple(fc.nat(30), fc.nat(8)), { minLength: 5, maxLength: 40, size: "max" });
    fc.assert(
      fc.property(steps, (writes) => {
        const table = new MemoryTable();
        const madeAt = new Map<string, number>();
        let shrunk = false;
        for (const [elapsed, n] of writes) {
          const name = `k${n}`;
          const outcome = apply(table, add("a"), { once: keyed(name), elapsed });
          const { logTime, idempotencyWindowMs } = table.totals();
          if (outcome.kind === "done" && !outcome.replayed) madeAt.set(name, logTime);
          const inForce = effectiveWindow(table, SMALL);
          expect(inForce).toBe(idempotencyWindowMs);
          expect(inForce).toBeGreaterThanOrEqual(SMALL.floorMs);
          expect(inForce).toBeLessThanOrEqual(SMALL.windowMs);
          shrunk ||= inForce < SMALL.windowMs;
          for (const [key, at] of madeAt) {
            if (logTime - at < inForce) expect(table.outcome(key)?.at).toBe(at);
          }
        }
        fc.pre(shrunk);
      }),
      { numRuns: 200 },
    );
  });

  it("shrinks the window in force to the age of the oldest key, and gives it back when keys expire", () => {
    const table = full([90, 60, 40]);
    expect(effectiveWindow(table, SMALL)).toBe(90);
    apply(table, add("a"), { once: K });
    expect(effectiveWindow(table, SMALL)).toBe(60);
    pass(table, 41);
    expect(table.totals()).toMatchObject({ rememberedKeys: 2, idempotencyWindowMs: SMALL.windowMs });
    expect(effectiveWindow(new MemoryTable(), SMALL)).toBe(SMALL.windowMs);
  });

  it("shows at least the floor, which holds whatever happens", () => {
    expect(effectiveWindow(full([5, 3, 0]), SMALL)).toBe(SMALL.floorMs);
  });
});
