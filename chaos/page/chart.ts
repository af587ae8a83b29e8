/** A play as a picture: who led, what was done to whom, how much was served and how fast. */

import type { FaultSpan } from "../faults.ts";
import type { Reign } from "../leader-watch.ts";
import { type Gap, PIECE_MS, type Piece } from "../samples.ts";
import { duration, escaped, grouped } from "./markup.ts";
import { colourOf, isOfWays } from "./style.ts";

const WIDTH = 1_130;
const LEFT = 86;
const RIGHT = 12;
const LANE = 28;
const RATE_HEIGHT = 120;
const LATENCY_HEIGHT = 120;
const SPACE = 50;
/** More columns than this cannot be told apart. */
const COLUMNS_MAX = 500;
/** Times without an acknowledgement of at least this long are shown, ms. */
export const STALL_MS = 250;

export interface ChartInput {
  readonly spans: readonly FaultSpan[];
  readonly reigns: readonly Reign[];
  readonly pieces: readonly Piece[];
  readonly gaps: readonly Gap[];
  readonly nodes: readonly string[];
}

/** One column of the curves. */
interface Column {
  readonly fromMs: number;
  readonly writes: number;
  readonly reads: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

export function chartOf(input: ChartInput): string {
  const endMs = Math.max(
    1_000,
    input.pieces.length * PIECE_MS,
    ...input.spans.map(({ fromMs, toMs = fromMs }) => toMs),
  );
  const x = (ms: number): number => LEFT + (Math.min(ms, endMs) / endMs) * (WIDTH - LEFT - RIGHT);
  const columns = columnsOf(input.pieces);
  const lanesTop = 24;
  const rateTop = lanesTop + input.nodes.length * LANE + SPACE;
  const latencyTop = rateTop + RATE_HEIGHT + SPACE;
  const height = latencyTop + LATENCY_HEIGHT + 28;
  const parts = [
    times(endMs, latencyTop + LATENCY_HEIGHT, [lanesTop, latencyTop + LATENCY_HEIGHT], x),
    heading(14, "Leader and faults"),
    lanes(input, lanesTop, endMs, x),
    heading(rateTop - 18, "Operations a second"),
    stalls(input.gaps, rateTop, RATE_HEIGHT, x),
    rates(columns, rateTop, x),
    heading(latencyTop - 18, "Time to an acknowledged write"),
    stalls(input.gaps, latencyTop, LATENCY_HEIGHT, x),
    latencies(columns, latencyTop, x),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Timeline">\n${parts.join("\n")}\n</svg>`;
}

function heading(y: number, text: string): string {
  return `<text class="title" x="0" y="${y}">${text}</text>`;
}

type Scale = (value: number) => number;

function lanes({ nodes, reigns, spans }: ChartInput, top: number, endMs: number, x: Scale): string {
  const yOf = (id: string): number => top + nodes.indexOf(id) * LANE;
  const parts = nodes.map(
    (id) =>
      `<text x="0" y="${yOf(id) + LANE / 2 + 4}">${escaped(id)}</text>` +
      `<rect x="${LEFT}" y="${yOf(id) + 4}" width="${WIDTH - LEFT - RIGHT}" height="${LANE - 8}" rx="3" fill="var(--line)" opacity="0.45"/>`,
  );
  for (const [at, { id, term, atMs }] of reigns.entries()) {
    const untilMs = reigns[at + 1]?.atMs ?? endMs;
    const title = `${id} leads in term ${term}, from ${duration(atMs)}`;
    parts.push(bar(x(atMs), yOf(id) + 4, x(untilMs) - x(atMs), LANE - 8, "var(--lead)", 0.55, title));
  }
  for (const span of spans)
    for (const id of laneOf(span, nodes)) parts.push(faultMark(span, yOf(id), endMs, x));
  return parts.join("\n");
}

/** What concerns nobody in particular is shown at all. */
function laneOf({ nodes }: FaultSpan, all: readonly string[]): readonly string[] {
  return nodes.length === 0 ? all : nodes.filter((id) => all.includes(id));
}

function faultMark(span: FaultSpan, y: number, endMs: number, x: Scale): string {
  const { kind, fromMs, toMs = endMs, effective, detail } = span;
  const colour = colourOf(kind);
  const title = `${kind}, ${duration(fromMs)}${effective ? "" : ", no effect"}${detail === undefined ? "" : `: ${detail}`}`;
  const opacity = effective ? 0.95 : 0.35;
  const width = Math.max(2, x(toMs) - x(fromMs));
  const lasts = toMs - fromMs > 1;
  // Both may happen to a node at once: what concerns its ways is drawn below what concerns itself.
  const top = y + (isOfWays(kind) ? LANE / 2 + 1 : 5);
  const box = lasts ? bar(x(fromMs), top, width, LANE / 2 - 6, colour, opacity, title) : "";
  // What is over at once is a cross, and so is the beginning of a death.
  if (lasts && !/^(?:kill|power)/.test(kind)) return box;
  return box + cross(x(fromMs), top + LANE / 4 - 3, { colour, opacity, title });
}

interface Mark {
  readonly colour: string;
  readonly opacity: number;
  readonly title: string;
}

function cross(x: number, y: number, { colour, opacity, title }: Mark): string {
  const path = `<path d="M${(x - 5).toFixed(1)} ${y - 5}l10 10m0 -10l-10 10" stroke="${colour}"`;
  return `${path} stroke-width="2.5" opacity="${opacity}"><title>${escaped(title)}</title></path>`;
}

function bar(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  opacity: number,
  title: string,
): string {
  const box = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, width).toFixed(1)}" height="${height}"`;
  return `<rect ${box} rx="3" fill="${fill}" opacity="${opacity}"><title>${escaped(title)}</title></rect>`;
}

