/** Reads one attempt's result: is the call done, refused for good, or worth another attempt? */

import { ERRORS, type ErrorCode } from "../base/index.ts";
import type { AttemptResult } from "./attempt.ts";
import { Malformed } from "./decode.ts";
import type { FailureCode } from "./errors.ts";
import type { Json } from "./json.ts";

/** An answer with a 2xx status. */
export type Answer = Extract<AttemptResult, { kind: "answer" }>;

export type Verdict<T> =
  | { readonly kind: "done"; readonly value: T; readonly base: string }
  | { readonly kind: "redirect"; readonly to: string }
  /** The cluster's definite no. */
  | {
      readonly kind: "refused";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly position: number | undefined;
    }
  | {
      readonly kind: "again";
      readonly code: FailureCode;
      readonly detail: string;
      /** Whether this attempt may have been carried out. */
      readonly unknown: boolean;
      /** Whether asking this node the same again may end otherwise. */
      readonly hope: boolean;
      /** The node asked not to be asked again before this. */
      readonly retryAfterMs: number;
      readonly cause?: unknown;
    };

/** @param decode takes an answer apart; throws {@link Malformed} if it is not what was expected. */
export function judge<T>(result: AttemptResult, decode: (answer: Answer) => T): Verdict<T> {
  switch (result.kind) {
    case "redirect":
      return result;
    case "nowhere": {
      const { reason: detail } = result;
      return { kind: "again", code: "NO_LEADER", detail, unknown: false, hope: true, retryAfterMs: 0 };
    }
    case "notSent":
    case "lost":
      return {
        kind: "again",
        code: "UNREACHABLE",
        detail: result.reason,
        unknown: result.kind === "lost",
        hope: true,
        retryAfterMs: 0,
        cause: result.cause,
      };
    case "answer":
      return result.status >= 200 && result.status < 300 ? accepted(result, decode) : failed(result);
  }
}

function accepted<T>(answer: Answer, decode: (answer: Answer) => T): Verdict<T> {
  try {
    return { kind: "done", value: decode(answer), base: answer.base };
  } catch (cause) {
    // Nobody will read it.
    void answer.stream?.cancel().catch(() => undefined);
    if (!(cause instanceof Malformed)) throw cause;
    return unexpected(`status ${answer.status}, but ${cause.message}`, false);
  }
}

function failed(answer: Answer): Verdict<never> {
  const problem = readProblem(answer.json);
  if (problem === undefined) {
    const transient = answer.status >= 500 || [408, 425, 429].includes(answer.status);
    return unexpected(`status ${answer.status} without a Raftally problem document`, transient);
  }
  const { code, detail, position, retryAfterMs } = problem;
  const info = ERRORS[code];
  const unknown = problem.outcome === "unknown";
  if (!unknown && !info.retry) return { kind: "refused", code, detail, position };
  return {
    kind: "again",
    code,
    detail,
    unknown,
    hope: info.retry,
    retryAfterMs: retryAfterMs ?? retryAfterHeaderMs(answer.headers),
  };
}

/** Another server, or a proxy in between: whether it acted on a write cannot be known. */
function unexpected(detail: string, hope: boolean): Verdict<never> {
  return { kind: "again", code: "UNEXPECTED_ANSWER", detail, unknown: true, hope, retryAfterMs: 0 };
}

interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly outcome: string;
  readonly position: number | undefined;
  readonly retryAfterMs: number | undefined;
}

function readProblem(json: Json | undefined): Problem | undefined {
  if (typeof json !== "object" || json === null || !("code" in json)) return undefined;
  const { code, detail, outcome, position, retryAfterMs } = json as Readonly<
    Record<string, Json | undefined>
  >;
  if (typeof code !== "string" || !Object.hasOwn(ERRORS, code)) return undefined;
  const info = ERRORS[code as ErrorCode];
  return {
    code: code as ErrorCode,
    detail: typeof detail === "string" ? detail : info.title,
    // An answer that does not say counts as what the table says of its code.
    outcome: typeof outcome === "string" ? outcome : info.outcome,
    position: typeof position === "number" ? position : undefined,
    retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs >= 0 ? retryAfterMs : undefined,
  };
}

/** `Retry-After` in its form of whole seconds, in ms; 0 if absent. */
function retryAfterHeaderMs(headers: Headers): number {
  const text = headers.get("retry-after") ?? "";
  return /^[0-9]{1,5}$/.test(text) ? Number(text) * 1000 : 0;
}
