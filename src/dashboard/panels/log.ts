/** The replicated log as lanes: one for each node, entries of the same index below each other. */

import { h, keyed, setAttribute, setText, svg, vars } from "../dom.ts";
import { type Cell, count, type Lane, type Lanes, lanesOf } from "../log/lanes.ts";
import type { ClusterView } from "../model/view.ts";
import type { Store } from "../store.ts";
import { keepDrawn } from "./keep-drawn.ts";

const COLUMNS_MAX = 40;
const COLUMNS_MIN = 10;
/** A column is at least this wide, px. */
const COLUMN_WIDTH_MIN = 15;
const COLUMN_WIDTH_MAX = 34;
const CELL_HEIGHT = 24;
/** Below the cells: what term they are of. */
const RUN_HEIGHT = 17;
/** A run of fewer columns has room for the number only. */
const RUN_WORD_COLUMNS = 4;
/** Tints that neighbouring terms take turns in. */
const TINTS = 6;

/** Fills `root` and keeps it up to date. @returns what ends it. */
export function mountLog(root: HTMLElement, store: Store): () => void {
  const range = h("p", { class: "log-range" });
  const lanes = h("ul", { class: "log-lanes" });
  root.classList.add("log");
  root.append(range, lanes, legend());
  const draw = (view: ClusterView): void => {
    const width = root.clientWidth;
    const columns = Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, Math.floor(width / COLUMN_WIDTH_MIN)));
    const step = Math.min(COLUMN_WIDTH_MAX, Math.max(6, Math.floor(width / columns)));
    const shown = lanesOf(view, columns);
    setText(range, rangeText(shown));
    keyed(lanes, shown.lanes, {
      key: ({ id }) => id,
      make: makeLane,
      update: (element, lane) => drawLane(element, lane, { columns, step }),
    });
    root.dataset["ready"] = "true";
  };
  return keepDrawn(root, store, draw);
}

function rangeText({ from, to }: Lanes): string {
  if (to === 0) return "No log has been seen yet.";
  return `Entries ${count(from)} to ${count(to)}, the newest at the right.`;
}

function makeLane(): HTMLLIElement {
  return h(
    "li",
    { class: "log-lane" },
    h("div", { class: "log-head" }, h("strong", { class: "log-name" }), h("span", { class: "log-marks" })),
    svg(
      "svg",
      { class: "log-strip", role: "img" },
      svg("rect", { class: "log-compacted", y: 0, height: CELL_HEIGHT }),
      svg("g", { class: "log-runs" }),
      svg("g", { class: "log-cells" }),
      svg("path", { class: "log-snapshot" }),
      svg("text", { class: "log-away", x: 4, y: CELL_HEIGHT - 7 }),
    ),
  );
}

interface Grid {
  readonly columns: number;
  /** Width of a column, px. */
  readonly step: number;
}

function drawLane(element: HTMLElement, lane: Lane, grid: Grid): void {
  const part = <E extends Element>(name: string): E | null => element.querySelector<E>(`.${name}`);
  setAttribute(element, "data-node", lane.id);
  setAttribute(element, "data-fresh", String(lane.fresh));
  const name = part("log-name");
  if (name !== null) setText(name, lane.leads ? `${lane.id} leads` : lane.id);
  const marks = part("log-marks");
  if (marks !== null) setText(marks, marksText(lane));
  const strip = part("log-strip");
  if (strip !== null) {
    const width = grid.columns * grid.step;
    setAttribute(strip, "viewBox", `0 0 ${width} ${CELL_HEIGHT + RUN_HEIGHT}`);
    setAttribute(strip, "width", width);
    setAttribute(strip, "height", CELL_HEIGHT + RUN_HEIGHT);
    setAttribute(strip, "aria-label", lane.words);
  }
  const compacted = part("log-compacted");
  if (compacted !== null) setAttribute(compacted, "width", lane.compacted * grid.step);
  const cells = part("log-cells");
  if (cells !== null) drawCells(cells, lane, grid);
  const runs = part("log-runs");
  if (runs !== null) drawRuns(runs, lane, grid);
  const snapshot = part("log-snapshot");
  if (snapshot !== null) setAttribute(snapshot, "d", snapshotPath(lane, grid));
  const away = part("log-away");
  if (away !== null) setText(away, awayText(lane));
}

function marksText(lane: Lane): string {
  if (lane.unheard) return "not heard yet";
  const parts = [`last ${count(lane.last)}`];
  if (lane.stable < lane.last) parts.push(`on disk ${count(lane.stable)}`);
  parts.push(`committed ${count(lane.commit)}`, `applied ${count(lane.applied)}`);
  if (lane.snapshot > 0) parts.push(`snapshot ${count(lane.snapshot)}`);
  if (lane.behind > 0) parts.push(`${count(lane.behind)} behind`);
  if (!lane.fresh) parts.push("as last heard");
  return parts.join(" · ");
}

function awayText(lane: Lane): string {
  if (lane.unheard || lane.offLeft === 0) return "";
  return `◀ ends at ${count(lane.last)}, ${count(lane.behind)} ${lane.behind === 1 ? "entry" : "entries"} behind`;
}

