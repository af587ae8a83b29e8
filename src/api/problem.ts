/** Refusals on their way out: every one becomes an RFC 9457 problem document here, and nowhere else. */

import { ERRORS, type ErrorCode } from "../base/index.ts";

/** What one refusal says beyond its row in the error table. */
export interface Particulars {
  /** A sentence about this request. */
  readonly detail: string;
  /** After this many ms a retry makes sense. Also sent as `Retry-After`, in whole seconds. */
  readonly retryAfterMs?: number;
  /** Which operation of a batch was refused, from 0. */
  readonly position?: number;
  /** Who takes writes. */
  readonly leader?: { readonly id: string; readonly url: string };
  /** The methods that the route takes, for METHOD_NOT_ALLOWED. */
  readonly allow?: string;
  /** Where the request should go instead, for NOT_LEADER. */
  readonly location?: string;
  /** Whether this is the outcome of an earlier attempt, given again. */
  readonly replayed?: boolean;
}

/** Thrown by whatever reads a request; it leaves the process as a problem document and changes nothing. */
export class Refusal extends Error {
  override readonly name: string = "Refusal";
  readonly code: ErrorCode;
  readonly particulars: Particulars;

  constructor(code: ErrorCode, detail: string, particulars: Omit<Particulars, "detail"> = {}) {
    super(detail);
    this.code = code;
    this.particulars = { ...particulars, detail };
  }
}

/** What a caller is asked to wait where nothing better is known, in ms. */
const RETRY_AFTER_MS = 1_000;

/** Where the explanations of all codes are; each has an anchor of its own. */
export const ERRORS_PATH = "/docs/errors";

/**
 * The `type` of a problem: a reference that resolves, on whichever node it came from, to what the code means. It is
 * relative, with its full path as RFC 9457 section 3.1.1 asks, since a node does not know under which name its callers
 * reach it (a load balancer's, a port that was mapped), and an answer that was passed on has to be the leader's, byte
 * for byte, under any. Programs look at `code`.
 */
export function problemType(code: ErrorCode): string {
  return `${ERRORS_PATH}#${anchorOf(code)}`;
}

/** LIMIT_REACHED is explained under #limit-reached. */
export function anchorOf(code: ErrorCode): string {
  return code.toLowerCase().replaceAll("_", "-");
}

/** The problem document of one refusal, as JSON. `status` overrides that of the table (HTTP's own errors). */
export function problemText(
  code: ErrorCode,
  particulars: Particulars,
  about: { readonly requestId: string; readonly status?: number },
): string {
  const info = ERRORS[code];
  return JSON.stringify({
    type: problemType(code),
    title: info.title,
    status: about.status ?? info.status,
    detail: particulars.detail,
    instance: about.requestId,
    code,
    outcome: info.outcome,
    retryAfterMs: retryAfterMs(code, particulars),
    position: particulars.position,
    leader: particulars.leader,
  });
}

/** The answer that carries a refusal. */
export function problemResponse(code: ErrorCode, particulars: Particulars, requestId: string): Response {
  const headers: Record<string, string> = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Request-Id": requestId,
  };
  const wait = retryAfterMs(code, particulars);
  if (wait !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(wait / 1_000)));
  if (particulars.allow !== undefined) headers["Allow"] = particulars.allow;
  if (particulars.location !== undefined) headers["Location"] = particulars.location;
  if (particulars.replayed === true) headers["Idempotency-Replayed"] = "true";
  const body = problemText(code, particulars, { requestId });
  return new Response(body, { status: ERRORS[code].status, headers });
}

/** A redirect is to be followed at once, so it names no time to wait. */
function retryAfterMs(code: ErrorCode, particulars: Particulars): number | undefined {
  if (!ERRORS[code].retry || code === "NOT_LEADER") return undefined;
  return particulars.retryAfterMs ?? RETRY_AFTER_MS;
}
