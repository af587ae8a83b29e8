/** One caller of Redis, on a bare socket: commands that are answered with an integer each. */

import type { Caller, Heard } from "./closed-loop.ts";

const COLON = 0x3a;
const LINE_FEED = 0x0a;

/** A command as Redis reads it. */
export function respOf(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

export class RespCaller implements Caller {
  readonly weight = 1;
  readonly #bytes: Buffer;
  readonly #answers: number;
  readonly #isRight: (last: number) => boolean;
  #heard = 0;
  #rest: Buffer | undefined;

  /**
   * @param commands sent together, each of which is answered with an integer; together they are one operation.
   * @param isRight whether the last of the integers is what it has to be.
   */
  constructor(commands: readonly (readonly string[])[], isRight: (last: number) => boolean) {
    this.#bytes = Buffer.from(commands.map((words) => respOf(...words)).join(""));
    this.#answers = commands.length;
    this.#isRight = isRight;
  }

  request(): Uint8Array {
    this.#heard = 0;
    return this.#bytes;
  }

  hear(bytes: Buffer): Heard {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (let end = all.indexOf(LINE_FEED, at); end >= 0; end = all.indexOf(LINE_FEED, at)) {
      const line = all.toString("latin1", at, end - 1);
      if (line.charCodeAt(0) !== COLON) throw new Error(`Redis answered ${line}`);
      this.#heard += 1;
      if (this.#heard === this.#answers && !this.#isRight(Number(line.slice(1)))) {
        throw new Error(`Redis answered ${line}, which is not enough`);
      }
      at = end + 1;
    }
    this.#rest = at === all.length ? undefined : Buffer.from(all.subarray(at));
    return this.#heard === this.#answers ? "done" : "wait";
  }
}
