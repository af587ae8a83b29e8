/**
 * I2: on each disk the vote of a term is written once, and to the others a node says only one: a request for votes is
 * its own. I3: term and commit on disk never go back, and neither does what a process has applied.
 */

import type { HardState, NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function votesAreKept(): Partial<Observer> {
  const votes = new Map<string, NodeId>();
  const said = new Map<string, NodeId>();
  const seen = new Map<SimNode, HardState>();
  const applied = new Map<SimNode, number>();

  function look(node: SimNode, hardState: HardState): void {
    const { id, incarnation } = node;
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

  function say({ id, incarnation }: SimNode, term: number, candidate: NodeId): void {
    const key = `${id} ${incarnation} ${term}`;
    const before = said.get(key);
    if (before !== undefined && before !== candidate)
      throw new Violation(
        "I2 a vote is given once",
        `${id} gave its vote of term ${term} to ${before} and ${candidate}`,
      );
    said.set(key, candidate);
  }

  return {
    synced(node) {
      const { arrived, synced } = node.disk;
      if (seen.get(node) === synced.hardState) return;
      // A batch may hold a vote that a later term in it has replaced.
      for (const { hardState } of arrived) if (hardState !== undefined) look(node, hardState);
      look(node, synced.hardState);
    },
    started(node) {
      look(node, node.disk.synced.hardState);
      applied.delete(node);
    },
    sent(node, message) {
      if (message.kind === "requestVote") say(node, message.term, node.id);
      else if (message.kind === "voteResponse" && message.granted) say(node, message.term, message.to);
    },
    applied(node, { index }) {
      const before = applied.get(node) ?? 0;
      if (index <= before)
        throw new Violation("I3 applied never goes back", `${node.id} applies ${index} after ${before}`);
      applied.set(node, index);
    },
  };
}
