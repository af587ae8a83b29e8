/**
 * Checksums and hashes in plain arithmetic, so that the pure folders can use them.
 *
 * A `Hash52` is a whole number below 2^52: the sum of two is still exact in a double, so hashes add up
 * to digests without bigint. They detect accidents; they do not resist an attacker.
 */

/** A whole number in [0, 2^52). */
export type Hash52 = number;

/** 2^52: hashes and digests are taken modulo this. */
export const HASH_MODULUS = 4_503_599_627_370_496;

const CRC_TABLES: readonly Uint32Array[] = buildCrcTables();

/** Eight tables, so that eight bytes are folded for each round ("slicing by eight"). */
function buildCrcTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    (tables[0] as Uint32Array)[byte] = crc >>> 0;
  }
  for (let slice = 1; slice < 8; slice++) {
    const previous = tables[slice - 1] as Uint32Array;
    for (let byte = 0; byte < 256; byte++) {
      const crc = previous[byte] as number;
      (tables[slice] as Uint32Array)[byte] =
        ((crc >>> 8) ^ ((tables[0] as Uint32Array)[crc & 255] as number)) >>> 0;
    }
  }
  return tables;
}

/**
 * CRC32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`.
 * @param previous the CRC of the bytes before these, to go on from.
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC_TABLES as unknown as readonly Uint32Array[] & { length: 8 };
  let crc = ~previous;
  let at = 0;
  const end = bytes.length - 7;
  // The tables and bytes below are in range by construction; `as number` only drops "may be undefined".
  for (; at < end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      ((t7 as Uint32Array)[low & 255] as number) ^
      ((t6 as Uint32Array)[(low >>> 8) & 255] as number) ^
      ((t5 as Uint32Array)[(low >>> 16) & 255] as number) ^
      ((t4 as Uint32Array)[low >>> 24] as number) ^
      ((t3 as Uint32Array)[bytes[at + 4] as number] as number) ^
      ((t2 as Uint32Array)[bytes[at + 5] as number] as number) ^
      ((t1 as Uint32Array)[bytes[at + 6] as number] as number) ^
      ((t0 as Uint32Array)[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ ((t0 as Uint32Array)[(crc ^ (bytes[at] as number)) & 255] as number);
  }
  return ~crc >>> 0;
}

/**
 * Hashes a list of whole numbers (each in [0, 2^53)) and strings, in order, to 52 bits.
 * Two multiply-xorshift lanes (the construction of cyrb53, public domain), finished as MurmurHash3 does.
 */
export function hash52(parts: readonly (number | string)[]): Hash52 {
  let a = 0xdeadbeef ^ parts.length;
  let b = 0x41c6ce57 ^ parts.length;
  for (const part of parts) {
    if (typeof part === "number") {
      const low = part | 0;
      const high = Math.floor(part / 4_294_967_296) | 0;
      a = Math.imul(a ^ low, 2_654_435_761);
      b = Math.imul(b ^ low, 1_597_334_677);
      a = Math.imul(a ^ high, 2_246_822_519);
      b = Math.imul(b ^ high, 3_266_489_917);
      a ^= a >>> 15;
      b ^= b >>> 13;
      continue;
    }
    for (let at = 0; at < part.length; at++) {
      const unit = part.charCodeAt(at);
      a = Math.imul(a ^ unit, 2_654_435_761);
      b = Math.imul(b ^ unit, 1_597_334_677);
    }
    // The length closes a string, so that ["ab", "c"] and ["a", "bc"] differ.
    a = Math.imul(a ^ part.length, 2_246_822_519);
    b = Math.imul(b ^ part.length, 3_266_489_917);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return (b >>> 12) * 4_294_967_296 + (a >>> 0);
}

/** The digest with one more row in it; with {@link digestRemove} it is independent of order. */
export function digestAdd(digest: Hash52, row: Hash52): Hash52 {
  return (digest + row) % HASH_MODULUS;
}

/** The digest with one row taken out. */
export function digestRemove(digest: Hash52, row: Hash52): Hash52 {
  return (digest - row + HASH_MODULUS) % HASH_MODULUS;
}
