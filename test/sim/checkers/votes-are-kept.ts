/** I2: on each disk the vote of a term is written once. I3: term and commit on disk never go back. */

import type { HardState, NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function votesAreKept(): Partial<Observer> {
  const votes = new Map<string, NodeId>();
  const seen = new Map<SimNode, HardState>();
  function look(node: SimNode): void {
    const { id, incarnation, disk } = node;
    const { hardState } = disk.synced;
    const before = seen.get(node);
    if (before === hardState) return;
    seen.set(node, hardState);
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
      if (votes.has(`${id} ${incarnation} ${hardState.term}`)) {
        throw new Violation("I2 a vote is written once", `${id} forgot its vote of term ${hardState.term}`);
      }
      return;
    }
    const key = `${id} ${incarnation} ${hardState.term}`;
    const known = votes.get(key);
    if (known !== undefined && known !== hardState.vote) {
      throw new Violation("I2 a vote is written once", `${id} voted for ${known} and ${hardState.vote}`);
    }
    votes.set(key, hardState.vote);
  }
  return { synced: look, started: look };
}
