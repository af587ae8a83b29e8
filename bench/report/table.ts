/** The tables of a result, as Markdown that can be read on a terminal as well. */

import { doubtsOf } from "../machine.ts";
import { FIGURES, type FigureName, type Result, type Round, type Series } from "../types.ts";
import { figureNames, figureText, numberText, spreadText, wrongText } from "./format.ts";
import { type BarVerdict, figureOf, type Grade, judge, type TargetVerdict } from "./statistics.ts";

/** A table with its columns aligned. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, at) => (cells[at] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join(
    "\n",
  );
}

/** Those that every workload of requests has get a column; the rest is told in words. */
const COLUMNS: readonly FigureName[] = ["rate", "p50", "p99", "p999"];

function cell(series: Series, all: readonly Series[], figure: FigureName): string {
  const spread = figureOf(all, { series: series.series, figure });
  return spread === undefined ? "" : spreadText(spread);
}

function outcomeText(rounds: readonly Round[]): string {
  const wrong = rounds.filter(({ outcome }) => outcome === "wrong").length;
  const failed = rounds.filter(({ outcome }) => outcome === "failed").length;
  const parts = [wrong > 0 ? `COUNTED WRONG in ${wrong}` : "", failed > 0 ? `FAILED in ${failed}` : ""];
  return parts.filter((part) => part !== "").join(", ");
}

function others(series: Series, all: readonly Series[]): string {
  const [first] = series.rounds.flatMap((round) =>
    round.outcome === "measured" ? [round.sample.figures] : [],
  );
  const names = figureNames(first ?? {}).filter((name) => !COLUMNS.includes(name) && name !== "max");
  const told = names.map((name) => {
    const spread = figureOf(all, { series: series.series, figure: name });
    return spread === undefined ? "" : `${name} ${spreadText(spread, (value) => figureText(name, value))}`;
  });
  const outcome = outcomeText(series.rounds);
  return [...(outcome === "" ? [] : [outcome]), ...told].join(", ");
}

/** What went wrong, one sentence for each kind of it in each series. */
export function troublesOf({ series }: Pick<Result, "series">): readonly string[] {
  return series.flatMap(({ series: name, rounds }) => {
    const troubles = rounds.flatMap((round) => {
      if (round.outcome === "failed")
        return [`${name}: FAILED: ${round.reason.trim().replaceAll("\n", " ")}`];
      if (round.outcome === "wrong") return [`${name}: ${wrongText(round.sample.check)}`];
      return [];
    });
    return [...new Set(troubles)];
  });
}

/** What was measured: medians, and from where to where. */
export function figuresTable({ series }: Result): string {
  const head = [
    "series",
    "what",
    "callers",
    ...COLUMNS.map((name) => `${name}, ${FIGURES[name].unit}`),
    "besides",
  ];
  const rows = series.map((one) => [
    one.series,
    one.about,
    numberText(one.connections),
    ...COLUMNS.map((name) => cell(one, series, name)),
    others(one, series),
  ]);
  return tableOf(head, rows);
}

const GRADES: Readonly<Record<Grade, string>> = {
  aim: "aim reached",
  least: "reached",
  missed: "MISSED",
  unknown: "not measured",
};

function barText({ bar }: BarVerdict, value: number | undefined): string {
  if (value === undefined) return "";
  const { figure, times } = bar;
  return times === undefined ? figureText(figure.figure, value) : `${numberText(value)} ×`;
}

function measuredText(verdict: BarVerdict): string {
  const { measured, bar } = verdict;
  if (measured === undefined) return "";
  const unit = bar.times === undefined ? (value: number) => figureText(bar.figure.figure, value) : undefined;
  return spreadText(measured, unit ?? ((value) => `${numberText(value)} ×`));
}

function comparedText({ bar: { figure, times, is } }: BarVerdict): string {
  return `${figure.figure} ${is}${times === undefined ? "" : ` … × ${times.series}`}`;
}

/** The targets, one row for each comparison. */
export function targetsTable({ series, targets }: Result): string {
  const verdicts = targets.map((target) => judge(series, target));
  const rows = verdicts.flatMap((verdict: TargetVerdict) =>
    verdict.bars.map((bar, at) => [
      at === 0 ? verdict.target.about : "",
      comparedText(bar),
      measuredText(bar),
      barText(bar, bar.bar.least),
      barText(bar, bar.bar.aim),
      GRADES[bar.grade],
    ]),
  );
  return tableOf(["work", "compared", "measured", "wanted", "aim", "verdict"], rows);
}

/** What the figures are of. */
export function headText(result: Result): string {
  const { machine, versions, participants, world } = result;
  const slow = [
    world.fsyncMs > 0 ? `each sync ${world.fsyncMs} ms slower` : "",
    world.rttMs > 0 ? `${world.rttMs} ms between nodes and back` : "",
  ].filter((text) => text !== "");
  const lines = [
    `${result.began}, ${numberText(result.tookSeconds)} s, \`${result.command}\``,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; ${machine.distribution}, ${machine.kernel}; ` +
      `data on ${machine.filesystem}; load average before: ${machine.loadBefore.toFixed(2)}`,
    `${result.rounds} rounds, ${result.secondsPerWorkload} s of each workload${result.quick ? ", the short form" : ""}`,
    ...(slow.length > 0 ? [`Raftally's nodes were made slower: ${slow.join(", ")}`] : []),
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    ...participants.map(({ name, about, availability }) =>
      availability.available
        ? `${name}: ${availability.version}; ${about}`
        : `${name}: SKIPPED: ${availability.reason}`,
    ),
  ];
  return lines.map((line) => `- ${line}`).join("\n");
}

const TARGETS_HEAD =
  "## Targets\n\nRatios of medians within this run; in brackets the least and the largest ratio within one round.\n";

/** The whole report. */
export function reportOf(result: Result): string {
  const doubts = doubtsOf(result.machine).map((doubt) => `\n**${doubt}**\n`);
  const parts = [
    "# Benchmark\n",
    `${headText(result)}\n`,
    ...doubts,
    "## Figures\n",
    "Medians over the rounds, and the least and the most. `cpu` is what the generator of the load used itself.\n",
    `${figuresTable(result)}\n`,
    ...troublesOf(result).map((trouble) => `- ${trouble}\n`),
    ...(result.targets.length === 0 ? [] : [TARGETS_HEAD, `${targetsTable(result)}\n`]),
  ];
  return parts.join("\n");
}
