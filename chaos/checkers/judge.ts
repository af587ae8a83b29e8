/** Every checker there is, on one history. */

import type { History } from "../history-reader.ts";
import { checkArithmetic } from "./arithmetic.ts";
import { checkCounting, countsUp } from "./counting.ts";
import { BUDGET, checkLinearizable } from "./linearizable.ts";
import { checkReplays } from "./replays.ts";
import type { Verdict } from "./verdict.ts";
import { checkWitness } from "./witness.ts";

export interface JudgeOptions {
  /** See {@link BUDGET}. */
  readonly budget?: number;
}

/**
 * The verdict of every checker. A history is right only if every verdict is `true`. Each counter is judged by an exact
 * checker: those that only count up by the fast one, all others by the search.
 */
export function judge({ calls }: History, { budget = BUDGET }: JudgeOptions = {}): readonly Verdict[] {
  return [
    checkArithmetic(calls),
    checkCounting(calls),
    checkLinearizable(calls, { claims: (counter) => !countsUp(counter), budget }),
    checkWitness(calls),
    checkReplays(calls),
  ];
}
