/** What a run has shown, as text. */

import type { Tally } from "./fuzz.ts";
import type { Target } from "./target.ts";

export interface Row {
  readonly target: Target;
  readonly tally: Tally;
}

const COLUMNS = ["target", "inputs", "accepted", "reasons", "inputs/s", "slowest", "memory"];

function cellsOf({ target, tally }: Row): string[] {
  const { inputs, accepted, reasons, elapsed, slowest, grown } = tally;
  return [
    target.name,
    inputs.toLocaleString("en"),
    `${((100 * accepted) / Math.max(1, inputs)).toFixed(1)} %`,
    String(reasons.size),
    Math.round((1_000 * inputs) / Math.max(1, elapsed)).toLocaleString("en"),
    `${slowest.toFixed(1)} ms`,
    `${(grown / 1_048_576).toFixed(1)} MiB`,
  ];
}

/** A table with a line for each target, and the sum. */
export function table(rows: readonly Row[]): string {
  const lines = [COLUMNS, ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? "").length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
  const inputs = rows.reduce((sum, { tally }) => sum + tally.inputs, 0);
  return `${text.join("\n")}\n${inputs.toLocaleString("en")} inputs in ${rows.length} targets`;
}

/** Fewer inputs may all have been refused by chance. */
const INPUTS_TO_TELL = 100;

/**
 * Why the figures of a target prove nothing, as a sentence; undefined if they do. Inputs that are all refused, or all
 * accepted, have missed what they were meant to try.
 */
export function emptiness({ target, tally }: Row): string | undefined {
  if (tally.inputs < Math.max(INPUTS_TO_TELL, target.sample)) return undefined;
  if (tally.accepted === 0)
    return `${target.name}: all inputs were refused, so that nothing was tried but refusing`;
  if (tally.accepted === tally.inputs) return `${target.name}: no input was refused`;
  return undefined;
}
