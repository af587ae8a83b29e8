/** The definition of linearizability, written down as plainly as can be: tries every order. For small histories. */

import type { Call } from "../../../chaos/history-reader.ts";

/** The value after `call` at `value`, or undefined if its answer cannot be given there. */
function after({ op, outcome }: Call, value: bigint): bigint | undefined {
  if (op.f === "read") return outcome.type === "ok" && BigInt(outcome.value) === value ? value : undefined;
  const wanted = op.f === "set" ? BigInt(op.value) : value + BigInt(op.by);
  const bounds: { readonly min?: string; readonly max?: string } = op.f === "add" ? op : {};
  const isBeyond =
    (bounds.max !== undefined && wanted > BigInt(bounds.max)) ||
    (bounds.min !== undefined && wanted < BigInt(bounds.min));
  const isTooWide = BigInt.asIntN(64, wanted) !== wanted;
  if (outcome.type === "ok") {
    return !isBeyond && !isTooWide && BigInt(outcome.value) === wanted ? wanted : undefined;
  }
  if (outcome.type === "info") return isBeyond || isTooWide ? value : wanted;
  if (outcome.error === "LIMIT_REACHED") return isBeyond ? value : undefined;
  return !isBeyond && isTooWide ? value : undefined;
}

/** Whether the call did something or says something. */
function counts({ op, outcome }: Call): boolean {
  if (outcome.type === "ok") return true;
  if (op.f === "read") return false;
  if (outcome.type === "info") return true;
  return outcome.error === "LIMIT_REACHED" || outcome.error === "COUNTER_OVERFLOW";
}

/** Whether the calls, all about one counter, can have happened one after the other. */
export function isLinearizable(calls: readonly Call[]): boolean {
  const open = new Set(calls.filter(counts));
  const search = (value: bigint): boolean => {
    const must = [...open].filter(({ outcome }) => outcome.type !== "info");
    if (must.length === 0) return true;
    const firstEnd = Math.min(...must.map(({ ended }) => ended));
    for (const call of [...open]) {
      const isStale = call.op.f === "read" && call.op.stale === true;
      if (!isStale && call.invoked > firstEnd) continue;
      const next = after(call, value);
      if (next === undefined) continue;
      open.delete(call);
      if (search(next)) return true;
      open.add(call);
    }
    return false;
  };
  return search(0n);
}
