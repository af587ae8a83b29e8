/** Which configuration each node goes by, read from its disk, and which of them it knows to be committed. */

import type { Configuration } from "../../src/raft/index.ts";
import { configurationIn } from "./checkers/configurations.ts";
import type { Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";

export interface View {
  /** In force: the last one in its log. */
  readonly effective: Configuration;
  readonly committed: Configuration;
}

interface Known extends View {
  readonly effectiveIndex: number;
  readonly commit: number;
}

/** After these the configuration in force may be another one. */
const CHANGING: ReadonlySet<string> = new Set(["configuration", "truncate", "install"]);

export class Views {
  readonly #known: Map<SimNode, Known> = new Map();

  readonly observer: Partial<Observer> = {
    started: (node) => {
      const { synced, state } = node.disk;
      this.#look(node, Math.max(synced.hardState.commit, state.position.index, synced.base.index));
    },
    drained: (node, { trace, write }) => {
      const before = this.#known.get(node);
      let commit = before?.commit ?? 0;
      let changed = write?.append.some(({ kind }) => kind === "configuration") === true;
      for (const event of trace) {
        if (event.kind === "commit") commit = Math.max(commit, event.index);
        else if (CHANGING.has(event.kind)) changed = true;
      }
      if (before === undefined || changed) return this.#look(node, commit);
      if (commit === before.commit) return;
      const committed = before.effectiveIndex <= commit ? before.effective : before.committed;
      this.#known.set(node, { ...before, commit, committed });
    },
  };

  of(node: SimNode): View {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const { configuration } = node.disk.synced.base;
    return { effective: configuration, committed: configuration };
  }

  #look(node: SimNode, commit: number): void {
    const { latest } = node.disk;
    const { index, configuration } = configurationIn(latest);
    const committed = configurationIn(latest, commit).configuration;
    this.#known.set(node, { effective: configuration, effectiveIndex: index, commit, committed });
  }
}
