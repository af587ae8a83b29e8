import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  decodePayload,
  encodePayload,
  INT64_MAX,
  INT64_MIN,
  type Item,
  MalformedBytes,
  type Payload,
} from "../../src/counter/index.ts";
import { add, anyHistory, batch, item, keyed, OPEN, place, remove, set } from "./commands.ts";
import { saidOnce } from "./said-once.ts";

const packr = new Packr({ useRecords: false });

/** As another program would write it. */
function raw(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

/** The places in the only item, a batch that says equal changes once. */
function decodeRaw(bytes: Uint8Array): Uint8Array {
  const [, , [[, [, , places]]]] = packr.unpack(bytes) as [
    number,
    number,
    [[number, [number, unknown, Uint8Array]]],
  ];
  return places;
}

function roundTrip(payload: Payload): Payload {
  return decodePayload(encodePayload(payload));
}

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 200, size: "max" });

describe("the payload codec", () => {
  it("gives back every payload", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        for (const payload of history) expect(roundTrip(payload)).toEqual(payload);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    0n,
    1n,
    -1n,
    127n,
    128n,
    -33n,
    2n ** 31n,
    2n ** 32n,
    -(2n ** 32n) - 1n,
    BigInt(Number.MAX_SAFE_INTEGER),
    BigInt(Number.MAX_SAFE_INTEGER) + 1n,
    BigInt(Number.MAX_SAFE_INTEGER) + 2n,
    BigInt(Number.MIN_SAFE_INTEGER),
    BigInt(Number.MIN_SAFE_INTEGER) - 1n,
    INT64_MAX - 1n,
    INT64_MAX,
    INT64_MIN + 1n,
    INT64_MIN,
  ])("keeps %s exact, as a bigint", (value) => {
    const items = [item(set("a", value)), item(add("a", value, { min: value, max: value }))];
    expect(roundTrip({ elapsed: 0, items }).items).toStrictEqual(items);
  });

  it("keeps every 64-bit integer exact", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), (value) => {
        const items = [item(set("a", value))];
        expect(roundTrip({ elapsed: 0, items }).items).toStrictEqual(items);
      }),
    );
  });

  it("keeps every text exact, a byte order mark at its beginning too", () => {
    fc.assert(
      fc.property(text, text, text, fc.boolean(), (key, once, idempotencyKey, marked) => {
        const mark = marked ? "\u{feff}" : "";
        const items: Item[] = [
          { kind: "run", key: mark + key, by: 1n, count: 1 },
          item(add(mark + key, 1n, { once: mark + once }), keyed(mark + idempotencyKey)),
          item(batch(remove(mark + key), set(`=${mark}${key}`, 1n)), keyed(`=${idempotencyKey}`)),
        ];
        expect(roundTrip({ elapsed: 0, items }).items).toEqual(items);
      }),
      { numRuns: 300 },
    );
  });

  it("writes strings that no reader of msgpackr's can take for one with a byte order mark", () => {
    const items: Item[] = [{ kind: "run", key: `\u{feff}${"k".repeat(100)}`, by: 1n, count: 1 }];
    const bytes = [...encodePayload({ elapsed: 0, items })];
    const mark = bytes.findIndex((_, at) => bytes[at] === 0xef && bytes[at + 1] === 0xbb);
    expect(bytes[mark - 1]).toBe("=".charCodeAt(0));
  });

  it("is small: a run of a thousand adds takes its key and a few bytes", () => {
    const items: Item[] = [{ kind: "run", key: "items:acme", by: 1n, count: 1000 }];
    expect(encodePayload({ elapsed: 12, items })).toHaveLength(21);
  });

  it("never changes its bytes: the log holds them", () => {
    const items: Item[] = [
      { kind: "run", key: "a", by: 1n, count: 300 },
      item(add("b", -2n, { max: INT64_MAX, once: "m" }), keyed("k")),
      item(batch(set("c", INT64_MIN, 7), remove("d")), place(3, 2, 1)),
      item(OPEN),
    ];
    const hex = [...encodePayload({ elapsed: 70_000, items })].map((byte) =>
      byte.toString(16).padStart(2, "0"),
    );
    expect(hex.join("")).toMatchInlineSnapshot(
      `"9301ce00011170949400a16101cd012c93019600a162fec0d37fffffffffffffffa16da16b93019203929401a163d38000000000000000079202a1649303020192019104"`,
    );
  });

  it("writes that a counter must exist as a revision which older programs refuse", () => {
    const items = [item(set("a", 5n, "any")), item(remove("a", "any"))];
    expect(encodePayload({ elapsed: 0, items })).toEqual(
      raw([
        1,
        0,
        [
          [1, [1, "a", 5, -1]],
          [1, [2, "a", -1]],
        ],
      ]),
    );
    expect(roundTrip({ elapsed: 0, items }).items).toEqual(items);
    expect(() => decodePayload(raw([1, 0, [[1, [2, "a", -2]]]]))).toThrow(MalformedBytes);
  });

  it("writes an add that saturates as an operation of its own, which older programs refuse to guess at", () => {
    const items = [item(add("b", -2n, { min: 0n, saturate: true, once: "m" }))];
    expect(encodePayload({ elapsed: 0, items })).toEqual(raw([1, 0, [[1, [5, "b", -2, 0, null, "m"]]]]));
    expect(roundTrip({ elapsed: 0, items }).items).toEqual(items);
    const batched = [item(batch(add("a", 3n, { max: 5n, saturate: true }), add("a", 3n, { max: 5n })))];
    expect(encodePayload({ elapsed: 0, items: batched })).toEqual(
      raw([
        1,
        0,
        [
          [
            1,
            [
              3,
              [
                [5, "a", 3, null, 5],
                [0, "a", 3, null, 5],
              ],
            ],
          ],
        ],
      ]),
    );
    expect(roundTrip({ elapsed: 0, items: batched }).items).toEqual(batched);
  });

  it("writes equal changes of a batch once, as an operation that older programs refuse to guess at", () => {
    const items = [item(saidOnce([add("a"), add("b", 2n), add("a"), remove("c"), add("a")]))];
    const changes = [
      [0, "a", 1],
      [0, "b", 2],
      [2, "c"],
    ];
    const places = Buffer.from([0, 1, 0, 2, 0]);
    expect(encodePayload({ elapsed: 0, items })).toEqual(raw([1, 0, [[1, [6, changes, places]]]]));
    expect(roundTrip({ elapsed: 0, items }).items).toEqual(items);
  });

  it("tells more than 256 changes of a batch apart by two bytes each", () => {
    for (const distinct of [256, 257, 999]) {
      const adds = Array.from({ length: distinct }, (_, at) => add(`k${at}`));
      const items = [item(saidOnce([...adds, ...adds.slice(-1)]))];
      const written = decodeRaw(encodePayload({ elapsed: 0, items }));
      expect(written).toHaveLength((distinct + 1) * (distinct > 256 ? 2 : 1));
      expect([...written.subarray(distinct > 256 ? -4 : -2)]).toEqual(
        distinct > 256
          ? [(distinct - 1) & 0xff, (distinct - 1) >> 8, (distinct - 1) & 0xff, (distinct - 1) >> 8]
          : [255, 255],
      );
      expect(roundTrip({ elapsed: 0, items }).items).toEqual(items);
    }
  });

  it("returns bytes that share no memory, and leaves those that it reads as they are", () => {
    const payload: Payload = { elapsed: 1, items: [item(add("a"))] };
    const bytes = encodePayload(payload);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    decodePayload(bytes);
    expect(Object.keys(bytes)).toEqual(Object.keys(new Uint8Array(bytes.length)));
  });

  it("reads a payload in the middle of other bytes", () => {
    const payload: Payload = { elapsed: 1, items: [item(add("a", 1n, { once: "x".repeat(300) }))] };
    const bytes = encodePayload(payload);
    const around = new Uint8Array(bytes.length + 20).fill(0xc1);
    around.set(bytes, 7);
    expect(decodePayload(around.subarray(7, 7 + bytes.length))).toEqual(payload);
  });

  it("passes over fields that a later program has appended", () => {
    const later = raw([
      1,
      5,
      [
        [0, "a", 1, 2, "new"],
        [1, [0, "a", 1, null, 9, "m", "new"], "k", "new"],
        [1, [1, "a", 7, 3, "new"], [1, 2, 0, "new"]],
        [1, [2, "a", null, "new"], null],
        [1, [3, [[2, "a"]], "new"]],
        [1, [4, "new"]],
      ],
      "new",
    ]);
    expect(decodePayload(later)).toEqual({
      elapsed: 5,
      items: [
        { kind: "run", key: "a", by: 1n, count: 2 },
        item(add("a", 1n, { max: 9n, once: "m" }), keyed("k")),
        item(set("a", 7n, 3), place(1, 2)),
        item(remove("a")),
        item(batch(remove("a"))),
        item(OPEN),
      ],
    });
  });

  it.each<[string, unknown]>([
    ["a later format", [2, 0, []]],
    ["no format", []],
    ["not an array", 7],
    ["a record", { format: 1 }],
    ["no items", [1, 0]],
    ["negative time", [1, -1, []]],
    ["half a millisecond", [1, 0.5, []]],
    ["an unknown item", [1, 0, [[2, "a"]]]],
    ["an item that is none", [1, 0, ["a"]]],
    ["a run of nothing", [1, 0, [[0, "a", 0, 1]]]],
    ["a run of no adds", [1, 0, [[0, "a", 1, 0]]]],
    ["a run of half an add", [1, 0, [[0, "a", 1, 0.5]]]],
    ["a key that is no text", [1, 0, [[0, 7, 1, 1]]]],
    ["a fraction", [1, 0, [[0, "a", 1.5, 1]]]],
    ["an integer beyond 64 bits", [1, 0, [[0, "a", 2n ** 63n, 1]]]],
    ["a double that is no safe integer", [1, 0, [[0, "a", 2 ** 60, 1]]]],
    ["an unknown operation", [1, 0, [[1, [9, "a", 1]]]]],
    ["an add of nothing", [1, 0, [[1, [0, "a"]]]]],
    ["an add that saturates nowhere", [1, 0, [[1, [5, "a", 1]]]]],
    ["an empty batch", [1, 0, [[1, [3, []]]]]],
    ["a batch in a batch", [1, 0, [[1, [3, [[3, [[2, "a"]]]]]]]]],
    ["a session in a batch", [1, 0, [[1, [3, [[4]]]]]]],
    ["a batch of 1,001", [1, 0, [[1, [3, Array.from({ length: 1001 }, () => [2, "a"])]]]]],
    ["a batch that repeats nothing", [1, 0, [[1, [6, [[2, "a"]], Buffer.from([0])]]]]],
    ["a batch without places", [1, 0, [[1, [6, [[2, "a"]]]]]]],
    ["places that are no bytes", [1, 0, [[1, [6, [[2, "a"]], [0, 0]]]]]],
    ["a place beyond the changes", [1, 0, [[1, [6, [[2, "a"]], Buffer.from([0, 1])]]]]],
    [
      "a change in no place",
      [
        1,
        0,
        [
          [
            1,
            [
              6,
              [
                [2, "a"],
                [2, "b"],
              ],
              Buffer.from([0, 0, 0]),
            ],
          ],
        ],
      ],
    ],
    [
      "places in another order",
      [
        1,
        0,
        [
          [
            1,
            [
              6,
              [
                [2, "a"],
                [2, "b"],
              ],
              Buffer.from([1, 0, 0]),
            ],
          ],
        ],
      ],
    ],
    ["a thousand and one places", [1, 0, [[1, [6, [[2, "a"]], Buffer.alloc(1_001)]]]]],
    [
      "half a place",
      [1, 0, [[1, [6, Array.from({ length: 257 }, (_, at) => [2, `${at}`]), Buffer.alloc(517)]]]],
    ],
    ["a session in a batch that repeats", [1, 0, [[1, [6, [[4]], Buffer.from([0, 0])]]]]],
    ["a negative revision", [1, 0, [[1, [1, "a", 1, -2]]]]],
    ["a session without a number", [1, 0, [[1, [2, "a"], [1]]]]],
  ])("refuses %s", (_, value) => {
    expect(() => decodePayload(raw(value))).toThrow(MalformedBytes);
  });

  it("refuses whatever is cut short or goes on, and reads the next as if nothing had been", () => {
    const whole: Payload = { elapsed: 64, items: [item(add("a", 100n, { once: "member" }), keyed("key"))] };
    const bytes = encodePayload(whole);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodePayload(bytes.subarray(0, length))).toThrow(MalformedBytes);
    }
    expect(() => decodePayload(Uint8Array.of(...bytes, 0))).toThrow(MalformedBytes);
    expect(decodePayload(bytes)).toEqual(whole);
  });

  it("throws nothing but its own error at any bytes, and reads the next as if nothing had been", () => {
    const good = encodePayload({ elapsed: 64, items: [item(add("a", 100n))] });
    const expected = decodePayload(good);
    const flipped = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = good.slice();
      bytes[at] = byte;
      return bytes;
    });
    // d4 72 begins the definition of a record, which must not outlive its bytes.
    const record = fc.uint8Array({ maxLength: 20 }).map((b) => Uint8Array.of(0x93, 0xd4, 0x72, 0x40, ...b));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), flipped, record), (bytes) => {
        try {
          decodePayload(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
        expect(decodePayload(good)).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses a depth that would exhaust the stack", () => {
    expect(() => decodePayload(new Uint8Array(300_000).fill(0x91))).toThrow(MalformedBytes);
  });

  it("encodes a run in well under 5 µs", () => {
    const payload: Payload = {
      elapsed: 12,
      items: [{ kind: "run", key: "items:acme", by: 1n, count: 1000 }],
    };
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20; round++) {
      const start = performance.now();
      for (let n = 0; n < 1_000; n++) encodePayload(payload);
      best = Math.min(best, performance.now() - start);
    }
    // Milliseconds for a thousand are microseconds for one; the best of twenty, as the machine is shared.
    expect(best).toBeLessThan(5);
  });
});
