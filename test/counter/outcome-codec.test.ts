import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  decodeOutcome,
  encodeOutcome,
  INT64_MIN,
  MalformedBytes,
  MemoryTable,
  type Outcome,
} from "../../src/counter/index.ts";
import { add, anyHistory, batch, SMALL } from "./commands.ts";

const packr = new Packr({ useRecords: false });

/** As another program would write it. */
function raw(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

describe("the outcome codec", () => {
  it("gives back every outcome of every operation, marked as a replay", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const table = new MemoryTable();
        for (const payload of history) {
          const outcomes = applyPayload(table, payload, SMALL);
          for (const [at, { kind, ...rest }] of payload.items.entries()) {
            const outcome = outcomes[at];
            if (kind !== "command" || outcome?.kind !== "command" || !("command" in rest)) continue;
            const again = decodeOutcome(encodeOutcome(outcome.outcome), rest.command.operation);
            expect(again).toEqual({ ...outcome.outcome, replayed: true });
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("never changes its bytes: they are part of the digest", () => {
    const done: Outcome = {
      kind: "done",
      results: [
        { key: "a", value: INT64_MIN, revision: 5_000_000_000, changed: true },
        { key: "b", value: 7n, revision: 3, changed: false },
      ],
      replayed: false,
    };
    const opened: Outcome = { kind: "done", results: [], session: 9, replayed: false };
    const refused: Outcome = {
      kind: "refused",
      code: "LIMIT_REACHED",
      detail: "No.",
      position: 2,
      replayed: false,
    };
    const hex = (outcome: Outcome): string =>
      [...encodeOutcome(outcome)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex(done)).toMatchInlineSnapshot(`"93010096d38000000000000000cb41f2a05f20000000c30703c2"`);
    expect(hex(opened)).toMatchInlineSnapshot(`"9401009009"`);
    expect(hex(refused)).toMatchInlineSnapshot(`"95010102a34e6f2e02"`);
  });

  it("appends what each saturating add added, and nothing where there is none", () => {
    const result = { key: "a", value: 5n, revision: 1, changed: true };
    const outcome: Outcome = {
      kind: "done",
      results: [{ ...result, applied: 2n }, result, { ...result, changed: false, applied: 0n }],
      replayed: false,
    };
    const bytes = encodeOutcome(outcome);
    expect(bytes).toEqual(raw([1, 0, [5, 1, true, 5, 1, true, 5, 1, false], null, [2, 0]]));
    const saturating = add("a", 2n, { max: 5n, saturate: true });
    const again = decodeOutcome(bytes, batch(saturating, add("a"), saturating));
    expect(again).toEqual({ ...outcome, replayed: true });
    for (const other of [batch(add("a"), add("a"), add("a")), batch(saturating, saturating, saturating)]) {
      expect(() => decodeOutcome(bytes, other)).toThrow(MalformedBytes);
    }
  });

  it.each<[string, unknown]>([
    ["a later format", [2, 0, []]],
    ["neither done nor refused", [1, 2]],
    ["an unknown code", [1, 1, 99, "No.", 0]],
    ["the results of another operation", [1, 0, [1, 1, true, 2, 2, true]]],
    ["a result that is no boolean", [1, 0, [1, 1, 1]]],
  ])("refuses %s", (_, value) => {
    expect(() => decodeOutcome(raw(value), add("a"))).toThrow(MalformedBytes);
  });
});
