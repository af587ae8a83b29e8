/** The last minutes as curves: throughput, latency, disks, lag, with every change of leader as a mark. */

import uPlot from "uplot";
import { h } from "../dom.ts";
import { History, type Series } from "../model/history.ts";
import type { Store } from "../store.ts";
import { onTheme, token } from "../theme.ts";
import { clock, duration, nodeHue, short } from "../words.ts";

const SAMPLE_MS = 1_000;
const RANGES: readonly { readonly name: string; readonly seconds: number }[] = [
  { name: "1 min", seconds: 60 },
  { name: "5 min", seconds: 300 },
  { name: "15 min", seconds: 900 },
];
const HEIGHT = 150;
/** Of a time as it stands below the curves, px. */
const CLOCK_WIDTH = 52;

interface Line {
  readonly label: string;
  /** The name of a colour among the tokens. */
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly fill?: true;
  readonly values: readonly (number | null)[];
}

interface ChartKind {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly lines: (series: Series) => readonly Line[];
}

const KINDS: readonly ChartKind[] = [
  {
    title: "Increments a second",
    format: short,
    lines: ({ increments }) => [{ label: "increments", colour: "--blue", fill: true, values: increments }],
  },
  {
    title: "Commit latency",
    format: duration,
    lines: ({ commitP50, commitP99 }) => [
      { label: "p50", colour: "--green", values: commitP50 },
      { label: "p99", colour: "--vermillion", dash: [5, 3], values: commitP99 },
    ],
  },
  { title: "fsync p99", format: duration, lines: ({ fsync }) => linesOf(fsync) },
  { title: "Entries behind", format: short, lines: ({ lag }) => linesOf(lag) },
];

/** Beside its colour each node has a dash of its own. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 4]];

function linesOf(columns: ReadonlyMap<string, readonly (number | null)[]>): readonly Line[] {
  return [...columns].map(([id, values], at) => ({
    label: id,
    colour: `--node-${nodeHue(id)}`,
    dash: DASHES[at % DASHES.length] ?? [],
    values,
  }));
}

export function mountCharts(root: HTMLElement, store: Store): () => void {
  const history = new History();
  let seconds = 60;
  const charts = KINDS.map((kind) => new Chart(kind));
  root.append(h("div", { class: "charts" }, ...charts.map(({ element }) => element)));
  const draw = (): void => {
    if (document.visibilityState !== "visible") return;
    const series = history.series(seconds);
    for (const chart of charts) chart.draw(series, seconds);
  };
  const buttons = RANGES.map(({ name, seconds: wanted }) => {
    const pressed = String(wanted === seconds);
    const button = h(
      "button",
      { class: "button quiet small", type: "button", "aria-pressed": pressed },
      name,
    );
    button.addEventListener("click", () => {
      seconds = wanted;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      draw();
    });
    return button;
  });
  const ranges = h("div", { class: "chips", role: "group", "aria-label": "How far back" }, ...buttons);
  document.getElementById("charts-heading")?.after(h("p", { class: "marks" }, "a new leader"), ranges);
  const timer = setInterval(() => {
    history.sample(store.get());
    draw();
  }, SAMPLE_MS);
  const ends = [
    store.subscribe((view) => history.look(view)),
    onTheme(() => {
      for (const chart of charts) chart.forget();
      draw();
    }),
  ];
  const resized = new ResizeObserver(() => {
    for (const chart of charts) chart.fit();
  });
  resized.observe(root);
  return () => {
    clearInterval(timer);
    resized.disconnect();
    for (const end of ends) end();
    for (const chart of charts) chart.forget();
  };
}

/** One curve or several over time. Made anew when its lines or colours change, otherwise only given new data. */
class Chart {
  readonly element: HTMLElement;
  readonly #kind: ChartKind;
  readonly #field: HTMLElement = h("div", { class: "chart-field" });
  readonly #now: HTMLElement = h("p", { class: "chart-now" });
  #plot: uPlot | undefined;
  #shape = "";
  #leaders: Series["leaders"] = [];

