import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChangeHistory } from "../../src/store/change-history.ts";

const MAX = 4;

/** Changes of a few counters, more than are remembered, some of them deletions. */
const anyChanges = fc.array(
  fc.record({ key: fc.constantFrom("a", "b", "c", "d", "e", "f"), deleted: fc.boolean() }),
  { maxLength: 60 },
);

describe("the latest change of a counter", () => {
  it("is the one that was noted last, or is not remembered, and is for as many counters as it may", () => {
    fc.assert(
      fc.property(anyChanges, (changes) => {
        const history = new ChangeHistory(0, MAX);
        const latest = new Map<string, object>();
        for (const [at, { key, deleted }] of changes.entries()) {
          const change = { key, deleted, value: deleted ? 0n : BigInt(at), revision: at + 1 };
          history.note(change);
          history.commit();
          latest.delete(key);
          latest.set(key, change);
        }
        const remembered = [...latest].slice(-MAX);
        for (const [key, change] of remembered) expect(history.latest(key)).toEqual(change);
        for (const [key] of [...latest].slice(0, -MAX)) expect(history.latest(key)).toBeUndefined();
      }),
    );
  });

  it("is nothing before the history begins", () => {
    expect(new ChangeHistory(12).latest("a")).toBeUndefined();
  });
});
