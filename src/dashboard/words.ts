/** Numbers and times for people. */

import { span } from "./model/phrases.ts";

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12,345: with digits grouped, exact. */
export function whole(value: number | bigint): string {
  return WHOLE.format(value);
}

/** 12.3K */
export function short(value: number): string {
  return SHORT.format(value);
}

/** 3.2 ms, 850 ms, 1.4 s, 3 min. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : span(ms);
}

export function bytes(count: number): string {
  if (count < 1_048_576) return `${Math.round(count / 1_024)} KiB`;
  return count < 1_073_741_824
    ? `${Math.round(count / 1_048_576)} MiB`
    : `${(count / 1_073_741_824).toFixed(1)} GiB`;
}

/** 14:03:27 by the browser's clock. */
export function clock(atMs: number): string {
  return new Date(atMs).toLocaleTimeString("en-GB");
}

/** The number of a node's colour, `--node-0` to `--node-6`: by its place among all nodes. */
export function nodeHue(id: string): number {
  const digits = /(\d+)$/.exec(id)?.[1];
  if (digits !== undefined) return (Number(digits) + 6) % 7;
  let sum = 0;
  for (const letter of id) sum += letter.codePointAt(0) ?? 0;
  return sum % 7;
}
