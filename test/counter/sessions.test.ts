import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { applyPayload, MemoryTable } from "../../src/counter/index.ts";
import { add, apply, item, keyed, OPEN, pass, place, SMALL, seen } from "./commands.ts";

let table: MemoryTable;

beforeEach(() => {
  table = new MemoryTable();
  apply(table, OPEN);
});

describe("a session", () => {
  it("gets an id that no other ever gets", () => {
    expect(apply(table, OPEN)).toMatchObject({ session: 2 });
    pass(table, SMALL.windowMs + 1);
    expect(table.totals().sessions).toBe(0);
    expect(apply(table, OPEN)).toMatchObject({ session: 3 });
  });

  it("gives a number the same outcome again, executed once", () => {
    const first = apply(table, add("a", 5n), { once: place(1, 1) });
    expect(first).toMatchObject({ replayed: false, results: [{ value: 5n }] });
    expect(apply(table, add("a", 5n), { once: place(1, 1) })).toEqual({ ...first, replayed: true });
    expect(table.counter("a")?.value).toBe(5n);
  });

  it("remembers refusals too", () => {
    const refused = apply(table, add("a", 5n, { max: 1n }), { once: place(1, 1) });
    expect(refused).toMatchObject({ code: "LIMIT_REACHED" });
    apply(table, add("a", -10n));
    expect(apply(table, add("a", 5n, { max: 1n }), { once: place(1, 1) })).toEqual({
      ...refused,
      replayed: true,
    });
  });

  it("takes its numbers in any order", () => {
    for (const seq of [3, 1, 2]) apply(table, add("a"), { once: place(1, seq, 1) });
    for (const seq of [1, 2, 3]) {
      expect(apply(table, add("a"), { once: place(1, seq, 1) })).toMatchObject({ replayed: true });
    }
    expect(table.counter("a")?.value).toBe(3n);
  });

  it("refuses a number that was used for another request, and stays as it was", () => {
    apply(table, add("a"), { once: place(1, 1) });
    const before = seen(table);
    const outcome = apply(table, add("b"), { once: place(1, 1, 1) });
    expect(outcome).toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED", replayed: false });
    expect(seen(table)).toEqual(before);
  });

  it("forgets the outcomes that its client has, and refuses their numbers instead of executing them", () => {
    apply(table, add("a"), { once: place(1, 1) });
    apply(table, add("a"), { once: place(1, 2, 2) });
    expect([...(table.session(1)?.outcomes.keys() ?? [])]).toEqual([2]);
    const before = seen(table);
    expect(apply(table, add("a"), { once: place(1, 1) })).toMatchObject({
      code: "SESSION_EXPIRED",
      replayed: false,
    });
    expect(apply(table, add("a"), { once: place(1, 1, 1) })).toMatchObject({ code: "SESSION_EXPIRED" });
    expect(seen(table)).toEqual(before);
  });

  it("is not moved on by a late message, which still has an older first number", () => {
    apply(table, add("a"), { once: place(1, 3, 3) });
    expect(apply(table, add("a"), { once: place(1, 4, 1) })).toMatchObject({ kind: "done" });
    expect(table.session(1)?.firstUnanswered).toBe(3);
  });

  it("refuses a number that its own client has given up in the same breath", () => {
    const before = seen(table);
    expect(apply(table, add("a"), { once: place(1, 1, 2) })).toMatchObject({ code: "SESSION_EXPIRED" });
    expect(seen(table)).toEqual(before);
  });

  it("refuses numbers too far ahead of its first, and remembers no such refusal", () => {
    const tooFar = 1 + SMALL.sessionPendingMax;
    const before = seen(table);
    expect(apply(table, add("a"), { once: place(1, tooFar, 1) })).toMatchObject({
      code: "IDEMPOTENCY_CAPACITY",
    });
    expect(seen(table)).toEqual(before);
    expect(apply(table, add("a"), { once: place(1, tooFar - 1, 1) })).toMatchObject({ kind: "done" });
    expect(apply(table, add("a"), { once: place(1, tooFar, 2) })).toMatchObject({
      kind: "done",
      replayed: false,
    });
  });

  it("that never existed is refused", () => {
    expect(apply(table, add("a"), { once: place(7, 1) })).toMatchObject({ code: "SESSION_EXPIRED" });
    expect(table.counter("a")).toBeUndefined();
  });

  it("may be used in the entry that opens it", () => {
    const items = [item(OPEN), item(add("a"), place(2, 1)), item(add("a"), place(2, 1))];
    expect(applyPayload(table, { elapsed: 0, items }, SMALL)).toMatchObject([
      { outcome: { session: 2 } },
      { outcome: { replayed: false } },
      { outcome: { replayed: true } },
    ]);
    expect(table.totals().digest).toBe(table.digestOfRows());
  });

  it("ends one millisecond after the window since its last use, a replay included", () => {
    apply(table, add("a"), { once: place(1, 1) });
    apply(table, add("a"), { once: place(1, 1), elapsed: 60 });
    expect(apply(table, add("a"), { once: place(1, 2), elapsed: SMALL.windowMs })).toMatchObject({
      kind: "done",
    });
    const late = apply(table, add("a"), { once: place(1, 2), elapsed: SMALL.windowMs + 1 });
    expect(late).toMatchObject({ code: "SESSION_EXPIRED", replayed: false });
    expect(table.counter("a")?.value).toBe(2n);
    expect(table.totals().sessions).toBe(0);
  });

  it("never executes a number twice, whatever is sent again and however late", () => {
    const sends = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(80)), { maxLength: 40, size: "max" });
    fc.assert(
      fc.property(sends, (list) => {
        const fresh = new MemoryTable();
        apply(fresh, OPEN);
        const executed = new Set<number>();
        for (const [seq, first, elapsed] of list) {
          const outcome = apply(fresh, add("a"), { once: place(1, seq, first), elapsed });
          if (outcome.kind === "refused" || outcome.replayed) continue;
          expect(executed.has(seq)).toBe(false);
          executed.add(seq);
        }
        expect(fresh.counter("a")?.value ?? 0n).toBe(BigInt(executed.size));
      }),
      { numRuns: 300 },
    );
  });

  it("that is past the window is gone at once, though cleared away in pieces", () => {
    const many = new MemoryTable();
    const limits = { ...SMALL, sessionsMax: 5_000 };
    const items = Array.from({ length: 2_500 }, () => item(OPEN));
    applyPayload(many, { elapsed: 0, items }, limits);
    pass(many, SMALL.windowMs + 1, limits);
    expect(many.totals().sessions).toBe(1_500);
    expect(apply(many, add("a"), { once: place(2_500, 1), limits })).toMatchObject({
      code: "SESSION_EXPIRED",
    });
    expect(many.totals()).toMatchObject({ sessions: 499, digest: many.digestOfRows() });
  });
});

