/** Histories by hand: what was asked, from which line to which, and what was told. */

import type { Operation } from "../../../chaos/history.ts";
import { type Call, NEVER, type RecordedOutcome } from "../../../chaos/history-reader.ts";

/** What an answer said, besides the value. */
export interface Said {
  readonly revision?: number;
  readonly index?: number;
  readonly term?: number;
  readonly replayed?: true;
  readonly changed?: false;
}

export function add(by: number, bounds: { readonly min?: string; readonly max?: string } = {}): Operation {
  return { f: "add", key: "k", by: String(by), ...bounds };
}

export function set(value: number): Operation {
  return { f: "set", key: "k", value: String(value) };
}

export const READ: Operation = { f: "read", key: "k" };
export const STALE: Operation = { f: "read", key: "k", stale: true };

/** From one line to another: `[0, 3]`. */
export type Lines = readonly [from: number, to: number];

export function ok(op: Operation, [from, to]: Lines, value: number | string, said: Said = {}): Call {
  const position = { revision: 0, index: 0, term: 0, ...said };
  return call(op, [from, to], { type: "ok", value: String(value), ...position });
}

export function failed(op: Operation, lines: Lines, error = "LIMIT_REACHED"): Call {
  return call(op, lines, { type: "fail", error });
}

export function unknown(op: Operation, from: number): Call {
  return call(op, [from, NEVER], { type: "info", error: "NO_ANSWER" });
}

/** The same call, under an idempotency key. */
export function keyed(one: Call, id: string): Call {
  return { ...one, id };
}

function call(op: Operation, [invoked, ended]: Lines, outcome: RecordedOutcome): Call {
  return { op, process: invoked, invoked, ended, invokedAt: invoked, endedAt: ended, attempts: 1, outcome };
}
