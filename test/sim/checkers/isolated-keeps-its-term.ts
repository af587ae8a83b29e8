/**
 * I16: a node that hears nobody asks in vain, and stays in its term (thesis §9.6): it may become a candidate only by
 * a pre-vote that a quorum has granted, so somebody has to have been heard since it began to ask.
 */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import { configurationIn } from "./configurations.ts";

interface Asking {
  readonly pausedMs: number;
  /** How often links had been mended when it began. */
  readonly mended: number;
}

export interface Hearing {
  /** How often any link was mended so far. */
  readonly mended: () => number;
  /** Whether every link from another node to this one is cut. */
  readonly isDeaf: (node: SimNode) => boolean;
}

export function isolatedKeepsItsTerm({ mended, isDeaf }: Hearing): Partial<Observer> {
  const asking = new Map<SimNode, Asking>();
  /** Those that took in a yes since they last acted: it may have waited in a paused process, whose links are cut now. */
  const answered = new Set<SimNode>();

  function campaigns(node: SimNode, term: number): void {
    const since = asking.get(node);
    if (since === undefined || since.mended !== mended() || since.pausedMs !== node.pausedMs) return;
    const { voters, outgoing } = configurationIn(node.disk.latest).configuration;
    // Nobody else's word is needed.
    if (voters.join() === node.id && outgoing.every((id) => id === node.id)) return;
    throw new Violation(
      "I16 an isolated node keeps its term",
      `${node.id} hears nobody and went to term ${term}`,
    );
  }

  return {
    crashing: (node) => asking.delete(node),
    received(node, message) {
      if (message.kind !== "preVoteResponse" || !message.granted) return;
      answered.add(node);
      asking.delete(node);
    },
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "role") continue;
        if (event.role === "candidate") campaigns(node, event.term);
        if (event.role === "preCandidate" && isDeaf(node) && !answered.has(node)) {
          asking.set(node, { mended: mended(), pausedMs: node.pausedMs });
        } else asking.delete(node);
      }
      answered.delete(node);
    },
    idled: (node) => answered.delete(node),
  };
}
