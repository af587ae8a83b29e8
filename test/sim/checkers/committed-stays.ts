/**
 * I7: what is committed at an index never changes, on no node, and no disk drops it but for a snapshot that covers it.
 * Adds to the committed log what is new in it.
 */

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

  /** The write is on its way: what is dropped is still there, if it ever was on the disk. */
  function checkDropped({ id, disk }: SimNode, from: number): void {
    const chain = disk.synced.entry(from)?.chain;
    if (chain === undefined || log.at(from)?.entry.chain !== chain) return;
    throw new Violation("I7 committed stays", `${id} drops the committed entry ${from}`);
  }

  return {
    drained(node, { trace, write }) {
      for (const event of trace) if (event.kind === "commit") commit(node, event.index, event.term);
      if (write?.truncateFrom !== undefined) checkDropped(node, write.truncateFrom);
      const begins = write?.install ?? write?.compact;
      if (begins !== undefined) checkSame(node, begins.index, begins.chain);
    },
    started(node) {
      const { synced, state } = node.disk;
      checkSame(node, synced.base.index, synced.base.chain);
      checkSame(node, state.position.index, state.position.chain);
      const { commit } = synced.hardState;
      if (commit > synced.base.index) checkSame(node, commit, synced.chainAt(commit));
    },
  };
}
