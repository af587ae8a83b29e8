/**
 * Reads TypeScript just well enough for tidy: what is code, what is comment, and what is imported.
 *
 * TypeScript 7 has no parser to call in process, and a rule about code must not trip over a word in a comment or a
 * string. So the text is scanned once, and everything that is not code is blanked out, in place: offsets and line
 * numbers stay what they were.
 */

import { scan } from "./scan.ts";

export interface Comment {
  readonly start: number;
  readonly text: string;
}

export interface Import {
  readonly start: number;
  /** As written; undefined where it is computed, so that nobody can tell what is imported. */
  readonly specifier: string | undefined;
  /** What stands between braces, without aliases; undefined where everything is taken. */
  readonly names: readonly string[] | undefined;
  /** Whether nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  /** Whether it passes on what it imports (`export … from`). */
  readonly reexport: boolean;
  /** The statement from its keyword to the closing quote. */
  readonly end: number;
}

export interface SourceFile {
  /** Relative to the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the contents of strings, templates and regular expressions blanked. */
  readonly code: string;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
}

const SCRIPT = /\.(?:ts|js|mjs|cjs|tsx)$/;

/** Whether a path holds TypeScript or JavaScript. */
export function isScript(path: string): boolean {
  return SCRIPT.test(path);
}

/** A file as the rules see it. What is not a script has no code, comments or imports. */
export function sourceFile(path: string, text: string): SourceFile {
  if (!isScript(path)) return { path, text, code: "", comments: [], imports: [] };
  const { code, comments } = scan(text);
  return { path, text, code, comments, imports: importsOf(text, code) };
}

/** The line, from 1, of an offset. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

// In `code` the contents of a string are blanks, so a specifier is a pair of quotes with blanks between them.
const STATIC = /(?<![.\w$])(import|export)\b([^"'`;()=]*?\bfrom\s*|\s*)(["'])( *)\3/g;
const DYNAMIC = /(?<![.\w$])import\s*\(\s*(?:(["'])( *)\1\s*[,)])?/g;
const URL_OF_MODULE = /(?<![.\w$])new\s+URL\s*\(\s*(["'])( *)\1\s*,\s*import\.meta\.url/g;
const REQUIRE = /(?<![.\w$])(?:require|createRequire)\s*\(/g;

function importsOf(text: string, code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(STATIC)) {
    const [whole, keyword, clause = "", , blanks = ""] = match;
    const end = match.index + whole.length;
    const specifier = text.slice(end - 1 - blanks.length, end - 1);
    found.push({
      start: match.index,
      specifier,
      names: namesIn(clause),
      typeOnly: isTypeOnly(clause),
      reexport: keyword === "export",
      end,
    });
  }
  for (const pattern of [DYNAMIC, URL_OF_MODULE]) {
    for (const match of code.matchAll(pattern)) {
      const [whole, quote, blanks = ""] = match;
      const opening = quote === undefined ? -1 : match.index + whole.indexOf(quote);
      const written = opening < 0 ? undefined : text.slice(opening + 1, opening + 1 + blanks.length);
      // A worker is named by URL and runs in this program; data and executables (bin/) are only read or started.
      if (pattern === URL_OF_MODULE && written?.endsWith(".ts") !== true) continue;
      found.push({
        start: match.index,
        // A URL needs no dot to be relative.
        specifier: pattern === URL_OF_MODULE && !written?.startsWith(".") ? `./${written}` : written,
        names: undefined,
        typeOnly: false,
        reexport: false,
        end: match.index + whole.length,
      });
    }
  }
  for (const match of code.matchAll(REQUIRE)) {
    const end = match.index + match[0].length;
    found.push({
      start: match.index,
      specifier: undefined,
      names: undefined,
      typeOnly: false,
      reexport: false,
      end,
    });
  }
  return found;
}

function isTypeOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const braces = /^\s*\{([^}]*)\}/.exec(clause)?.[1];
  if (braces === undefined) return false;
  const names = braces.split(",").filter((name) => name.trim() !== "");
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}

function namesIn(clause: string): string[] | undefined {
  const braces = /^\s*(?:type\s+)?\{([^}]*)\}\s*from\s*$/.exec(clause);
  if (braces === null) return undefined;
  return (braces[1] ?? "")
    .split(",")
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, "")
        .replace(/\s+as\s+.*$/, ""),
    )
    .filter((name) => name !== "");
}
