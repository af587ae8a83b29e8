import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Add,
  applyPayload,
  type Batch,
  INT64_MAX,
  INT64_MIN,
  type ItemOutcome,
  MemoryTable,
  outcomeOf,
} from "../../src/counter/index.ts";
import { add, anyPlainAdd, apply, batch, item, keyed, seen, set, ticketOf, told, WIDE } from "./commands.ts";
import { saidOnce } from "./said-once.ts";

const near = fc.constantFrom(0n, 7n, INT64_MAX, INT64_MAX - 3n, INT64_MIN, INT64_MIN + 2n);

function outcomesOf(table: MemoryTable, operation: Batch): readonly ItemOutcome[] {
  return applyPayload(table, { elapsed: 0, items: [item(operation)] }, WIDE);
}

/** The counters only: a batch with an idempotency key is remembered besides. */
function countersOf(table: MemoryTable): unknown {
  const { revision, counters } = table.totals();
  return { counters: (seen(table) as { counters: unknown }).counters, totals: { revision, counters } };
}

describe("a batch of plain adds", () => {
  it("equals its adds one by one, said once or as often as they happen, near overflow too", () => {
    let series = 0;
    let refused = 0;
    fc.assert(
      fc.property(near, fc.array(anyPlainAdd, { minLength: 1, maxLength: 9 }), (start, adds) => {
        const whole = new MemoryTable();
        apply(whole, set("a", start), { limits: WIDE });
        const [once, apart] = [whole.clone(), whole.clone()];
        // One with an idempotency key is done change by change.
        const expected = apply(apart, batch(...adds), { once: keyed("k"), limits: WIDE });
        const operations: readonly (readonly [MemoryTable, Batch])[] = [
          [whole, { kind: "batch", changes: adds }],
          [once, saidOnce(adds)],
        ];
        for (const [table, operation] of operations) {
          const outcomes = outcomesOf(table, operation);
          expect(told(outcomeOf(outcomes, ticketOf(operation)))).toEqual(expected);
          expect(countersOf(table)).toEqual(countersOf(apart));
          expect(table.digestOfRows()).toBe(table.totals().digest);
          series += outcomes[0]?.kind === "series" ? 1 : 0;
          refused += expected.kind === "refused" ? 1 : 0;
        }
      }),
      { numRuns: 1_000 },
    );
    expect(series).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  });

  it("tells the value after each add, and one revision for each counter", () => {
    const operation = saidOnce([add("b", 5n), add("a"), add("b", 5n), add("b", -2n), add("a")]);
    expect(operation.changes).toHaveLength(3);
    const outcome = outcomeOf(outcomesOf(new MemoryTable(), operation), ticketOf(operation));
    expect(outcome.kind === "done" && outcome.results).toEqual([
      { key: "b", value: 5n, revision: 1, changed: true },
      { key: "a", value: 1n, revision: 2, changed: true },
      { key: "b", value: 10n, revision: 1, changed: true },
      { key: "b", value: 8n, revision: 1, changed: true },
      { key: "a", value: 2n, revision: 2, changed: true },
    ]);
  });

  it("takes as many rows as it has different changes, however many there are", () => {
    const operation = saidOnce(Array.from({ length: 1_000 }, (_, at) => add(`k${at % 10}`)));
    expect(outcomesOf(new MemoryTable(), operation)).toMatchObject([
      { kind: "series", rows: { length: 10 } },
    ]);
  });

  it.each<readonly [string, Add]>([
    ["an add of 0", add("a", 0n)],
    ["a bound", add("a", 1n, { max: 9n })],
    ["a member", add("a", 1n, { once: "m" })],
    ["a bound that saturates", add("a", 1n, { max: 9n, saturate: true })],
  ])("is tried change by change if one has %s", (_name, change) => {
    expect(outcomesOf(new MemoryTable(), { kind: "batch", changes: [add("b"), change] })).toMatchObject([
      { kind: "command", outcome: { kind: "done" } },
    ]);
  });

  it("is refused whole at the very change that overflows, where it repeats itself too", () => {
    const table = new MemoryTable();
    apply(table, set("a", INT64_MAX - 2n), { limits: WIDE });
    const before = seen(table);
    const operation = saidOnce([add("a"), add("b"), add("a"), add("a"), add("b")]);
    const [outcome] = outcomesOf(table, operation);
    expect(outcome).toMatchObject({
      kind: "command",
      outcome: { kind: "refused", code: "COUNTER_OVERFLOW", position: 3 },
    });
    expect(seen(table)).toEqual(before);
  });

  it("is done where it goes to the end of the range and back, which only one order of it can", () => {
    const table = new MemoryTable();
    apply(table, set("a", INT64_MAX - 1n), { limits: WIDE });
    const operation = saidOnce([add("a"), add("a", -1n), add("a"), add("a", -1n)]);
    const [outcome] = outcomesOf(table, operation);
    expect(outcome).toMatchObject({ kind: "command", outcome: { kind: "done" } });
    expect(table.counter("a")?.value).toBe(INT64_MAX - 1n);
  });
});
