/** What all reads have in common: how fresh the answer has to be, the question to the node, and what is said of it. */

import { assert } from "../base/index.ts";
import type { Consistency, NodeService, ReadResult } from "../node/index.ts";
import type { Position } from "./answers.ts";
import type { Call } from "./call.ts";
import { Refusal } from "./problem.ts";

/** The parameters that every read takes. */
export const READING = ["consistency", "minIndex"] as const;

type Given = Readonly<Partial<Record<(typeof READING)[number], string>>>;

export interface Reading {
  readonly consistency: Consistency;
  /** Answered only by a state that has applied this entry of the log. */
  readonly minIndex: number | undefined;
}

/** @throws {Refusal} INVALID_QUERY. */
export function readingOf({ consistency, minIndex }: Given): Reading {
  return { consistency: consistencyOf(consistency), minIndex: minIndexOf(minIndex) };
}

export type Query = Parameters<NodeService["read"]>[0];
type Answer = Extract<ReadResult, { readonly kind: "answer" }>["answer"];

/** An answer, the state that gave it, and how old that may be. */
export interface Answered<Kind extends Query["kind"]> extends Position {
  readonly answer: Extract<Answer, { readonly kind: Kind }>;
  /** For a stale read: ms since this node last heard from a leader; "unknown" if it has not since it started. */
  readonly age: number | "unknown" | undefined;
}

/**
 * Asks this node.
 * @throws {Refusal} what the node refuses with; QUERY_TOO_LARGE.
 */
export async function ask<Kind extends Query["kind"]>(
  service: NodeService,
  query: Query & { readonly kind: Kind },
  { consistency, minIndex }: Reading,
): Promise<Answered<Kind>> {
  const result = await service.read(query, consistency, minIndex);
  if (result.kind === "failed") {
    throw new Refusal(result.code, result.detail, { retryAfterMs: result.retryAfterMs });
  }
  const { index, term, ageMs } = result;
  const { kind }: { readonly kind: Kind } = query;
  const answer: Answer = result.answer;
  if (isOf(answer, "tooMuch")) {
    throw new Refusal(answer.busy === true ? "OVERLOADED" : "QUERY_TOO_LARGE", answer.detail);
  }
  assert(isOf<Kind>(answer, kind), "read: an answer is of the kind of its question");
  return { answer, index, term, age: consistency === "stale" ? (ageMs ?? "unknown") : undefined };
}

function isOf<Kind extends Answer["kind"]>(
  answer: Answer,
  kind: Kind,
): answer is Extract<Answer, { readonly kind: Kind }> {
  return answer.kind === kind;
}

/** A cache may keep an answer, but has to ask before it gives it again. */
export function readHeaders(call: Call, age: Answered<"get">["age"]): Record<string, string> {
  const headers: Record<string, string> = { "Cache-Control": "no-cache", "X-Request-Id": call.requestId() };
  if (age !== undefined) headers["Raftally-Age-Ms"] = age === "unknown" ? age : String(Math.round(age));
  return headers;
}

function consistencyOf(text: string | undefined): Consistency {
  if (text === undefined || text === "linearizable") return "linearizable";
  if (text === "stale") return "stale";
  throw new Refusal("INVALID_QUERY", `consistency must be linearizable or stale; got ${shown(text)}`);
}

function minIndexOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeOf("minIndex", text, { from: 0, to: Number.MAX_SAFE_INTEGER });
}

/** A whole number in decimal digits. @throws {Refusal} INVALID_QUERY. */
export function wholeOf(
  name: string,
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= from && number <= to) return number;
  throw new Refusal(
    "INVALID_QUERY",
    `${name} must be a whole number from ${from} to ${to}; got ${shown(text)}`,
  );
}

/** What was given, in a refusal. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
