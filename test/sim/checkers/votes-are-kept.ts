/** I2: on each disk the vote of a term is written once. I3: term and commit on disk never go back. */

import type { HardState, NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function votesAreKept(): Partial<Observer> {
  const votes = new Map<string, NodeId>();
  const seen = new Map<NodeId, HardState>();
  function look({ id, disk }: SimNode): void {
    const { hardState } = disk.synced;
    const before = seen.get(id);
    if (before === hardState) return;
    seen.set(id, hardState);
    if (before !== undefined && hardState.term < before.term) {
      throw new Violation("I3 terms never go back", `${id} went from ${before.term} to ${hardState.term}`);
    }
    if (before !== undefined && hardState.commit < before.commit) {
      throw new Violation(
        "I3 commit never goes back",
        `${id} went from ${before.commit} to ${hardState.commit}`,
      );
    }
    if (hardState.vote === undefined) {
      if (votes.has(`${id} ${hardState.term}`)) {
        throw new Violation("I2 a vote is written once", `${id} forgot its vote of term ${hardState.term}`);
      }
      return;
    }
    const key = `${id} ${hardState.term}`;
    const known = votes.get(key);
    if (known !== undefined && known !== hardState.vote) {
      throw new Violation("I2 a vote is written once", `${id} voted for ${known} and ${hardState.vote}`);
    }
    votes.set(key, hardState.vote);
  }
  return { synced: look, started: look };
}
