/** What the cluster has committed, as the checkers know it. */

import type { Entry } from "../../../src/raft/index.ts";

export interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly byTerm: number;
}

/** Everything ever committed, in order; entry i stands at i - 1. */
export class CommittedLog {
  readonly #entries: Committed[] = [];

  get last(): number {
    return this.#entries.length;
  }

  at(index: number): Committed | undefined {
    return this.#entries[index - 1];
  }

  add(committed: Committed): void {
    this.#entries.push(committed);
  }
}
