/** I11: every message that leaves claims only what its sender's disk already holds (P2 to P5). */

import type { Message } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function messagesAreDurable(): Partial<Observer> {
  return {
    drained(node, { send }) {
      for (const message of send) {
        const problem = problemOf(node, message);
        if (problem !== undefined)
          throw new Violation("I11 only what is durable is said", `${node.id}: ${problem}`);
      }
    },
  };
}

function problemOf({ id, disk, reducer }: SimNode, message: Message): string | undefined {
  const { hardState, last } = disk.synced;
  const bearsNewTerm =
    message.kind === "requestPreVote" || (message.kind === "preVoteResponse" && message.granted);
  if (!bearsNewTerm && message.term > hardState.term)
    return `${message.kind} bears term ${message.term} (P2)`;
  switch (message.kind) {
    case "requestVote":
      if (hardState.term === message.term && hardState.vote !== id)
        return "a vote request without an own vote (P3)";
      // Whoever has given up the candidacy meanwhile, because another leads the term, can win nothing by it.
      if (hardState.term !== message.term || reducer?.status().role !== "candidate") return undefined;
      return last.index < message.last.index ? "an undurable log (P3)" : undefined;
    case "voteResponse":
      if (message.granted && hardState.term === message.term && hardState.vote !== message.to) {
        return `a grant to ${message.to} that is not on disk (P4)`;
      }
      return undefined;
    case "appendResponse":
      // What a later term has truncated in the same turn was never written, and might as well have been: whoever it
      // is said to leads no longer, and the disk holds what came after.
      if (hardState.term > message.term) return undefined;
      if (message.ok && disk.synced.chainAt(message.match) === undefined && message.match > last.index) {
        return `match ${message.match}, but the disk ends at ${last.index} (P5)`;
      }
      return undefined;
    default:
      return undefined;
  }
}
