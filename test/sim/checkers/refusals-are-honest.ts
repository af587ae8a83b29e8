/**
 * A write that was refused or redirected has changed nothing and never will; one that was acknowledged is in the
 * log for good (I14). So at the end each command stands in the committed log at least as often as it was
 * acknowledged, and at most as often as it was acknowledged or left open.
 */

import { type Observer, Violation } from "../observer.ts";
import { type Reference, textOf } from "./reference.ts";

interface Tally {
  asked: number;
  acknowledged: number;
  /** Refused or redirected: it has not happened. */
  refused: number;
}

export function refusalsAreHonest(reference: Reference): Partial<Observer> {
  const tallies = new Map<string, Tally>();

  function tally(text: string): Tally {
    const known = tallies.get(text);
    if (known !== undefined) return known;
    const fresh = { asked: 0, acknowledged: 0, refused: 0 };
    tallies.set(text, fresh);
    return fresh;
  }

  return {
    asked(_node, { event }) {
      if (event.kind === "write") tally(textOf(event.command)).asked++;
    },
    answered(_node, attempt, { result }) {
      if (attempt?.event.kind !== "write") return;
      const one = tally(textOf(attempt.event.command));
      if (result.kind === "applied") one.acknowledged++;
      else if (result.kind === "redirect") one.refused++;
      else if (result.kind === "failed" && result.code !== "OUTCOME_UNKNOWN") one.refused++;
    },
    ended() {
      const inLog = new Map<string, number>();
      for (const { text } of reference.executions()) inLog.set(text, (inLog.get(text) ?? 0) + 1);
      for (const [text, times] of inLog) {
        const { asked, refused } = tally(text);
        if (times > asked - refused) {
          const what = `carried out ${times} times, but asked for ${asked} times and refused ${refused} times: ${text}`;
          throw new Violation("a refused write has not happened", what);
        }
      }
      for (const [text, { acknowledged }] of tallies) {
        const times = inLog.get(text) ?? 0;
        if (times >= acknowledged) continue;
        const what = `acknowledged ${acknowledged} times, in the log ${times} times: ${text}`;
        throw new Violation("I14 no acknowledged write is lost", what);
      }
    },
  };
}
