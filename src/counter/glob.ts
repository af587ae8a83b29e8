/**
 * Patterns for whole keys, by the rules that users know from Redis: `*` any text, colons included; `?` one character;
 * `[abc]`, `[a-z]` and `[^a]` one of, or none of; a backslash takes the next character as it is. A bracket that is
 * never closed ends with the pattern.
 *
 * Only the latest `*` is ever tried again, so that a match takes at most length of key times length of pattern steps,
 * whatever the pattern: there is no pattern that blows up.
 */

/** A pattern ready to be matched. */
export interface Glob {
  /** Every key that matches begins with this. */
  readonly prefix: string;
  /** Whether only {@link prefix} itself matches. */
  readonly isLiteral: boolean;
  matches(key: string): boolean;
}

type Token =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "char"; readonly char: number }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly Range[] };

/** Code points, both ends included. */
type Range = readonly [low: number, high: number];

const ANY: Token = { kind: "any" };
const ONE: Token = { kind: "one" };

/** Makes any text a pattern: there is none that is refused. */
export function compileGlob(pattern: string): Glob {
  const tokens = tokensOf(Array.from(pattern));
  const firstWild = tokens.findIndex((token) => token.kind !== "char");
  const literal = firstWild < 0 ? tokens : tokens.slice(0, firstWild);
  const prefix = literal.map((token) => (token.kind === "char" ? charText(token.char) : "")).join("");
  return {
    prefix,
    isLiteral: firstWild < 0,
    matches: (key) => key.startsWith(prefix) && matchFrom(tokens, literal.length, key, prefix.length),
  };
}

function charText(char: number): string {
  return String.fromCodePoint(char);
}

function tokensOf(chars: readonly string[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at] ?? "";
    if (char === "[") {
      const { token, end } = classAt(chars, at + 1);
      tokens.push(token);
      at = end;
      continue;
    }
    // A backslash at the very end stands for itself.
    const isEscape = char === "\\" && at + 1 < chars.length;
    if (isEscape) at++;
    if (!isEscape && char === "*") {
      if (tokens.at(-1) !== ANY) tokens.push(ANY);
    } else if (!isEscape && char === "?") tokens.push(ONE);
    else tokens.push({ kind: "char", char: codeOf(chars[at]) });
    at++;
  }
  return tokens;
}

/** The class whose first character after the bracket is at `from`, and where the pattern goes on behind it. */
function classAt(chars: readonly string[], from: number): { readonly token: Token; readonly end: number } {
  const negated = chars[from] === "^";
  const ranges: Range[] = [];
  let at = negated ? from + 1 : from;
  while (at < chars.length && chars[at] !== "]") {
    if (chars[at] === "\\" && at + 1 < chars.length) at++;
    else if (chars[at + 1] === "-" && at + 2 < chars.length) {
      const ends = [codeOf(chars[at]), codeOf(chars[at + 2])] as const;
      ranges.push([Math.min(...ends), Math.max(...ends)]);
      at += 3;
      continue;
    }
    ranges.push([codeOf(chars[at]), codeOf(chars[at])]);
    at++;
  }
  return { token: { kind: "class", negated, ranges }, end: at + 1 };
}

function codeOf(char: string | undefined): number {
  return char?.codePointAt(0) ?? -1;
}

/** Whether `key` from `at` on is what the tokens from `first` on describe. */
function matchFrom(tokens: readonly Token[], first: number, key: string, from: number): boolean {
  let token = first;
  let at = from;
  /** The token after the latest `*`, and how far that one has reached; -1 before the first. */
  let afterStar = -1;
  let reached = 0;
  while (at < key.length) {
    const wanted = tokens[token];
    if (wanted?.kind === "any") {
      token++;
      afterStar = token;
      reached = at;
      continue;
    }
    const char = key.codePointAt(at) ?? -1;
    if (wanted !== undefined && takes(wanted, char)) {
      token++;
      at += widthOf(char);
      continue;
    }
    if (afterStar < 0) return false;
    // The star takes one more character, and all behind it is tried anew.
    reached += widthOf(key.codePointAt(reached) ?? -1);
    at = reached;
    token = afterStar;
  }
  while (tokens[token]?.kind === "any") token++;
  return token === tokens.length;
}

function takes(token: Token, char: number): boolean {
  if (token.kind === "char") return token.char === char;
  if (token.kind !== "class") return token.kind === "one";
  return token.ranges.some(([low, high]) => char >= low && char <= high) !== token.negated;
}

/** Units of UTF-16 that a character takes. */
function widthOf(char: number): number {
  return char > 0xffff ? 2 : 1;
}
