/**
 * Log time: what the entries of a term carry is the whole milliseconds that passed on the leader's clock since the
 * first of them; never more than passed, so that nothing expires early, and not less while nothing was refused.
 */

import { decodePayload } from "../../../src/counter/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

interface Reign {
  readonly term: number;
  readonly firstMs: number;
  sum: number;
  /** Entries that were made, and that came into the log: the difference was refused, and its time is lost. */
  made: number;
  appended: number;
}

export function logTime(now: (node: SimNode) => number): Partial<Observer> {
  const reigns = new Map<SimNode, Reign>();

  function reignOf(node: SimNode, term: number): Reign {
    const known = reigns.get(node);
    if (known?.term === term) return known;
    const fresh = { term, firstMs: now(node), sum: 0, made: 0, appended: 0 };
    reigns.set(node, fresh);
    return fresh;
  }

  return {
    crashing: (node) => reigns.delete(node),
    drained(node, { trace, write }) {
      const made = trace.filter((event) => event.kind === "entry").length;
      if (made === 0) return;
      const entry = write?.append.at(-1);
      const reign = reignOf(node, entry?.term ?? reigns.get(node)?.term ?? 0);
      reign.made += made;
      if (entry?.kind !== "command") return;
      const first = reign.appended === 0 && reign.made === 1;
      reign.appended++;
      const { elapsed } = decodePayload(entry.data);
      if (first && elapsed !== 0) fail(`the first entry of term ${entry.term} carries ${elapsed} ms`);
      reign.sum += elapsed;
      const passed = now(node) - reign.firstMs;
      if (reign.sum > passed) fail(`term ${entry.term} accounts for ${reign.sum} ms of ${passed}`);
      if (reign.made === reign.appended && reign.sum < passed - 1) {
        fail(`term ${entry.term} accounts for only ${reign.sum} ms of ${passed}`);
      }
    },
  };
}

function fail(text: string): never {
  throw new Violation("log time is time that passed", text);
}
