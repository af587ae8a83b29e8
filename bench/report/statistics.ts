/** Medians, ratios and their spread, and whether targets are met. */

import type { Bar, FigureName, FigureRef, Round, Series, Target } from "../types.ts";

/** The middle of some numbers, and the two ends. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns undefined if there are no numbers. */
export function spreadOf(numbers: readonly number[]): Spread | undefined {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const half = Math.floor(sorted.length / 2);
  const [below, above] = [sorted[sorted.length % 2 === 0 ? half - 1 : half], sorted[half]];
  return { median: ((below ?? min) + (above ?? max)) / 2, min, max };
}

/** A figure of each round, undefined where it was not measured; what was counted wrong has no figures. */
function perRound(series: Series, figure: FigureName): readonly (number | undefined)[] {
  return series.rounds.map((round: Round) =>
    round.outcome === "measured" ? round.sample.figures[figure] : undefined,
  );
}

/** A figure over the rounds; undefined if it was never measured. */
export function figureOf(all: readonly Series[], { series, figure }: FigureRef): Spread | undefined {
  const found = all.find((one) => one.series === series);
  if (found === undefined) return undefined;
  return spreadOf(perRound(found, figure).filter((value) => value !== undefined));
}

/**
 * How many times one figure is another: the ratio of their medians, between the smallest and the largest ratio within a
 * round. A round in which one of them is missing says nothing; where no round has both, only the medians remain.
 */
export function ratioOf(all: readonly Series[], figure: FigureRef, times: FigureRef): Spread | undefined {
  const [ours, theirs] = [figureOf(all, figure), figureOf(all, times)];
  if (ours === undefined || theirs === undefined || theirs.median === 0) return undefined;
  const of = (ref: FigureRef): readonly (number | undefined)[] => {
    const series = all.find((one) => one.series === ref.series);
    return series === undefined ? [] : perRound(series, ref.figure);
  };
  const others = of(times);
  const ratios = of(figure).flatMap((value, round) => {
    const other = others[round];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
  const median = ours.median / theirs.median;
  return { median, min: Math.min(median, ...ratios), max: Math.max(median, ...ratios) };
}

export type Grade = "aim" | "least" | "missed" | "unknown";

/** What became of one comparison. */
export interface BarVerdict {
  readonly bar: Bar;
  /** What was compared with the bar; undefined if something for it was not measured. */
  readonly measured: Spread | undefined;
  readonly grade: Grade;
}

export interface TargetVerdict {
  readonly target: Target;
  readonly bars: readonly BarVerdict[];
  /** The worst of its bars that could be judged; unknown if there was none. */
  readonly grade: Grade;
  /** Whether a bar could not be judged. */
  readonly isPartial: boolean;
}

function reaches(bar: Bar, value: number, wanted: number): boolean {
  return bar.is === "at least" ? value >= wanted : value <= wanted;
}

/** Judges by the median. A bar without an aim, once it is reached, does not hold back the others. */
export function judgeBar(all: readonly Series[], bar: Bar): BarVerdict {
  const measured = bar.times === undefined ? figureOf(all, bar.figure) : ratioOf(all, bar.figure, bar.times);
  if (measured === undefined) return { bar, measured, grade: "unknown" };
  if (!reaches(bar, measured.median, bar.least)) return { bar, measured, grade: "missed" };
  const isAim = bar.aim === undefined || reaches(bar, measured.median, bar.aim);
  return { bar, measured, grade: isAim ? "aim" : "least" };
}

export function judge(all: readonly Series[], target: Target): TargetVerdict {
  const bars = target.bars.map((bar) => judgeBar(all, bar));
  const grades = bars.map(({ grade }) => grade);
  const grade = (["missed", "least", "aim"] as const).find((one) => grades.includes(one)) ?? "unknown";
  return { target, bars, grade, isPartial: grade !== "unknown" && grades.includes("unknown") };
}
