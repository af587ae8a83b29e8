/**
 * What may enter the state machine (DESIGN.md, section 7): pure rules for the API and the command line, which
 * refuse before anything is proposed. The state machine itself trusts what the log holds.
 */

/** The least value of a counter. */
export const INT64_MIN: bigint = -(2n ** 63n);
/** The greatest value of a counter. */
export const INT64_MAX: bigint = 2n ** 63n - 1n;
/** Changes in one batch. */
export const BATCH_MAX = 1_000;
/** Bytes of UTF-8 in a counter's key, or in a `once` member. */
export const KEY_BYTES_MAX = 512;
/** Characters in an idempotency key. */
export const IDEMPOTENCY_KEY_MAX = 255;

/** Whether a value is in the range of a counter. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** How many bytes the text takes in UTF-8; a lone surrogate counts as the replacement character, 3 bytes. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isHigh(unit) && isLow(text.charCodeAt(at + 1))) {
      // Two units, four bytes.
      bytes += 2;
      at++;
    } else bytes += 2;
  }
  return bytes;
}

/** Whether the text has a surrogate without its other half, which UTF-8 cannot express. */
export function hasLoneSurrogate(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isHigh(unit) && isLow(text.charCodeAt(at + 1))) at++;
    else if (isHigh(unit) || isLow(unit)) return true;
  }
  return false;
}

/** What is wrong with a counter's key, as the end of a sentence that begins with "The key"; undefined if nothing. */
export function keyProblem(key: string): string | undefined {
  if (key === "." || key === "..") return 'must not be "." or "..": a URL cannot carry these as a segment';
  return textProblem(key);
}

/**
 * What is wrong with a `once` member, as the end of a sentence that begins with "The member"; undefined if nothing.
 * Unlike a key it is never part of a URL, so that dots alone are as good as anything.
 */
export function memberProblem(member: string): string | undefined {
  return textProblem(member);
}

/**
 * What is wrong with the bounds of an add, as the end of a sentence that begins with the field's name; undefined if
 * nothing. An add that saturates needs a bound to do it at.
 */
export function boundsProblem({
  min,
  max,
  saturate,
}: {
  readonly min?: bigint | undefined;
  readonly max?: bigint | undefined;
  readonly saturate?: true | undefined;
}): { readonly field: "min" | "saturate"; readonly message: string } | undefined {
  if (min !== undefined && max !== undefined && min > max) {
    return { field: "min", message: `must not be above max; got ${min}` };
  }
  if (saturate === true && min === undefined && max === undefined) {
    return { field: "saturate", message: "needs a bound: give min, max, or both" };
  }
  return undefined;
}

/**
 * What is wrong with an idempotency key, as the end of a sentence. It travels in a header, which keeps neither
 * other characters than printable ASCII nor spaces at its ends.
 */
export function idempotencyKeyProblem(key: string): string | undefined {
  if (key.length === 0) return "must not be empty";
  if (key.length > IDEMPOTENCY_KEY_MAX) {
    return `must have at most ${IDEMPOTENCY_KEY_MAX} characters, but has ${key.length}`;
  }
  if (!/^[\x20-\x7e]*$/.test(key)) return "must consist of printable ASCII characters";
  if (key.startsWith(" ") || key.endsWith(" ")) return "must not begin or end with a space";
  return undefined;
}

/**
 * Control characters (C0, DEL, C1) are refused although UTF-8 has them: names are printed one a line, into terminals
 * and logs, and one that nobody can see or type is always a mistake. So is a visitor's name that ends with the line
 * break of the file it was read from: it would count as another visitor.
 */
function textProblem(text: string): string | undefined {
  if (text === "") return "must not be empty";
  const control = /\p{Cc}/u.exec(text);
  if (control !== null) return `must not contain control characters (one is at position ${control.index})`;
  if (hasLoneSurrogate(text)) return "must be valid Unicode, but has a surrogate without its other half";
  const bytes = utf8Bytes(text);
  if (bytes > KEY_BYTES_MAX) return `must take at most ${KEY_BYTES_MAX} bytes of UTF-8, but takes ${bytes}`;
  return undefined;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** NaN, which is what lies beyond the end of a text, is not one. */
function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
