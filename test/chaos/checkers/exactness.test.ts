import { describe, expect, it } from "vitest";
import { requires } from "../../support/capability.ts";
import { compare, KINDS, type Tally } from "./exactness.ts";

function compareMany(kind: string, histories: number, firstSeed: number): Tally {
  const tally: Tally = { histories: 0, linearizable: 0 };
  for (let at = 0; at < histories; at++) expect(compare(kind, firstSeed + at, tally)).toBeUndefined();
  return tally;
}

describe.each(Object.keys(KINDS))("a history of %s", (kind) => {
  it("is judged as by brute force, whether it is linearizable or not", () => {
    const tally = compareMany(kind, 1_500, 1);
    expect(tally.linearizable).toBeGreaterThan(300);
    expect(tally.histories - tally.linearizable).toBeGreaterThan(300);
  });

  it("is judged as by brute force a hundred thousand times", { timeout: 300_000 }, (context) => {
    requires(context, "patience");
    expect(compareMany(kind, 100_000, 1_000_000).histories).toBe(100_000);
  });
});
