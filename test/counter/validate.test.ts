import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boundsProblem,
  hasLoneSurrogate,
  INT64_MAX,
  INT64_MIN,
  idempotencyKeyProblem,
  isInt64,
  keyProblem,
  memberProblem,
  utf8Bytes,
} from "../../src/counter/index.ts";

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units));
const anyText = fc.oneof(fc.string({ unit: "binary" }), anyUnits, fc.string({ unit: "grapheme" }));

describe("utf8Bytes", () => {
  it("is the length that the encoder gives, for any text", () => {
    fc.assert(
      fc.property(anyText, (text) => utf8Bytes(text) === new TextEncoder().encode(text).length),
      { numRuns: 1_000 },
    );
  });
});

describe("hasLoneSurrogate", () => {
  it("is what the language itself says, for any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // A text with a lone surrogate does not come back from UTF-8.
        const back = new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
        return hasLoneSurrogate(text) === (back !== text);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("keyProblem", () => {
  it.each([
    "a",
    "items:acme",
    "visits:2026-11-21",
    "...",
    ".a",
    "größe/€ 😀",
    "a".repeat(512),
    "é".repeat(256),
    "😀".repeat(128),
    "/a?b=c#d%2F",
    "\u{feff}marked",
  ])("takes %j", (key) => {
    expect(keyProblem(key)).toBeUndefined();
  });

  it.each([
    ["", /empty/],
    [".", /"\."/],
    ["..", /"\.\."/],
    ["a".repeat(513), /at most 512 bytes of UTF-8, but takes 513/],
    ["é".repeat(257), /takes 514/],
    [`${"😀".repeat(128)}a`, /takes 513/],
    ["a\ud800", /surrogate/],
    ["\udc00\ud800", /surrogate/],
    ["a\nb", /control characters \(one is at position 1\)/],
    ["\u0000", /control/],
    ["a\u007f", /control/],
    ["a\u0085", /control/],
  ])("refuses %j", (key, problem) => {
    expect(keyProblem(key)).toMatch(problem);
  });
});

describe("memberProblem", () => {
  it("takes any printable text of 1 to 512 bytes, dots and spaces too", () => {
    for (const member of ["m", ".", "..", " a b ", "\u{feff}", "é".repeat(256)])
      expect(memberProblem(member)).toBeUndefined();
    expect(memberProblem("")).toMatch(/empty/);
    expect(memberProblem("é".repeat(257))).toMatch(/514/);
    expect(memberProblem("\ud800")).toMatch(/surrogate/);
  });

  it.each([
    ["ada\n", 3],
    ["\u0000", 0],
    ["a\tb", 1],
    ["a\u007f", 1],
    ["a\u0085", 1],
  ])("refuses the control character in %j", (member, at) => {
    expect(memberProblem(member)).toBe(`must not contain control characters (one is at position ${at})`);
  });
});

describe("boundsProblem", () => {
  it("refuses an empty range, and saturating without a bound", () => {
    expect(boundsProblem({})).toBeUndefined();
    expect(boundsProblem({ min: 1n, max: 1n, saturate: true })).toBeUndefined();
    expect(boundsProblem({ max: 0n, saturate: true })).toBeUndefined();
    expect(boundsProblem({ min: 2n, max: 1n })).toEqual({
      field: "min",
      message: "must not be above max; got 2",
    });
    expect(boundsProblem({ saturate: true })).toMatchObject({
      field: "saturate",
      message: expect.stringMatching(/needs a bound/),
    });
  });
});

describe("idempotencyKeyProblem", () => {
  it("takes what a header can carry", () => {
    for (const key of ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "a b", "~".repeat(255)]) {
      expect(idempotencyKeyProblem(key)).toBeUndefined();
    }
  });

  it.each([
    ["", /empty/],
    ["k".repeat(256), /at most 255 characters, but has 256/],
    ["größe", /ASCII/],
    ["a\nb", /ASCII/],
    ["a\n", /ASCII/],
    [" a", /space/],
    ["a ", /space/],
  ])("refuses %j", (key, problem) => {
    expect(idempotencyKeyProblem(key)).toMatch(problem);
  });
});

describe("isInt64", () => {
  it("holds both ends of the range and nothing beyond", () => {
    expect([INT64_MIN, 0n, INT64_MAX].every(isInt64)).toBe(true);
    expect([INT64_MIN - 1n, INT64_MAX + 1n].some(isInt64)).toBe(false);
    expect([INT64_MIN, INT64_MAX]).toEqual([-9223372036854775808n, 9223372036854775807n]);
  });
});
