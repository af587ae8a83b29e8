/**
 * I12, R6: a leader that the committed configuration does not name as a voter leads no longer: it has handed over, or just
 * gives up, in the very turn in which it learns that its leaving is committed (§6; T39).
 */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { Views } from "../views.ts";

export function leaversStepDown(views: Views): Partial<Observer> {
  const leading = new Set<SimNode>();

  function check(node: SimNode): void {
    if (!leading.has(node)) return;
    const { committed, effective } = views.of(node);
    if (committed !== effective || effective.outgoing.length > 0) return;
    // Whoever has only just been elected knows of a commit before its own first entry is committed.
    if (effective.voters.includes(node.id) || node.reducer?.status().opened !== true) return;
    throw new Violation("R6 who leaves steps down", `${node.id} leads and is no voter any more`);
  }

  return {
    crashing: (node) => leading.delete(node),
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "role") continue;
        if (event.role === "leader") leading.add(node);
        else leading.delete(node);
      }
      check(node);
    },
    idled: check,
  };
}
