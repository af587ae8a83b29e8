/**
 * Writes a history while it happens: every operation of every client, and everything that is done to the cluster.
 *
 *     const recorder = HistoryRecorder.open(file);
 *     const client = recorder.process();                       // one logical process: one thing at a time
 *     const call = client.invoke({ f: "add", key: "visits", by: "1" });  // before anything is sent
 *     call.ok({ value: "5", revision: 9, index: 7, term: 2 }); // or fail(code), info(code), failed(error)
 *     recorder.note({ f: "kill", phase: "once", nodes: ["n1"] });
 *     recorder.close();
 *
 * The order of the lines is the order of real time: all is recorded by one thread, an invocation before its first
 * request leaves and an end after its answer arrived. An operation that is tried several times is one operation, from
 * before the first attempt to after the last.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { OutcomeUnknown, RaftallyError } from "../src/client/index.ts";
import type { HistoryLine, Note, Ok, Operation } from "./history.ts";

/** Lines are handed to the system in pieces of about this many characters. */
const PIECE_CHARACTERS = 65_536;

/** What an answer said. */
export type Answer = Omit<Ok, "i" | "t" | "p" | "op" | "id" | "type" | "attempts">;

/** What is said of the cluster; the recorder adds when. */
export type NoteText = Omit<Note, "i" | "t" | "p" | "type">;

/** How many lines of each kind have been recorded. */
export interface Tally {
  readonly invoke: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  readonly notes: number;
}

export class HistoryRecorder {
  /** Where the lines go. */
  readonly file: string;
  readonly #descriptor: number;
  readonly #clock: () => bigint;
  readonly #began: bigint;
  readonly #tally = { invoke: 0, ok: 0, fail: 0, info: 0, notes: 0 };
  #lines = 0;
  #time = 0;
  #processes = 0;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #closed = false;

  private constructor(file: string, clock: () => bigint) {
    this.file = file;
    this.#descriptor = openSync(file, "wx");
    this.#clock = clock;
    this.#began = clock();
  }

  /**
   * Begins a history in a file that does not exist yet.
   * @param clock monotonic, ns.
   * @throws {Error} of the file system, also if the file exists.
   */
  static open(file: string, clock: () => bigint = process.hrtime.bigint): HistoryRecorder {
    return new HistoryRecorder(file, clock);
  }

  /** How much was recorded until now. */
  get tally(): Tally {
    return { ...this.#tally };
  }

  /** ns since the history began; never goes back. */
  get elapsedNs(): number {
    return Number(this.#clock() - this.#began);
  }

  /** A new logical process. */
  process(): RecordedProcess {
    const write: Write = (line) => this.#write(line);
    return new RecordedProcess(write, () => this.#processes++);
  }

  /** Records a fault that begins, ends or is over at once, or what was seen of the cluster. */
  note(text: NoteText): void {
    this.#write({ p: "nemesis", type: "info", ...text });
    // A fault may be followed by the end of everything: what led to it should be in the file.
    this.flush();
  }

  /** Hands everything recorded to the operating system. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const bytes = Buffer.from(this.#waiting.join(""));
    this.#waiting = [];
    this.#waitingCharacters = 0;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  /** Ends the history. What is recorded afterwards, by a client that still waits for an answer, is dropped. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    closeSync(this.#descriptor);
  }

  #write(line: Unnumbered<HistoryLine>): void {
    if (this.#closed) return;
    this.#time = Math.max(this.#time, this.elapsedNs);
    const text = `${JSON.stringify({ i: this.#lines, t: this.#time, ...line })}\n`;
    this.#lines++;
    this.#tally[line.p === "nemesis" ? "notes" : line.type]++;
    this.#waiting.push(text);
    this.#waitingCharacters += text.length;
    if (this.#waitingCharacters >= PIECE_CHARACTERS) this.flush();
  }
}

type Unnumbered<L> = L extends unknown ? Omit<L, "i" | "t"> : never;
type Write = (line: Unnumbered<HistoryLine>) => void;

/** A client as the history knows it. After an operation of unknown outcome it goes on under a new number. */
export class RecordedProcess {
  readonly #write: Write;
  readonly #draw: () => number;
  #number: number;
  #isBusy = false;

  /** @param draw gives a number that no process has had. */
  constructor(write: Write, draw: () => number) {
    this.#write = write;
    this.#draw = draw;
    this.#number = draw();
  }

  /** Its present number. */
  get number(): number {
    return this.#number;
  }

  /**
   * Begins an operation: to be called before anything is sent.
   * @param id the idempotency key of a write; the same key again says that it is the same write again.
   * @throws {Error} while the operation before has not ended.
   */
  invoke(op: Operation, id?: string): RecordedCall {
    if (this.#isBusy) throw new Error(`process ${this.#number} still waits for an answer`);
    this.#isBusy = true;
    const step = { p: this.#number, op, ...(id === undefined ? {} : { id }) };
    this.#write({ type: "invoke", ...step });
    return new RecordedCall(step, (line) => {
      this.#write(line);
      if (line.type === "info") this.#number = this.#draw();
      this.#isBusy = false;
    });
  }
}

interface CallStep {
  readonly p: number;
  readonly op: Operation;
  readonly id?: string;
}

/** An operation that has been asked for. It ends once: by `ok`, `fail`, `info` or `failed`. */
export class RecordedCall {
  readonly #step: CallStep;
  readonly #end: Write;
  #attempts = 0;
  #isOver = false;

  constructor(step: CallStep, end: Write) {
    this.#step = step;
    this.#end = end;
  }

  /** Counts a request that is sent for it, where the load generator sends them itself. */
  attempt(): void {
    this.#attempts++;
  }

  /** It happened. */
  ok(answer: Answer): void {
    this.#over();
    this.#end({ type: "ok", ...this.#step, ...answer, ...this.#sent() });
  }

  /** It did not happen and never will. */
  fail(error: string): void {
    this.#over();
    this.#end({ type: "fail", ...this.#step, error, ...this.#sent() });
  }

  /** Nobody knows whether it happened or will happen. The process goes on under a new number. */
  info(error: string): void {
    this.#over();
    this.#end({ type: "info", ...this.#step, error, ...this.#sent() });
  }

  /**
   * Ends it as an error of the client says. A read that got no answer did nothing, so it never is unknown; a write is
   * unknown unless the error promises that nothing happened.
   */
  failed(error: unknown): void {
    const code = error instanceof RaftallyError ? error.code : "UNEXPECTED";
    const isHarmless = error instanceof RaftallyError && !(error instanceof OutcomeUnknown);
    if (this.#step.op.f === "read" || isHarmless) this.fail(code);
    else this.info(code);
  }

  #over(): void {
    if (this.#isOver) throw new Error("an operation ends once");
    this.#isOver = true;
  }

  #sent(): { readonly attempts?: number } {
    return this.#attempts > 1 ? { attempts: this.#attempts } : {};
  }
}
