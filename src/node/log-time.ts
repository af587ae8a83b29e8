/** Log time: how many milliseconds of a leader's clock its next entry accounts for. */

import type { Term } from "../raft/index.ts";

export class LogTime {
  /** Moment up to which the entries of this term account for log time, ms. */
  #stamped: { readonly term: Term; readonly atMs: number } | undefined;

  /** Whole ms since this leader's previous entry; 0 for the first of a term. The rest carries over. */
  elapsed(term: Term, nowMs: number): number {
    const since = this.#stamped?.term === term ? this.#stamped.atMs : nowMs;
    const elapsed = Math.floor(nowMs - since);
    this.#stamped = { term, atMs: since + elapsed };
    return elapsed;
  }
}
