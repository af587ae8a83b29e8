/**
 * I6: a new leader holds every entry committed in an earlier term (§5.4.3, leader completeness).
 * I7: what is committed at an index never changes, on no node.
 * I8: when an entry is first committed, it is on the disks of a majority and of its leader's own term.
 */

import { type Entry, isQuorum, type NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly byTerm: number;
}

/** Everything ever committed, in order; entry i stands at i - 1. */
export class CommittedLog {
  readonly #entries: Committed[] = [];

  get last(): number {
    return this.#entries.length;
  }

  at(index: number): Committed | undefined {
    return this.#entries[index - 1];
  }

  add(committed: Committed): void {
    this.#entries.push(committed);
  }
}

export function committedStays(log: CommittedLog, nodes: () => readonly SimNode[]): Partial<Observer> {
  function commit(node: SimNode, to: number, term: number): void {
    for (let index = log.last + 1; index <= to; index++) {
      const entry = node.disk.latest.entry(index);
      if (entry === undefined) throw new Violation("I7 committed stays", `${node.id} commits ${index}, which it lacks`);
      checkQuorum(node, entry);
      if (index === to && entry.term !== term) {
        throw new Violation("I8 commit by own term", `${node.id} commits ${to} of term ${entry.term} in ${term}`);
      }
      log.add({ entry, byTerm: term });
    }
    const { disk } = node;
    if (to <= disk.latest.base.index) return;
    const known = log.at(to)?.entry.chain;
    if (known !== disk.latest.chainAt(to)) {
      throw new Violation("I7 committed stays", `${node.id} committed another entry at ${to}`);
    }
  }

  function checkQuorum(node: SimNode, entry: Entry): void {
    const holds = (id: NodeId): boolean => {
      const disk = nodes().find((other) => other.id === id)?.disk;
      if (disk === undefined) return false;
      return disk.synced.base.index >= entry.index || disk.synced.chainAt(entry.index) === entry.chain;
    };
    const { configuration } = node.disk.latest.base;
    if (!isQuorum(configuration, holds)) {
      throw new Violation("I8 committed is on a majority's disks", `${node.id} commits ${entry.index} too early`);
    }
  }

  return {
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind === "role" && event.role === "leader") checkComplete(log, node, event.term);
        if (event.kind === "commit") commit(node, event.index, event.term);
      }
    },
  };
}

function checkComplete(log: CommittedLog, { id, disk }: SimNode, term: number): void {
  for (let index = log.last; index > disk.latest.base.index; index--) {
    const committed = log.at(index);
    // A leader of an older term that wins late need not hold what a newer term has committed.
    if (committed === undefined || committed.byTerm >= term) continue;
    if (disk.latest.chainAt(index) !== committed.entry.chain) {
      throw new Violation("I6 leader completeness", `${id} leads term ${term} without committed entry ${index}`);
    }
    return;
  }
}
