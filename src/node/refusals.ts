/** What this node refuses by itself, each in a sentence that says whether anything was done and what to do. */

import type { NodeRefusal } from "./types.ts";

/** Too much waits in this node already. */
export function overloaded(what: "writes" | "reads"): NodeRefusal {
  return {
    kind: "failed",
    code: "OVERLOADED",
    detail: `Too many ${what} are waiting in this node. Nothing was applied; retry a little later.`,
    retryAfterMs: 1_000,
  };
}

/** Nobody led for `heldMs`. */
export function noLeader(heldMs: number): NodeRefusal {
  return {
    kind: "failed",
    code: "NO_LEADER",
    detail: `No leader was found within ${heldMs} ms. Nothing was applied; retry when a majority of nodes is up.`,
    retryAfterMs: 1_000,
  };
}

/** This node is about to stop. */
export function stopping(): NodeRefusal {
  return {
    kind: "failed",
    code: "SHUTTING_DOWN",
    detail: "This node is stopping. Nothing was applied; ask another node.",
    retryAfterMs: 1_000,
  };
}

/** This node's state is known to be wrong. @param alarm what is known of it. */
export function diverged(alarm: string | undefined): NodeRefusal {
  return {
    kind: "failed",
    code: "STATE_DIVERGED",
    detail: alarm ?? "The state of this node is wrong.",
    retryAfterMs: 5_000,
  };
}

/** This node has stopped. */
export const STOPPED: NodeRefusal = {
  kind: "failed",
  code: "SHUTTING_DOWN",
  detail: "This node has stopped. Nothing was applied; ask another node.",
  retryAfterMs: 1_000,
};

/** This node has been taken in by its cluster and was not sent anything yet. */
export const NOTHING_YET: NodeRefusal = {
  kind: "failed",
  code: "NO_LEADER",
  detail:
    "This node has only begun to join and holds nothing yet. Ask another one, or wait until it catches up.",
  retryAfterMs: 1_000,
};
