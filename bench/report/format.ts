/** Figures as they are printed. */

import { type Check, FIGURES, type FigureName, type Figures, type Sample } from "../types.ts";
import type { Spread } from "./statistics.ts";

/** Below this a number gets decimals. */
const WHOLE_FROM = 100;
const SIGNIFICANT = 3;

/** A number with thousands separated, and with so many decimals that three digits say something. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= WHOLE_FROM) return Math.round(value).toLocaleString("en");
  return value === 0 ? "0" : String(Number(value.toPrecision(SIGNIFICANT)));
}

/** A number with the unit of its figure. */
export function figureText(name: FigureName, value: number): string {
  const { unit } = FIGURES[name];
  return unit.startsWith("/") ? `${numberText(value)}${unit}` : `${numberText(value)} ${unit}`;
}

/** The median, and from where to where if there was more than one. */
export function spreadText(spread: Spread, text: (value: number) => string = numberText): string {
  const { median, min, max } = spread;
  return min === max ? text(median) : `${text(median)} (${numberText(min)} to ${numberText(max)})`;
}

/** The names of the figures that are there, in the order of the table. */
export function figureNames(figures: Figures): readonly FigureName[] {
  return (Object.keys(FIGURES) as FigureName[]).filter((name) => figures[name] !== undefined);
}

/** A sample on one line, for whoever watches. */
export function sampleText({ figures, check }: Sample): string {
  const parts = figureNames(figures)
    .filter((name) => name !== "cpu")
    .map((name) => (name === "rate" ? "" : `${name} `) + figureText(name, figures[name] ?? Number.NaN));
  return `${parts.join("  ")}  counted right: ${check.found.toLocaleString("en")}`;
}

/** How a count is wrong. */
export function wrongText({ about, acknowledged, found, underway }: Check): string {
  const most = underway === 0 ? "" : ` (and up to ${underway} that were on their way)`;
  return `COUNTED WRONG: ${about} is ${found}, and ${acknowledged} were acknowledged${most}`;
}
