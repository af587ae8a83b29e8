/** Changes to bytes that know nothing of what the bytes mean. */

import type { Prng } from "../../src/base/index.ts";

/** Longer inputs are cut: what is long is the business of the targets with sockets. */
const LENGTH_MAX = 65_536;

/** Numbers at which formats break. */
const WHOLES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 512, 1_023, 1_024, 4_095, 4_096, 4_097,
  32_767, 32_768, 65_535, 65_536, 16_777_216, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];

/** Pieces of text that parsers have stumbled over, and bytes that are not UTF-8. */
export const HOSTILE: readonly Buffer[] = [
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "null",
    "undefined",
    "NaN",
    "-0",
    "1e400",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "9223372036854775807",
    "0.1",
    "\u0000",
    "\ufeff",
    "\u202e",
    "%00",
    "%2e%2e",
    "%2F",
    "%",
    "%zz",
    "..",
    "../..",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "{}",
    "[]",
    "{",
    "[",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    ",",
    ":",
    "'",
    "--",
    "true",
    "false",
    "ff".repeat(16),
    "0".repeat(32),
    "a".repeat(64),
  ].map((text) => Buffer.from(text)),
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xe2, 0x82]),
  Buffer.alloc(32),
  Buffer.alloc(16, 0xff),
];

type Mutation = (bytes: Buffer, prng: Prng, other: Buffer) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  // Bits flip: the most likely damage of all, so it is there twice.
  flipBits,
  flipBits,
  setBytes,
  truncate,
  cutOut,
  repeatPart,
  insertHostile,
  overwriteHostile,
  overwriteWhole,
  adjustWhole,
  splice,
  swapParts,
  appendRandom,
  zeroPart,
];

/** `bytes` after one to four changes. @param other another input, of which parts may be taken over. */
export function mutateBytes(bytes: Buffer, prng: Prng, other: Buffer): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  const changes = prng.chance(0.6) ? 1 : prng.between(2, 4);
  for (let change = 0; change < changes; change++) mutated = prng.pick(MUTATIONS)(mutated, prng, other);
  return mutated.length > LENGTH_MAX ? mutated.subarray(0, LENGTH_MAX) : mutated;
}

/** Bytes without any plan. */
export function randomBytes(prng: Prng, lengthMax: number): Buffer {
  const bytes = Buffer.allocUnsafe(prng.between(0, lengthMax));
  for (let at = 0; at < bytes.length; at++) bytes[at] = prng.next() & 0xff;
  return bytes;
}

function place(bytes: Buffer, prng: Prng): number {
  return prng.between(0, Math.max(0, bytes.length - 1));
}

/** A part of `bytes`, as a rule a short one. */
function part(bytes: Buffer, prng: Prng): { readonly from: number; readonly to: number } {
  const from = place(bytes, prng);
  const length = prng.chance(0.7) ? prng.between(1, 16) : prng.between(1, Math.max(1, bytes.length));
  return { from, to: Math.min(bytes.length, from + length) };
}

function flipBits(bytes: Buffer, prng: Prng): Buffer {
  if (bytes.length === 0) return bytes;
  const flips = prng.chance(0.7) ? 1 : prng.between(2, 16);
  for (let flip = 0; flip < flips; flip++) {
    const at = place(bytes, prng);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.between(0, 7));
  }
  return bytes;
}

function setBytes(bytes: Buffer, prng: Prng): Buffer {
  if (bytes.length > 0) bytes[place(bytes, prng)] = prng.next() & 0xff;
  return bytes;
}

function truncate(bytes: Buffer, prng: Prng): Buffer {
  return bytes.subarray(0, prng.between(0, Math.max(0, bytes.length - 1)));
}

function cutOut(bytes: Buffer, prng: Prng): Buffer {
  const { from, to } = part(bytes, prng);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function repeatPart(bytes: Buffer, prng: Prng): Buffer {
  const { from, to } = part(bytes, prng);
  const times = prng.chance(0.9) ? 1 : prng.between(2, 200);
  const repeated = Array.from({ length: times }, () => bytes.subarray(from, to));
  return Buffer.concat([bytes.subarray(0, to), ...repeated, bytes.subarray(to)]);
}

function insertHostile(bytes: Buffer, prng: Prng): Buffer {
  const at = prng.between(0, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), prng.pick(HOSTILE), bytes.subarray(at)]);
}

function overwriteHostile(bytes: Buffer, prng: Prng): Buffer {
  prng.pick(HOSTILE).copy(bytes, place(bytes, prng));
  return bytes;
}

function overwriteWhole(bytes: Buffer, prng: Prng): Buffer {
  const width = prng.pick([1, 2, 4, 8]);
  if (bytes.length < width) return bytes;
  const at = prng.between(0, bytes.length - width);
  writeWhole(bytes, { at, width, value: prng.pick(WHOLES), little: prng.chance(0.5) });
  return bytes;
}

/** A length, an index or a count that is off by little. */
function adjustWhole(bytes: Buffer, prng: Prng): Buffer {
  const width = prng.pick([1, 2, 4]);
  if (bytes.length < width) return bytes;
  const at = prng.between(0, bytes.length - width);
  const little = prng.chance(0.5);
  const value = little ? bytes.readUIntLE(at, width) : bytes.readUIntBE(at, width);
  writeWhole(bytes, { at, width, value: value + prng.pick([-2, -1, 1, 2, 8, 256]), little });
  return bytes;
}

function writeWhole(
  bytes: Buffer,
  { at, width, value, little }: { at: number; width: number; value: number; little: boolean },
): void {
  const whole = BigInt.asUintN(width * 8, BigInt(value));
  for (let byte = 0; byte < width; byte++) {
    const shift = BigInt(8 * (little ? byte : width - 1 - byte));
    bytes[at + byte] = Number((whole >> shift) & 0xffn);
  }
}

function splice(bytes: Buffer, prng: Prng, other: Buffer): Buffer {
  const at = prng.between(0, bytes.length);
  const from = prng.chance(0.5) ? Math.min(at, other.length) : prng.between(0, other.length);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(from)]);
}

function swapParts(bytes: Buffer, prng: Prng): Buffer {
  const cut = prng.between(0, bytes.length);
  return Buffer.concat([bytes.subarray(cut), bytes.subarray(0, cut)]);
}

function appendRandom(bytes: Buffer, prng: Prng): Buffer {
  return Buffer.concat([bytes, randomBytes(prng, 40)]);
}

function zeroPart(bytes: Buffer, prng: Prng): Buffer {
  const { from, to } = part(bytes, prng);
  return bytes.fill(0, from, to);
}
