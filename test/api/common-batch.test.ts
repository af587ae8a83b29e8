import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBatch } from "../../src/api/commands.ts";
import { parseCommonBatch } from "../../src/api/common-batch.ts";
import { type Batch, changesOf } from "../../src/counter/index.ts";

/** What the general way makes of it. */
function generally(text: string): Batch {
  const other = escaped(text);
  expect(parseCommonBatch(other)).toBeUndefined();
  return parseBatch(other);
}

/** The same text with a letter of its first name escaped, which JSON reads alike and the common way does not read. */
function escaped(text: string): string {
  return text.replace('"operations"', '"\\u006fperations"');
}

const space = fc.constantFrom("", " ", "\n", "\t  ", "\r\n");
const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('"a"', '"b"', '"page:1"', '"with space~"') },
  fc.constantFrom(
    '"a"',
    '"."',
    '".."',
    '"page:1"',
    '"é"',
    '"a\\n"',
    '"a\\u0062"',
    '""',
    `"${"k".repeat(513)}"`,
  ),
  fc.string({ minLength: 1, maxLength: 12 }).map((text) => JSON.stringify(text)),
);
const by = fc.oneof(
  { weight: 12, arbitrary: fc.integer().map(String) },
  fc.constantFrom("1", "0", "-0", "01", "1.0", "1e2", "-1", "999999999999999", "9223372036854775807", "null"),
);
const operation = fc
  .tuple(key, fc.option(by), space, fc.integer({ min: 0, max: 9 }))
  .map(([name, amount, gap, order]) => {
    const fields = [`"key"${gap}:${name}`, ...(amount === null ? [] : [`"by":${gap}${amount}`])];
    return `{${gap}${(order === 0 ? fields.reverse() : fields).join(`${gap},`)}${gap}}`;
  });
const text = fc
  .tuple(
    fc.array(operation, { maxLength: 5 }),
    space,
    fc.constantFrom("", "", "", "", ",", "]", "}", " x", ',"more":1'),
  )
  .map(
    ([operations, gap, tail]) => `{${gap}"operations"${gap}:[${operations.join(`${gap},`)}]${gap}${tail}}`,
  );

describe("a batch of the common form", () => {
  it("is read as the general way reads it, and whatever is not of that form is left to it", () => {
    let common = 0;
    fc.assert(
      fc.property(text, (body) => {
        const batch = parseCommonBatch(body);
        if (batch === undefined) return;
        common += 1;
        expect(changesOf(batch)).toStrictEqual(changesOf(generally(body)));
      }),
      { numRuns: 3_000 },
    );
    expect(common).toBeGreaterThan(100);
  });

  it("is read alike when it repeats what it has said, in other letters too, and with braces in its keys", () => {
    const pieces = fc.constantFrom(
      '{"key":"a"}',
      '{"key":"a" }',
      '{"key":"a","by":1}',
      '{"key":"a","by":2}',
      '{"key":"a}"}',
      '{"key":"a},b"}',
      '{"key":"},{"}',
      '{"key":"a"} ',
      ' {"key":"a"}',
      '{"key":"ab"}',
    );
    const repeated = fc.array(pieces, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(repeated, (operations) => {
        const body = `{"operations":[${operations.join(",")}]}`;
        const batch = parseCommonBatch(body);
        expect(batch).toBeDefined();
        if (batch !== undefined) expect(changesOf(batch)).toStrictEqual(changesOf(generally(body)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"operations":[{"key":"a","by":5},{"key":"b"}]}', ["a", 5n, "b", 1n]],
    [' { "operations" : [ { "key" : "a b:c~!" , "by" : -12 } ] } \n', ["a b:c~!", -12n]],
    ['{"operations":[{"key":"a","by":-0}]}', ["a", 0n]],
  ] as const)("is read at once: %s", (body, expected) => {
    const batch = parseCommonBatch(body);
    const changes = batch === undefined ? [] : changesOf(batch);
    expect(changes.flatMap((change) => (change.kind === "add" ? [change.key, change.by] : []))).toEqual(
      expected,
    );
  });

  it.each([
    ["no operation", '{"operations":[]}'],
    ["a key that a URL cannot carry", '{"operations":[{"key":".."}]}'],
    ["a key with an escape", '{"operations":[{"key":"\\u0061"}]}'],
    ["a key beyond ASCII", '{"operations":[{"key":"é"}]}'],
    ["a control character in a key", '{"operations":[{"key":"a\u007f"}]}'],
    ["a number of sixteen digits", '{"operations":[{"key":"a","by":1234567890123456}]}'],
    ["a fraction", '{"operations":[{"key":"a","by":1.0}]}'],
    ["a field of another kind", '{"operations":[{"key":"a","once":"m"}]}'],
    ["a field given twice", '{"operations":[{"key":"a","key":"b"}]}'],
    ["operations given twice", '{"operations":[{"key":"a"}],"operations":[{"key":"b"}]}'],
    ["a comma too many", '{"operations":[{"key":"a"},]}'],
    ["something behind its end", '{"operations":[{"key":"a"}]}x'],
    [
      "more than a batch holds",
      `{"operations":[${Array.from({ length: 1_001 }, () => '{"key":"a"}').join(",")}]}`,
    ],
  ])("is not what has %s", (_name, body) => {
    expect(parseCommonBatch(body)).toBeUndefined();
  });

  it("holds as many operations as a batch may", () => {
    const operations = Array.from({ length: 1_000 }, () => '{"key":"a"}').join(",");
    const batch = parseCommonBatch(`{"operations":[${operations}]}`);
    expect(batch).toMatchObject({ changes: { length: 1 }, places: { length: 1_000 } });
  });
});
