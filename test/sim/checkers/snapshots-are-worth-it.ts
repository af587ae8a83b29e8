/**
 * I20: no snapshot is sent to a peer that is known to hold as much; else a follower can be sent one after the other,
 * and never the entries behind them.
 */

import type { NodeId } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

/** What a leader knows of one peer in its term, as of its latest turn. */
interface Known {
  /** The peer has acknowledged everything up to here. */
  match: number;
  /** What has come in during this turn counts from the next one on: the decision may have come before it. */
  coming: number;
}

interface Reign {
  readonly term: number;
  readonly peers: Map<NodeId, Known>;
  /** Whether anything has come in during this turn. */
  told: boolean;
}

export function snapshotsAreWorthIt(): Partial<Observer> {
  const reigns = new Map<SimNode, Reign>();

  /** The turn is over. */
  function end(reign: Reign): void {
    for (const known of reign.peers.values()) known.match = known.coming;
    reign.told = false;
  }

  /** What was said to an earlier reign, this one has not been told. */
  function isOver({ term }: Reign, { reducer }: SimNode): boolean {
    return term !== reducer?.status().term;
  }

  return {
    crashing: (node) => reigns.delete(node),
    received(node, message) {
      if (message.kind !== "appendResponse" || !message.ok) return;
      let reign = reigns.get(node);
      if (reign === undefined || reign.term < message.term) {
        reign = { term: message.term, peers: new Map(), told: true };
        reigns.set(node, reign);
      }
      if (message.term < reign.term) return;
      const known = reign.peers.get(message.from) ?? { match: 0, coming: 0 };
      known.coming = Math.max(known.coming, message.match);
      reign.peers.set(message.from, known);
      reign.told = true;
    },
    drained(node, { sendSnapshot }) {
      const reign = reigns.get(node);
      if (reign === undefined || (sendSnapshot.length === 0 && !reign.told) || isOver(reign, node)) return;
      const { peers } = reign;
      for (const { to, snapshot } of sendSnapshot) {
        const match = peers.get(to)?.match ?? 0;
        if (snapshot.index > match) continue;
        const what = `${node.id} sends ${to} its snapshot at ${snapshot.index}`;
        throw new Violation("I20 no snapshot is sent in vain", `${what}, and knows that it holds ${match}`);
      }
      end(reign);
    },
    idled(node) {
      const reign = reigns.get(node);
      if (reign?.told === true && !isOver(reign, node)) end(reign);
    },
  };
}
