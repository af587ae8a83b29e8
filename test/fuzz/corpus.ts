/** Inputs that once broke a promise, kept as text: `corpus/TARGET/NAME.hex`, with what it was in lines after `#`. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const CORPUS: string = join(import.meta.dirname, "corpus");
const LINE_BYTES = 48;

/** One input that was kept. */
export interface Case {
  readonly target: string;
  readonly file: string;
  readonly input: Buffer;
}

export function decodeHex(text: string): Buffer {
  const digits = text.replace(/^#.*$/gm, "").replace(/\s+/g, "");
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error("a case holds lines after # and hex digits");
  return Buffer.from(digits, "hex");
}

/** Everything that was kept, in order. */
export function cases(folder: string = CORPUS): Case[] {
  if (!existsSync(folder)) return [];
  const found: Case[] = [];
  for (const target of readdirSync(folder).sort()) {
    for (const name of readdirSync(join(folder, target)).sort()) {
      const file = join(folder, target, name);
      found.push({ target, file, input: decodeHex(readFileSync(file, "utf8")) });
    }
  }
  return found;
}

/** Keeps an input. @returns the file. */
export function keep(
  target: string,
  input: Buffer,
  about: readonly string[],
  folder: string = CORPUS,
): string {
  mkdirSync(join(folder, target), { recursive: true });
  const name = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const file = join(folder, target, `${name}.hex`);
  const lines = about.map((line) => `# ${line.replaceAll("\n", " ")}`);
  for (let at = 0; at < input.length; at += LINE_BYTES) {
    lines.push(input.subarray(at, at + LINE_BYTES).toString("hex"));
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}
