/** What an option is, and how its text becomes a value. */

/** Outcome of reading an option's text. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  /** `expected` completes the sentence "--port must be …". */
  | { readonly ok: false; readonly expected: string };

/** One row of the option table, from which parsing, help and the checks of the documents come. */
export interface Option<T> {
  /** Without the dashes. */
  readonly flag: string;
  /** The environment variable that stands for it; undefined for what belongs to a single call. */
  readonly env: string | undefined;
  /** What help shows for the value; undefined for a switch, which takes none. */
  readonly placeholder: string | undefined;
  /** One sentence or two. */
  readonly help: string;
  readonly fallback: T;
  /** The default as help shows it; undefined if there is nothing to show. */
  readonly fallbackText: string | undefined;
  readonly read: (text: string) => Parsed<T>;
}

export function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function bad(expected: string): { readonly ok: false; readonly expected: string } {
  return { ok: false, expected };
}

/** A reader for whole numbers from `low` to `high`. */
export function wholeNumber(low: number, high: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]{1,15}$/.test(text) && value >= low && value <= high) return good(value);
    return bad(`a whole number from ${low} to ${high}`);
  };
}

const INT64_MIN: bigint = -(2n ** 63n);
const INT64_MAX: bigint = 2n ** 63n - 1n;

export function int64(text: string): Parsed<bigint> {
  if (/^-?[0-9]{1,19}$/.test(text)) {
    const value = BigInt(text);
    if (value >= INT64_MIN && value <= INT64_MAX) return good(value);
  }
  return bad(`a whole number from ${INT64_MIN} to ${INT64_MAX}`);
}

/** Text of at least one character. */
export function text(given: string): Parsed<string> {
  return given === "" ? bad("something, not empty") : good(given);
}

/** What may stand behind `Authorization: Bearer`. */
export function bearerToken(given: string): Parsed<string> {
  return /^[A-Za-z0-9._~+/-]+=*$/.test(given) ? good(given) : bad("letters, digits and - . _ ~ + / =");
}

/** A name that needs no quoting anywhere. */
export function name(given: string): Parsed<string> {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(given)) return good(given);
  return bad("1 to 64 letters, digits or inner . _ -");
}

/** One of a few words. */
export function choice<T extends string>(...words: readonly T[]): (text: string) => Parsed<T> {
  return (given) => {
    const found = words.find((word) => word === given);
    return found === undefined ? bad(words.join(" or ")) : good(found);
  };
}

/** A switch is on when named; `=true` and `=false` are understood too. */
export function onOff(given: string): Parsed<boolean> {
  return given === "true" || given === "false" ? good(given === "true") : bad("true or false");
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A duration such as `250ms`, `5s`, `2m` or `24h`, in ms, from `lowMs` to `highMs`. */
export function duration(lowMs: number, highMs: number): (text: string) => Parsed<number> {
  return (given) => {
    const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/.exec(given);
    const ms = Math.round(Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? Number.NaN));
    if (ms >= lowMs && ms <= highMs) return good(ms);
    return bad(`a duration such as 250ms or 5s, from ${showDuration(lowMs)} to ${showDuration(highMs)}`);
  };
}

/** A number of ms as {@link duration} reads it. */
export function showDuration(ms: number): string {
  if (ms >= 7_200_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** How an option begins; the rest depends on whether it has a default. */
type Head<T> = Pick<Option<T>, "help" | "placeholder" | "read"> & { readonly env?: string };

/** An option that is undefined unless it is given. */
export function optional<T>(flag: string, head: Head<T>): Option<T | undefined> {
  return { flag, fallback: undefined, fallbackText: undefined, ...head, env: head.env };
}

/** An option with a default. */
export function defaulted<T>(
  flag: string,
  fallback: T,
  head: Head<T> & { readonly shown: string },
): Option<T> {
  const { shown, ...rest } = head;
  return { flag, fallback, fallbackText: shown, ...rest, env: head.env };
}

/** A switch, off unless it is given. */
export function off(flag: string, help: string): Option<boolean> {
  const row = { flag, fallback: false, fallbackText: undefined, help, env: undefined };
  return { ...row, placeholder: undefined, read: onOff };
}

/** A duration in ms with a default and an environment variable. */
export function time(
  flag: string,
  fallback: number,
  range: readonly [number, number],
  help: string,
): Option<number> {
  const env = `RAFTALLY_${flag.toUpperCase().replaceAll("-", "_")}`;
  return defaulted(flag, fallback, {
    env,
    placeholder: "TIME",
    shown: showDuration(fallback),
    help,
    read: duration(...range),
  });
}
