/** I10: compacted <= snapshot, applied <= durable and committed, committed <= last: on every disk, at every flush. */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

export function logBounds(log: CommittedLog): Partial<Observer> {
  function checkDisk({ id, disk }: SimNode): void {
    const { base, hardState, last } = disk.synced;
    const snapshot = disk.snapshot?.position.index ?? 0;
    if (base.index > snapshot) fail(`${id} compacted to ${base.index}, its snapshots end at ${snapshot}`);
    if (hardState.commit > last.index)
      fail(`${id} says ${hardState.commit} is committed, its log ends at ${last.index}`);
    if (hardState.commit > log.last)
      fail(`${id} says ${hardState.commit} is committed, which nobody has committed`);
  }

  return {
    synced: checkDisk,
    started(node) {
      checkDisk(node);
      const { id, disk } = node;
      const { index } = disk.state.position;
      // What the log has dropped is nowhere else (P11).
      if (index < disk.synced.base.index)
        fail(`${id} starts with the state at ${index}, and its log begins after ${disk.synced.base.index}`);
    },
    applied({ id, disk }, entry) {
      const { synced } = disk;
      // What a compaction has dropped meanwhile was there before.
      if (entry.index > synced.base.index && synced.chainAt(entry.index) !== entry.chain) {
        fail(`${id} applied ${entry.index}, which is not on its disk`);
      }
      if (entry.index > log.last) fail(`${id} applied ${entry.index}, which is not committed`);
    },
  };
}

function fail(text: string): never {
  throw new Violation("I10 the log is in order", text);
}
