/** Reads a history back: lines become operations with a beginning, an end and an outcome. */

import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Fail, HistoryLine, Info, Invoke, Note, Ok, Operation } from "./history.ts";
import { HistoryError, parseLine } from "./history-schema.ts";

/** Of `ended`, where nobody knows when, or whether, it happened. */
export const NEVER: number = Number.POSITIVE_INFINITY;

/** How an operation came out. One that had not ended when the history did is unknown, as NO_END. */
export type RecordedOutcome =
  | ({ readonly type: "ok" } & Pick<
      Ok,
      "value" | "revision" | "index" | "term" | "node" | "replayed" | "changed"
    >)
  | { readonly type: "fail"; readonly error: string }
  | { readonly type: "info"; readonly error: string };

/** One call: what a client asked for and what it was told. */
export interface Call {
  readonly op: Operation;
  readonly process: number;
  /** Its idempotency key, where it is known. */
  readonly id?: string;
  /**
   * Numbers of the lines of its invocation and its end: `a` was over before `b` began if and only if
   * `a.ended < b.invoked`. NEVER for an unknown outcome, which may still happen.
   */
  readonly invoked: number;
  readonly ended: number;
  /** Monotonic, ns since the history began. */
  readonly invokedAt: number;
  /** When its client learned or gave up; NEVER if the history ended first. */
  readonly endedAt: number;
  readonly attempts: number;
  readonly outcome: RecordedOutcome;
}

export interface History {
  /** In the order of their invocations. */
  readonly calls: readonly Call[];
  readonly notes: readonly Note[];
  readonly lines: number;
  /** Of the last line, ns. */
  readonly durationNs: number;
}

/**
 * Reads a file that a HistoryRecorder wrote.
 * @throws {HistoryError} if a line is not what it should be or does not follow from those before.
 */
export function readHistory(file: string): History {
  const assembly = new Assembly();
  let at = 0;
  for (const text of linesOf(file)) assembly.add(parseLine(text, at++));
  return assembly.end();
}

/**
 * The history that these lines make.
 * @throws {HistoryError} if a line does not follow from those before.
 */
export function assemble(lines: Iterable<HistoryLine>): History {
  const assembly = new Assembly();
  for (const line of lines) assembly.add(line);
  return assembly.end();
}

/** The lines of a file of any size. @throws {HistoryError} if the last one is cut off. */
export function* linesOf(file: string): Generator<string> {
  const descriptor = openSync(file, "r");
  try {
    const decoder = new StringDecoder("utf8");
    const piece = Buffer.alloc(1 << 20);
    let rest = "";
    let lines = 0;
    for (let size = readSync(descriptor, piece); size > 0; size = readSync(descriptor, piece)) {
      const parts = (rest + decoder.write(piece.subarray(0, size))).split("\n");
      rest = parts.pop() ?? "";
      lines += parts.length;
      yield* parts;
    }
    if (rest !== "") throw new HistoryError(`line ${lines + 1}: is cut off`);
  } finally {
    closeSync(descriptor);
  }
}

class Assembly {
  readonly #calls: Call[] = [];
  readonly #notes: Note[] = [];
  /** What each process waits for, and where its call will stand. */
  readonly #waiting: Map<number, { readonly line: Invoke; readonly place: number }> = new Map();
  readonly #retired: Set<number> = new Set();
  /** One object for each different operation, so that millions of calls fit. */
  readonly #operations: Map<string, Operation> = new Map();
  #lines = 0;
  #time = 0;

