/**
 * A stale read says how old it is and promises nothing else, but time goes forward for whoever stays with one
 * process: no read of it shows an earlier state than the one before.
 */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function staleReadsGoForward(): Partial<Observer> {
  const shown = new Map<SimNode, number>();
  return {
    crashing: (node) => shown.delete(node),
    answered(node, attempt, { result }) {
      if (attempt?.event.kind !== "read" || result.kind !== "answer") return;
      const before = shown.get(node) ?? 0;
      const { index, ageMs } = result;
      if (index < before) fail(`${node.id} shows the state at ${index}, and has shown that at ${before}`);
      if (ageMs !== undefined && ageMs < 0) fail(`${node.id} says that a state is ${ageMs} ms old`);
      if (attempt.event.consistency === "linearizable" && ageMs !== 0)
        fail(`${node.id} says that a linearizable read is ${ageMs} ms old`);
      shown.set(node, index);
    },
  };
}

function fail(text: string): never {
  throw new Violation("I13 stale reads go forward", text);
}
