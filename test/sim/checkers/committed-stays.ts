/** I7: what is committed at an index never changes, on no node. Adds to the committed log what is new in it. */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

export function committedStays(log: CommittedLog): Partial<Observer> {
  function commit(node: SimNode, to: number, term: number): void {
    const { latest } = node.disk;
    for (let index = log.last + 1; index <= to; index++) {
      const entry = latest.entry(index);
      if (entry === undefined)
        throw new Violation("I7 committed stays", `${node.id} commits ${index}, which it lacks`);
      log.add({ entry, byTerm: term });
    }
    if (to >= latest.base.index) checkSame(node, to, latest.chainAt(to));
  }

  function checkSame(node: SimNode, at: number, chain: number | undefined): void {
    const known = at === 0 ? 0 : log.at(at)?.entry.chain;
    if (known !== chain)
      throw new Violation("I7 committed stays", `${node.id} committed another entry at ${at}`);
  }

  return {
    drained(node, { trace, write }) {
      for (const event of trace) if (event.kind === "commit") commit(node, event.index, event.term);
      const begins = write?.install ?? write?.compact;
      if (begins !== undefined) checkSame(node, begins.index, begins.chain);
    },
    started(node) {
      const { synced, state } = node.disk;
      checkSame(node, synced.base.index, synced.base.chain);
      checkSame(node, state.position.index, state.position.chain);
    },
  };
}
