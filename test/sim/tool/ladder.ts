/**
 * Draws what was recorded as a ladder: time runs down, each node has a column, a message is a number where it leaves
 * and an arrow from its sender's column to its receiver's where it arrives.
 */

import type { Recorder, Step } from "./recorder.ts";

const TIME_WIDTH = 10;
const COLUMN = { min: 22, max: 44 } as const;

export interface LadderOptions {
  /** Characters in a line; columns are as wide as they fit, but never too narrow to read. */
  readonly width: number;
  /** So many lines at the most, the last ones. */
  readonly lines: number;
}

export function drawLadder(
  recorder: Pick<Recorder, "steps" | "hasArrived">,
  { width, lines }: LadderOptions,
): readonly string[] {
  const steps = recorder.steps.slice(-lines);
  const nodes = [...new Set(steps.flatMap(({ node }) => (node === undefined ? [] : [node])))].sort(byNumber);
  if (nodes.length === 0) return [];
  const fitting = Math.floor((width - TIME_WIDTH) / nodes.length) - 1;
  const column = Math.min(COLUMN.max, Math.max(COLUMN.min, fitting));
  const head = `${"ms".padStart(TIME_WIDTH)} ${nodes.map((id) => `│${exactly(` ${id}`, column)}`).join("")}│`;
  const rows = steps.map((step) => {
    const time = step.atMs.toFixed(2).padStart(TIME_WIDTH);
    return `${time} ${row(step, nodes, { column, lost: isLost(step, recorder) })}`;
  });
  return [head, ...rows];
}

function isLost({ kind, message }: Step, recorder: Pick<Recorder, "hasArrived">): boolean {
  return kind === "sent" && message !== undefined && !recorder.hasArrived(message);
}

function row(
  step: Step,
  nodes: readonly string[],
  { column, lost }: { readonly column: number; readonly lost: boolean },
): string {
  if (step.node === undefined)
    return `├${exactly(`── ${step.text} `, nodes.length * (column + 1) - 1, "─")}┤`;
  const at = nodes.indexOf(step.node);
  const cells = nodes.map(() => " ".repeat(column));
  if (step.kind === "received") return arrow(step, nodes, column);
  const sent = lost ? `┈✕ #${step.message} ${step.text}` : `─▸ #${step.message} ${step.text}`;
  cells[at] = exactly(step.kind === "sent" ? sent : ` ${step.text}`, column);
  return `│${cells.join("│")}│`;
}

/** From the column of the sender to that of the receiver, through all between. */
function arrow(step: Step, nodes: readonly string[], column: number): string {
  const to = nodes.indexOf(step.node ?? "");
  const from = nodes.indexOf(step.from ?? "");
  const text = `#${step.message} ${step.text}`;
  const rightward = from < to;
  const cells = nodes.map((_, at) => {
    if (at === to) return rightward ? exactly(`─▶ ${text}`, column) : `${exactly(text, column - 3)} ◀─`;
    if (from === -1) return " ".repeat(column);
    if (at === from) return rightward ? `${" ".repeat(column - 2)}╶─` : `─╴${" ".repeat(column - 2)}`;
    const between = rightward ? at > from && at < to : at > to && at < from;
    return (between ? "─" : " ").repeat(column);
  });
  // An arrow crosses the lines of the columns that it passes.
  return cells
    .reduce((line, cell, at) => {
      const crossed = from !== -1 && (rightward ? at > from && at <= to : at > to && at <= from);
      return `${line}${crossed ? "┼" : "│"}${cell}`;
    }, "")
    .concat("│");
}

/** `text` in exactly `width` characters. */
function exactly(text: string, width: number, fill: string = " "): string {
  return text.length <= width ? text.padEnd(width, fill) : `${text.slice(0, width - 1)}…`;
}

/** n2 before n10. */
function byNumber(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}
