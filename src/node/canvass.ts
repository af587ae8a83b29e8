/** How often a node that finds no leader says so: it asks for votes some times a second, for as long as that lasts. */

import type { Term } from "../raft/index.ts";
import type { NodeTrace } from "./events.ts";

/** Said again after this time, so that a log shows that it lasts, ms. */
const AGAIN_MS = 60_000;

/**
 * Without it one node alone fills its log with some ten thousand equal lines an hour, and its list of events with
 * nothing else within a minute: gone is what had happened before, which is what somebody looks for then.
 */
export class Canvass {
  #last: { readonly term: Term; readonly atMs: number } | undefined;

  /** Whether a transition is more than one further attempt of the same. @param nowMs of a clock that does not jump. */
  isNews(trace: NodeTrace, nowMs: number): boolean {
    if (trace.kind === "leader" && trace.leader !== undefined) this.#last = undefined;
    if (trace.kind !== "role") return true;
    const last = this.#last;
    if (trace.role !== "preCandidate") {
      this.#last = undefined;
      return true;
    }
    if (last !== undefined && last.term === trace.term && nowMs - last.atMs < AGAIN_MS) return false;
    this.#last = { term: trace.term, atMs: nowMs };
    return true;
  }
}
