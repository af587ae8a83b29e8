/** I20: a leadership transfer ends within an election timeout, one way or the other: while it lasts no write is taken. */

import { type Observer, Violation } from "../observer.ts";
import type { Timing } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";

interface Begun {
  readonly atMs: number;
  readonly pausedMs: number;
}

export function transfersEnd({ raft, tickMs }: Timing, now: (node: SimNode) => number): Partial<Observer> {
  const begun = new Map<SimNode, Begun>();

  function check(node: SimNode): void {
    const at = begun.get(node);
    if (at === undefined) return;
    const lasted = now(node) - at.atMs - (node.pausedMs - at.pausedMs);
    if (lasted > 2 * raft.electionTicks * tickMs) {
      throw new Violation("transfers end", `${node.id} has been handing over for ${Math.round(lasted)} ms`);
    }
  }

  return {
    crashing: (node) => begun.delete(node),
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "transfer") continue;
        if (event.ended) begun.delete(node);
        else begun.set(node, { atMs: now(node), pausedMs: node.pausedMs });
      }
      check(node);
    },
    idled: check,
  };
}
