/** What a line of a history may look like, exactly. */

import { z } from "zod";
import type { HistoryLine, Operation } from "./history.ts";

const count = z.int().nonnegative();
const value = z
  .string()
  .regex(/^(?:0|-?[1-9][0-9]{0,18})$/, { error: "must be a whole number in decimal", abort: true })
  .refine((text) => text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text), {
    error: "must be in the signed 64-bit range",
  });
const code = z.string().regex(/^[A-Z][A-Z0-9_]*$/, "must be a code such as LIMIT_REACHED");
const key = z.string().min(1);

const operation = z.discriminatedUnion("f", [
  z.strictObject({
    f: z.literal("add"),
    key,
    by: value,
    min: z.exactOptional(value),
    max: z.exactOptional(value),
  }),
  z.strictObject({ f: z.literal("set"), key, value }),
  z.strictObject({ f: z.literal("read"), key, stale: z.exactOptional(z.literal(true)) }),
]) satisfies z.ZodType<Operation>;

const step = { i: count, t: count, p: count, op: operation, id: z.exactOptional(z.string().min(1)) };
const end = { ...step, attempts: z.exactOptional(z.int().positive()) };

const ended = z.discriminatedUnion("type", [
  z.strictObject({ ...step, type: z.literal("invoke") }),
  z.strictObject({
    ...end,
    type: z.literal("ok"),
    value,
    revision: count,
    index: count,
    term: count,
    node: z.exactOptional(z.string()),
    replayed: z.exactOptional(z.literal(true)),
    changed: z.exactOptional(z.literal(false)),
  }),
  z.strictObject({ ...end, type: z.literal("fail"), error: code }),
  z.strictObject({ ...end, type: z.literal("info"), error: code }),
]);

const note = z.strictObject({
  i: count,
  t: count,
  p: z.literal("nemesis"),
  type: z.literal("info"),
  f: z.string().min(1),
  phase: z.enum(["begin", "end", "once"]),
  nodes: z.array(z.string()),
  detail: z.exactOptional(z.string()),
});

/** A history that is not one, and why. */
export class HistoryError extends Error {
  override readonly name: string = "HistoryError";
}

/**
 * Takes one line of a file apart.
 * @param at the number of the line, from 0.
 * @throws {HistoryError} that names the line and the field.
 */
export function parseLine(text: string, at: number): HistoryLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new HistoryError(`line ${at + 1}: is not JSON: ${JSON.stringify(text.slice(0, 80))}`);
  }
  const isNote = typeof json === "object" && json !== null && "p" in json && json.p === "nemesis";
  const parsed: z.ZodSafeParseResult<HistoryLine> = (isNote ? note : ended).safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new HistoryError(
    `line ${at + 1}: ${field === "" ? "" : `${field}: `}${issue?.message ?? "is wrong"}`,
  );
}
