/** What a play has shown: that promises were kept, that one was broken, or nothing at all. */

import { judge } from "./checkers/judge.ts";
import type { Verdict } from "./checkers/verdict.ts";
import type { FaultSpan } from "./faults.ts";
import { type Call, readHistory } from "./history-reader.ts";
import type { Played } from "./play.ts";
import type { Gap } from "./samples.ts";

/**
 * `kept`: everything that was promised held. `broken`: something did not. `invalid`: too little was asked or too little
 * was hurt for either to be said.
 */
export type Outcome = "kept" | "broken" | "invalid";

export interface Judged {
  readonly played: Played;
  readonly outcome: Outcome;
  /** Of every checker. */
  readonly verdicts: readonly Verdict[];
  /** Promises that were not kept. */
  readonly wrong: readonly string[];
  /** Why the play proves nothing; empty if it does. */
  readonly lacking: readonly string[];
  /** Answers of all kinds that said yes. */
  readonly operations: number;
  readonly info: number;
  /** Bounded increments that found their bound: they ran, and changed nothing. */
  readonly bounded: number;
  /** All others that were not done, reads that nobody answered included. */
  readonly fail: number;
  /** How long no write was acknowledged when the leader was taken away and nothing else, ms, in order of time. */
  readonly failovers: readonly number[];
}

/** Answers a second on average, below which a play proves nothing. */
const OPERATIONS_PER_SECOND_MIN = 50;
/** The share of operations that must have been done. */
const SHARE_DONE_MIN = 0.5;
/** A leader that was taken away is missed within this time, ms. */
const MISSED_WITHIN_MS = 5_000;
/** A fault is forgotten so long after its end, ms: a process that was killed takes a while to be there again. */
const RECOVERED_MS = 2_000;

/** Judges the recorded history, and whether the play was worth it. */
export function judged(played: Played): Judged {
  const history = readHistory(played.history);
  const verdicts = judge(history);
  const count = (type: string): number => history.calls.filter(({ outcome }) => outcome.type === type).length;
  const isBounded = ({ outcome }: Call): boolean =>
    outcome.type === "fail" && outcome.error === "LIMIT_REACHED";
  const bounded = history.calls.filter(isBounded).length;
  const [operations, info, fail] = [count("ok"), count("info"), count("fail") - bounded];
  const wrong = [...played.wrong, ...verdicts.filter(({ valid }) => valid !== true).map(inWords)];
  const failovers = failoversOf(played.faults.spans, played.samples.gaps);
  const lacking = lacks(played, { operations, all: history.calls.length });
  const outcome = wrong.length > 0 ? "broken" : lacking.length > 0 ? "invalid" : "kept";
  return { played, outcome, verdicts, wrong, lacking, operations, info, bounded, fail, failovers };
}

function inWords({ checker, valid, detail }: Verdict): string {
  return `${checker}${valid === "unknown" ? " could not tell" : ""}: ${detail}`;
}

function lacks(
  { scenario, seconds, faults, reigns }: Played,
  traffic: { operations: number; all: number },
): string[] {
  const found: string[] = [...faults.doubts];
  const { operations, all } = traffic;
  const rate = operations / seconds;
  if (rate < OPERATIONS_PER_SECOND_MIN)
    found.push(`${rate.toFixed(0)} operations a second, and ${OPERATIONS_PER_SECOND_MIN} are needed`);
  if (operations < all * SHARE_DONE_MIN) found.push(`only ${operations} of ${all} operations were done`);
  for (const [kind, needed] of Object.entries(scenario.needs)) {
    const { effective = 0 } = faults.counts.get(kind) ?? {};
    if (effective < needed)
      found.push(`${effective} effective faults of kind ${kind}, and ${needed} are needed`);
  }
  if (faults.spans.every(({ effective }) => !effective)) found.push("no fault had an effect");
  const tookLeader = faults.spans.some(({ effective, hitsLeader }) => effective && hitsLeader);
  if (tookLeader && reigns.length < 2)
    found.push("the leader was taken away, and nobody else was seen to lead");
  return found;
}

/**
 * The longest gap between acknowledgements that followed each fault which took the leader away, where nothing else was
 * wrong until the gap was over: two faults at once may well leave no majority to anybody.
 */
export function failoversOf(spans: readonly FaultSpan[], gaps: readonly Gap[]): readonly number[] {
  return spans.flatMap((span) => {
    if (!span.effective || !span.hitsLeader) return [];
    const { fromMs } = span;
    const missed = gaps.filter((gap) => gap.toMs > fromMs && gap.fromMs < fromMs + MISSED_WITHIN_MS);
    const [longest] = [...missed].sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs));
    const untilMs = longest?.toMs ?? fromMs;
    const isAlone = spans.every(
      (other) => other === span || other.fromMs > untilMs || (other.toMs ?? Infinity) + RECOVERED_MS < fromMs,
    );
    if (!isAlone) return [];
    return [longest === undefined ? 0 : longest.toMs - longest.fromMs];
  });
}

/** The middle of the list; undefined of an empty one. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
