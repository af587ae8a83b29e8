/** What applying one entry works on: the table, what is held back until the entry's end, and the log time. */

import { assert } from "../base/index.ts";
import { Cells, type OpenTotals } from "./cells.ts";
import type { Limits } from "./limits.ts";
import type { Outcome, RefusalCode, RememberedOutcome, SessionRow, Table } from "./types.ts";

/** Why a change or a command was not done. */
export interface Refusal {
  readonly code: RefusalCode;
  /** A sentence that is remembered with the outcome, and so part of the replicated state: see outcome-codec.ts. */
  readonly detail: string;
}

/** A session that the entry has used. */
export interface OpenSessionRow {
  readonly id: number;
  /** What the table holds; undefined if nothing. */
  stored: SessionRow | undefined;
  usedAt: number;
  firstUnanswered: number;
  readonly outcomes: Map<number, Pick<RememberedOutcome, "fingerprint" | "outcome">>;
  /** Whether the table has to be told. */
  changed: boolean;
}

export interface Work {
  readonly table: Table;
  readonly limits: Limits;
  /** Log time of the entry, ms. */
  readonly now: number;
  readonly totals: OpenTotals;
  readonly cells: Cells;
  readonly sessions: Map<number, OpenSessionRow>;
}

/** Opens an entry that follows the previous one after `elapsed` ms of log time. */
export function beginWork(table: Table, elapsed: number, limits: Limits): Work {
  assert(Number.isSafeInteger(elapsed) && elapsed >= 0, "apply: log time does not run backwards");
  const before = table.totals();
  const now = before.logTime + elapsed;
  const totals = { ...before, logTime: now };
  return { table, limits, now, totals, cells: new Cells(table), sessions: new Map() };
}

/** The outcome of a command that was not done. */
export function refused({ code, detail }: Refusal, position: number = 0): Outcome {
  return { kind: "refused", code, detail, position, replayed: false };
}
