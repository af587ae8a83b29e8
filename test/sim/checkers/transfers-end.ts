/** I20: a leadership transfer ends within an election timeout, one way or the other: while it lasts no write is taken. */

import type { RaftSettings } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import { type SimNode, TICK_MS } from "../sim-node.ts";

interface Begun {
  readonly atMs: number;
  readonly pausedMs: number;
}

export function transfersEnd(settings: RaftSettings, now: (node: SimNode) => number): Partial<Observer> {
  const begun = new Map<SimNode, Begun>();
  return {
    crashing: (node) => begun.delete(node),
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "transfer") continue;
        if (event.ended) begun.delete(node);
        else begun.set(node, { atMs: now(node), pausedMs: node.pausedMs });
      }
      const at = begun.get(node);
      if (at === undefined) return;
      const lasted = now(node) - at.atMs - (node.pausedMs - at.pausedMs);
      if (lasted > 2 * settings.electionTicks * TICK_MS) {
        throw new Violation("transfers end", `${node.id} has been handing over for ${Math.round(lasted)} ms`);
      }
    },
  };
}
