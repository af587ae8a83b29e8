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
 * Of a name given twice the last value counts, and `__proto__` is a name like any other.
 * @throws {Refusal} INVALID_JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return MAYBE_INEXACT.test(text) ? parseWithSource(text, reviveNumber) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal("INVALID_JSON", "the body is nested too deeply");
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal("INVALID_JSON", `the body is not valid JSON: ${reason}`);
  }
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