  add(line: HistoryLine): void {
    if (line.i !== this.#lines) throw this.#error(`i: is ${line.i}, and should be ${this.#lines}`);
    if (line.t < this.#time) throw this.#error(`t: goes back from ${this.#time} to ${line.t}`);
    this.#time = line.t;
    if (line.p === "nemesis") this.#notes.push(line);
    else if (line.type === "invoke") this.#invoke(line);
    else this.#end(line);
    this.#lines++;
  }

  end(): History {
    for (const { line, place } of this.#waiting.values()) {
      this.#calls[place] = call(line, this.#shared(line.op), undefined);
    }
    return { calls: this.#calls, notes: this.#notes, lines: this.#lines, durationNs: this.#time };
  }

  #invoke(line: Invoke): void {
    const { p } = line;
    if (this.#waiting.has(p)) throw this.#error(`p: process ${p} begins something while it still waits`);
    if (this.#retired.has(p)) throw this.#error(`p: process ${p} acts after an unknown outcome`);
    this.#waiting.set(p, { line, place: this.#calls.length });
    // A place for it, until it is known how it ends.
    this.#calls.push(call(line, line.op, undefined));
  }

  #end(line: Ok | Fail | Info): void {
    const { p } = line;
    const begun = this.#waiting.get(p);
    if (begun === undefined) throw this.#error(`p: process ${p} ends what it never began`);
    if (identityOf(line.op) !== identityOf(begun.line.op)) {
      throw this.#error(`op: ends "${textOf(line.op)}", but process ${p} began "${textOf(begun.line.op)}"`);
    }
    if (line.id !== begun.line.id) {
      throw this.#error(`id: ends ${line.id ?? "none"}, but process ${p} began ${begun.line.id ?? "none"}`);
    }
    this.#waiting.delete(p);
    if (line.type === "info") this.#retired.add(p);
    this.#calls[begun.place] = call(begun.line, this.#shared(line.op), line);
  }

  #shared(op: Operation): Operation {
    const identity = identityOf(op);
    const known = this.#operations.get(identity);
    if (known !== undefined) return known;
    this.#operations.set(identity, op);
    return op;
  }

  #error(what: string): HistoryError {
    return new HistoryError(`line ${this.#lines + 1}: ${what}`);
  }
}

function call(begun: Invoke, op: Operation, end: Ok | Fail | Info | undefined): Call {
  return {
    op,
    process: begun.p,
    ...(begun.id === undefined ? {} : { id: begun.id }),
    invoked: begun.i,
    ended: end === undefined || end.type === "info" ? NEVER : end.i,
    invokedAt: begun.t,
    endedAt: end?.t ?? NEVER,
    attempts: end?.attempts ?? 1,
    outcome: outcomeOf(end),
  };
}

function outcomeOf(end: Ok | Fail | Info | undefined): RecordedOutcome {
  if (end === undefined) return NO_END;
  if (end.type !== "ok") return { type: end.type, error: end.error };
  const { type, value, revision, index, term, node, replayed, changed } = end;
  return {
    type,
    value,
    revision,
    index,
    term,
    ...(node === undefined ? {} : { node }),
    ...(replayed === undefined ? {} : { replayed }),
    ...(changed === undefined ? {} : { changed }),
  };
}

const NO_END: RecordedOutcome = { type: "info", error: "NO_END" };

/** The same for equal operations, and only for those: the key, which may hold anything, comes last. */
function identityOf(op: Operation): string {
  switch (op.f) {
    case "add":
      return `a ${op.by} ${op.min ?? ""} ${op.max ?? ""} ${op.key}`;
    case "set":
      return `s ${op.value} ${op.key}`;
    case "read":
      return `${op.stale === true ? "t" : "r"} ${op.key}`;
  }
}

/** An operation in a few words. */
export function textOf(op: Operation): string {
  switch (op.f) {
    case "add":
      return `add ${op.by} to ${op.key}${boundsOf(op)}`;
    case "set":
      return `set ${op.key} to ${op.value}`;
    case "read":
      return `${op.stale === true ? "stale read" : "read"} of ${op.key}`;
  }
}

function boundsOf({ min, max }: Extract<Operation, { f: "add" }>): string {
  if (min === undefined && max === undefined) return "";
  return ` within ${min ?? ""}..${max ?? ""}`;
}
