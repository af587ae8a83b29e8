/**
 * I13, I14: what clients asked for and were told, as a history that says nothing of logs and disks, is judged by the
 * checkers that judge real processes in `chaos/checkers`: linearizable, exactly once, nothing lost. They share no code
 * with the other checkers here, and need not trust a single index of an answer.
 *
 * They know counters that are added to, set and read; so the history is that of the counters with which clients do
 * nothing else ({@link isPlain}).
 */

import { checkArithmetic } from "../../../chaos/checkers/arithmetic.ts";
import { isUnknown } from "../../../chaos/checkers/calls.ts";
import { checkCounting, countsUp } from "../../../chaos/checkers/counting.ts";
import { checkLinearizable } from "../../../chaos/checkers/linearizable.ts";
import { checkReplays } from "../../../chaos/checkers/replays.ts";
import type { Verdict } from "../../../chaos/checkers/verdict.ts";
import { checkWitness } from "../../../chaos/checkers/witness.ts";
import type { Call, HistoryOperation } from "../../../chaos/index.ts";
import type { Command, Once } from "../../../src/counter/index.ts";
import type { ReadResult, WriteResult } from "../../../src/node/index.ts";
import { type Attempt, type Observer, Violation } from "../observer.ts";
import { isPlain } from "../workload.ts";

type Open = { -readonly [K in keyof Call]: Call[K] };
type Outcome = Call["outcome"];

/**
 * The search for an order is tried where it ends soon: with few operations of unknown outcome, and within a budget of
 * configurations. What it does not decide is not held against anyone; the other checks decide always.
 */
const SEARCH = { unknown: 40, budget: 10_000 } as const;

export function historyIsLinearizable(): Partial<Observer> {
  const calls: Open[] = [];
  const open = new Map<Attempt, Open>();
  /** Numbers what happens; it is also the only clock: the checkers ask for the order, and no time. */
  let line = 0;

  return {
    asked(_node, attempt) {
      const op = operationOf(attempt);
      if (op === undefined) return;
      const id = attempt.event.kind === "write" ? idOf(attempt.event.command.once) : undefined;
      const call: Open = {
        op,
        process: calls.length,
        ...(id === undefined ? {} : { id }),
        invoked: line++,
        invokedAt: line,
        ended: Number.POSITIVE_INFINITY,
        endedAt: Number.POSITIVE_INFINITY,
        attempts: 1,
        outcome: { type: "info", error: "NO_END" },
      };
      calls.push(call);
      open.set(attempt, call);
    },
    answered(_node, attempt, { result }) {
      const call = attempt === undefined ? undefined : open.get(attempt);
      if (attempt === undefined || call === undefined) return;
      open.delete(attempt);
      call.outcome = outcomeOf(call.op, result as WriteResult | ReadResult);
      call.endedAt = line;
      if (call.outcome.type !== "info") call.ended = line;
      line++;
    },
    ended() {
      for (const { checker, valid, detail } of judge(calls)) {
        if (valid === false) throw new Violation("I13 the history is linearizable", `${checker}: ${detail}`);
      }
    },
  };
}

function judge(calls: readonly Call[]): readonly Verdict[] {
  const isSearched = (counter: readonly Call[]): boolean =>
    !countsUp(counter) && counter.filter(isUnknown).length <= SEARCH.unknown;
  return [
    checkArithmetic(calls),
    checkCounting(calls),
    checkLinearizable(calls, { claims: isSearched, budget: SEARCH.budget }),
    checkWitness(calls),
    checkReplays(calls),
  ];
}

/** What was asked for, in the words of a history; undefined if it is about other counters. */
function operationOf({ event }: Attempt): HistoryOperation | undefined {
  if (event.kind === "read") {
    if (event.query.kind !== "get" || !isPlain(event.query.key)) return undefined;
    const stale = event.consistency === "stale" ? ({ stale: true } as const) : {};
    return { f: "read", key: event.query.key, ...stale };
  }
  return event.kind === "write" ? writeOf(event.command) : undefined;
}

function writeOf({ operation }: Command): HistoryOperation | undefined {
  if (operation.kind !== "add" && operation.kind !== "set") return undefined;
  const { key } = operation;
  if (!isPlain(key)) return undefined;
  if (operation.kind === "set") return { f: "set", key, value: String(operation.value) };
  const { by, min, max } = operation;
  return {
    f: "add",
    key,
    by: String(by),
    ...(min === undefined ? {} : { min: String(min) }),
    ...(max === undefined ? {} : { max: String(max) }),
  };
}

function idOf(once: Once | undefined): string | undefined {
  if (once === undefined) return undefined;
  return once.kind === "key" ? `key ${once.key}` : `number ${once.seq} of session ${once.session}`;
}

function outcomeOf(op: HistoryOperation, result: WriteResult | ReadResult): Outcome {
  switch (result.kind) {
    case "redirect":
      return { type: "fail", error: "REDIRECTED" };
    case "failed":
      return { type: result.code === "OUTCOME_UNKNOWN" ? "info" : "fail", error: result.code };
    case "answer": {
      const row = result.answer.kind === "get" ? result.answer.row : undefined;
      const { index, term } = result;
      return { type: "ok", value: String(row?.value ?? 0n), revision: row?.revision ?? 0, index, term };
    }
    case "applied":
      return appliedOf(op, result);
  }
}

function appliedOf(
  op: HistoryOperation,
  { outcome, index, term }: WriteResult & { kind: "applied" },
): Outcome {
  if (outcome.kind === "refused") return { type: "fail", error: outcome.code };
  const [done] = outcome.results;
  if (done === undefined)
    throw new Violation("I13 the history is linearizable", `an answer to ${op.f} without a value`);
  return {
    type: "ok",
    value: String(done.value),
    revision: done.revision,
    index,
    term,
    ...(outcome.replayed ? { replayed: true } : {}),
    ...(done.changed ? {} : { changed: false }),
  };
}
