/** JSON in and out without losing a digit: counter values use all 64 bits, a double keeps 53. */

/** What an answer may hold. A whole number that a double cannot hold exactly arrives as a bigint. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

const INTEGER = /^-?[0-9]+$/;
/** Sixteen digits in a row, a fraction or an exponent: only then can a double differ from what was written. */
const MAYBE_INEXACT = /[0-9]{16}|[0-9][.eE]/;

/**
 * Parses JSON; whole numbers outside the safe range become bigint, all others stay numbers.
 *
 * Needs a runtime whose JSON.parse shows the source of a number (Node 22, Chrome 114, Firefox 135,
 * Safari 18.4); on an older one, a number that cannot be told exactly is refused, never rounded.
 * @throws {SyntaxError} if `text` is not JSON, or holds a number this runtime cannot read exactly.
 */
export function parseExact(text: string): Json {
  // To look at each number takes many times as long as to parse it.
  if (!MAYBE_INEXACT.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(text, (_name: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    if (source === undefined && Number.isInteger(value)) {
      throw new SyntaxError("this runtime cannot read integers beyond 2^53 exactly");
    }
    return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
  }) as Json;
}

/** Prints JSON as JSON.stringify does, and bigint as a plain integer. Absent fields are left out. */
export function printExact(value: Json, indent = 0): string {
  return print(value, indent, "\n");
}

function print(value: Json, indent: number, newline: string): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = newline + " ".repeat(indent);
  const list = isList(value);
  const parts = list
    ? value.map((item) => print(item, indent, inner))
    : Object.entries(value).flatMap(([name, field]) =>
        field === undefined
          ? []
          : [`${JSON.stringify(name)}:${indent > 0 ? " " : ""}${print(field, indent, inner)}`],
      );
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return `${open}${close}`;
  if (indent === 0) return `${open}${parts.join(",")}${close}`;
  return `${open}${inner}${parts.join(`,${inner}`)}${newline}${close}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
