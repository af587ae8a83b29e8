/** JSON in without losing a digit: a number that a double cannot hold never passes through one. */

import { Refusal } from "./problem.ts";

/** A number whose text is not a whole number, or is too long to be one of 64 bits; kept as it was written. */
export class NumberToken {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Sixteen digits in a row, a fraction or an exponent: only then can a double differ from what was written. */
const MAYBE_INEXACT = /[0-9]{16}|[0-9][.eE]/;
const INTEGER = /^-?[0-9]+$/;
/** The longest text of a signed 64-bit integer. */
const INTEGER_CHARACTERS_MAX = 20;

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
/** The library of ES2023 does not know yet that JSON.parse shows a reviver the source of each number. */
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/**
 * Parses JSON. A number comes out as a safe whole `number`, as a `bigint`, or as a {@link NumberToken}.
 * `__proto__` is a name like any other, and a name given twice is refused: which of the two values counts
 * differs from one parser to the next (RFC 8259, section 4).
 * @throws {Refusal} INVALID_JSON.
 */
export function parseJson(text: string): unknown {
  const value = parseText(text);
  const twice = duplicateName(text);
  if (twice !== undefined) {
    throw new Refusal("INVALID_JSON", `the field ${shorten(JSON.stringify(twice))} is given twice`);
  }
  return value;
}

function parseText(text: string): unknown {
  try {
    return MAYBE_INEXACT.test(text) ? parseWithSource(text, reviveNumber) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal("INVALID_JSON", "the body is nested too deeply");
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal("INVALID_JSON", `the body is not valid JSON: ${reason}`);
  }
}

/** Objects nested deeper than this are in no body that is accepted, so their names are not looked at. */
const NAMES_DEPTH_MAX = 8;

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The first name that one object of `text` holds twice, however it is escaped; undefined if there is none.
 * JSON.parse keeps only the last of them and shows a reviver no other, so the text itself is looked through.
 * @param text valid JSON, so a string followed by a colon is a name, and it belongs to the innermost object.
 */
function duplicateName(text: string): string | undefined {
  // The names seen so far in each object that is open, outermost first; the sets are used again and again.
  const seen: Set<string>[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN) {
      if (depth < NAMES_DEPTH_MAX) {
        const names = seen[depth];
        if (names === undefined) seen.push(new Set());
        else names.clear();
      }
      depth += 1;
    } else if (code === CLOSE) {
      depth -= 1;
    } else if (code === QUOTE) {
      const end = endOfString(text, at);
      const names = seen[depth - 1];
      if (names !== undefined && isFollowedByColon(text, end)) {
        const name = nameOf(text, at, end);
        if (names.has(name)) return name;
        names.add(name);
      }
      at = end;
    }
  }
  return undefined;
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text[at] === "\\" ? 2 : 1;
  return at;
}

function isFollowedByColon(text: string, end: number): boolean {
  let at = end + 1;
  // In valid JSON what is not above a space here is white space.
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return text.charCodeAt(at) === COLON;
}

function nameOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes("\\") ? String(JSON.parse(text.slice(start, end + 1))) : raw;
}

function reviveNumber(_name: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number") return value;
  const source = context.source ?? String(value);
  const whole = INTEGER.test(source) && source.length <= INTEGER_CHARACTERS_MAX;
  return whole ? BigInt(source) : new NumberToken(source);
}

/** A JSON value in the few words that a refusal needs to show what was sent. */
export function describeJson(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value instanceof NumberToken) return shorten(value.source);
  if (typeof value === "string") return `the string ${shorten(JSON.stringify(value))}`;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return String(value);
}

function shorten(text: string): string {
  return text.length <= 48 ? text : `${text.slice(0, 40)}… (${text.length} characters)`;
}
