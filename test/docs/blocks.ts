/** The fenced blocks of the documents, and what each is: something to run, an answer, or something to look at. */

import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Block {
  /** From the root of the repository. */
  readonly file: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** What stands behind the fence: `sh`, `ts`, `json`, … or nothing. */
  readonly language: string;
  readonly text: string;
  /** The block without a language that follows at once: what the commands or the program print. */
  readonly answer: string | undefined;
}

/** The documents whose blocks are run. */
export function documents(): readonly string[] {
  const patterns = ["README.md", "docs/**/*.md", "examples/**/README.md"];
  return globSync(patterns, { cwd: ROOT }).sort();
}

interface Fence extends Omit<Block, "answer"> {
  /** Whether only empty lines stand between the block before and this one. */
  readonly follows: boolean;
}

/** Every fenced block of a text, in order. */
export function blocksOf(
  file: string,
  text: string = readFileSync(`${ROOT}${file}`, "utf8"),
): readonly Block[] {
  const fences = fencesOf(file, text);
  const blocks: Block[] = [];
  for (const [at, { follows, ...fence }] of fences.entries()) {
    if (follows && isAnswer(fence) && isRun(fences[at - 1])) continue;
    const next = fences[at + 1];
    const answered = next?.follows === true && isAnswer(next) && isRun(fence);
    blocks.push({ ...fence, answer: answered ? next.text : undefined });
  }
  return blocks;
}

function isRun(fence: Pick<Fence, "language"> | undefined): boolean {
  return fence !== undefined && ["sh", "bash", "ts"].includes(fence.language);
}

function isAnswer({ language, text }: Pick<Fence, "language" | "text">): boolean {
  return language === "" && !text.startsWith("$ ");
}

function fencesOf(file: string, text: string): readonly Fence[] {
  const found: Fence[] = [];
  let open: { readonly mark: string; readonly language: string; readonly line: number } | undefined;
  let lines: string[] = [];
  let follows = false;
  for (const [at, line] of text.split("\n").entries()) {
    const [, mark, language = ""] = /^ *(`{3,}|~{3,}) *([\w-]*) *$/.exec(line) ?? [];
    if (open === undefined) {
      if (mark !== undefined) {
        open = { mark, language, line: at + 1 };
        lines = [];
      } else if (line.trim() !== "") follows = false;
    } else if (mark === open.mark && language === "") {
      found.push({ file, line: open.line, language: open.language, text: lines.join("\n"), follows });
      open = undefined;
      follows = true;
    } else lines.push(line);
  }
  return found;
}

/** One command of a transcript, and what it printed. */
export interface Exchange {
  readonly command: string;
  readonly printed: string;
}

/** A block that shows a terminal: commands behind `$ `, each with what it printed. */
export function exchangesOf(transcript: string): readonly Exchange[] {
  return transcript
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      // A command goes on behind a backslash at the end of a line.
      const [, command = "", printed = ""] = /^((?:.*\\\n)*.*)\n?([\s\S]*)$/.exec(part) ?? [];
      return { command, printed };
    });
}

/** A block without the indentation that it has in a list. */
export function dedented({ text }: Pick<Block, "text">): string {
  const depths = text.split("\n").flatMap((line) => (line.trim() === "" ? [] : line.search(/\S/)));
  const depth = Math.min(...depths);
  return text
    .split("\n")
    .map((line) => line.slice(depth))
    .join("\n");
}
