/**
 * MessagePack values as this folder uses them: arrays, whole numbers, bigint, strings, bytes, null. Nothing else.
 *
 * Two habits of msgpackr are kept away from the callers. Where its native string reader is missing, it drops
 * a byte order mark at the beginning of a longer string, which would make replicas differ: such strings are
 * written in an array of their own, behind another character. And it leaves a property on the bytes that it reads and
 * returns views of a shared buffer: it reads a view of its own, and what it wrote is copied.
 */

import { Packr } from "msgpackr";
import { INT64_MAX, INT64_MIN } from "./validate.ts";

/** The bytes are not what this program writes. Never thrown for bytes that an encoder of this folder made. */
export class MalformedBytes extends Error {
  override readonly name: string = "MalformedBytes";
}

/** A value that can be written. */
export type Wire = number | bigint | string | boolean | null | undefined | Uint8Array | readonly Wire[];

// Without records, no value depends on one that was written or read before.
const packr: Packr = new Packr({ useRecords: false, structuredClone: false });

const BYTE_ORDER_MARK = 0xfeff;

/** Bytes of their own, of exactly the length needed. */
export function pack(value: Wire): Uint8Array {
  return new Uint8Array(packr.pack(value) as Uint8Array);
}

/**
 * The array that the bytes hold, its elements unchecked.
 * @throws {MalformedBytes} unless they hold exactly one array.
 */
export function unpackArray(bytes: Uint8Array): readonly unknown[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes.subarray());
  } catch (cause) {
    throw new MalformedBytes("the bytes are not one MessagePack value", { cause });
  }
  return arrayOf(value);
}

/** A bigint in the fewest bytes: most are small. Exact over the signed 64-bit range. */
export function wireInt64(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** A string such that reading gives it back exactly. It must not hold lone surrogates. */
export function wireString(value: string): Wire {
  return value.charCodeAt(0) === BYTE_ORDER_MARK ? [`=${value}`] : value;
}

/** A list without the `undefined` at its end; those in between are written as null. */
export function wireTuple(values: readonly Wire[]): Wire {
  let length = values.length;
  while (length > 0 && values[length - 1] === undefined) length--;
  return values.slice(0, length).map((value) => (value === undefined ? null : value));
}

export function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedBytes("an array was expected");
  return value;
}

export function stringOf(value: unknown): string {
  if (typeof value === "string") return value;
  const wrapped = Array.isArray(value) ? (value[0] as unknown) : undefined;
  // Another first character could be half of one once it is cut.
  if (typeof wrapped !== "string" || !wrapped.startsWith("="))
    throw new MalformedBytes("a string was expected");
  return wrapped.slice(1);
}

export function int64Of(value: unknown): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value !== "bigint" || value < INT64_MIN || value > INT64_MAX) {
    throw new MalformedBytes("a signed 64-bit integer was expected");
  }
  return value;
}

export function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new MalformedBytes("bytes were expected");
  return value;
}

/** A whole number in [0, 2^53). */
export function countOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedBytes("a whole number was expected");
  }
  // A float can hold -0, which would come back as another value than it was read as.
  return value === 0 ? 0 : value;
}

/** The value read by `read`, or undefined where a tuple has null or has ended. */
export function optionalOf<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}
