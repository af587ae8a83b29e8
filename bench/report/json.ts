/** The result file: JSON, in which counts are texts, because they may be larger than what JSON's readers keep exact. */

import { RESULT_FORMAT, type Result } from "../types.ts";

export function jsonOf(result: Result): string {
  const exact = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
  return `${JSON.stringify(result, exact, 2)}\n`;
}

/** @throws {Error} with a sentence, if it is no result of this format. */
export function resultIn(text: string): Result {
  const counts = new Set(["acknowledged", "found"]);
  const exact = (key: string, value: unknown): unknown =>
    counts.has(key) && typeof value === "string" ? BigInt(value) : value;
  let read: unknown;
  try {
    read = JSON.parse(text, exact);
  } catch (error) {
    throw new Error("it is not a result of the benchmark: it is not JSON", { cause: error });
  }
  const format = (read as { format?: unknown } | null)?.format;
  if (format !== RESULT_FORMAT) throw new Error(`it is not a result of format ${RESULT_FORMAT}`);
  return read as Result;
}
