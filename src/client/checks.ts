/** What a call is given, checked before anything is sent, and put into the form in which it travels. */

import { baseUrlOf } from "./base-url.ts";
import { Refused } from "./errors.ts";
import type { CallLimits } from "./operations.ts";
import type { CallOptions, Int64 } from "./types.ts";

export const INT64_MIN: bigint = -(2n ** 63n);
export const INT64_MAX: bigint = 2n ** 63n - 1n;
const KEY_BYTES_MAX = 512;
/** Each of them takes at most 3 bytes in UTF-8, so of a shorter key the bytes need not be counted. */
const KEY_UNITS_SAFE = 170;
/** With the u flag, a surrogate matches only where it is not part of a pair. */
const HALF_SURROGATE = /\p{Surrogate}/u;
/** The longest that setTimeout can wait, in ms. */
const TIMEOUT_MS_MAX = 2_147_483_647;

/** @throws {Refused} INVALID_BODY. @param name as the refusal calls it. */
export function int64(name: string, value: Int64): bigint {
  // Whoever calls from JavaScript may give anything, and BigInt() would make a number of much of it.
  if (typeof value !== "bigint" && typeof value !== "number") {
    throw new Refused("INVALID_BODY", `${name} must be a bigint or a number, not ${kindOf(value)}`, []);
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new Refused("INVALID_BODY", `${name} must be a whole number; beyond 2^53 give a bigint`, []);
  }
  const exact = BigInt(value);
  if (exact < INT64_MIN || exact > INT64_MAX) {
    throw new Refused("INVALID_BODY", `${name} must fit a signed 64-bit integer`, []);
  }
  return exact;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

/**
 * What is not known is refused, as nodes do, so that a typing error is not taken for "add 1".
 * @param rest the fields that are left when those that are known have been taken.
 * @throws {Refused} INVALID_BODY.
 */
export function refuseOthers(what: string, rest: object): void {
  const [unknown] = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (unknown === undefined) return;
  throw new Refused("INVALID_BODY", `${what} has no field ${JSON.stringify(unknown[0])}`, []);
}

/** As {@link int64}; what was not given stays so. */
export function optionalInt64(name: string, value: Int64 | undefined): bigint | undefined {
  return value === undefined ? undefined : int64(name, value);
}

/**
 * A key that a URL cannot carry must not be sent: `.` and `..` would name another path.
 * @throws {Refused} INVALID_KEY.
 */
export function checkKey(key: string): void {
  // From JavaScript: what is undefined must not count as "undefined".
  if (typeof key !== "string") throw new Refused("INVALID_KEY", `a key is text, not ${kindOf(key)}`, []);
  if (key === "" || key === "." || key === "..") {
    throw new Refused("INVALID_KEY", 'a key is 1 to 512 bytes of UTF-8, and not "." or ".."', []);
  }
  if (HALF_SURROGATE.test(key)) throw new Refused("INVALID_KEY", "the key holds half a surrogate pair", []);
  if (key.length > KEY_UNITS_SAFE && new TextEncoder().encode(key).length > KEY_BYTES_MAX) {
    throw new Refused("INVALID_KEY", `the key is longer than ${KEY_BYTES_MAX} bytes of UTF-8`, []);
  }
}

/** Where a counter is found. @throws {Refused} INVALID_KEY. */
export function counterPath(key: string): string {
  checkKey(key);
  return `/v1/counters/${encodeURIComponent(key)}`;
}

/** A log index or a revision as text. @throws {Refused} INVALID_QUERY. @param name as the refusal calls it. */
export function countText(name: string, value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw new Refused("INVALID_QUERY", `${name} must be a whole number, 0 or more`, []);
}

/**
 * Half a surrogate pair would be replaced, and so another question asked.
 * @throws {Refused} INVALID_QUERY. @param name as the refusal calls it.
 */
export function checkText(name: string, text: string): void {
  if (HALF_SURROGATE.test(text))
    throw new Refused("INVALID_QUERY", `${name} holds half a surrogate pair`, []);
}

/** `?a=b&c=d`, without those that are undefined; empty if none is left. @throws {Refused} INVALID_QUERY. */
export function queryText(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  for (const [name, value] of given) checkText(name, value);
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

/** @throws {RangeError} with a sentence. */
export function limitsOf({ signal, timeoutMs }: CallOptions): CallLimits {
  return { signal, timeoutMs: timeoutMs === undefined ? undefined : milliseconds("timeoutMs", timeoutMs) };
}

/** @throws {RangeError} with a sentence. */
export function milliseconds(name: string, value: number): number {
  if (!(value > 0 && value <= TIMEOUT_MS_MAX)) {
    throw new RangeError(`${name} must be more than 0 and at most ${TIMEOUT_MS_MAX} ms`);
  }
  return value;
}

/** What RFC 6750, section 2.1, takes for one. */
const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** `fetchIt` with a bearer token in every request. @throws {RangeError} without showing the token. */
export function withToken(fetchIt: typeof fetch, token: string | undefined): typeof fetch {
  if (token === undefined) return fetchIt;
  if (!BEARER_TOKEN.test(token))
    throw new RangeError("token must be a bearer token: letters, digits and - . _ ~ + / =");
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetchIt(input, { ...init, headers });
  };
}

/** @throws {RangeError} with a sentence that says what is wrong with `url`. */
export function baseUrl(url: string): string {
  const base = baseUrlOf(url);
  if (base !== undefined) return base;
  if (!URL.canParse(url)) throw new RangeError(`not a URL: ${url}`);
  // Not shown, for it may hold a password.
  const { protocol, host } = new URL(url);
  const shown = `${protocol}//${host}`;
  throw new RangeError(
    `a node's URL begins with http:// or https:// and has no query, user or password: ${shown}…`,
  );
}
