/** One caller of HTTP/1.1 with keep-alive, on a bare socket: parses no more of an answer than where it ends. */

import type { Caller, Heard } from "./closed-loop.ts";
import type { HttpWork } from "./http-work.ts";
import { requestOf } from "./http-work.ts";

const STATUS_AT = 9;
const HEAD_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const SHOWN = 300;

export class HttpCaller implements Caller {
  readonly weight: number;
  readonly #work: HttpWork;
  readonly #requests: readonly Buffer[];
  readonly #caller: number;
  #sent = 0;
  /** What has come of an answer that is not complete; nearly always there is none. */
  #rest: Buffer | undefined;

  /**
   * @param work what all of them do.
   * @param caller which of them this is, from 0.
   */
  constructor(work: HttpWork, caller: number) {
    this.weight = work.weight;
    this.#work = work;
    this.#caller = caller;
    // Where nothing is numbered, the bytes are made once.
    this.#requests =
      work.numbered === undefined ? work.paths.map((path) => Buffer.from(requestOf(work, path, ""))) : [];
    // So that callers do not all go through the keys in step.
    this.#sent = Math.floor((caller * work.paths.length) / Math.max(1, work.connections));
  }

  request(): Uint8Array {
    const at = this.#sent++;
    const ready = this.#requests[at % this.#requests.length];
    if (ready !== undefined) return ready;
    const path = this.#work.paths[at % this.#work.paths.length] ?? "/";
    return Buffer.from(requestOf(this.#work, path, this.#numbered(at)), "latin1");
  }

  #numbered(at: number): string {
    const { numbered } = this.#work;
    if (numbered?.kind === "key") return `Idempotency-Key: ${numbered.prefix}-${this.#caller}-${at}\r\n`;
    if (numbered?.kind !== "session") return "";
    const id = numbered.sessions[this.#caller % numbered.sessions.length];
    return `Raftally-Session: id=${id}, seq=${at + 1}, first=${at + 1}\r\n`;
  }

  hear(bytes: Buffer): Heard {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    const head = all.toString("latin1", 0, Math.min(all.length, 1_024));
    const end = head.indexOf(HEAD_END);
    if (end < 0) return this.#keep(all);
    const length = Number(LENGTH.exec(head)?.[1] ?? Number.NaN);
    if (!head.startsWith("200", STATUS_AT) || Number.isNaN(length)) {
      throw new Error(`not answered as it should be: ${head.slice(0, SHOWN)}`);
    }
    const total = end + HEAD_END.length + length;
    if (all.length < total) return this.#keep(all);
    if (all.length > total) throw new Error("more was answered than was asked");
    this.#rest = undefined;
    return "done";
  }

  #keep(bytes: Buffer): Heard {
    this.#rest = Buffer.from(bytes);
    return "wait";
  }
}
