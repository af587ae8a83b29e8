/** What each change does to a counter, alone, in a batch and in a run. */

import { assert, assertNever } from "../base/index.ts";
import type { Cell, Cells, OpenTotals } from "./cells.ts";
import type { ItemOutcome } from "./outcomes.ts";
import type { Add, Change, Changed, Delete, ExpectedRevision, Outcome, SetValue } from "./types.ts";
import { INT64_MAX, INT64_MIN, isInt64 } from "./validate.ts";
import { type Refusal, refused, type Work } from "./work.ts";

/** Does one change, or refuses it. */
export function applyChange(work: Work, change: Change): Outcome {
  const result = tryChange(work, change, work.totals.revision);
  if ("code" in result) return refused(result);
  return { kind: "done", results: [result], replayed: false };
}

/** Does all changes in order, or refuses the first that cannot be done and takes those before it back. */
export function applyBatch(work: Work, changes: readonly Change[]): Outcome {
  const base = work.totals.revision;
  const results: Changed[] = [];
  let refusal: Refusal | undefined;
  const done = work.cells.atomically(() => {
    for (const change of changes) {
      const result = tryChange(work, change, base);
      if ("code" in result) refusal = result;
      if ("code" in result) return false;
      results.push(result);
    }
    return true;
  });
  if (done) return { kind: "done", results, replayed: false };
  work.totals.revision = base;
  assert(refusal !== undefined, "batch: what was taken back was refused");
  return refused(refusal, results.length);
}

/** What a run changes: its counter, and the latest revision. */
interface RunWork {
  readonly cells: Pick<Cells, "at" | "write">;
  readonly totals: Pick<OpenTotals, "revision">;
}

/** Does `count` adds of `by`, one by one as it were: those after the first that overflows are refused too. */
export function applyRun(work: RunWork, key: string, by: bigint, count: number): ItemOutcome {
  assert(by !== 0n && count > 0, "run: adds something at least once");
  const cell = work.cells.at(key);
  const before = cell.value;
  const room = by > 0n ? (INT64_MAX - before) / by : (INT64_MIN - before) / by;
  const applied = room < BigInt(count) ? Number(room) : count;
  const first = { key, value: before + by, revision: work.totals.revision + 1, changed: true };
  if (applied > 0) {
    work.totals.revision += applied;
    work.cells.write(cell, before + by * BigInt(applied), work.totals.revision);
  }
  const refusal = applied < count ? overflow(cell.value, by) : undefined;
  return { kind: "run", first: applied > 0 ? first : unchanged(cell), by, applied, refusal };
}

/** @param base the revision before the command. A counter changes its revision once for each command. */
function tryChange(work: Work, change: Change, base: number): Changed | Refusal {
  switch (change.kind) {
    case "add":
      return tryAdd(work, change, base);
    case "set":
      return trySet(work, change, base);
    case "delete":
      return tryDelete(work, change, base);
    default:
      return assertNever(change);
  }
}

function tryAdd(work: Work, change: Add, base: number): Changed | Refusal {
  if (change.saturate === true) return trySaturate(work, change, base);
  const { key, by, min, max, once } = change;
  const cell = work.cells.at(key);
  if (once !== undefined && work.cells.hasMember(cell, once)) return unchanged(cell);
  const sum = cell.value + by;
  // A bound lies within the range, so it is passed first.
  if (max !== undefined && sum > max) return limitReached(cell.value, by, `above the maximum of ${max}`);
  if (min !== undefined && sum < min) return limitReached(cell.value, by, `below the minimum of ${min}`);
  if (!isInt64(sum)) return overflow(cell.value, by);
  if (by === 0n && once === undefined) return unchanged(cell);

  work.cells.write(cell, sum, nextRevision(work, cell, base));
  if (once !== undefined) work.cells.addMember(cell, once);
  return changedTo(cell);
}

