/** Tells code from comments, strings, templates and regular expressions, without understanding any of them. */

import type { Comment } from "./source.ts";

// A `/` after one of these begins a regular expression; after anything else it divides.
const BEFORE_REGEX =
  /(?:^|[([{,;:=!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))$/;

/** The text with everything but code blanked, and its comments. The result is as long as the text. */
export function scan(text: string): { code: string; comments: Comment[] } {
  return new Scanner(text).run();
}

class Scanner {
  readonly #text: string;
  readonly #comments: Comment[] = [];
  #code = "";
  /** For each template we are inside of: how many braces of its `${ }` are open. */
  readonly #templates: number[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): { code: string; comments: Comment[] } {
    if (this.#text.startsWith("#!")) this.#blankTo(lineEnd(this.#text, 0));
    while (this.#at < this.#text.length) this.#step();
    return { code: this.#code, comments: this.#comments };
  }

  get #at(): number {
    return this.#code.length;
  }

  #step(): void {
    const char = this.#text.charAt(this.#at);
    const pair = this.#text.slice(this.#at, this.#at + 2);
    if (pair === "//") return this.#comment(lineEnd(this.#text, this.#at));
    if (pair === "/*") return this.#comment(after(this.#text, "*/", this.#at + 2));
    if (char === '"' || char === "'") return this.#quoted(stringEnd(this.#text, this.#at));
    if (char === "`") return this.#template();
    if (char === "/" && BEFORE_REGEX.test(this.#code.slice(-200).trimEnd())) {
      return this.#quoted(regexEnd(this.#text, this.#at));
    }
    if (char === "{" || char === "}") return this.#brace(char);
    this.#code += char;
  }

  #brace(char: string): void {
    this.#code += char;
    const open = this.#templates.at(-1);
    if (open === undefined) return;
    const left = open + (char === "{" ? 1 : -1);
    this.#templates[this.#templates.length - 1] = left;
    if (left === 0) {
      this.#templates.pop();
      this.#templateText();
    }
  }

  #template(): void {
    this.#code += "`";
    this.#templateText();
  }

  /** Blanks the text of a template up to its end or to the next `${`, whose inside is code again. */
  #templateText(): void {
    let end = this.#at;
    while (end < this.#text.length) {
      const char = this.#text.charAt(end);
      if (char === "\\") end += 2;
      else if (char === "`" || this.#text.startsWith("${", end)) break;
      else end += 1;
    }
    this.#blankTo(end);
    if (this.#text.charAt(end) === "`") this.#code += "`";
    else if (end < this.#text.length) {
      this.#code += "${";
      this.#templates.push(1);
    }
  }

  #comment(end: number): void {
    this.#comments.push({ start: this.#at, text: this.#text.slice(this.#at, end) });
    this.#blankTo(end);
  }

  /** Keeps the first and the last character, so that it still reads as a value. */
  #quoted(end: number): void {
    this.#code += this.#text.charAt(this.#at);
    this.#blankTo(end - 1);
    this.#code += this.#text.slice(this.#at, end);
  }

  #blankTo(end: number): void {
    this.#code += this.#text.slice(this.#at, end).replace(/[^\n]/g, " ");
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function after(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found + what.length;
}

function stringEnd(text: string, from: number): number {
  const quote = text.charAt(from);
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at += 1;
    else if (char === quote) return at + 1;
    else if (char === "\n") return at;
  }
  return text.length;
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at += 1;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
    else if (char === "\n") return at;
  }
  return text.length;
}
