/** Sorts the calls of a history for the checkers. */

import { type Call, NEVER, type RecordedOutcome, textOf } from "../history-reader.ts";

/** Refusals by which the counter itself says that an operation ran and could not be done. */
export const DECIDED: ReadonlySet<string> = new Set(["LIMIT_REACHED", "COUNTER_OVERFLOW"]);

export type OkOutcome = Extract<RecordedOutcome, { type: "ok" }>;

/** A call that was answered. */
export type Answered = Call & { readonly outcome: OkOutcome };

export function isAnswered(call: Call): call is Answered {
  return call.outcome.type === "ok";
}

/** Whether it may still happen, or has happened and nobody was told. */
export function isUnknown(call: Call): boolean {
  return call.outcome.type === "info";
}

/** Whether it ran and found that it could not be done. */
export function isDecided(call: Call): boolean {
  return call.outcome.type === "fail" && DECIDED.has(call.outcome.error);
}

/** The earliest line in which the operation may have taken effect: a stale read may be of any time before its answer. */
export function earliest(call: Call): number {
  return call.op.f === "read" && call.op.stale === true ? -1 : call.invoked;
}

/** Calls by the counter that they are about, each list in the order of the invocations. */
export function byKey(calls: readonly Call[]): ReadonlyMap<string, readonly Call[]> {
  const keys = new Map<string, Call[]>();
  for (const call of calls) {
    const list = keys.get(call.op.key);
    if (list === undefined) keys.set(call.op.key, [call]);
    else list.push(call);
  }
  return keys;
}

/**
 * Calls that are one write asked for several times, under one idempotency key; only where there are several. Another
 * operation under the same key is no repeat: the cluster refuses it, whichever of the two came first.
 */
export function repeats(calls: readonly Call[]): readonly (readonly Call[])[] {
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    if (call.id === undefined || call.op.f === "read") continue;
    const name = `${call.id} ${textOf(call.op)}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [call]);
    else group.push(call);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

/**
 * Calls as the operations that they stand for: writes with one idempotency key are one operation, from the first
 * invocation to the first answer.
 */
export function operationsOf(calls: readonly Call[]): readonly Call[] {
  const groups = repeats(calls);
  if (groups.length === 0) return calls;
  const instead = new Map<Call, Call | undefined>();
  for (const group of groups) {
    for (const call of group) instead.set(call, undefined);
    const [first] = group;
    if (first !== undefined) instead.set(first, merged(first, group));
  }
  return calls
    .map((call) => (instead.has(call) ? instead.get(call) : call))
    .filter((call) => call !== undefined);
}

/** One operation for a group of calls, of which `first` was invoked first. */
function merged(first: Call, group: readonly Call[]): Call {
  const attempts = group.reduce((sum, call) => sum + call.attempts, 0);
  const answers = group.filter(isAnswered);
  const known = answers.length > 0 ? answers : group.filter(isDecided);
  const [earliestKnown] = [...known].sort((a, b) => a.ended - b.ended);
  if (earliestKnown !== undefined) {
    // Only the answer of the attempt that did it tells the entry that did it.
    const original = answers.find(({ outcome }) => outcome.replayed !== true) ?? earliestKnown;
    const { ended, endedAt } = earliestKnown;
    return { ...first, ended, endedAt, attempts, outcome: original.outcome };
  }
  const unknown = group.find(isUnknown);
  const endedAt = Math.max(...group.map((call) => call.endedAt));
  if (unknown !== undefined) return { ...first, ended: NEVER, endedAt, attempts, outcome: unknown.outcome };
  const ended = Math.max(...group.map((call) => call.ended));
  return { ...first, ended, endedAt, attempts };
}
