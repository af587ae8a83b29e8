/** What the cluster has committed, as the checkers know it. */

import { type Configuration, type Entry, NO_CONFIGURATION } from "../../../src/raft/index.ts";
import type { ConfigurationAt } from "./configurations.ts";

export interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly byTerm: number;
}

/** Everything ever committed, in order; entry i stands at i - 1. */
export class CommittedLog {
  readonly #entries: Committed[] = [];
  readonly #configurations: ConfigurationAt[];

  constructor(initial: Configuration = NO_CONFIGURATION) {
    this.#configurations = [{ index: 0, configuration: initial }];
  }

  get last(): number {
    return this.#entries.length;
  }

  at(index: number): Committed | undefined {
    return this.#entries[index - 1];
  }

  add(committed: Committed): void {
    this.#entries.push(committed);
    const { entry } = committed;
    if (entry.kind !== "configuration") return;
    this.#configurations.push({ index: entry.index, configuration: entry.configuration });
  }

  /** The configuration that was committed last. */
  get configuration(): ConfigurationAt {
    return this.configurationAt(this.last);
  }

  /** The configuration in force at `index`. */
  configurationAt(index: number): ConfigurationAt {
    const found = this.#configurations.findLast((one) => one.index <= index);
    return found ?? { index: 0, configuration: NO_CONFIGURATION };
  }
}
