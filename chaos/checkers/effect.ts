/** What each operation does to a counter, and what its answer says of the value that it found. */

import type { Call } from "../history-reader.ts";
import { isAnswered, isDecided, isUnknown } from "./calls.ts";
import { type Exact, minus, parserFor, plus } from "./exact.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The value after an operation that took effect at `value`; undefined if it cannot have taken effect there. */
export type Effect = (value: Exact) => Exact | undefined;

/** An operation as the search sees it. */
export interface Move {
  readonly call: Call;
  readonly effect: Effect;
  /** Whether it leaves every value as it is. */
  readonly isStill: boolean;
}

/** How the numbers of one counter are to be read. */
export function parserOf(calls: readonly Call[]): (text: string) => Exact {
  return parserFor(textsOf(calls));
}

function* textsOf(calls: readonly Call[]): Generator<string> {
  for (const { op, outcome } of calls) {
    if (outcome.type === "ok") yield outcome.value;
    if (op.f === "set") yield op.value;
    if (op.f !== "add") continue;
    yield op.by;
    if (op.min !== undefined) yield op.min;
    if (op.max !== undefined) yield op.max;
  }
}

/** What a call may have done; undefined if it certainly did nothing and says nothing. */
export function moveOf(call: Call, parse: (text: string) => Exact): Move | undefined {
  const { op } = call;
  if (isAnswered(call)) {
    const after = parse(call.outcome.value);
    if (op.f === "read")
      return { call, effect: (value) => (value === after ? value : undefined), isStill: true };
    if (op.f === "set")
      return { call, effect: () => (parse(op.value) === after ? after : undefined), isStill: false };
    const before = minus(after, parse(op.by));
    const isWithin = liesWithin(after, boundsOf(op, parse));
    const effect: Effect = (value) => (isWithin && value === before ? after : undefined);
    return { call, effect, isStill: before === after };
  }
  if (op.f === "read" || !(isUnknown(call) || isDecided(call))) return undefined;
  if (isDecided(call)) return { call, effect: refusalOf(call, parse), isStill: true };
  if (op.f === "set") {
    const to = parse(op.value);
    return { call, effect: () => to, isStill: false };
  }
  const [by, bounds] = [parse(op.by), boundsOf(op, parse)];
  const effect: Effect = (value) => {
    const sum = plus(value, by);
    return liesWithin(sum, bounds) && isInt64(sum) ? sum : undefined;
  };
  return { call, effect, isStill: by === parse("0") };
}

interface Bounds {
  readonly min: Exact | undefined;
  readonly max: Exact | undefined;
}

function boundsOf(
  op: { readonly min?: string; readonly max?: string },
  parse: (text: string) => Exact,
): Bounds {
  return {
    min: op.min === undefined ? undefined : parse(op.min),
    max: op.max === undefined ? undefined : parse(op.max),
  };
}

function liesWithin(value: Exact, { min, max }: Bounds): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max);
}

function isInt64(value: Exact): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** An add that was refused says that it would have gone too far. Its bound is looked at before the range. */
function refusalOf({ op, outcome }: Call, parse: (text: string) => Exact): Effect {
  if (op.f !== "add") return () => undefined;
  const [by, bounds] = [parse(op.by), boundsOf(op, parse)];
  const isLimit = outcome.type === "fail" && outcome.error === "LIMIT_REACHED";
  return (value) => {
    const sum = plus(value, by);
    const isBeyond = !liesWithin(sum, bounds);
    return (isLimit ? isBeyond : !isBeyond && !isInt64(sum)) ? value : undefined;
  };
}
