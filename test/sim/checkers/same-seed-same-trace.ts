/** I21: a seed does the same again, down to every message and every answer. */

import type { RunResult } from "../world.ts";

/** How a run ended. */
export interface Ended {
  readonly result: RunResult | undefined;
  readonly broken: { readonly message: string; readonly atMs: number } | undefined;
}

export const SAME_AGAIN = "I21 the same seed gives the same trace";

/** What is different the second time; undefined if nothing is. */
export function differenceOf(first: Ended, second: Ended): string | undefined {
  const [one, other] = [wordsOf(first), wordsOf(second)];
  return one === other ? undefined : `${SAME_AGAIN}: the first run gave ${one}, the second ${other}`;
}

function wordsOf({ result, broken }: Ended): string {
  if (result === undefined) return `"${broken?.message}" after ${broken?.atMs} ms`;
  const { traceHash, events, virtualMs, committed, coverage } = result;
  return JSON.stringify({ traceHash, events, virtualMs, committed, coverage });
}
