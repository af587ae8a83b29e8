/** The rates of a result as bars: one group for each kind of work, each on a scale of its own, as SVG. */

import type { Result, Series } from "../types.ts";
import { numberText } from "./format.ts";
import { figureOf, type Spread } from "./statistics.ts";

interface Group {
  readonly title: string;
  /** Series and what stands before their bars, in order. */
  readonly bars: readonly (readonly [series: string, label: string])[];
}

const GROUPS: readonly Group[] = [
  {
    title: "Increments of one hot key, 64 callers",
    bars: [
      ["raftally/hot-key", "Raftally"],
      ["raftally/sessions", "Raftally, in client sessions"],
      ["raftally/keyed", "Raftally, with idempotency keys"],
      ["etcd/put", "etcd, blind put"],
      ["etcd/put-shared", "etcd, blind put, one connection"],
      ["etcd/increment", "etcd, compare-and-swap"],
      ["postgres/hot-row", "PostgreSQL, one node"],
      ["redis/incr", "Redis, on its own disk only"],
      ["redis/incr-wait", "Redis, in a replica's memory too"],
      ["bare/http", "node:http, a constant"],
      ["bare/hono", "Hono, a constant"],
    ],
  },
  {
    title: "Increments of 1,000 keys, 64 callers",
    bars: [
      ["raftally/keys-1000", "Raftally"],
      ["etcd/put-1000", "etcd, blind put"],
      ["etcd/increment-1000", "etcd, compare-and-swap"],
      ["postgres/rows-1000", "PostgreSQL, one node"],
      ["redis/incr-1000", "Redis, on its own disk only"],
    ],
  },
  {
    title: "Linearizable reads, 64 callers",
    bars: [
      ["raftally/read-leader", "Raftally, at the leader"],
      ["raftally/read-spread", "Raftally, at all nodes"],
      ["etcd/read", "etcd, at the leader"],
    ],
  },
  {
    title: "Many increments in one request",
    bars: [
      ["raftally/batch", "Raftally, batches of 1,000"],
      ["raftally/combining", "Raftally, combined by the client"],
      ["redis/incr-pipelined", "Redis, 16 pipelined"],
      ["sqlite/upserts", "SQLite alone, 10,000 a transaction"],
    ],
  },
];

const WIDTH = 860;
const LABEL_WIDTH = 270;
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
  readonly label: string;
  readonly isOurs: boolean;
  readonly rate: Spread;
}

function rowsOf(group: Group, all: readonly Series[]): readonly Row[] {
  return group.bars.flatMap(([series, label]) => {
    const rate = figureOf(all, { series, figure: "rate" });
    return rate === undefined ? [] : [{ label, isOurs: series.startsWith("raftally"), rate }];
  });
}

function bar({ label, isOurs, rate }: Row, y: number, most: number): string {
  const at = (value: number): number => Math.round(LABEL_WIDTH + (value / most) * BAR_WIDTH);
  const middle = y + BAR / 2;
  const width = Math.max(1, at(rate.median) - LABEL_WIDTH);
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="bar${isOurs ? " ours" : ""}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR}"/>`,
    `<line class="spread" x1="${at(rate.min)}" y1="${middle}" x2="${at(rate.max)}" y2="${middle}"/>`,
    `<text x="${at(rate.max) + 8}" y="${y + 13}">${numberText(rate.median)}/s</text>`,
  ].join("\n");
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
