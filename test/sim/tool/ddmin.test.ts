import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ddmin } from "./ddmin.ts";

const TEN = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe("delta debugging", () => {
  it("finds the elements that fail together, however far apart they are", () => {
    const fails = (part: readonly number[]): boolean => part.includes(2) && part.includes(9);
    expect(ddmin(TEN, fails)).toEqual([2, 9]);
  });

  it("finds nothing when nothing is needed", () => {
    expect(ddmin(TEN, () => true)).toEqual([]);
    expect(ddmin([], () => true)).toEqual([]);
  });

  it("keeps everything when everything is needed", () => {
    expect(ddmin(TEN, (part) => part.length === TEN.length)).toEqual(TEN);
  });

  it("ends with a part of which no element can be left out, whatever fails", () => {
    const anyRule = fc.array(
      fc.uniqueArray(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: 4 }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(anyRule, (reasons) => {
        const fails = (part: readonly number[]): boolean =>
          reasons.some((reason) => reason.every((one) => part.includes(one)));
        const all = Array.from({ length: 20 }, (_, at) => at);
        const smallest = ddmin(all, fails);
        expect(fails(smallest)).toBe(true);
        for (const one of smallest) expect(fails(smallest.filter((other) => other !== one))).toBe(false);
      }),
    );
  });

  it("gives the smallest part so far when the time is over", () => {
    let left = 3;
    const smallest = ddmin(
      TEN,
      (part) => part.includes(1),
      () => left-- > 0,
    );
    expect(smallest).toEqual([1, 2, 3, 4, 5]);
  });
});
