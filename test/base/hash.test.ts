import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c, digestAdd, digestRemove, HASH_MODULUS, hash52 } from "../../src/base/index.ts";

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Bit by bit, straight from the polynomial. */
function crcByDefinition(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("crc32c", () => {
  it.each([
    ["32 bytes of zeroes", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["32 bytes that count up", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
    ["32 bytes that count down", Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
    [
      "an iSCSI read command",
      Uint8Array.of(
        ...[
          0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14,
        ],
        ...[0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0],
      ),
      0xd9963a56,
    ],
    ["the digits 1 to 9", ascii("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(0), 0],
  ])("gives the value of RFC 3720 for %s", (_, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });

  it("folds eight bytes at a time to what one bit at a time gives", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (b) => crc32c(b) === crcByDefinition(b)));
  });

  it("goes on from the checksum of the bytes before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, cut) => {
        return crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))) === crc32c(bytes);
      }),
    );
  });

  it("notices every flipped bit", () => {
    const bytes = ascii("The count of 31 bytes is counted.");
    const crc = crc32c(bytes);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(crc32c(damaged)).not.toBe(crc);
    }
  });
});

describe("hash52", () => {
  it("never changes: hashes are stored, and compared between versions", () => {
    expect(hash52([])).toMatchInlineSnapshot(`1276245688880515`);
    expect(hash52([0])).toMatchInlineSnapshot(`3791539824807315`);
    expect(hash52(["visits", 1, Number.MAX_SAFE_INTEGER])).toMatchInlineSnapshot(`4461823599582369`);
    expect(hash52(["größer 😀"])).toMatchInlineSnapshot(`3365147350701042`);
  });

  it("is a whole number below 2^52", () => {
    const part = fc.oneof(fc.maxSafeNat(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const hash = hash52(parts);
        return Number.isSafeInteger(hash) && hash >= 0 && hash < HASH_MODULUS;
      }),
    );
  });

  it("tells apart where one string ends and the next begins", () => {
    expect(hash52(["ab", "c"])).not.toBe(hash52(["a", "bc"]));
    expect(hash52(["ab", ""])).not.toBe(hash52(["", "ab"]));
    expect(hash52(["ab"])).not.toBe(hash52(["ab", ""]));
  });

  it("uses both halves of a number", () => {
    expect(hash52([1])).not.toBe(hash52([1 + 2 ** 32]));
    expect(hash52([2 ** 32])).not.toBe(hash52([2 ** 33]));
  });

  it("has no collision among 200,000 near neighbours", () => {
    const seen = new Set<number>();
    for (let n = 0; n < 100_000; n++) seen.add(hash52([n])).add(hash52([`items:${n}`, 1]));
    expect(seen.size).toBe(200_000);
  });
});

describe("digest", () => {
  const hashes = fc.array(fc.integer({ min: 0, max: HASH_MODULUS - 1 }));

  it("does not depend on the order of the rows", () => {
    fc.assert(
      fc.property(hashes, (rows) => {
        expect([...rows].reverse().reduce(digestAdd, 0)).toBe(rows.reduce(digestAdd, 0));
      }),
    );
  });

  it("is what it was when a row has been added and removed", () => {
    fc.assert(
      fc.property(hashes, fc.integer({ min: 0, max: HASH_MODULUS - 1 }), (rows, row) => {
        const before = rows.reduce(digestAdd, 0);
        expect(digestRemove(digestAdd(before, row), row)).toBe(before);
      }),
    );
  });
});
