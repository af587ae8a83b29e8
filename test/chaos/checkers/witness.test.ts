import { describe, expect, it } from "vitest";
import { checkWitness } from "../../../chaos/checkers/witness.ts";
import { type Cases, expectVerdict } from "./case.ts";
import { add, ok, READ, STALE, set, unknown } from "./told.ts";

describe("the witness", () => {
  const at = (
    revision: number,
    index: number,
    term = 1,
  ): { revision: number; index: number; term: number } => ({
    revision,
    index,
    term,
  });
  const cases: Cases = {
    "accepts one committed order": {
      calls: [
        ok(add(1), [0, 5], 1, at(1, 4)),
        ok(add(1), [1, 2], 2, at(2, 4)),
        ok(READ, [6, 7], 2, at(2, 5, 2)),
        ok(set(2), [8, 9], 2, { ...at(2, 6, 2), changed: false }),
        ok(STALE, [10, 11], 0, at(0, 3)),
      ],
    },
    "accepts what unknown writes have made": {
      calls: [
        unknown(add(1), 0),
        unknown(set(9), 1),
        ok(add(1), [2, 3], 10, at(3, 6)),
        ok(READ, [4, 5], 10, at(3, 6)),
      ],
    },
    "rejects two values of one revision": {
      calls: [ok(READ, [0, 1], 1, at(1, 4)), ok(READ, [2, 3], 2, at(1, 4))],
      detail: /revision 1 is k at 1, and k at 2/,
      offenders: [0, 2],
    },
    "rejects one revision of two changes": {
      calls: [ok(add(1), [0, 2], 1, at(1, 4)), ok(add(1), [1, 3], 1, at(1, 4))],
      detail: /two writes both made revision 1/,
      offenders: [0, 1],
    },
    "rejects a value that nobody wrote": {
      calls: [ok(READ, [0, 1], 1, at(0, 4))],
      detail: /k was never written, and yet 1/,
      offenders: [0],
    },
    "rejects terms that go back": {
      calls: [ok(add(1), [0, 2], 1, at(1, 4, 2)), ok(add(1), [1, 3], 2, at(2, 5, 1))],
      detail: /entry 5 is of term 1, and entry 4 of term 2/,
      offenders: [0, 1],
    },
    "rejects two terms of one index": {
      calls: [ok(add(1), [0, 2], 1, at(1, 4, 1)), ok(add(1), [1, 3], 2, at(2, 4, 2))],
      detail: /entry 4 is of term 2, and entry 4 of term 1/,
      offenders: [0, 1],
    },
    "rejects revisions that go back where indexes go on": {
      calls: [ok(add(1), [0, 2], 1, at(1, 5)), ok(add(1), [1, 3], 2, at(2, 4))],
      detail: /revision 1 was made at index 5, and 2 before, at 4/,
      offenders: [0, 1],
    },
    "rejects a write in an entry that had been answered": {
      calls: [ok(READ, [0, 1], 0, at(0, 4)), ok(add(1), [2, 3], 1, at(1, 4))],
      detail: /a write was carried by entry 4, and index 4 had been answered before it began/,
      offenders: [0, 2],
    },
    "rejects a read of an index before one that had been answered": {
      calls: [ok(READ, [0, 1], 0, at(0, 4)), ok(READ, [2, 3], 0, at(0, 3))],
      detail: /a read is of index 3, and index 4 had been answered before it began/,
      offenders: [0, 2],
    },
    "rejects a change of a revision before one that had been seen": {
      calls: [ok(add(1), [0, 2], 1, { ...at(2, 4), replayed: true }), ok(add(1), [3, 4], 2, at(1, 5))],
      detail: /a write made revision 1, and revision 2 had been seen before it began/,
      offenders: [0, 3],
    },
    "rejects a read of a revision before one that had been seen": {
      calls: [ok(READ, [0, 1], 1, at(1, 4)), ok(READ, [2, 3], 0, at(0, 5))],
      detail: /k was at revision 0, and had been seen at 1 before that was asked/,
      offenders: [0, 2],
    },
    "rejects a read that lacks a change before its index": {
      calls: [ok(add(1), [0, 3], 1, at(1, 4)), ok(READ, [1, 2], 0, at(0, 5))],
      detail: /a read of index 5 shows revision 0, and not 1, made at 4/,
      offenders: [0, 1],
    },
    "rejects a read that shows a change behind its index": {
      calls: [ok(add(1), [0, 3], 1, at(1, 6)), ok(STALE, [1, 2], 1, at(1, 5))],
      detail: /a read of index 5 shows revision 1, but 1 was made at 6/,
      offenders: [0, 1],
    },
    "rejects values that do not follow from each other": {
      calls: [ok(add(1), [0, 1], 1, at(1, 4)), ok(add(1), [2, 3], 3, at(2, 5))],
      detail:
        /k came to 3 at revision 2 by an add of 1, and was 1 at the revision seen before: 1 is missing, with room for 0/,
      offenders: [2],
    },
    "rejects a change that nobody can have made": {
      calls: [ok(add(1), [0, 1], 1, at(1, 4)), ok(READ, [2, 3], 2, at(2, 5)), unknown(add(1), 4)],
      detail: /k came to 2 at revision 2 by nobody who was told/,
      offenders: [2],
    },
    "uses each unknown add once": {
      calls: [unknown(add(1), 0), ok(add(1), [1, 2], 2, at(2, 5)), ok(add(1), [3, 4], 4, at(4, 6))],
      detail: /k came to 4 at revision 4/,
      offenders: [3],
    },
  };
  it.each(Object.entries(cases))("%s", (_, one) => expectVerdict(checkWitness, one));

  it("leaves answers that say no index to the others", () => {
    expect(checkWitness([ok(add(1), [0, 1], 1), ok(READ, [2, 3], 0)])).toMatchObject({
      valid: true,
      operations: 0,
    });
  });
});
