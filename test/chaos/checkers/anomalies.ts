/**
 * Makes right histories wrong, in one place each. All are of counters that only count up, with every outcome known and a
 * read at the end, so that each is wrong by construction; the reason stands with each.
 */

import { type Answered, isAnswered } from "../../../chaos/checkers/calls.ts";
import type { Call } from "../../../chaos/history-reader.ts";
import type { Prng } from "../../../src/base/index.ts";

export interface Anomaly {
  /** Makes one counter wrong, or finds no place for it. */
  readonly inject: (prng: Prng, calls: readonly Call[]) => readonly Call[] | undefined;
  /** Checkers, by name, that must see it. */
  readonly claimedBy: readonly string[];
}

const EXACT = ["counting", "linearizable"];

export const ANOMALIES: Readonly<Record<string, Anomaly>> = {
  // The last read began after everything else was over, and shows another sum than that of all adds.
  "a lost add": {
    inject: (prng, calls) => shiftAfter(prng, calls, -1n),
    claimedBy: ["arithmetic", "witness", ...EXACT],
  },
  "a doubled add": {
    inject: (prng, calls) => shiftAfter(prng, calls, 1n),
    claimedBy: ["arithmetic", "witness", ...EXACT],
  },
  // Somebody had been told of a higher value before the read began, and the counter never goes down.
  "a stale read": { inject: stale, claimedBy: ["witness", ...EXACT] },
  // The counter never was more than all adds together.
  "a phantom that was read": { inject: phantom, claimedBy: ["witness", ...EXACT] },
  // The one that was over before the other began has the higher value.
  "two swapped answers": { inject: swap, claimedBy: ["witness", ...EXACT] },
  // Two adds of 1 or more cannot have made the same value.
  "an answer given to two adds": { inject: copy, claimedBy: ["witness", ...EXACT] },
  // What was acknowledged is missing from the read at the end.
  "an add that failed and counts": {
    inject: (prng, calls) => deny(prng, calls),
    claimedBy: ["arithmetic", "witness", ...EXACT],
  },
};

function adds(calls: readonly Call[]): readonly Answered[] {
  return calls.filter(isAnswered).filter(({ op }) => op.f === "add" && op.by !== "0");
}

function withValue(call: Answered, value: bigint): Call {
  return { ...call, outcome: { ...call.outcome, value: String(value) } };
}

/**
 * Whoever stands behind one add is told as if it had counted `times` more often; where it counted twice, perhaps the add
 * itself as well, as when the answer to its first attempt was lost.
 */
function shiftAfter(prng: Prng, calls: readonly Call[], times: bigint): readonly Call[] | undefined {
  const made = adds(calls);
  if (made.length === 0) return undefined;
  const chosen = prng.pick(made);
  const by = chosen.op.f === "add" ? BigInt(chosen.op.by) : 0n;
  const isToldLast = times > 0n && prng.chance(0.5);
  return calls.map((call) => {
    if (!isAnswered(call)) return call;
    if (call === chosen) return isToldLast ? withValue(call, BigInt(call.outcome.value) + by) : call;
    const value = BigInt(call.outcome.value);
    const { revision, index } = chosen.outcome;
    const isBehind =
      call.outcome.revision > revision || (call.op.f === "read" && call.outcome.index >= index);
    return isBehind ? withValue(call, value + times * by) : call;
  });
}

function stale(prng: Prng, calls: readonly Call[]): readonly Call[] | undefined {
  const answered = calls.filter(isAnswered);
  const places = answered.flatMap((read) => {
    if (read.op.f !== "read" || read.op.stale === true) return [];
    const known = answered.filter(({ ended }) => ended < read.invoked);
    const highest = Math.max(0, ...known.map(({ outcome }) => outcome.revision));
    const older = answered.filter(({ op, outcome }) => op.f === "read" && outcome.revision < highest);
    return older.map((other) => ({ read, other }));
  });
  if (places.length === 0) return undefined;
  const { read, other } = prng.pick(places);
  return calls.map((call) => (call === read ? { ...read, outcome: other.outcome } : call));
}

function phantom(prng: Prng, calls: readonly Call[]): readonly Call[] | undefined {
  const reads = calls.filter(isAnswered).filter(({ op }) => op.f === "read");
  const sum = adds(calls).reduce((total, { op }) => total + (op.f === "add" ? BigInt(op.by) : 0n), 0n);
  if (reads.length === 0) return undefined;
  const read = prng.pick(reads);
  return calls.map((call) => (call === read ? withValue(read, sum + BigInt(prng.between(1, 9))) : call));
}

/** Pairs of adds of the same amount of which the first was over when the second began. */
function pairs(calls: readonly Call[]): readonly (readonly [Answered, Answered])[] {
  const made = adds(calls);
  return made.flatMap((one) =>
    made
      .filter((other) => one.ended < other.invoked && JSON.stringify(one.op) === JSON.stringify(other.op))
      .map((other) => [one, other] as const),
  );
}

function swap(prng: Prng, calls: readonly Call[]): readonly Call[] | undefined {
  const all = pairs(calls);
  if (all.length === 0) return undefined;
  const [one, other] = prng.pick(all);
  const answers = new Map([
    [one as Call, other.outcome],
    [other as Call, one.outcome],
  ]);
  return calls.map((call) => ({ ...call, outcome: answers.get(call) ?? call.outcome }));
}

function copy(prng: Prng, calls: readonly Call[]): readonly Call[] | undefined {
  const all = pairs(calls);
  if (all.length === 0) return undefined;
  const [one, other] = prng.pick(all);
  return calls.map((call) => (call === other ? { ...call, outcome: one.outcome } : call));
}

function deny(prng: Prng, calls: readonly Call[]): readonly Call[] | undefined {
  const made = adds(calls);
  if (made.length === 0) return undefined;
  const chosen = prng.pick(made);
  return calls.map((call) =>
    call === chosen ? { ...chosen, outcome: { type: "fail", error: "NO_LEADER" } } : call,
  );
}
