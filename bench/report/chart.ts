/** The rates of a result as bars: one group for each kind of work, each on a scale of its own, as SVG. */

import type { Result, Series } from "../types.ts";
import { numberText } from "./format.ts";
import { figureOf, type Spread } from "./statistics.ts";

interface Group {
  readonly title: string;
  /** In the order of their bars. */
  readonly series: readonly string[];
}

const GROUPS: readonly Group[] = [
  {
    title: "Increments of one hot key, 64 callers",
    series: [
      "raftally/hot-key",
      "raftally/sessions",
      "raftally/keyed",
      "etcd/put",
      "etcd/put-shared",
      "etcd/increment",
      "postgres/hot-row",
      "redis/incr",
      "redis/incr-wait",
      "bare/http",
      "bare/hono",
    ],
  },
  {
    title: "Increments of 1,000 keys, 64 callers",
    series: [
      "raftally/keys-1000",
      "etcd/put-1000",
      "etcd/increment-1000",
      "postgres/rows-1000",
      "redis/incr-1000",
    ],
  },
  {
    title: "Linearizable reads, 64 callers",
    series: ["raftally/read-leader", "raftally/read-spread", "etcd/read"],
  },
  {
    title: "Increments gathered by the client",
    series: ["raftally/batch", "raftally/combining", "redis/incr-pipelined", "sqlite/upserts"],
  },
];

const WIDTH = 860;
const LABEL_WIDTH = 370;
const VALUE_WIDTH = 110;
const BAR_WIDTH: number = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const ROW = 26;
const BAR = 16;
const TITLE = 44;
const MARGIN = 16;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .bar { fill: #8c959f } .ours { fill: #0969da }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .back { fill: #0d1117 } .bar { fill: #6e7681 } .ours { fill: #4493f8 }
    .spread { stroke: #e6edf3 }
  }
`;

/** Text within SVG. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

interface Row {
  readonly name: string;
  readonly about: string;
  readonly rate: Spread;
}

function rowsOf(group: Group, all: readonly Series[]): readonly Row[] {
  return group.series.flatMap((name) => {
    const series = all.find((one) => one.series === name);
    const rate = figureOf(all, { series: name, figure: "rate" });
    return series === undefined || rate === undefined ? [] : [{ name, about: series.about, rate }];
  });
}

function bar({ name, about, rate }: Row, y: number, most: number): string {
  const at = (value: number): number => Math.round(LABEL_WIDTH + (value / most) * BAR_WIDTH);
  const middle = y + BAR / 2;
  const [system] = name.split("/");
  const label = `${system}: ${about}`;
  const kind = name.startsWith("raftally") ? "bar ours" : "bar";
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${escaped(shortened(label))}</text>`,
    `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${Math.max(1, at(rate.median) - LABEL_WIDTH)}" height="${BAR}"/>`,
    `<line class="spread" x1="${at(rate.min)}" y1="${middle}" x2="${at(rate.max)}" y2="${middle}"/>`,
    `<text x="${Math.max(at(rate.max), at(rate.median)) + 8}" y="${y + 13}">${numberText(rate.median)}/s</text>`,
  ].join("\n");
}

const LABEL_CHARACTERS = 58;

function shortened(text: string): string {
  return text.length <= LABEL_CHARACTERS ? text : `${text.slice(0, LABEL_CHARACTERS - 1)}…`;
}

/** An SVG file; a short one that says so if there are no rates to show. */
export function chartOf(result: Result): string {
  const parts: string[] = [];
  let y = MARGIN;
  for (const group of GROUPS) {
    const rows = rowsOf(group, result.series);
    if (rows.length === 0) continue;
    parts.push(`<text class="title" x="${MARGIN}" y="${y + 22}">${escaped(group.title)}</text>`);
    y += TITLE;
    const most = Math.max(...rows.map(({ rate }) => rate.max));
    for (const row of rows) {
      parts.push(bar(row, y, most));
      y += ROW;
    }
  }
  if (parts.length === 0) parts.push(`<text x="${MARGIN}" y="${y + 22}">No rates were measured.</text>`);
  const { cpu, cores } = result.machine;
  const foot = `Medians of ${result.rounds} rounds, lines from the least to the most. ${cores} cores, ${cpu}. ${result.began.slice(0, 10)}.`;
  y += TITLE;
  parts.push(`<text x="${MARGIN}" y="${y - 8}">${escaped(foot)}</text>`);
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    "<title>Rates of Raftally and its peers</title>",
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}
