/** What a rule of tidy is: a sentence, a check, and the offenders that prove that it can fail. */

import { lineOf, type SourceFile } from "./source.ts";
import type { Files, Tree } from "./tree.ts";

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export interface Rule {
  /** What holds, as a sentence. */
  readonly holds: string;
  readonly check: (tree: Tree) => readonly Violation[];
  /** Trees that break the rule, by what is wrong with them. Its first file is the one to blame. */
  readonly offenders: Readonly<Record<string, Files>>;
  /** A tree that keeps the rule, and comes close to breaking it. */
  readonly clean: Files;
}

/** A file that may break a rule, and why. */
export interface Exception {
  readonly path: string;
  readonly reason: string;
}

export function violation(file: SourceFile, offset: number, text: string): Violation {
  return { path: file.path, line: lineOf(file.text, offset), text };
}

export function format({ path, line, text }: Violation): string {
  return `${path}:${line}: ${text}`;
}

/** What a rule about words looks at. */
export interface Ban {
  readonly holds: string;
  readonly where: (path: string) => boolean;
  /** Where the word must not stand: in code, in code other than imports, in comments, or anywhere in the text. */
  readonly within: "code" | "statements" | "comments" | "text";
  readonly patterns: readonly RegExp[];
  readonly offenders: Readonly<Record<string, Files>>;
  readonly clean: Files;
}

/** The rule that none of some patterns (all with the flag `g`) occurs. */
export function ban({ holds, where, within, patterns, offenders, clean }: Ban): Rule {
  const check = (tree: Tree): Violation[] =>
    tree.files
      .filter((file) => where(file.path))
      .flatMap((file) => patterns.flatMap((p) => find(file, within, p)));
  return { holds, check, offenders, clean };
}

function find(file: SourceFile, within: Ban["within"], pattern: RegExp): Violation[] {
  return partsOf(file, within).flatMap(({ start, text }) =>
    [...text.matchAll(pattern)].map((match) =>
      violation(file, start + match.index, `has "${match[0].trim()}"`),
    ),
  );
}

function partsOf(file: SourceFile, within: Ban["within"]): readonly { start: number; text: string }[] {
  switch (within) {
    case "code":
      return [{ start: 0, text: file.code }];
    case "statements":
      return [{ start: 0, text: withoutImports(file) }];
    case "comments":
      return file.comments;
    case "text":
      return [{ start: 0, text: file.text }];
  }
}

/** The code with its imports blanked; offsets stay what they were. */
export function withoutImports({ code, imports }: SourceFile): string {
  return imports.reduce(
    (left, { start, end }) =>
      left.slice(0, start) + left.slice(start, end).replace(/[^\n]/g, " ") + left.slice(end),
    code,
  );
}

/** Whether a path lies in one of these folders. */
export function under(...folders: readonly string[]): (path: string) => boolean {
  return (path) => folders.some((folder) => path.startsWith(`${folder}/`));
}