/** As much of an add as its bounds allow. */
function trySaturate(work: Work, { key, by, min, max, once }: Add, base: number): Changed | Refusal {
  assert(min !== undefined || max !== undefined, "add: one that saturates has a bound");
  const cell = work.cells.at(key);
  if (once !== undefined && work.cells.hasMember(cell, once)) return { ...unchanged(cell), applied: 0n };
  const sum = cell.value + by;
  let goal = sum;
  if (by > 0n && max !== undefined && sum > max) goal = max;
  if (by < 0n && min !== undefined && sum < min) goal = min;
  if (!isInt64(goal)) return overflow(cell.value, by);
  const applied = goal - cell.value;
  const isBackwards = by > 0n ? applied < 0n : applied > 0n;
  const isWithin = (min === undefined || goal >= min) && (max === undefined || goal <= max);
  // The bounds leave nothing: a member that was not counted may count later, once there is room.
  const isNothing = !isWithin || isBackwards || (applied === 0n && by !== 0n);
  if (isNothing || (by === 0n && once === undefined)) return { ...unchanged(cell), applied: 0n };

  work.cells.write(cell, goal, nextRevision(work, cell, base));
  if (once !== undefined) work.cells.addMember(cell, once);
  return { ...changedTo(cell), applied };
}

function trySet(work: Work, { key, value, ifRevision }: SetValue, base: number): Changed | Refusal {
  assert(isInt64(value), "set: the value is in the range of a counter");
  const cell = work.cells.at(key);
  if (ifRevision !== undefined && !isAt(cell, ifRevision)) return mismatch(cell, ifRevision);
  if (cell.exists && cell.value === value) return unchanged(cell);
  work.cells.write(cell, value, nextRevision(work, cell, base));
  return changedTo(cell);
}

function tryDelete(work: Work, { key, ifRevision }: Delete, base: number): Changed | Refusal {
  const cell = work.cells.at(key);
  if (ifRevision !== undefined && !isAt(cell, ifRevision)) return mismatch(cell, ifRevision);
  if (!cell.exists) return unchanged(cell);
  work.cells.remove(cell, nextRevision(work, cell, base));
  return changedTo(cell);
}

/** The revision of a change: a new one, unless this command has changed the counter already. */
export function nextRevision(work: Work, cell: Cell, base: number): number {
  if (cell.revision > base) return cell.revision;
  work.totals.revision++;
  return work.totals.revision;
}

/** The revision that a client sees: a counter that does not exist has none. */
function currentRevision(cell: Cell): number {
  return cell.exists ? cell.revision : 0;
}

function isAt(cell: Cell, expected: ExpectedRevision): boolean {
  return expected === "any" ? cell.exists : expected === currentRevision(cell);
}

function changedTo({ key, value, revision }: Cell): Changed {
  return { key, value, revision, changed: true };
}

function unchanged(cell: Cell): Changed {
  return { key: cell.key, value: cell.value, revision: currentRevision(cell), changed: false };
}

function overflow(value: bigint, by: bigint): Refusal {
  const detail = `The counter is at ${value}; adding ${by} would leave the signed 64-bit range.`;
  return { code: "COUNTER_OVERFLOW", detail };
}

function limitReached(value: bigint, by: bigint, where: string): Refusal {
  const detail = `The counter is at ${value}; adding ${by} would bring it to ${value + by}, ${where}.`;
  return { code: "LIMIT_REACHED", detail };
}

function mismatch(cell: Cell, expected: ExpectedRevision): Refusal {
  const code = "REVISION_MISMATCH";
  if (expected === "any") return { code, detail: "The counter does not exist, but was expected to." };
  if (!cell.exists) {
    return { code, detail: `The counter does not exist, but was expected at revision ${expected}.` };
  }
  if (expected === 0) {
    return {
      code,
      detail: `The counter exists at revision ${cell.revision}, but was expected not to exist.`,
    };
  }
  return { code, detail: `The counter is at revision ${cell.revision}, but was expected at ${expected}.` };
}
