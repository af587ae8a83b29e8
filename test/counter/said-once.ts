import { isDeepStrictEqual } from "node:util";
import type { Batch, Change } from "../../src/counter/index.ts";

/** The same batch, its equal changes said once. */
export function saidOnce(changes: readonly Change[]): Batch {
  const distinct: Change[] = [];
  const places = changes.map((change) => {
    const known = distinct.findIndex((one) => isDeepStrictEqual(one, change));
    return known >= 0 ? known : distinct.push(change) - 1;
  });
  if (distinct.length === changes.length) return { kind: "batch", changes };
  return { kind: "batch", changes: distinct, places: Uint16Array.from(places) };
}
