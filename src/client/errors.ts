/** How a call can fail. Each error says whether anything may have changed. */

import type { ErrorCode, ErrorOutcome } from "../base/index.ts";

/**
 * Codes of the error table, and what only a client can see: no node could be reached, or one answered with
 * something that is not Raftally's (a proxy, say).
 */
export type FailureCode = ErrorCode | "UNREACHABLE" | "UNEXPECTED_ANSWER";

/** One attempt of a call, for whoever wants to know what was tried. */
export interface Attempt {
  /** The node that was asked. */
  readonly url: string;
  /** What came of it, in a few words. */
  readonly result: string;
}

/** Where a write stands in a client session: the session's id, and the number of the write in it. */
export interface Place {
  readonly session: number;
  readonly seq: number;
}

/** What all failures of a call have in common. */
export abstract class RaftallyError extends Error {
  readonly code: FailureCode;
  /** `not-applied`: nothing has changed and nothing will. `unknown`: the write may or may not count. */
  abstract readonly outcome: ErrorOutcome;
  /** What was tried, in order; at most the last 16 attempts. */
  readonly attempts: readonly Attempt[];

  constructor(code: FailureCode, detail: string, attempts: readonly Attempt[], cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.attempts = attempts.slice(-16);
  }
}

/** The cluster refused: nothing has changed, and the same request would be refused again. */
export class Refused extends RaftallyError {
  override readonly name: string = "Refused";
  override readonly outcome = "not-applied";
  /** Which operation of a batch was refused, from 0. */
  readonly position: number | undefined;

  constructor(code: FailureCode, detail: string, attempts: readonly Attempt[], position?: number) {
    super(code, detail, attempts);
    this.position = position;
  }
}

/** No node could serve the call before its deadline. Nothing has changed; trying later is safe. */
export class Unavailable extends RaftallyError {
  override readonly name: string = "Unavailable";
  override readonly outcome = "not-applied";
}

/**
 * The write may or may not count: an attempt may have reached the cluster, and its answer did not come back
 * before the deadline. The same call with this `idempotencyKey` (or `place`) finds out, and counts at most once. Of a change of the
 * cluster, which has no key, the list of members says whether it was made.
 */
export class OutcomeUnknown extends RaftallyError {
  override readonly name: string = "OutcomeUnknown";
  override readonly outcome = "unknown";
  /** Undefined for a change of the cluster, and for a write in a session. */
  readonly idempotencyKey: string | undefined;
  /** Of a write in a client session: `place` of its options, to ask for the outcome of the same write again. */
  readonly place: Place | undefined;

  constructor(
    idempotencyKey: string | undefined,
    detail: string,
    attempts: readonly Attempt[],
    cause?: unknown,
    place?: Place,
  ) {
    super("OUTCOME_UNKNOWN", detail, attempts, cause);
    this.idempotencyKey = idempotencyKey;
    this.place = place;
  }
}
