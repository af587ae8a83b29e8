/** The log of a node: JSON lines for programs, plain lines on a terminal. */

import { type Logger, pino } from "pino";
import type { LogFormat, LogLevel } from "./options.ts";
import { printable } from "./output.ts";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Said on every JSON line. */
  readonly node: string;
  /** What else is said on every line, as of that line. What the line says itself goes first. */
  readonly about?: () => object;
}

/** Writes to standard output at once, so that the last line before an exit is never lost. */
export function openLog({ level, format, node, about = () => ({}) }: LogOptions): Logger {
  const asText = format === "text" || (format === "auto" && process.stdout.isTTY === true);
  const options = {
    level,
    base: { node },
    mixin: about,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const output = pino.destination({ dest: 1, sync: true });
  if (!asText) return pino(options, output);
  return pino(options, { write: (line: string) => output.write(`${textLine(line)}\n`) });
}

/** A JSON line as a person reads it: time, level, message, then the rest as name=value. */
export function textLine(json: string): string {
  const { time, level, msg, node: _, err, ...rest } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${show(value)}`);
  const head = `${String(time).slice(0, 23).replace("T", " ")} ${String(level).padEnd(5)} ${String(msg ?? "")}`;
  const line = printable([head, ...fields].join(" "));
  const stack = typeof err === "object" && err !== null && "stack" in err ? `\n${String(err.stack)}` : "";
  return line + stack;
}

function show(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value) ?? "";
}
