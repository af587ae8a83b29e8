/** I9: at the same index every replica is in the same state, idempotency records and sessions included. */

import { type Observer, Violation } from "../observer.ts";
import type { Reference } from "./reference.ts";

export function statesAgree(reference: Reference): Partial<Observer> {
  return {
    applied(node, entry, digest) {
      if (reference.digestAt(entry.index) === digest) return;
      throw new Violation(
        "I9 states agree",
        `${node.id} differs from the committed log at index ${entry.index}`,
      );
    },
    started({ id, disk }) {
      const { position, table } = disk.state;
      if (reference.digestAt(position.index) === table.totals().digest) return;
      throw new Violation("I9 states agree", `${id} started with another state at index ${position.index}`);
    },
    ended(nodes) {
      // Each is by now what it was told to be; its rows have to add up to that.
      for (const { disk } of nodes) disk.state.table.check();
    },
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind === "alarm") throw new Violation("I9 states agree", `${node.id} says: ${event.text}`);
      }
    },
  };
}
