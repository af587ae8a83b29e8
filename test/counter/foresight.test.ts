import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  Foresight,
  type Item,
  type ItemOutcome,
  MemoryTable,
} from "../../src/counter/index.ts";
import { add, anyItem, anyPlainAdd, anyRun, batch, item, keyed, remove, SMALL, set } from "./commands.ts";

/** Applies items as an entry, of which `foresight` learns. */
function applied(table: MemoryTable, foresight: Foresight, ...items: readonly Item[]): ItemOutcome[] {
  const outcomes = applyPayload(table, { elapsed: 1, items }, SMALL);
  foresight.learn(items, outcomes);
  foresight.reached(table.totals().revision);
  return outcomes;
}

function run(key: string, count: number, by: bigint = 1n): Item {
  return { kind: "run", key, by, count };
}

/** What a caller is told: of a run of which nothing was done the first add means nothing. */
function told(outcomes: readonly ItemOutcome[] | undefined): unknown {
  return outcomes?.map((one) =>
    one.kind === "run" && one.applied === 0 ? { ...one, first: undefined } : one,
  );
}

describe("what runs will give", () => {
  it("is foretold as applying them then gives it, whatever came before, near overflow too", () => {
    let foretold = 0;
    const entry = fc.oneof(
      fc.array(anyRun, { minLength: 1, maxLength: 4 }),
      fc.array(anyItem, { maxLength: 3 }),
      fc.array(anyPlainAdd, { minLength: 1, maxLength: 4 }).map((adds) => [item(batch(...adds))]),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20, size: "max" }), (entries) => {
        const table = new MemoryTable();
        const foresight = new Foresight(2);
        for (const items of entries) {
          const expected = foresight.foretell(items);
          if (expected === undefined) {
            applied(table, foresight, ...items);
            continue;
          }
          foretold += 1;
          expect(told(applyPayload(table, { elapsed: 1, items }, SMALL))).toEqual(told(expected));
          expect(foresight.revision).toBe(table.totals().revision);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(foretold).toBeGreaterThan(500);
  });

  it("is not known before anything was applied, and not of a counter that was not seen", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight()];
    expect(foresight.foretell([run("a", 1)])).toBeUndefined();
    applied(table, foresight, run("a", 2));
    expect(foresight.foretell([run("a", 1), run("b", 1)])).toBeUndefined();
    expect(foresight.foretell([run("a", 3), run("a", 1, 5n)])).toMatchObject([
      { first: { key: "a", value: 3n, revision: 3 }, applied: 3 },
      { first: { key: "a", value: 10n, revision: 6 }, applied: 1 },
    ]);
  });

  it("goes on from whatever a command gave, and from 0 where a counter was removed", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight()];
    applied(
      table,
      foresight,
      item(set("a", 41n)),
      item(add("b", 5n, { max: 6n })),
      item(add("b", 5n, { max: 6n })),
    );
    expect(foresight.foretell([run("a", 1), run("b", 1)])).toMatchObject([
      { first: { value: 42n, revision: 3 } },
      { first: { value: 6n, revision: 4 } },
    ]);
    applyPayload(table, { elapsed: 1, items: [run("a", 1), run("b", 1)] }, SMALL);
    applied(table, foresight, item(remove("a")));
    expect(foresight.foretell([run("a", 1)])).toMatchObject([{ first: { value: 1n, revision: 6 } }]);
  });

  it("does not go back to what a retry is told again", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight()];
    const once = item(add("a"), keyed("k"));
    applied(table, foresight, once, run("a", 5), once);
    expect(foresight.foretell([run("a", 1)])).toMatchObject([{ first: { value: 7n, revision: 7 } }]);
  });

  it("is told of runs alone", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight()];
    applied(table, foresight, run("a", 1));
    for (const other of [item(add("a")), item(set("a", 1n)), item(remove("a")), item(batch(add("a")))]) {
      expect(foresight.foretell([run("a", 1), other])).toBeUndefined();
    }
    expect(foresight.revision).toBe(1);
  });

  it("is not known any more once it is forgotten, or after a batch", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight()];
    applied(table, foresight, run("a", 1));
    foresight.forget();
    expect(foresight.foretell([run("a", 1)])).toBeUndefined();
    applied(table, foresight, run("a", 1));
    applied(table, foresight, item(batch(add("b"), set("a", 9n))));
    expect(foresight.foretell([run("a", 1)])).toBeUndefined();
  });

  it("is known of a bounded number of counters, of which the first that was seen gives way", () => {
    const [table, foresight] = [new MemoryTable(), new Foresight(2)];
    applied(table, foresight, run("a", 1), run("b", 1), run("a", 1), run("c", 1));
    expect(foresight.foretell([run("a", 1)])).toBeUndefined();
    expect(foresight.foretell([run("b", 1), run("c", 1)])).toBeDefined();
  });
});
