/**
 * Exact and fast, for counters that only ever count up: whether the answers are those of a linearizable counter, in
 * O(n log n), with any number of unknown outcomes.
 *
 * Each answer says where in the order its operation stands: an add of d that answered v took the counter from v - d to
 * v, a read of v stands between the add that made v and the one that followed. So the values fix the order but for reads
 * of the same value, which do not care. What is left to see is (1) that the steps from one value to the next fit together,
 * (2) that no operation was over before one that stands in front of it began, and (3) that whatever is between two
 * values that somebody saw, and was made by nobody who was told, can be made by adds of unknown outcome, each once, and
 * begun before anything that stands behind it was over. See docs/testing/checkers.md for the proof.
 */

import type { Call } from "../history-reader.ts";
import { byKey, earliest, isAnswered, isUnknown, operationsOf } from "./calls.ts";
import { fillHoles } from "./holes.ts";
import { Steps } from "./steps.ts";
import { type Complaint, type Finding, gravest, type Verdict, verdictOf } from "./verdict.ts";

/** Judges every counter that only counts up: adds of 1 or more without a bound, adds of 0, and reads. */
export function checkCounting(calls: readonly Call[]): Verdict {
  return verdictOf("counting", () => judge(operationsOf(calls)));
}

/** Whether this checker understands everything that was asked of one counter. */
export function countsUp(calls: readonly Call[]): boolean {
  return calls.every(({ op }) => {
    if (op.f === "set") return false;
    return op.f === "read" || (!op.by.startsWith("-") && op.min === undefined && op.max === undefined);
  });
}

function judge(operations: readonly Call[]): Finding {
  const complaints: Complaint[] = [];
  let judged = 0;
  let keys = 0;
  for (const calls of byKey(operations).values()) {
    if (!countsUp(calls)) continue;
    keys++;
    judged += calls.length;
    const complaint = checkCounter(calls);
    if (complaint !== undefined) complaints.push(complaint);
  }
  const shown = `${keys} counters that only count up are linearizable`;
  return { operations: judged, complaint: gravest(complaints), shown };
}

/** What is wrong with the answers of one counter, which only counts up. @param calls in order of their invocations. */
export function checkCounter(calls: readonly Call[]): Complaint | undefined {
  const steps = Steps.of(calls.filter(isAnswered));
  if (!(steps instanceof Steps)) return steps;
  const unknown = calls.filter((call) => isUnknown(call) && call.op.f === "add" && call.op.by !== "0");
  return checkOrder(steps) ?? fillHoles(steps, unknown);
}

/** From the highest value down: nothing may have been over before something that stands in front of it began. */
function checkOrder(steps: Steps): Complaint | undefined {
  let first: Call | undefined;
  for (let rank = steps.points.length - 1; rank >= 0; rank--) {
    const behind = first;
    for (const read of steps.readsAt(rank)) {
      if (behind !== undefined && behind.ended < earliest(read)) return backwards(read, behind);
      if (first === undefined || read.ended < first.ended) first = read;
    }
    const add = steps.addTo(rank);
    if (add === undefined) {
      steps.deadlines[rank] = first;
      continue;
    }
    if (first !== undefined && first.ended < add.invoked) return backwards(add, first);
    if (first === undefined || add.ended < first.ended) first = add;
  }
  return undefined;
}

function backwards(front: Call, behind: Call): Complaint {
  return {
    detail: `${say(behind)} was over before ${say(front)} began, though it must stand behind it`,
    offenders: [behind, front],
  };
}

function say({ op, outcome }: Call): string {
  const what = op.f === "add" ? `the add of ${op.by}` : "the read";
  return `${what} on ${op.key} that answered ${outcome.type === "ok" ? outcome.value : outcome.type}`;
}
