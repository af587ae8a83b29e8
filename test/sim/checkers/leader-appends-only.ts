/** I4: a leader never drops or replaces an entry of its log (§5.3, leader append-only). */

import { type Observer, Violation } from "../observer.ts";

export function leaderAppendsOnly(): Partial<Observer> {
  return {
    drained(node, { write, trace }) {
      if (write?.truncateFrom === undefined && write?.install === undefined) return;
      // Only a node that led all the while: a follower's truncation may be drained after it has been elected.
      const becameLeader = trace.some((event) => event.kind === "role");
      if (node.reducer?.status().role === "leader" && !becameLeader) {
        throw new Violation(
          "I4 a leader only appends",
          `${node.id} dropped entries from ${write.truncateFrom}`,
        );
      }
    },
  };
}
