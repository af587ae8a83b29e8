import { describe, expect, it } from "vitest";
import {
  type CounterRow,
  counterRowHash,
  digestOfRows,
  EMPTY_TOTALS,
  INT64_MAX,
  INT64_MIN,
  LIMITS,
  MemoryTable,
  memberRowHash,
  outcomeRowHash,
  type RememberedOutcome,
  type SessionRow,
  sessionRowHash,
} from "../../src/counter/index.ts";
import { add, apply, keyed, OPEN, place, remove } from "./commands.ts";

const COUNTER: CounterRow = { key: "a", value: 5n, revision: 3 };
const OUTCOME: RememberedOutcome = {
  key: "k",
  fingerprint: 7,
  at: 8,
  serial: 9,
  outcome: Uint8Array.of(1, 2),
};
const SESSION: SessionRow = {
  id: 1,
  usedAt: 2,
  firstUnanswered: 3,
  outcomes: new Map([
    [4, { fingerprint: 5, outcome: Uint8Array.of(6) }],
    [5, { fingerprint: 5, outcome: Uint8Array.of(7) }],
  ]),
};

function expectAllDifferent(hashes: readonly number[]): void {
  expect(new Set(hashes).size).toBe(hashes.length);
}

describe("the hash of a row", () => {
  it("never changes: the store saves it, and nodes compare digests", () => {
    expect(counterRowHash(COUNTER)).toMatchInlineSnapshot(`4473903094870314`);
    expect(counterRowHash({ ...COUNTER, value: INT64_MIN })).toMatchInlineSnapshot(`44414722173859`);
    expect(memberRowHash("a", "m")).toMatchInlineSnapshot(`2903497993848051`);
    expect(outcomeRowHash(OUTCOME)).toMatchInlineSnapshot(`182307660889544`);
    expect(sessionRowHash(SESSION)).toMatchInlineSnapshot(`1994370796950822`);
  });

  it("depends on every field of a counter, in sign and size", () => {
    const values = [
      0n,
      5n,
      -5n,
      INT64_MAX,
      INT64_MAX - 1n,
      INT64_MIN,
      2n ** 53n,
      2n ** 53n + 1n,
      -(2n ** 53n),
    ];
    expectAllDifferent([
      ...values.map((value) => counterRowHash({ ...COUNTER, value })),
      counterRowHash({ ...COUNTER, key: "b" }),
      counterRowHash({ ...COUNTER, revision: 4 }),
    ]);
  });

  it("depends on both parts of a member, and where they part", () => {
    expectAllDifferent([memberRowHash("ab", "c"), memberRowHash("a", "bc"), memberRowHash("c", "ab")]);
  });

  it("depends on every field of a remembered outcome", () => {
    expectAllDifferent([
      outcomeRowHash(OUTCOME),
      outcomeRowHash({ ...OUTCOME, key: "l" }),
      outcomeRowHash({ ...OUTCOME, fingerprint: 0 }),
      outcomeRowHash({ ...OUTCOME, at: 0 }),
      outcomeRowHash({ ...OUTCOME, serial: 0 }),
      outcomeRowHash({ ...OUTCOME, outcome: Uint8Array.of(1, 3) }),
    ]);
  });

  it("depends on every field of a session, but not on the order of its outcomes", () => {
    const [four, five] = [...SESSION.outcomes.values()] as [never, never];
    const turned = new Map([
      [5, five],
      [4, four],
    ]);
    expect(sessionRowHash({ ...SESSION, outcomes: turned })).toBe(sessionRowHash(SESSION));
    expectAllDifferent([
      sessionRowHash(SESSION),
      sessionRowHash({ ...SESSION, id: 0 }),
      sessionRowHash({ ...SESSION, usedAt: 0 }),
      sessionRowHash({ ...SESSION, firstUnanswered: 0 }),
      sessionRowHash({ ...SESSION, outcomes: new Map([[4, four]]) }),
      sessionRowHash({
        ...SESSION,
        outcomes: new Map([
          [5, four],
          [4, five],
        ]),
      }),
    ]);
  });
});

describe("the digest", () => {
  it("is the sum over the rows of all tables, and 0 without rows", () => {
    const rows = {
      counters: [COUNTER],
      members: [["a", "m"]],
      outcomes: [OUTCOME],
      sessions: [SESSION],
    } as const;
    const sum = [
      counterRowHash(COUNTER),
      memberRowHash("a", "m"),
      outcomeRowHash(OUTCOME),
      sessionRowHash(SESSION),
    ];
    expect(digestOfRows(rows)).toBe(
      Number(sum.reduce((total, hash) => total + BigInt(hash), 0n) % 2n ** 52n),
    );
    expect(digestOfRows({ counters: [], members: [], outcomes: [], sessions: [] })).toBe(0);
  });

  it("follows the rows of every table as they come and go", () => {
    const table = new MemoryTable();
    const seen = new Set<number>();
    const steps = [
      () => apply(table, add("a")),
      () => apply(table, add("a", 1n, { once: "m" })),
      () => apply(table, OPEN),
      () => apply(table, add("b"), { once: keyed("k") }),
      () => apply(table, add("b"), { once: place(1, 1) }),
      () => apply(table, remove("a")),
    ];
    for (const step of steps) {
      step();
      expect(table.totals().digest).toBe(table.digestOfRows());
      seen.add(table.totals().digest);
    }
    expect(seen.size).toBe(steps.length);
    apply(table, remove("b"), { elapsed: 1_000 });
    expect(table.totals().digest).toBe(0);
  });

  it("begins at 0, with the whole window in force", () => {
    expect(EMPTY_TOTALS).toMatchObject({ digest: 0, idempotencyWindowMs: LIMITS.windowMs });
    expect(LIMITS).toEqual({
      windowMs: 600_000,
      floorMs: 60_000,
      capacity: 1_000_000,
      sessionsMax: 100_000,
      sessionPendingMax: 256,
    });
  });
});
