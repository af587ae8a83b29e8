/**
 * I9: the counters do what a naive model of them does: the committed log, replayed through code that shares nothing
 * with the product. Slow, so only some seeds pay for it, once, at their end.
 */

import { decodePayload, type Limits } from "../../../src/counter/index.ts";
import { bare, NaiveModel } from "../../counter/naive-model.ts";
import { type Observer, Violation } from "../observer.ts";
import type { CommittedLog } from "./committed-log.ts";
import type { Reference } from "./reference.ts";

export function countsLikeTheModel(
  log: CommittedLog,
  reference: Reference,
  limits: Limits,
): Partial<Observer> {
  return {
    ended() {
      const model = new NaiveModel(limits);
      for (let index = 1; index <= log.last; index++) {
        const entry = log.at(index)?.entry;
        if (entry?.kind !== "command") continue;
        const { elapsed, items } = decodePayload(entry.data);
        const expected = model.applyPayload(elapsed, items);
        const found = reference.executionsAt(index).map(({ outcome }) => bare(outcome));
        if (words(found) !== words(expected)) {
          throw new Violation(
            "counts like the model",
            `at ${index}: ${words(found)}, not ${words(expected)}`,
          );
        }
      }
    },
  };
}

/** Fields in a fixed order, so that equal outcomes have equal words. */
function words(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