  constructor(kind: ChartKind) {
    this.#kind = kind;
    this.element = h(
      "figure",
      { class: "chart" },
      h("figcaption", {}, h("h3", {}, kind.title), this.#now),
      this.#field,
    );
  }

  draw(series: Series, seconds: number): void {
    const lines = this.#kind.lines(series);
    this.#leaders = series.leaders;
    const data: uPlot.AlignedData = [
      series.times as number[],
      ...lines.map(({ values }) => values as (number | null)[]),
    ];
    const shape = lines.map(({ label }) => label).join();
    if (this.#plot === undefined || shape !== this.#shape) {
      this.forget();
      this.#shape = shape;
      this.#plot = new uPlot(this.#options(lines), data, this.#field);
    }
    const newest = series.times.at(-1) ?? Date.now() / 1_000;
    this.#plot.batch(() => {
      this.#plot?.setData(data, false);
      this.#plot?.setScale("x", { min: newest - seconds, max: newest });
    });
    this.#say(lines);
  }

  /** The newest value of each line, in words: the curve itself says nothing to who cannot see it. */
  #say(lines: readonly Line[]): void {
    const parts = lines.map(({ label, colour, values }) => {
      const last = values.findLast((value) => value !== null) ?? null;
      const known = values.slice(-3).some((value) => value !== null) && last !== null;
      return { label, colour, text: known ? this.#kind.format(last) : "–" };
    });
    const alone = parts.length === 1;
    const text = parts.map(({ label, text: value }) => `${alone ? "" : `${label} `}${value}`).join("|");
    if (this.#now.dataset["text"] === text) return;
    this.#now.dataset["text"] = text;
    this.#now.replaceChildren(
      ...parts.map(({ label, colour, text: value }) => {
        const key = h("i", { class: "key" });
        key.style.setProperty("--hue", `var(${colour})`);
        return alone ? h("span", {}, value) : h("span", {}, key, `${label} `, h("b", {}, value));
      }),
    );
  }

  fit(): void {
    const width = this.#field.clientWidth;
    if (width > 0 && this.#plot !== undefined && this.#plot.width !== width)
      this.#plot.setSize({ width, height: HEIGHT });
  }

  forget(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #options(lines: readonly Line[]): uPlot.Options {
    const faint = token("--ink-faint");
    const grid = { stroke: token("--line"), width: 1 };
    const font = "11px system-ui, sans-serif";
    const axis = { stroke: faint, font, ticks: { show: false }, grid };
    const { format } = this.#kind;
    return {
      width: Math.max(this.#field.clientWidth, 120),
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "raftally" }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true, auto: false }, y: { range: (_plot, _min, max) => [0, ceiling(max)] } },
      axes: [
        {
          ...axis,
          size: 26,
          grid: { show: false },
          space: 70,
          values: (plot, ticks) =>
            ticks.map((time) => (isWhole(plot.valToPos(time, "x"), plot) ? clock(time * 1_000) : "")),
        },
        { ...axis, size: 52, space: 32, values: (_plot, ticks) => ticks.map((value) => format(value)) },
      ],
      series: [
        {},
        ...lines.map(({ label, colour, dash, fill }) => ({
          label,
          stroke: token(colour),
          width: 2,
          points: { show: false },
          ...(dash === undefined ? {} : { dash: [...dash] }),
          ...(fill === undefined ? {} : { fill: `color-mix(in srgb, ${token(colour)} 16%, transparent)` }),
        })),
      ],
      hooks: { draw: [(plot) => this.#mark(plot)] },
    };
  }

  /** A line where another node began to lead, with its name. */
  #mark({ ctx, bbox, valToPos }: uPlot): void {
    ctx.save();
    ctx.strokeStyle = token("--ink-faint");
    ctx.fillStyle = token("--ink-soft");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
    for (const { time, id } of this.#leaders) {
      const x = valToPos(time, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillText(id, x + 3 * devicePixelRatio, bbox.top + 9 * devicePixelRatio);
    }
    ctx.restore();
  }
}

/** Whether the time below the curve at `x`, px, would not be cut by the edge of the picture. */
function isWhole(x: number, { bbox }: uPlot): boolean {
  return x >= 0 && x <= bbox.width / devicePixelRatio - CLOCK_WIDTH / 2;
}

/** A little above the highest value, and never so low that noise looks like a mountain. */
function ceiling(max: number | null): number {
  return Math.max((max ?? 0) * 1.15, 1);
}
