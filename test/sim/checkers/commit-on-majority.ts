/**
 * I8: when an entry is first committed, it is on the disks of a majority, and what commits it is an entry of the
 * leader's own term (§5.4.2).
 */

import { type Entry, isQuorum, type NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

export function commitOnMajority(log: CommittedLog, nodes: () => readonly SimNode[]): Partial<Observer> {
  function checkQuorum(node: SimNode, entry: Entry): void {
    const holds = (id: NodeId): boolean => {
      const disk = nodes().find((other) => other.id === id)?.disk;
      if (disk === undefined) return false;
      return disk.synced.base.index >= entry.index || disk.synced.chainAt(entry.index) === entry.chain;
    };
    if (!isQuorum(node.disk.latest.base.configuration, holds)) {
      throw new Violation(
        "I8 committed is on a majority's disks",
        `${node.id} commits ${entry.index} too early`,
      );
    }
  }

  return {
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "commit") continue;
        for (let index = log.last + 1; index <= event.index; index++) {
          const entry = node.disk.latest.entry(index);
          if (entry === undefined) continue;
          checkQuorum(node, entry);
          if (index === event.index && entry.term !== event.term) {
            const what = `${node.id} commits ${index} of term ${entry.term} in term ${event.term}`;
            throw new Violation("I8 commit by own term", what);
          }
        }
      }
    },
  };
}
