/** I20: a leader whose disk has not answered for a few election timeouts, by its own clock, leads no longer. */

import { type Observer, Violation } from "../observer.ts";
import type { Timing } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";

interface Writing {
  readonly seq: number;
  readonly atMs: number;
  readonly pausedMs: number;
}

/** It is to notice after one; the rest is slack. */
const TIMEOUTS = 3;

export function stalledLeaderYields(
  { raft, tickMs }: Timing,
  now: (node: SimNode) => number,
): Partial<Observer> {
  const writing = new Map<SimNode, Writing[]>();

  function check(node: SimNode): void {
    const oldest = writing.get(node)?.[0];
    if (oldest === undefined) return;
    const waited = now(node) - oldest.atMs - (node.pausedMs - oldest.pausedMs);
    if (waited < TIMEOUTS * raft.electionTicks * tickMs) return;
    if (node.reducer?.status().role !== "leader") return;
    throw new Violation(
      "a stalled leader yields",
      `${node.id} leads though its disk is silent for ${Math.round(waited)} ms`,
    );
  }

  return {
    crashing: (node) => writing.delete(node),
    drained(node, { write }) {
      const open = writing.get(node) ?? [];
      writing.set(node, open);
      if (write !== undefined) open.push({ seq: write.seq, atMs: now(node), pausedMs: node.pausedMs });
      check(node);
    },
    idled: check,
    synced(node) {
      const open = writing.get(node);
      if (open !== undefined) while (open[0] !== undefined && !node.disk.isPending(open[0].seq)) open.shift();
    },
  };
}