function drawCells(parent: Element, lane: Lane, { step }: Grid): void {
  keyed(parent, lane.cells, {
    key: ({ index }) => String(index),
    make: () =>
      svg(
        "g",
        { class: "log-cell" },
        svg("rect", { class: "log-box", x: 1.5, y: 1.5, height: CELL_HEIGHT - 3, rx: 3 }),
        svg("path", { class: "log-mark" }),
        svg("path", { class: "log-kind" }),
      ),
    update: (element, cell) => {
      vars(element, { "--x": `${cell.column * step}px` });
      setAttribute(element, "data-state", cell.state);
      setAttribute(element, "data-tint", cell.term % TINTS);
      setAttribute(element, "data-conflict", cell.conflict);
      const [box, mark, kind] = element.children;
      if (box === undefined || mark === undefined || kind === undefined) return;
      setAttribute(box, "width", step - 3);
      setAttribute(mark, "d", markPath(cell, step));
      setAttribute(kind, "d", kindPath(cell, step));
    },
  });
}

/** Committed: a line at the foot. Applied: a tick. */
function markPath(cell: Cell, step: number): string {
  const x = step / 2;
  if (cell.conflict) return `M${x - 3},8 l6,8 M${x + 3},8 l-6,8`;
  if (cell.state === "applied") return `M${x - 3.5},15.5 l2.5,3 l4.5,-6`;
  if (cell.state === "committed") return `M${x - 3.5},18 h7`;
  return "";
}

/** The entry with which a leader begins its term: a bar. A change of the members: a diamond. */
function kindPath(cell: Cell, step: number): string {
  const x = step / 2;
  if (cell.kind === "noop") return `M${x - 3},7 h6`;
  if (cell.kind === "configuration") return `M${x},3.5 l3.5,3.5 l-3.5,3.5 l-3.5,-3.5 z`;
  return "";
}

function drawRuns(parent: Element, lane: Lane, { step }: Grid): void {
  keyed(parent, lane.runs, {
    key: ({ term }) => String(term),
    make: () =>
      svg(
        "g",
        { class: "log-run" },
        svg("path", { class: "log-run-line" }),
        svg("text", { class: "log-run-term" }),
      ),
    update: (element, { term, column, columns }) => {
      const [line, text] = element.children;
      if (line === undefined || text === undefined) return;
      setAttribute(element, "data-tint", term % TINTS);
      const from = column * step + 2;
      setAttribute(line, "d", `M${from},${CELL_HEIGHT + 2} H${from + columns * step - 4}`);
      setAttribute(text, "x", from);
      setAttribute(text, "y", CELL_HEIGHT + RUN_HEIGHT - 2);
      setText(text, columns < RUN_WORD_COLUMNS ? String(term) : `term ${term}`);
    },
  });
}

/** A pole at the right of the last entry that the snapshot holds, with a flag at its top. */
function snapshotPath({ snapshotColumn }: Lane, { step }: Grid): string {
  if (snapshotColumn === undefined) return "";
  const x = (snapshotColumn + 1) * step;
  return `M${x},${CELL_HEIGHT + 3} V0 h-8 l2.5,3.5 l-2.5,3.5 h8`;
}

const STATES: readonly { readonly state: Cell["state"]; readonly text: string }[] = [
  { state: "appended", text: "appended" },
  { state: "stable", text: "on disk" },
  { state: "committed", text: "committed" },
  { state: "applied", text: "applied" },
];

function legend(): HTMLElement {
  const list = h("ul", { class: "log-legend" });
  const step = 18;
  for (const { state, text } of STATES) {
    const cell: Cell = { index: 0, column: 0, term: 0, kind: "command", state, conflict: false };
    list.append(h("li", {}, sample(cell, step), text));
  }
  for (const [kind, text] of [
    ["noop", "a term begins"],
    ["configuration", "change of members"],
  ] as const) {
    const cell: Cell = { index: 0, column: 0, term: 0, kind, state: "stable", conflict: false };
    list.append(h("li", {}, sample(cell, step), text));
  }
  const flag = svg("path", { class: "log-snapshot", d: `M14,${CELL_HEIGHT} V0 h-8 l2.5,3.5 l-2.5,3.5 h8` });
  list.append(
    h(
      "li",
      {},
      svg("svg", { width: step, height: CELL_HEIGHT, "aria-hidden": "true" }, flag),
      "snapshot up to here",
    ),
  );
  return list;
}

function sample(cell: Cell, step: number): SVGElement {
  const cells = svg("g", { class: "log-cell", "data-state": cell.state, "data-tint": "none" });
  cells.append(
    svg("rect", { class: "log-box", x: 1.5, y: 1.5, width: step - 3, height: CELL_HEIGHT - 3, rx: 3 }),
    svg("path", { class: "log-mark", d: markPath(cell, step) }),
    svg("path", { class: "log-kind", d: kindPath(cell, step) }),
  );
  return svg("svg", { width: step, height: CELL_HEIGHT, "aria-hidden": "true" }, cells);
}
