/** Whether a history is worth a verdict: one in which little happened proves little, and is INVALID rather than green. */

import type { History } from "../history-reader.ts";
import { isAnswered } from "./calls.ts";

export interface Demands {
  /** Answered operations a second, on average. */
  readonly rate: number;
  /** Faults that began. */
  readonly faults: number;
  /** New leaders that were seen. */
  readonly leaders: number;
  /** Of all operations, how many were answered; 0 to 1. */
  readonly answered: number;
}

export const DEMANDS: Demands = { rate: 50, faults: 1, leaders: 1, answered: 0.5 };

/** What there is too little of, in sentences; nothing if the history is worth a verdict. */
export function insufficiencies(history: History, demands: Demands = DEMANDS): readonly string[] {
  const { calls, notes, durationNs } = history;
  const seconds = durationNs / 1e9;
  const answered = calls.filter(isAnswered).length;
  const rate = seconds === 0 ? 0 : answered / seconds;
  const share = calls.length === 0 ? 0 : answered / calls.length;
  const leaders = notes.filter(({ f }) => f === "leader").length;
  const faults = notes.filter(({ f, phase }) => f !== "leader" && phase !== "end").length;
  const found: string[] = [];
  if (rate < demands.rate) {
    found.push(
      `${answered} operations were answered in ${seconds.toFixed(1)} s, fewer than ${demands.rate} a second`,
    );
  }
  if (share < demands.answered) {
    found.push(`${percent(share)} of the operations were answered, less than ${percent(demands.answered)}`);
  }
  if (faults < demands.faults) found.push(`there were ${faults} faults, fewer than ${demands.faults}`);
  if (leaders < demands.leaders) found.push(`${leaders} leaders were seen, fewer than ${demands.leaders}`);
  return found;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
