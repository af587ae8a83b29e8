/**
 * I8: when an entry is first committed, it is on the disks of a majority of the voters, and of both halves while the
 * configuration is joint; and what commits it is an entry of the leader's own term (§5.4.2, §6). Who votes is read
 * from the log of whoever commits: the configuration in force is the last one in it.
 */

import type { Configuration, Entry, Member } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";
import { configurationIn, hasQuorum } from "./configurations.ts";

export function commitOnMajority(log: CommittedLog, nodes: () => readonly SimNode[]): Partial<Observer> {
  function isHeld(entry: Entry, configuration: Configuration): boolean {
    return hasQuorum(configuration, (member) => {
      const disk = diskOf(nodes(), member);
      if (disk === undefined) return false;
      return disk.synced.base.index >= entry.index || disk.synced.chainAt(entry.index) === entry.chain;
    });
  }

  function checkQuorum(node: SimNode, entry: Entry, inForce: readonly Configuration[]): void {
    if (inForce.some((configuration) => isHeld(entry, configuration))) return;
    throw new Violation(
      "I8 committed is on a majority's disks",
      `${node.id} commits ${entry.index} too early`,
    );
  }

  return {
    drained(node, { trace, write }) {
      const commits = trace.filter((event) => event.kind === "commit" && event.index > log.last);
      if (commits.length === 0) return;
      const { latest } = node.disk;
      // A commit may have been counted before or after a configuration that was appended in the same turn.
      const first = write?.append[0]?.index;
      const before = first === undefined ? Number.POSITIVE_INFINITY : first - 1;
      const inForce = [configurationIn(latest, before), configurationIn(latest)].map(
        (at) => at.configuration,
      );
      for (const event of commits) {
        if (event.kind !== "commit") continue;
        for (let index = log.last + 1; index <= event.index; index++) {
          const entry = latest.entry(index);
          if (entry === undefined) continue;
          checkQuorum(node, entry, inForce);
          if (index === event.index && entry.term !== event.term) {
            const what = `${node.id} commits ${index} of term ${entry.term} in term ${event.term}`;
            throw new Violation("I8 commit by own term", what);
          }
        }
      }
    },
  };
}

/** The disk of the very node that is meant, and not of one that took its id. */
function diskOf(nodes: readonly SimNode[], { id, incarnation }: Member): SimNode["disk"] | undefined {
  return nodes.find((node) => node.id === id && node.incarnation === incarnation)?.disk;
}