function stalls(gaps: readonly Gap[], top: number, height: number, x: Scale): string {
  return gaps
    .filter(({ fromMs, toMs }) => toMs - fromMs >= STALL_MS)
    .map(({ fromMs, toMs }) => {
      const title = `no write acknowledged for ${duration(toMs - fromMs)}`;
      return bar(x(fromMs), top, x(toMs) - x(fromMs), height, "var(--stalled)", 1, title);
    })
    .join("\n");
}

/** Neighbouring pieces put together, so that there are not too many. */
function columnsOf(pieces: readonly Piece[]): readonly Column[] {
  const each = Math.max(1, Math.ceil(pieces.length / COLUMNS_MAX));
  const columns: Column[] = [];
  for (let at = 0; at < pieces.length; at += each) {
    const some = pieces.slice(at, at + each);
    const seconds = (some.length * PIECE_MS) / 1_000;
    const latencies = some.flatMap((piece) => piece.latencies).sort((a, b) => a - b);
    columns.push({
      fromMs: at * PIECE_MS,
      writes: some.reduce((sum, { writes }) => sum + writes, 0) / seconds,
      reads: some.reduce((sum, { reads }) => sum + reads, 0) / seconds,
      p50: latencies[Math.floor(latencies.length * 0.5)],
      p99: latencies[Math.floor(latencies.length * 0.99)],
    });
  }
  return columns;
}

function rates(columns: readonly Column[], top: number, x: Scale): string {
  const most = roundUp(Math.max(10, ...columns.map(({ writes, reads }) => Math.max(writes, reads))));
  const y = (value: number): number => top + RATE_HEIGHT * (1 - value / most);
  const marks = [0, most / 2, most].map((value) => grid(y(value), grouped(value)));
  const area = (of: (column: Column) => number): string => {
    const points = columns.map((column) => `${x(column.fromMs).toFixed(1)} ${y(of(column)).toFixed(1)}`);
    return points.length === 0 ? "" : `M${x(0).toFixed(1)} ${y(0)}L${points.join("L")}V${y(0)}Z`;
  };
  return [
    ...marks,
    `<path d="${area(({ reads }) => reads)}" fill="var(--read)" opacity="0.45"/>`,
    `<path d="${area(({ writes }) => writes)}" fill="var(--write)" opacity="0.75"/>`,
  ].join("\n");
}

const LATENCY_MIN_MS = 1;
const LATENCY_MAX_MS = 10_000;

function latencies(columns: readonly Column[], top: number, x: Scale): string {
  const decades = Math.log10(LATENCY_MAX_MS / LATENCY_MIN_MS);
  const y = (ms: number): number => {
    const within = Math.min(LATENCY_MAX_MS, Math.max(LATENCY_MIN_MS, ms));
    return top + LATENCY_HEIGHT * (1 - Math.log10(within / LATENCY_MIN_MS) / decades);
  };
  const marks = [1, 10, 100, 1_000, 10_000].map((ms) =>
    grid(y(ms), ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`),
  );
  return [
    ...marks,
    curve(columns, ({ p99 }) => p99, "var(--p99)", { x, y }),
    curve(columns, ({ p50 }) => p50, "var(--p50)", { x, y }),
  ].join("\n");
}

/** Interrupted where there is nothing to show. */
function curve(
  columns: readonly Column[],
  of: (column: Column) => number | undefined,
  colour: string,
  { x, y }: { readonly x: Scale; readonly y: Scale },
): string {
  let path = "";
  let isDown = false;
  for (const column of columns) {
    const value = of(column);
    if (value !== undefined)
      path += `${isDown ? "L" : "M"}${x(column.fromMs).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = value !== undefined;
  }
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-linejoin="round"/>`;
}

function grid(y: number, label: string): string {
  return (
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="var(--line)"/>` +
    `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${label}</text>`
  );
}

function times(endMs: number, y: number, [from, to]: readonly [number, number], x: Scale): string {
  const stepMs =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600]
      .map((s) => s * 1_000)
      .find((ms) => endMs / ms <= 14) ?? 7_200_000;
  const parts: string[] = [];
  for (let ms = 0; ms <= endMs; ms += stepMs) {
    const at = x(ms).toFixed(1);
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${from}" y2="${to}" stroke="var(--line)" opacity="0.6"/>` +
        `<text x="${at}" y="${y + 18}" text-anchor="middle">${ms / 1_000} s</text>`,
    );
  }
  return parts.join("\n");
}

/** The next number that people like as the end of an axis. */
function roundUp(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 5, 8, 10].find((factor) => factor * magnitude >= value) ?? 10;
  return step * magnitude;
}
