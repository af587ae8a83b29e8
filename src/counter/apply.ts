/** Applies what an entry holds to the counters: the same on every node, to the last bit. */

import { changesOf } from "./batch.ts";
import { applyBatch, applyChange, applyRun } from "./change.ts";
import type { Limits } from "./limits.ts";
import { expireOutcomes, performKeyed, windowNow } from "./once.ts";
import type { Item, ItemOutcome, Payload } from "./outcomes.ts";
import { applySeries } from "./series.ts";
import { expireSessions, flushSessions, openSession, performInSession } from "./sessions.ts";
import type { Command, Operation, Outcome, Table } from "./types.ts";
import { beginWork, type Work } from "./work.ts";

/**
 * Rows of each kind that an entry clears away because they are past the window, at least. Bounded, so that the
 * first entry after a long silence does not remove a million rows while everyone waits; what is past the window
 * counts as gone whether or not it has been cleared away. Twice the items of the entry if that is more, so that
 * clearing away outruns remembering.
 */
const EXPIRED_PER_ENTRY = 1_000;

/**
 * Applies a payload and returns what became of each item, in order. Log time advances first, then records
 * past their window go, then the items are done one after the other.
 *
 * The table is left between two entries if this throws, so the caller has to roll it back or stop.
 * @throws {InvariantViolation} if the table or the payload is not what this program writes.
 * @throws {MalformedBytes} if a remembered outcome cannot be read.
 */
export function applyPayload(table: Table, payload: Payload, limits: Limits): ItemOutcome[] {
  const work = beginWork(table, payload.elapsed, limits);
  const budget = Math.max(EXPIRED_PER_ENTRY, 2 * payload.items.length);
  expireOutcomes(work, budget);
  expireSessions(work, budget);
  const outcomes = payload.items.map((item) => applyItem(work, item));
  finish(work);
  return outcomes;
}

function applyItem(work: Work, item: Item): ItemOutcome {
  if (item.kind === "run") return applyRun(work, item.key, item.by, item.count);
  const { operation, once } = item.command;
  if (operation.kind === "batch" && once === undefined) {
    const series = applySeries(work, operation);
    if (series !== undefined) return series;
  }
  return { kind: "command", outcome: applyCommand(work, item.command) };
}

function applyCommand(work: Work, { operation, once }: Command): Outcome {
  if (once === undefined) return perform(work, operation);
  if (once.kind === "key") return performKeyed(work, { key: once.key, operation }, perform);
  return performInSession(work, { place: once, operation }, perform);
}

function perform(work: Work, operation: Operation): Outcome {
  if (operation.kind === "openSession") return openSession(work);
  if (operation.kind === "batch") return applyBatch(work, changesOf(operation));
  return applyChange(work, operation);
}

function finish(work: Work): void {
  const { table, totals } = work;
  work.cells.flush(totals);
  flushSessions(work);
  totals.idempotencyWindowMs = windowNow(table, totals, work.limits);
  table.putTotals({ ...totals });
}
