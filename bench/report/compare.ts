/** Whether something has become slower or faster since an earlier run. */

import { FIGURES, type FigureName, type Result, type Series } from "../types.ts";
import { figureNames, figureText, numberText } from "./format.ts";
import { figureOf, type Spread } from "./statistics.ts";
import { tableOf } from "./table.ts";

/** Machines differ by so much from one run to the next without anything having changed. */
const NOISE = 0.15;

/** One figure in both runs. */
export interface Change {
  readonly series: string;
  readonly figure: FigureName;
  readonly before: Spread;
  readonly after: Spread;
  /** `worse` and `better` are beyond noise, and the ranges of the rounds do not overlap. */
  readonly verdict: "worse" | "better" | "alike";
}

function verdictOf(figure: FigureName, before: Spread, after: Spread): Change["verdict"] {
  const { better } = FIGURES[figure];
  const apart = after.min > before.max || after.max < before.min;
  const ratio = after.median / before.median;
  if (better === "neither" || !apart || Math.abs(ratio - 1) <= NOISE) return "alike";
  return ratio > 1 === (better === "higher") ? "better" : "worse";
}

function figuresOf({ rounds }: Series): readonly FigureName[] {
  const [first] = rounds.flatMap((round) => (round.outcome === "measured" ? [round.sample.figures] : []));
  return figureNames(first ?? {}).filter((name) => name !== "cpu" && name !== "max" && name !== "p999");
}

/** What both runs have measured. */
export function changesOf(before: Result, after: Result): readonly Change[] {
  return after.series.flatMap((series) =>
    figuresOf(series).flatMap((figure) => {
      const ref = { series: series.series, figure };
      const [then, now] = [figureOf(before.series, ref), figureOf(after.series, ref)];
      if (then === undefined || now === undefined) return [];
      return [{ ...ref, before: then, after: now, verdict: verdictOf(figure, then, now) }];
    }),
  );
}

/** As a table, what has changed first. */
export function changesTable(changes: readonly Change[]): string {
  const order = { worse: 0, better: 1, alike: 2 } as const;
  const rows = [...changes]
    .sort((a, b) => order[a.verdict] - order[b.verdict])
    .map(({ series, figure, before, after, verdict }) => [
      series,
      figure,
      figureText(figure, before.median),
      figureText(figure, after.median),
      `${numberText(after.median / before.median)} ×`,
      verdict === "alike" ? "" : verdict.toUpperCase(),
    ]);
  return tableOf(["series", "figure", "before", "now", "ratio", "verdict"], rows);
}
