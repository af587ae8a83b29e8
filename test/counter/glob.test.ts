import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob } from "../../src/counter/index.ts";

/**
 * Redis' own matcher (stringmatchlen in util.c) as it is written there, recursion and all, on characters instead of
 * bytes: slow on evil patterns, and obviously the rules.
 */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [head] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === "*") {
    for (let cut = 0; cut <= text.length; cut++) if (naive(pattern.slice(1), text.slice(cut))) return true;
    return false;
  }
  const [char] = text;
  if (char === undefined) return false;
  if (head === "?") return naive(pattern.slice(1), text.slice(1));
  if (head === "[") return naiveClass(pattern.slice(1), text, char);
  const escaped = head === "\\" ? pattern[1] : undefined;
  const rest = escaped === undefined ? pattern.slice(1) : pattern.slice(2);
  return (escaped ?? head) === char && naive(rest, text.slice(1));
}

function naiveClass(body: readonly string[], text: readonly string[], char: string): boolean {
  const code = (one: string | undefined): number => one?.codePointAt(0) ?? -1;
  const not = body[0] === "^";
  let left = not ? body.slice(1) : body;
  let match = false;
  for (;;) {
    if (left.length >= 2 && left[0] === "\\") {
      left = left.slice(1);
      if (left[0] === char) match = true;
    } else if (left[0] === "]" || left.length === 0) break;
    else if (left.length >= 3 && left[1] === "-") {
      const [low = 0, high = 0] = [code(left[0]), code(left[2])].sort((a, b) => a - b);
      if (code(char) >= low && code(char) <= high) match = true;
      left = left.slice(2);
    } else if (left[0] === char) match = true;
    left = left.slice(1);
  }
  return match !== not && naive(left.slice(1), text.slice(1));
}

function matches(pattern: string, key: string): boolean {
  return compileGlob(pattern).matches(key);
}

describe("a glob", () => {
  it.each([
    ["a", "a", true],
    ["a", "ab", false],
    ["", "", true],
    ["*", "", true],
    ["items:*", "items:acme:2026", true],
    ["items:*", "item:acme", false],
    ["*:acme", "items:eu:acme", true],
    ["h?llo", "hello", true],
    ["h?llo", "hllo", false],
    ["h[ae]llo", "hallo", true],
    ["h[ae]llo", "hillo", false],
    ["h[^e]llo", "hallo", true],
    ["h[^e]llo", "hello", false],
    ["h[a-b]llo", "hbllo", true],
    ["h[b-a]llo", "hallo", true],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["[\\]]", "]", true],
    ["a[", "a", false],
    ["a[b", "ab", true],
    ["a\\", "a\\", true],
    ["[]", "]", false],
    ["[^]", "x", true],
    ["?", "😀", true],
    ["??", "😀", false],
    ["[😀-😂]x", "😁x", true],
  ])("%j on %j: %j", (pattern, key, expected) => {
    expect(matches(pattern, key)).toBe(expected);
  });

  it("says how each key that it matches begins", () => {
    expect(compileGlob("items:*")).toMatchObject({ prefix: "items:", isLiteral: false });
    expect(compileGlob("a\\*b[c]")).toMatchObject({ prefix: "a*b", isLiteral: false });
    expect(compileGlob("a\\*b")).toMatchObject({ prefix: "a*b", isLiteral: true });
    expect(compileGlob("?a")).toMatchObject({ prefix: "", isLiteral: false });
  });

  it("decides as Redis does, and within the prefix that it names", () => {
    const chars = fc.constantFrom("a", "b", "c", ":", "😀", "é", "-", "]");
    const wild = fc.constantFrom("*", "?", "[", "]", "^", "-", "\\", "a", "b", "c", ":", "😀", "é");
    const piece = fc.oneof(chars, wild, fc.constantFrom("[ab]", "[^a]", "[a-c]", "\\*", "**"));
    const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(""));
    const key = fc.array(chars, { maxLength: 7 }).map((all) => all.join(""));
    fc.assert(
      fc.property(pattern, key, (p, k) => {
        const glob = compileGlob(p);
        const expected = naive(Array.from(p), Array.from(k));
        expect(glob.matches(k)).toBe(expected);
        if (expected) expect(k.startsWith(glob.prefix)).toBe(true);
        if (expected && glob.isLiteral) expect(k).toBe(glob.prefix);
      }),
      { numRuns: 20_000 },
    );
  });

  it("does not blow up on any pattern: a thousand of the worst take well under a second", () => {
    const glob = compileGlob(`${"*a".repeat(250)}*b`);
    const key = "a".repeat(512);
    const start = performance.now();
    for (let round = 0; round < 1_000; round++) expect(glob.matches(key)).toBe(false);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
