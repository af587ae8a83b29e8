/**
 * Exactly once by idempotency key: outcomes are remembered for a window of log time and given again. Whether a
 * command is a repeat is decided here, when it is applied, and nowhere else.
 */

import { digestAdd, digestRemove } from "../base/index.ts";
import { outcomeRowHash } from "./digest.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Limits } from "./limits.ts";
import { decodeOutcome, encodeOutcome } from "./outcome-codec.ts";
import type { Operation, Outcome, RememberedOutcome, Table, Totals } from "./types.ts";
import { refused, type Work } from "./work.ts";

/** Performs an operation unless its key has an outcome already, which is then given again. */
export function performKeyed(
  work: Work,
  request: { readonly key: string; readonly operation: Operation },
  perform: (work: Work, operation: Operation) => Outcome,
): Outcome {
  const { key, operation } = request;
  const fingerprint = fingerprintOf(operation);
  const known = remembered(work, key);
  if (known !== undefined) return again(known, fingerprint, operation);
  if (!hasRoom(work)) {
    const detail = "The memory for idempotency keys is full of keys that are too young to be forgotten.";
    return refused({ code: "IDEMPOTENCY_CAPACITY", detail });
  }
  const outcome = perform(work, operation);
  if (isRemembered(outcome)) remember(work, { key, fingerprint, outcome: encodeOutcome(outcome) });
  return outcome;
}

/** The outcome of an earlier attempt, or the refusal of another operation under its name. */
export function again(
  known: Pick<RememberedOutcome, "fingerprint" | "outcome">,
  fingerprint: number,
  operation: Operation,
): Outcome {
  if (known.fingerprint === fingerprint) return decodeOutcome(known.outcome, operation);
  const detail = "This idempotency key, or number in a session, was first used with another request.";
  return refused({ code: "IDEMPOTENCY_KEY_REUSED", detail });
}

/** Whether a retry gets this outcome again. A lack of room passes, so a retry may then be done after all. */
export function isRemembered(outcome: Outcome): boolean {
  return outcome.kind !== "refused" || outcome.code !== "IDEMPOTENCY_CAPACITY";
}

/** Forgets outcomes past the window, oldest first and at most `budget` of them. */
export function expireOutcomes(work: Work, budget: number): void {
  for (let left = budget; left > 0; left--) {
    const oldest = work.table.oldestOutcome();
    if (oldest === undefined || !isExpired(work, oldest)) return;
    forget(work, oldest);
  }
}

/**
 * The window now in force, in ms of log time: every outcome by key that is younger is still remembered. It is
 * the whole window until the memory is full; from then on the age of the oldest outcome in it, for what is older
 * may have had to make room; and never less than the floor.
 *
 * This is exact: outcomes are forgotten in the order in which they were made, and once the memory is no longer
 * full, that is because some expired, before which all that were forgotten early would have expired too.
 */
export function effectiveWindow(table: Table, limits: Limits): number {
  return windowNow(table, table.totals(), limits);
}

/** As {@link effectiveWindow}, with totals that the table does not have yet. */
export function windowNow(table: Table, totals: Totals, limits: Limits): number {
  if (totals.rememberedKeys < limits.capacity) return limits.windowMs;
  const age = totals.logTime - (table.oldestOutcome()?.at ?? totals.logTime);
  return Math.min(limits.windowMs, Math.max(limits.floorMs, age));
}

/** The outcome of a key, unless it is past the window but has not been cleared away yet. */
function remembered(work: Work, key: string): RememberedOutcome | undefined {
  const row = work.table.outcome(key);
  if (row === undefined || !isExpired(work, row)) return row;
  forget(work, row);
  return undefined;
}

function isExpired(work: Work, row: RememberedOutcome): boolean {
  return work.now - row.at > work.limits.windowMs;
}

/** Makes room for one more outcome, if that takes nothing younger than the floor. */
function hasRoom(work: Work): boolean {
  while (work.totals.rememberedKeys >= work.limits.capacity) {
    const oldest = work.table.oldestOutcome();
    if (oldest === undefined || work.now - oldest.at <= work.limits.floorMs) return false;
    forget(work, oldest);
  }
  return true;
}

function remember(work: Work, made: Pick<RememberedOutcome, "key" | "fingerprint" | "outcome">): void {
  const { table, totals } = work;
  totals.outcomeSerial++;
  const row: RememberedOutcome = { ...made, at: work.now, serial: totals.outcomeSerial };
  table.putOutcome(row);
  totals.digest = digestAdd(totals.digest, outcomeRowHash(row));
  totals.rememberedKeys++;
}

function forget(work: Work, row: RememberedOutcome): void {
  const { table, totals } = work;
  table.deleteOutcome(row);
  totals.digest = digestRemove(totals.digest, outcomeRowHash(row));
  totals.rememberedKeys--;
}