describe("too many sessions", () => {
  beforeEach(() => {
    apply(table, OPEN, { elapsed: 5 });
  });

  it("make no room while all are in use, and the refusal is not remembered", () => {
    const before = seen(table);
    expect(apply(table, OPEN, { once: keyed("k"), elapsed: 0 })).toMatchObject({
      code: "IDEMPOTENCY_CAPACITY",
      replayed: false,
    });
    expect(seen(table)).toEqual(before);
    expect(apply(table, OPEN, { once: keyed("k"), elapsed: 16 })).toMatchObject({
      session: 3,
      replayed: false,
    });
    expect(table.session(1)).toBeUndefined();
    expect(table.totals()).toMatchObject({ sessions: 2, digest: table.digestOfRows() });
  });

  it("make room by the one that was used longest ago, uses in the same entry counted", () => {
    const items = [
      item(add("a"), place(1, 1)),
      item(OPEN),
      item(add("a"), place(2, 1)),
      item(add("a"), place(1, 1)),
    ];
    expect(applyPayload(table, { elapsed: 30, items }, SMALL)).toMatchObject([
      { outcome: { kind: "done" } },
      { outcome: { session: 3 } },
      { outcome: { code: "SESSION_EXPIRED" } },
      { outcome: { replayed: true } },
    ]);
    expect(table.totals()).toMatchObject({ sessions: 2, digest: table.digestOfRows() });
  });

  it("make no exception for one that this entry has merely asked for in vain", () => {
    const items = [item(add("a"), place(1, 1, 2)), item(OPEN), item(add("a"), place(1, 1))];
    expect(applyPayload(table, { elapsed: 30, items }, SMALL)).toMatchObject([
      { outcome: { code: "SESSION_EXPIRED" } },
      { outcome: { session: 3 } },
      { outcome: { code: "SESSION_EXPIRED" } },
    ]);
    expect(table.totals()).toMatchObject({ sessions: 2, digest: table.digestOfRows() });
  });

  it("make room by the lowest id of several that were used at the same time", () => {
    const items = [item(add("a"), place(2, 1)), item(add("a"), place(1, 1))];
    applyPayload(table, { elapsed: 1, items }, SMALL);
    expect(table.oldestSession()?.id).toBe(1);
    apply(table, OPEN, { elapsed: 21 });
    expect([table.session(1), table.session(2)?.id]).toEqual([undefined, 2]);
  });

  it("do not lose what a session remembers that opens another one", () => {
    expect(apply(table, OPEN, { once: place(1, 1), elapsed: 30 })).toMatchObject({ session: 3 });
    expect(apply(table, OPEN, { once: place(1, 1) })).toMatchObject({ session: 3, replayed: true });
    expect(table.totals()).toMatchObject({ sessions: 2, digest: table.digestOfRows() });
  });
});
