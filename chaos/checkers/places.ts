/** Whether each read of one counter shows exactly the changes up to the index that it is of: none less and none more. */

import type { Answered } from "./calls.ts";
import { namesItsEntry } from "./order.ts";
import type { Complaint } from "./verdict.ts";

/** @param answered of one counter, each with an index. */
export function checkPlaces(answered: readonly Answered[]): Complaint | undefined {
  const changes = answered.filter(namesItsEntry).sort((a, b) => a.outcome.revision - b.outcome.revision);
  for (const read of answered) {
    if (read.op.f !== "read") continue;
    const { revision, index } = read.outcome;
    const shown = countUpTo(changes, revision);
    const last = changes[shown - 1];
    const next = changes[shown];
    if (last !== undefined && last.outcome.index > index) {
      const detail = `a read of index ${index} shows revision ${revision}, but ${last.outcome.revision} was made at ${last.outcome.index}`;
      return { detail, offenders: [last, read] };
    }
    if (next !== undefined && next.outcome.index <= index) {
      const detail = `a read of index ${index} shows revision ${revision}, and not ${next.outcome.revision}, made at ${next.outcome.index}`;
      return { detail, offenders: [next, read] };
    }
  }
  return undefined;
}

/** How many of the changes, by ascending revision, are of at most this revision. */
function countUpTo(changes: readonly Answered[], revision: number): number {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle]?.outcome.revision ?? 0) <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
