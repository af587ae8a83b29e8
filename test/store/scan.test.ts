import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CounterRow, compileGlob } from "../../src/counter/index.ts";
import {
  answerScan,
  ChangeHistory,
  type CounterChange,
  type QueryAnswer,
  type ScanQuery,
} from "../../src/store/index.ts";
import { memorySource } from "./memory-source.ts";

function never(): boolean {
  return false;
}

function scan(rows: readonly CounterRow[], query: ScanQuery): QueryAnswer {
  return answerScan(query, memorySource(rows), never);
}

function row(key: string, value: bigint, revision: number = 1): CounterRow {
  return { key, value, revision };
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const anyKey = fc.oneof(
  fc
    .array(fc.constantFrom("a", "b", ":", "é", "😀"), { minLength: 1, maxLength: 5 })
    .map((all) => all.join("")),
  fc.constantFrom("items:acme:1", "items:acme:2", "items:bee:1", "items:", "items", "\uffff", "\u{10000}"),
);
const anyRows = fc
  .uniqueArray(anyKey, { maxLength: 30 })
  .chain((keys) =>
    fc
      .array(fc.bigInt({ min: -3n, max: 3n }), { minLength: keys.length, maxLength: keys.length })
      .map((values) => keys.map((key, at) => row(key, values[at] ?? 0n, at + 1))),
  );
const anyPrefix = fc.constantFrom("", "a", "items:", "items:a", "😀", "b:");
const anyGlob = fc.option(fc.constantFrom("*", "a*", "items:*:1", "*é*", "[ab]?*", "items", "\\a", "😀*"), {
  nil: undefined,
});

describe("a scan", () => {
  it("pages through what matches in each order, each counter once, as sorting everything does", () => {
    fc.assert(
      fc.property(
        anyRows,
        anyPrefix,
        anyGlob,
        fc.constantFrom("key" as const, "value" as const, "-value" as const),
        fc.integer({ min: 1, max: 7 }),
        (rows, prefix, match, order, limit) => {
          const sign = order === "-value" ? -1n : 1n;
          const wanted = rows
            .filter(({ key }) => key.startsWith(prefix))
            .filter(({ key }) => match === undefined || compileGlob(match).matches(key))
            .sort((a, b) => {
              if (order === "key" || a.value === b.value) return byBytes(a.key, b.key);
              return (a.value - b.value) * sign < 0n ? -1 : 1;
            });
          const found: CounterRow[] = [];
          for (let more = true; more; ) {
            const answer = scan(rows, { kind: "scan", prefix, match, order, after: found.at(-1), limit });
            if (answer.kind !== "scan") throw new Error("a scan is answered by a scan");
            found.push(...answer.rows);
            expect(answer.rows.length).toBeLessThanOrEqual(limit);
            expect(answer.more).toBe(found.length < wanted.length);
            more = answer.more;
          }
          expect(found).toEqual(wanted);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("goes on in an order by value from a place whose counter has changed or gone", () => {
    const rows = [row("a", 1n), row("b", 2n), row("c", 2n), row("d", 3n)];
    const query = { kind: "scan", prefix: "", match: undefined, limit: 9 } as const;
    const keys = (answer: QueryAnswer): unknown =>
      answer.kind === "scan" && answer.rows.map(({ key }) => key);
    expect(keys(scan(rows, { ...query, order: "value", after: { key: "bb", value: 2n } }))).toEqual([
      "c",
      "d",
    ]);
    expect(keys(scan(rows, { ...query, order: "-value", after: { key: "bb", value: 2n } }))).toEqual([
      "c",
      "a",
    ]);
  });

  it("stops when its time is over, and says that it is too much", () => {
    const rows = Array.from({ length: 5_000 }, (_, at) => row(`k${at}`, 1n));
    let looks = 0;
    const query = { kind: "sum", prefix: "", depth: 0, limit: 1 } as const;
    const answer = answerScan(query, memorySource(rows), () => ++looks === 3);
    expect(answer).toMatchObject({ kind: "tooMuch" });
    expect(looks).toBe(3);
  });

  it("reads no further than it has to, and begins where the glob does", () => {
    const read: string[] = [];
    const all = memorySource(
      Array.from({ length: 100 }, (_, at) => row(`k${String(at).padStart(2, "0")}`, 1n)),
    );
    const source = {
      row: all.row,
      *rows(prefix: string, after: string | undefined): Iterable<CounterRow> {
        for (const one of all.rows(prefix, after)) {
          read.push(one.key);
          yield one;
        }
      },
    };
    const query = { kind: "scan", prefix: "k", order: "key", after: undefined, limit: 2 } as const;
    answerScan({ ...query, match: "k5*" }, source, never);
    expect(read).toEqual(["k50", "k51", "k52"]);
    read.length = 0;
    answerScan({ ...query, match: "x*" }, source, never);
    expect(read).toEqual([]);
  });
});

describe("a sum", () => {
  it("adds up what a naive grouping adds up, beyond the range of one counter too", () => {
    fc.assert(
      fc.property(
        anyRows,
        anyPrefix,
        fc.nat(3),
        fc.integer({ min: 1, max: 6 }),
        (rows, prefix, depth, limit) => {
          const below = rows
            .filter(({ key }) => key.startsWith(prefix))
            .sort((a, b) => byBytes(a.key, b.key));
          const groups = new Map<string, { prefix: string; sum: bigint; counters: number }>();
          for (const { key, value } of below) {
            const segments = key.slice(prefix.length).split(":");
            const name = segments.length > depth ? `${prefix + segments.slice(0, depth).join(":")}:` : key;
            const group = groups.get(name) ?? { prefix: name, sum: 0n, counters: 0 };
            groups.set(name, { prefix: name, sum: group.sum + value, counters: group.counters + 1 });
          }
          const list = depth === 0 ? [] : [...groups.values()].sort((a, b) => byBytes(a.prefix, b.prefix));
          expect(scan(rows, { kind: "sum", prefix, depth, limit })).toEqual({
            kind: "sum",
            total: { prefix, sum: below.reduce((sum, { value }) => sum + value, 0n), counters: below.length },
            groups: list.slice(0, limit),
            more: list.length > limit,
          });
        },
      ),
      { numRuns: 500 },
    );
    const huge = [row("a:1", 2n ** 63n - 1n), row("a:2", 2n ** 63n - 1n)];
    expect(scan(huge, { kind: "sum", prefix: "", depth: 1, limit: 9 })).toMatchObject({
      total: { sum: 2n ** 64n - 2n, counters: 2 },
      groups: [{ prefix: "a:", sum: 2n ** 64n - 2n, counters: 2 }],
    });
  });
});

describe("a selection", () => {
  it("gives what is named or matches, in order of key, each once", () => {
    fc.assert(
      fc.property(
        anyRows,
        fc.array(anyKey, { maxLength: 4 }),
        fc.array(fc.constantFrom("a*", "items:*", "*:1", "?", "items"), { maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (rows, keys, globs, limit) => {
          const wanted = rows
            .filter(({ key }) => keys.includes(key) || globs.some((glob) => compileGlob(glob).matches(key)))
            .sort((a, b) => byBytes(a.key, b.key));
          expect(scan(rows, { kind: "select", keys, globs, limit })).toEqual({
            kind: "select",
            rows: wanted.slice(0, limit),
            more: wanted.length > limit,
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("the history of changes", () => {
  const anySteps = fc.array(
    fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), fc.boolean()), {
      selector: ([key]) => key,
      maxLength: 5,
    }),
    { maxLength: 40 },
  );

  it("tells of every counter changed since then its latest change, or that it does not reach back", () => {
    fc.assert(
      fc.property(
        anySteps,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (steps, max, limit) => {
          const history = new ChangeHistory(7, max);
          const all: CounterChange[] = [];
          let revision = 7;
          for (const step of steps) {
            const changes = step.map(([key, deleted]) => ({ key, value: 1n, revision: ++revision, deleted }));
            // Noted in any order.
            for (const change of changes.toReversed()) history.note(change);
            history.commit();
            all.push(...changes);
          }
          const latest = all.filter(
            ({ key, revision: at }) => !all.some((c) => c.key === key && c.revision > at),
          );
          for (let after = 0; after <= revision + 1; after++) {
            const told: CounterChange[] = [];
            let from = after;
            let answer = history.after(from, limit, revision);
            if (after < answer.since) {
              expect(answer).toMatchObject({ changes: [], revision });
              // It is forgotten only because there is more than it may keep.
              expect(after < 7 || latest.filter((c) => c.revision > after).length > max).toBe(true);
              continue;
            }
            for (;;) {
              expect(answer.changes.length).toBeLessThanOrEqual(limit);
              told.push(...answer.changes);
              from = answer.upTo;
              if (answer.changes.length < limit) break;
              answer = history.after(from, limit, revision);
            }
            expect(from).toBe(revision);
            expect(told).toEqual(latest.filter((c) => c.revision > after));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("costs a few microseconds for each change, on one hot counter as on a million", () => {
    const history = new ChangeHistory(0);
    // Of this process alone: others may run meanwhile.
    const before = process.cpuUsage();
    for (let revision = 1; revision <= 300_000; revision++) {
      const key = revision % 2 === 0 ? "hot" : `k${revision}`;
      history.note({ key, value: 1n, revision, deleted: false });
      history.commit();
    }
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(1_500);
    expect(history.after(299_990, 100, 300_000).changes).toHaveLength(6);
  });
});
