/** I5: two entries with the same index and term are the same, and so is everything before them (§5.3). */

import { type Observer, Violation } from "../observer.ts";

export function logMatching(): Partial<Observer> {
  // The chain hash covers an entry and all before it, so one comparison covers the whole prefix.
  const chains = new Map<string, number>();
  return {
    drained(node, { write }) {
      for (const { index, term, chain } of write?.append ?? []) {
        const key = `${index} ${term}`;
        const known = chains.get(key);
        if (known !== undefined && known !== chain) {
          throw new Violation(
            "I5 log matching",
            `${node.id} holds another log behind index ${index} term ${term}`,
          );
        }
        chains.set(key, chain);
      }
    },
  };
}
