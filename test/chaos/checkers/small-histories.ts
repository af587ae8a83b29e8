/** Random histories of one counter, small enough for brute force: some of a counter that works, some of one that does not. */

import type { Operation } from "../../../chaos/history.ts";
import { type Call, NEVER, type RecordedOutcome } from "../../../chaos/history-reader.ts";
import type { Prng } from "../../../src/base/index.ts";

export interface Shape {
  readonly operations: number;
  /** How many are under way at the same time, at most. */
  readonly concurrency: number;
  readonly unknown: number;
  /** How likely it is that an answer is another than it should be. */
  readonly wrong: number;
  readonly draw: (prng: Prng) => Operation;
}

/** What a call is while the history goes on. */
interface Running {
  readonly op: Operation;
  readonly process: number;
  readonly invoked: number;
  readonly isLost: boolean;
  outcome: RecordedOutcome | undefined;
}

/**
 * Plays operations on a real counter. Each takes effect at some time while it runs (one whose answer is lost perhaps
 * afterwards, perhaps never) and is told what it found, or, where the counter does not work, something else.
 */
export function play(prng: Prng, shape: Shape): readonly Call[] {
  const { operations, concurrency, unknown, wrong, draw } = shape;
  const running: Running[] = [];
  const calls: Call[] = [];
  const seen = [0n];
  let value = 0n;
  let line = 0;
  let begun = 0;

  const act = (one: Running): void => {
    const stale = one.op.f === "read" && one.op.stale === true;
    const [found, next] = step(one.op, stale ? prng.pick(seen) : value);
    if (!stale) value = next;
    seen.push(value);
    one.outcome = prng.chance(wrong) ? distort(prng, found) : found;
  };
  const end = (one: Running, at: number): void => {
    running.splice(at, 1);
    const { op, process, invoked, isLost, outcome } = one;
    const known: RecordedOutcome =
      isLost || outcome === undefined ? { type: "info", error: "LOST" } : outcome;
    const ended = known.type === "info" ? NEVER : line++;
    const lost: RecordedOutcome = op.f === "read" && isLost ? { type: "fail", error: "NO_ANSWER" } : known;
    calls.push({
      op,
      process,
      invoked,
      ended,
      invokedAt: invoked,
      endedAt: ended,
      attempts: 1,
      outcome: lost,
    });
  };

  while (begun < operations || running.some(({ isLost }) => !isLost)) {
    const canBegin = begun < operations && running.filter(({ isLost }) => !isLost).length < concurrency;
    if (canBegin && prng.chance(0.5)) {
      running.push({
        op: draw(prng),
        process: begun++,
        invoked: line++,
        isLost: prng.chance(unknown),
        outcome: undefined,
      });
      continue;
    }
    if (running.length === 0) continue;
    const at = prng.between(0, running.length - 1);
    const one = running[at];
    if (one === undefined) continue;
    if (one.outcome === undefined) act(one);
    else if (!one.isLost) end(one, at);
  }
  while (running[0] !== undefined) end(running[0], 0);
  return calls.sort((a, b) => a.invoked - b.invoked);
}

/** What an operation is told at a value, and the value afterwards. */
function step(op: Operation, value: bigint): [RecordedOutcome, bigint] {
  const ok = (next: bigint): [RecordedOutcome, bigint] => [answer(next), next];
  if (op.f === "read") return ok(value);
  if (op.f === "set") return ok(BigInt(op.value));
  const sum = value + BigInt(op.by);
  const isBeyond =
    (op.max !== undefined && sum > BigInt(op.max)) || (op.min !== undefined && sum < BigInt(op.min));
  if (isBeyond) return [{ type: "fail", error: "LIMIT_REACHED" }, value];
  if (BigInt.asIntN(64, sum) !== sum) return [{ type: "fail", error: "COUNTER_OVERFLOW" }, value];
  return ok(sum);
}

function answer(value: bigint): RecordedOutcome {
  return { type: "ok", value: String(value), revision: 0, index: 0, term: 0 };
}

function distort(prng: Prng, outcome: RecordedOutcome): RecordedOutcome {
  if (outcome.type !== "ok") return answer(BigInt(prng.between(0, 4)));
  const other = BigInt(outcome.value) + BigInt(prng.pick([-2, -1, 1, 2]));
  return BigInt.asIntN(64, other) === other ? answer(other) : outcome;
}

/** For whoever reads a failure. */
export function draw(calls: readonly Call[]): string {
  return calls.map((call) => JSON.stringify(call)).join("\n");
}
