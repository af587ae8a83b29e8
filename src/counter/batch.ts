/** The changes of a batch one by one, whether or not it says equal ones only once. */

import { defined } from "../base/index.ts";
import type { Change, Operation } from "./types.ts";

/** The changes of an operation in order, each as often as it happens; equal ones may be the same object. */
export function changesOf(operation: Operation): readonly Change[] {
  if (operation.kind === "openSession") return [];
  if (operation.kind !== "batch") return [operation];
  const { changes, places } = operation;
  if (places === undefined) return changes;
  return Array.from(places, (place) => defined(changes[place], "batch: each place is that of a change"));
}

/**
 * Whether the places are those of `changes` changes in the order of their first use, each used, and one of them
 * twice: so that there is one way only to say a batch.
 */
export function arePlaces(places: Uint16Array<ArrayBuffer>, changes: number): boolean {
  let used = 0;
  for (const place of places) {
    if (place > used) return false;
    if (place === used) used++;
  }
  return used === changes && places.length > changes;
}
