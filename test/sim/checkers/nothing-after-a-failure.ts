/** I18: a process whose disk has failed does nothing any more: it neither sends nor answers, and never flushes again. */

import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function nothingAfterAFailure(): Partial<Observer> {
  /** The start of the process whose disk has failed. */
  const failed = new Map<SimNode, number>();
  const check = (node: SimNode, what: string): void => {
    if (failed.get(node) !== node.boot) return;
    throw new Violation("I18 nothing after a failed disk", `${node.id} ${what} though its disk has failed`);
  };
  return {
    failed: (node) => failed.set(node, node.boot),
    drained: (node) => check(node, "goes on"),
    idled: (node) => check(node, "goes on"),
    sent: (node) => check(node, "sends"),
    synced: (node) => check(node, "flushes"),
    answered: (node) => check(node, "answers"),
  };
}
