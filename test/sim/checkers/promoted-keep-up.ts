/**
 * I12, R7: a learner gets a vote only once it keeps up: it holds what its leader had committed an election timeout ago. A
 * voter that has to catch up first would hold up every commit meanwhile.
 */

import { type Observer, Violation } from "../observer.ts";
import type { Timing } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";
import { configurationIn } from "./configurations.ts";

interface Step {
  readonly atMs: number;
  readonly commit: number;
}

/** One check of the quorum may be due, and one tick under way. */
const SLACK_TICKS = 3;

export function promotedKeepUp(
  { raft, tickMs }: Timing,
  parts: { readonly now: (node: SimNode) => number; readonly nodes: () => readonly SimNode[] },
): Partial<Observer> {
  const steps = new Map<SimNode, Step[]>();
  /** The time that has passed for this process. */
  const clock = (node: SimNode): number => parts.now(node) - node.pausedMs;

  function checkPromoted(node: SimNode, index: number): void {
    const before = configurationIn(node.disk.latest, index - 1).configuration;
    const after = configurationIn(node.disk.latest, index).configuration;
    const due = clock(node) - (raft.electionTicks + SLACK_TICKS) * tickMs;
    const commit = steps.get(node)?.findLast(({ atMs }) => atMs <= due)?.commit ?? 0;
    for (const { id, incarnation } of after.members) {
      if (!after.voters.includes(id) || before.voters.includes(id)) continue;
      const promoted = parts.nodes().find((one) => one.id === id && one.incarnation === incarnation);
      if (promoted === undefined || promoted.disk.synced.last.index >= commit) continue;
      const what = `${id} becomes a voter with a log that ends at ${promoted.disk.synced.last.index}, ${commit} was committed long ago`;
      throw new Violation("R7 the promoted keep up", what);
    }
  }

  return {
    crashing: (node) => steps.delete(node),
    drained(node, { trace, write }) {
      const commit = trace.findLast((event) => event.kind === "commit");
      if (commit?.kind === "commit") {
        const known = steps.get(node) ?? [];
        steps.set(node, known);
        known.push({ atMs: clock(node), commit: commit.index });
        if (known.length > 400) known.splice(0, 200);
      }
      for (const entry of write?.append ?? []) {
        if (entry.kind !== "configuration" || node.reducer?.status().role !== "leader") continue;
        checkPromoted(node, entry.index);
      }
    },
  };
}
