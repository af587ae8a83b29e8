/** Verdicts for people. */

import { type Call, textOf } from "../history-reader.ts";
import type { Verdict } from "./verdict.ts";

/** A verdict in a line, with the operations that it complains of below it. */
export function explain({ checker, valid, operations, detail, offenders, ms }: Verdict): readonly string[] {
  const mark = valid === true ? "right" : valid === false ? "WRONG" : "UNKNOWN";
  const cost = `${operations} operations, ${ms} ms`;
  return [
    `${mark.padEnd(8)} ${checker.padEnd(13)} ${detail} (${cost})`,
    ...offenders.map((call) => `  ${tell(call)}`),
  ];
}

/** One call: when, by whom, what, and what came of it. */
export function tell(call: Call): string {
  const { op, process, invoked, ended, invokedAt, endedAt, outcome } = call;
  const lines = Number.isFinite(ended) ? `lines ${invoked + 1} and ${ended + 1}` : `line ${invoked + 1}`;
  return `${secondsOf(invokedAt)} to ${secondsOf(endedAt)}, process ${process}, ${lines}: ${textOf(op)} -> ${told(outcome)}`;
}

function told(outcome: Call["outcome"]): string {
  switch (outcome.type) {
    case "ok": {
      const { value, revision, index, term, node, replayed } = outcome;
      const by = node === undefined ? "" : `, by ${node}`;
      const again = replayed === true ? ", a repeat" : "";
      return `${value} (revision ${revision}, index ${index}, term ${term}${by}${again})`;
    }
    case "fail":
      return `failed: ${outcome.error}`;
    case "info":
      return `unknown: ${outcome.error}`;
  }
}

function secondsOf(ns: number): string {
  return Number.isFinite(ns) ? `${(ns / 1e9).toFixed(3)} s` : "the end";
}
