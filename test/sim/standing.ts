/** Who leads, as far as the processes have said: cheaper than asking each for its status at every event. */

import type { Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";

interface Reign {
  readonly leads: boolean;
  readonly term: number;
}

export class Standing {
  readonly #reigns: Map<SimNode, Reign> = new Map();
  #highestTerm = 0;

  readonly observer: Partial<Observer> = {
    crashing: (node) => this.#reigns.delete(node),
    drained: (node, { trace }) => {
      for (const event of trace) {
        if (event.kind !== "role") continue;
        const leads = event.role === "leader";
        this.#reigns.set(node, { leads, term: event.term });
        if (leads) this.#highestTerm = Math.max(this.#highestTerm, event.term);
      }
    },
  };

  /** The living leader of the highest term. */
  get leader(): SimNode | undefined {
    let best: { node: SimNode; term: number } | undefined;
    for (const [node, { leads, term }] of this.#reigns) {
      if (leads && (best === undefined || term > best.term)) best = { node, term };
    }
    return best?.node;
  }

  leads(node: SimNode): boolean {
    return this.#reigns.get(node)?.leads === true;
  }

  /** Whether `node` believes to lead, and somebody has come to lead a later term. */
  isDeposed(node: SimNode): boolean {
    const reign = this.#reigns.get(node);
    return reign?.leads === true && reign.term < this.#highestTerm;
  }
}
