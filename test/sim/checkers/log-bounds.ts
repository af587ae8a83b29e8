/**
 * I10: compacted <= snapshot, applied <= durable and committed, committed <= last: on every disk, at every flush.
 * I17: what a leader has on its way to a peer, and what waits in a node, stays within its settings.
 */

import { type Observer, Violation } from "../observer.ts";
import type { Profile } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

/** What one command may weigh: the queue takes one more than fits. */
const COMMAND_BYTES = 4_000;

export function logBounds(log: CommittedLog, { raft, node: settings }: Profile): Partial<Observer> {
  let drains = 0;

  function checkDisk({ id, disk }: SimNode): void {
    const { base, hardState, last } = disk.synced;
    const snapshot = disk.snapshot?.position.index ?? 0;
    if (base.index > snapshot) fail(`${id} compacted to ${base.index}, its snapshots end at ${snapshot}`);
    if (hardState.commit > last.index)
      fail(`${id} says ${hardState.commit} is committed, its log ends at ${last.index}`);
    if (hardState.commit > log.last)
      fail(`${id} says ${hardState.commit} is committed, which nobody has committed`);
  }

  function checkQueues({ id, reducer }: SimNode): void {
    if (reducer === undefined) return;
    if (reducer.pendingBytes > settings.pendingBytesMax + COMMAND_BYTES)
      bound(`${id} holds ${reducer.pendingBytes} bytes`);
    for (const [peer, progress] of reducer.status().progress) {
      if (progress.state !== "replicate" || progress.inflight.length <= raft.inflightMessagesMax) continue;
      bound(`${id} has ${progress.inflight.length} appends on their way to ${peer}`);
    }
  }

  return {
    synced: checkDisk,
    started: checkDisk,
    drained(node) {
      if (++drains % 32 === 0) checkQueues(node);
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

function bound(text: string): never {
  throw new Violation("I17 queues are bounded", text);
}
