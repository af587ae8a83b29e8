/**
 * I13: a write or a linearizable read takes effect at one instant between its call and its answer. Every answer
 * says at which index that was, so the order is known and only has to be checked against real time: whatever was
 * shown to anyone before a request began lies before it.
 */

import { type Attempt, type Observer, Violation } from "../observer.ts";

export function linearizable(): Partial<Observer> {
  /** The highest index that any answer has shown so far. */
  let shown = 0;
  const before = new WeakMap<Attempt, number>();
  return {
    asked(_node, attempt) {
      before.set(attempt, shown);
    },
    answered(node, attempt, { result }) {
      if (attempt === undefined) return;
      if (result.kind !== "applied" && result.kind !== "answer") return;
      if (attempt.event.kind === "read" && attempt.event.consistency === "stale") return;
      const { index } = result;
      const began = before.get(attempt) ?? 0;
      // A write makes an entry of its own, after everything that could be shown before it arrived.
      const tooEarly = result.kind === "applied" ? index <= began : index < began;
      if (tooEarly) {
        const what = result.kind === "applied" ? "a write took effect" : "a stale read: answered";
        throw new Violation(
          "I13 linearizable",
          `${node.id}: ${what} at ${index}, but ${began} was shown before it began`,
        );
      }
      shown = Math.max(shown, index);
    },
  };
}
