/** I6: a new leader holds, on its disk, every entry committed in an earlier term (§5.4.3, leader completeness). */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

export function leaderCompleteness(log: CommittedLog): Partial<Observer> {
  return {
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind === "role" && event.role === "leader") checkComplete(log, node, event.term);
      }
    },
  };
}

function checkComplete(log: CommittedLog, { id, disk }: SimNode, term: number): void {
  for (let index = log.last; index > disk.synced.base.index; index--) {
    const committed = log.at(index);
    // A leader of an older term that wins late need not hold what a newer term has committed.
    if (committed === undefined || committed.byTerm >= term) continue;
    if (disk.synced.chainAt(index) !== committed.entry.chain) {
      throw new Violation(
        "I6 leader completeness",
        `${id} leads term ${term} without committed entry ${index}`,
      );
    }
    // The chain hash covers everything before it.
    return;
  }
}
