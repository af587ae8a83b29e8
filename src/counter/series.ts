/**
 * A batch of plain adds all at once. Nothing but the range of a counter can refuse one of them, so where that is out of
 * reach the batch is done, each counter is changed once however often the batch names it, and what came of every add
 * follows from where the counters stood before.
 */

import { assert, defined } from "../base/index.ts";
import type { Cell } from "./cells.ts";
import { nextRevision } from "./change.ts";
import type { ItemOutcome } from "./outcomes.ts";
import type { Add, Batch, Change, Changed } from "./types.ts";
import { isInt64 } from "./validate.ts";
import type { Work } from "./work.ts";

type Series = Extract<ItemOutcome, { readonly kind: "series" }>;

/** Whether it is an add that only overflow can refuse, and that changes something: an add of 0 has no revision. */
export function isPlain(change: Change): change is Add {
  if (change.kind !== "add" || change.by === 0n) return false;
  const { min, max, saturate, once } = change;
  return min === undefined && max === undefined && saturate === undefined && once === undefined;
}

/** Does the whole batch, or nothing of it: undefined if its changes have to be tried one by one. */
export function applySeries(work: Work, batch: Batch): Series | undefined {
  const adds = batch.changes.filter(isPlain);
  if (adds.length < batch.changes.length) return undefined;
  const cells = adds.map(({ key }) => work.cells.at(key));
  const totals = totalsOf(adds, batch.places);
  if (!isWithinRange(cells, totals)) return undefined;
  const base = work.totals.revision;
  const values = cells.map(({ value }) => value);
  for (const [at, cell] of cells.entries()) {
    const total = defined(totals[at], "series: each add has a total");
    work.cells.write(cell, cell.value + total, nextRevision(work, cell, base));
  }
  const rows = cells.map(({ revision }, at) => ({ value: values[at] ?? 0n, revision }));
  return { kind: "series", rows };
}

/** What became of each change of `batch`, in order, if this became of the whole. */
export function resultsOf({ rows }: Series, { changes, places }: Batch): Changed[] {
  assert(rows.length === changes.length, "series: there is a row for each of the changes");
  const counters = new Map<string, { value: bigint }>();
  const steps = changes.map((change, at) => {
    assert(change.kind === "add", "series: all changes are adds");
    const { key, by } = change;
    const { value, revision } = defined(rows[at], "series: each change has a row");
    const counter = counters.get(key) ?? { value };
    counters.set(key, counter);
    return { key, by, revision, counter };
  });
  const take = ({ key, by, revision, counter }: (typeof steps)[number]): Changed => {
    counter.value += by;
    return { key, value: counter.value, revision, changed: true };
  };
  if (places === undefined) return steps.map(take);
  const results: Changed[] = [];
  for (const place of places) {
    results.push(take(defined(steps[place], "series: each place is that of a change")));
  }
  return results;
}

/** For each of the adds what it adds in all. */
function totalsOf(adds: readonly Add[], places: Batch["places"]): readonly bigint[] {
  if (places === undefined) return adds.map(({ by }) => by);
  const uses = new Uint16Array(adds.length);
  for (const place of places) uses[place] = (uses[place] ?? 0) + 1;
  return adds.map(({ by }, at) => by * BigInt(uses[at] ?? 0));
}

/** Whether no counter leaves its range, in whatever order this is added. */
function isWithinRange(cells: readonly Cell[], totals: readonly bigint[]): boolean {
  const reach = new Map<Cell, { low: bigint; high: bigint }>();
  return cells.every((cell, at) => {
    const total = totals[at] ?? 0n;
    const range = reach.get(cell) ?? { low: cell.value, high: cell.value };
    if (total > 0n) range.high += total;
    else range.low += total;
    reach.set(cell, range);
    return isInt64(range.low) && isInt64(range.high);
  });
}
