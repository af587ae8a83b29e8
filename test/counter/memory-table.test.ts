import { describe, expect, it } from "vitest";
import { digestAdd } from "../../src/base/index.ts";
import { applyPayload, MemoryTable, memberRowHash, type RememberedOutcome } from "../../src/counter/index.ts";
import { add, apply, item, keyed, OPEN, place, remove, SMALL, seen, WIDE } from "./commands.ts";

function outcome(key: string, serial: number): RememberedOutcome {
  return { key, serial, at: serial, fingerprint: 1, outcome: Uint8Array.of(1) };
}

function session(id: number, usedAt: number) {
  return { id, usedAt, firstUnanswered: 0, outcomes: new Map() };
}

describe("MemoryTable", () => {
  it("keeps copies apart, in every kind of row and in both directions", () => {
    const table = new MemoryTable();
    apply(table, OPEN);
    apply(table, add("a", 1n, { once: "m" }), { once: keyed("k") });
    apply(table, add("b"), { once: place(1, 1) });
    const copy = table.clone();
    const before = seen(table);
    for (const [writer, other] of [
      [table.clone(), table],
      [table, copy],
    ] as const) {
      apply(writer, add("a", 1n, { once: "n" }), { once: keyed("l") });
      apply(writer, add("a", 1n, { once: "o" }));
      apply(writer, add("b"), { once: place(1, 2) });
      apply(writer, remove("b"));
      apply(writer, OPEN);
      expect(seen(other)).toEqual(before);
      expect([other.hasMember("a", "m"), other.hasMember("a", "n")]).toEqual([true, false]);
      expect([writer.hasMember("a", "m"), writer.hasMember("a", "n")]).toEqual([true, true]);
      expect(other.outcome("l")).toBeUndefined();
      expect(other.session(1)?.outcomes.size).toBe(1);
      expect(writer.totals().digest).toBe(writer.digestOfRows());
      expect(other.totals().digest).toBe(other.digestOfRows());
    }
  });

  it("copies what is large in no time, until one side writes", () => {
    const table = new MemoryTable();
    const items = Array.from({ length: 20_000 }, (_, n) =>
      item(add(`k${n}`, 1n, { once: "m" }), keyed(`i${n}`)),
    );
    applyPayload(table, { elapsed: 0, items }, WIDE);
    const start = performance.now();
    const copies = Array.from({ length: 10_000 }, () => table.clone());
    // Copying the rows ten thousand times would take more than ten seconds.
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(copies.at(-1)?.counter("k19999")?.value).toBe(1n);
  });

  it("gives the sum of the hashes of a key's members when it removes them", () => {
    const table = new MemoryTable();
    table.addMember("a", "m");
    table.addMember("a", "n");
    table.addMember("b", "m");
    expect(table.deleteMembers("a")).toBe(digestAdd(memberRowHash("a", "m"), memberRowHash("a", "n")));
    expect(table.deleteMembers("a")).toBe(0);
    expect([table.hasMember("a", "m"), table.hasMember("b", "m")]).toEqual([false, true]);
    expect(() => table.addMember("b", "m")).toThrow(/once/);
  });

  it("finds the outcome with the lowest serial", () => {
    const table = new MemoryTable();
    expect(table.oldestOutcome()).toBeUndefined();
    for (const [key, serial] of [
      ["z", 1],
      ["a", 2],
      ["m", 3],
    ] as const)
      table.putOutcome(outcome(key, serial));
    expect(table.oldestOutcome()?.key).toBe("z");
    table.deleteOutcome(outcome("z", 1));
    expect(table.oldestOutcome()?.key).toBe("a");
    table.putOutcome(outcome("z", 4));
    expect(table.oldestOutcome()?.key).toBe("a");
    expect(() => table.putOutcome(outcome("z", 5))).toThrow(/once/);
  });

  it("finds the session that was used longest ago, of several the lowest id", () => {
    const table = new MemoryTable();
    expect(table.oldestSession()).toBeUndefined();
    for (const id of [3, 1, 2]) table.putSession(session(id, 10));
    expect(table.oldestSession()?.id).toBe(1);
    table.putSession(session(1, 20));
    expect(table.oldestSession()?.id).toBe(2);
    table.deleteSession(2);
    table.deleteSession(3);
    expect(table.oldestSession()?.id).toBe(1);
  });

  it("gives the state before the first entry as empty", () => {
    expect(new MemoryTable().totals()).toMatchObject({ revision: 0, logTime: 0, digest: 0 });
    expect(new MemoryTable().digestOfRows()).toBe(0);
    applyPayload(new MemoryTable(), { elapsed: 0, items: [] }, SMALL);
    expect(() => applyPayload(new MemoryTable(), { elapsed: -1, items: [] }, SMALL)).toThrow(/log time/);
  });
});
