import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Json, parseExact, printExact } from "../../src/client/index.ts";

describe("exact JSON", () => {
  it("keeps every digit of a 64-bit integer in both directions", () => {
    const text = '{"value":9223372036854775807,"low":-9223372036854775808}';
    const parsed = parseExact(text);
    expect(parsed).toEqual({ value: 9223372036854775807n, low: -9223372036854775808n });
    expect(printExact(parsed)).toBe(text);
  });

  it("tells the first integer that a double cannot hold from its neighbours", () => {
    expect(parseExact("[9007199254740991,9007199254740992,9007199254740993]")).toEqual([
      9007199254740991,
      9007199254740992n,
      9007199254740993n,
    ]);
  });

  it("leaves digits inside strings and fractions alone", () => {
    expect(parseExact('["9007199254740993",1.5,1e300,-0.25]')).toEqual([
      "9007199254740993",
      1.5,
      1e300,
      -0.25,
    ]);
  });

  it("prints as JSON.stringify does where that is exact", () => {
    const { tie } = fc.letrec((again) => ({
      tie: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false),
        fc.integer(),
        fc.string({ unit: "grapheme" }),
        fc.array(again("tie"), { maxLength: 4 }),
        fc.dictionary(fc.string(), again("tie"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tie, (value) => {
        expect(printExact(value as Json)).toBe(JSON.stringify(value));
        expect(printExact(value as Json, 2)).toBe(JSON.stringify(value, undefined, 2));
      }),
    );
  });

  it("gives back any bigint that was printed", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
        expect(BigInt(parseExact(printExact(value)) as bigint)).toBe(value);
      }),
    );
  });

  it("leaves out fields that are undefined", () => {
    expect(printExact({ by: 1n, min: undefined })).toBe('{"by":1}');
  });
});
