/**
 * The sum: what every counter was in the end is the sum of the adds that were acknowledged and of some of those whose
 * outcome is unknown. It knows nothing of order, needs no index or revision, and is easily understood.
 */

import type { Call } from "../history-reader.ts";
import { type Answered, byKey, isAnswered, isUnknown, operationsOf } from "./calls.ts";
import { type Complaint, type Finding, gravest, type Verdict, verdictOf } from "./verdict.ts";

/** How many different sums of unknown adds are looked at; with more, only range and divisor are. */
const SUMS_MAX = 100_000;

/** Judges every counter that was never set, by the reads that began when all its writes were over. */
export function checkArithmetic(calls: readonly Call[]): Verdict {
  return verdictOf("arithmetic", () => judge(operationsOf(calls)));
}

function judge(operations: readonly Call[]): Finding {
  const complaints: Complaint[] = [];
  let judged = 0;
  let keys = 0;
  for (const [key, calls] of byKey(operations)) {
    const writes = calls.filter(({ op, outcome }) => op.f !== "read" && outcome.type !== "fail");
    const finals = finalReads(calls);
    // A counter that nobody wrote and nobody read has nothing to answer for.
    if (writes.length === 0 && finals.length === 0) continue;
    if (writes.some(({ op }) => op.f === "set")) continue;
    keys++;
    judged += writes.length;
    const complaint = checkSum(key, writes, finals);
    if (complaint !== undefined) complaints.push(complaint);
  }
  const shown = `${keys} counters are the sum of what was acknowledged and some of what is unknown`;
  return { operations: judged, complaint: gravest(complaints), shown };
}

/** Reads that began when nothing that writes was under way, but for what is of unknown outcome. */
function finalReads(calls: readonly Call[]): readonly Answered[] {
  let last = -1;
  for (const { op, ended } of calls)
    if (op.f !== "read" && Number.isFinite(ended)) last = Math.max(last, ended);
  return calls.filter(isAnswered).filter(({ op, invoked }) => isCurrentRead(op) && invoked > last);
}

function isCurrentRead(op: Call["op"]): boolean {
  return op.f === "read" && op.stale !== true;
}

function checkSum(key: string, writes: readonly Call[], finals: readonly Answered[]): Complaint | undefined {
  if (finals.length === 0) {
    return { detail: `${key} was not read when all its writes were over`, offenders: [], gaveUp: true };
  }
  const acknowledged = sum(writes.filter(isAnswered));
  const unknown = writes.filter(isUnknown);
  for (const final of finals) {
    const over = BigInt(final.outcome.value) - acknowledged;
    // A write of unknown outcome that began after the read cannot be in it.
    const begun = unknown.filter(({ invoked }) => invoked < final.ended).map(byOf);
    if (isSumOfSome(over, begun)) continue;
    const what = `${key} was ${final.outcome.value} in the end, and ${acknowledged} were acknowledged`;
    const detail = `${what}; some of ${begun.length} unknown adds, ${begun.reduce((a, b) => a + b, 0n)} in all, do not make up for it`;
    return { detail, offenders: [final] };
  }
  return undefined;
}

function byOf({ op }: Call): bigint {
  return op.f === "add" ? BigInt(op.by) : 0n;
}

function sum(calls: readonly Call[]): bigint {
  return calls.reduce((total, call) => total + byOf(call), 0n);
}

/** Whether some of `parts`, each once, add up to `total`. Never false where it is true. */
export function isSumOfSome(total: bigint, parts: readonly bigint[]): boolean {
  const times = new Map<bigint, number>();
  for (const part of parts) if (part !== 0n) times.set(part, (times.get(part) ?? 0) + 1);
  const kinds = [...times].sort(([a], [b]) => (a < b ? 1 : -1));
  // What is left to be made up, and how far the kinds not yet looked at can go up and down.
  let lefts = new Set([total]);
  for (const [at, [part, count]] of kinds.entries()) {
    const rest = kinds.slice(at + 1);
    const up = rest.reduce((most, [by, n]) => (by > 0n ? most + by * BigInt(n) : most), 0n);
    const down = rest.reduce((most, [by, n]) => (by < 0n ? most + by * BigInt(n) : most), 0n);
    const next = new Set<bigint>();
    for (const left of lefts) {
      const [low, high] = timesWithin({ left, part, count, up, down });
      for (let n = low; n <= high; n++) next.add(left - part * BigInt(n));
      if (next.size > SUMS_MAX) return isWithinReach(total, kinds);
    }
    lefts = next;
  }
  return lefts.has(0n);
}

interface Choice {
  readonly left: bigint;
  readonly part: bigint;
  readonly count: number;
  readonly up: bigint;
  readonly down: bigint;
}

/** How often a part may be taken, at least and at most, so that the rest can still make up for what is left. */
function timesWithin({ left, part, count, up, down }: Choice): readonly [number, number] {
  // left - part * n must lie between down and up.
  const [from, to] = part > 0n ? [left - up, left - down] : [down - left, up - left];
  const size = part > 0n ? part : -part;
  const low = from <= 0n ? 0n : (from + size - 1n) / size;
  const high = to < 0n ? -1n : to / size;
  return [Number(low), high < BigInt(count) ? Number(high) : count];
}

/** What is left of the question where there are too many sums: it must be in their range, and a multiple of their divisor. */
function isWithinReach(total: bigint, kinds: readonly (readonly [bigint, number])[]): boolean {
  const up = kinds.reduce((most, [by, n]) => (by > 0n ? most + by * BigInt(n) : most), 0n);
  const down = kinds.reduce((most, [by, n]) => (by < 0n ? most + by * BigInt(n) : most), 0n);
  const divisor = kinds.reduce((a, [b]) => greatestDivisor(a, b), 0n);
  return total >= down && total <= up && total % divisor === 0n;
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? (a < 0n ? -a : a) : greatestDivisor(b, a % b);
}
