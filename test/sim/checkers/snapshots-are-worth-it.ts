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
}

export function snapshotsAreWorthIt(): Partial<Observer> {
  const reigns = new Map<SimNode, Reign>();

  return {
    crashing: (node) => reigns.delete(node),
    received(node, message) {
      if (message.kind !== "appendResponse" || !message.ok) return;
      let reign = reigns.get(node);
      if (reign === undefined || reign.term < message.term) {
        reign = { term: message.term, peers: new Map() };
        reigns.set(node, reign);
      }
      if (message.term < reign.term) return;
      const known = reign.peers.get(message.from) ?? { match: 0, coming: 0 };
      known.coming = Math.max(known.coming, message.match);
      reign.peers.set(message.from, known);
    },
    drained(node, { sendSnapshot }) {
      const reign = reigns.get(node);
      // What was said to an earlier reign, this one has not been told.
      if (reign === undefined || reign.term !== node.reducer?.status().term) return;
      const { peers } = reign;
      for (const { to, snapshot } of sendSnapshot) {
        const match = peers.get(to)?.match ?? 0;
        if (snapshot.index > match) continue;
        const what = `${node.id} sends ${to} its snapshot at ${snapshot.index}`;
        throw new Violation("I20 no snapshot is sent in vain", `${what}, and knows that it holds ${match}`);
      }
      for (const known of peers.values()) known.match = known.coming;
    },
  };
}
