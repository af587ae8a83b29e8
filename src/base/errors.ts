/**
 * The one table of everything Raftally refuses, shared by the server, the client and the documents.
 *
 * `outcome` is the promise that matters to a caller who wants to retry: `not-applied` means nothing has
 * changed and nothing will; `unknown` means the write may or may not count, so retry with the same
 * idempotency key.
 */

/** Whether a refused request may have changed anything. */
export type ErrorOutcome = "not-applied" | "unknown";

export interface ErrorInfo {
  /** HTTP status. */
  readonly status: number;
  readonly outcome: ErrorOutcome;
  /** Whether the same request may succeed later, unchanged. */
  readonly retry: boolean;
  /**
   * Whether the counters themselves decide it: given to one attempt, it holds for every attempt with the same
   * idempotency key, also for one whose answer was lost.
   */
  readonly byState: boolean;
  /** A sentence for people, without the particulars of one request. */
  readonly title: string;
}

export type ErrorCode =
  | "INVALID_JSON"
  | "INVALID_BODY"
  | "INVALID_KEY"
  | "INVALID_QUERY"
  | "INVALID_HEADER"
  | "MALFORMED_REQUEST"
  | "INVALID_BATCH"
  | "BODY_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "QUERY_TOO_LARGE"
  | "FOREIGN_ORIGIN"
  | "TOO_MANY_REQUESTS"
  | "COUNTER_NOT_FOUND"
  | "COUNTER_OVERFLOW"
  | "LIMIT_REACHED"
  | "REVISION_MISMATCH"
  | "IDEMPOTENCY_KEY_REUSED"
  | "IDEMPOTENCY_CAPACITY"
  | "SESSION_EXPIRED"
  | "NOT_LEADER"
  | "NO_LEADER"
  | "OVERLOADED"
  | "SHUTTING_DOWN"
  | "READ_TIMEOUT"
  | "STATE_DIVERGED"
  | "OUTCOME_UNKNOWN"
  | "MEMBER_NOT_FOUND"
  | "ID_USED"
  | "ALREADY_CHANGING"
  | "WOULD_LOSE_QUORUM"
  | "NOT_CAUGHT_UP"
  | "INVALID_CHANGE"
  | "TRANSFER_FAILED"
  | "INTERNAL";

function refused(status: number, title: string): ErrorInfo {
  return { status, outcome: "not-applied", retry: false, byState: false, title };
}

function decided(status: number, title: string): ErrorInfo {
  return { status, outcome: "not-applied", retry: false, byState: true, title };
}

function later(status: number, title: string): ErrorInfo {
  return { status, outcome: "not-applied", retry: true, byState: false, title };
}

export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = {
  INVALID_JSON: refused(400, "The body is not valid JSON."),
  INVALID_BODY: refused(400, "The body does not have the expected form."),
  INVALID_KEY: refused(400, "The counter key is not valid."),
  INVALID_QUERY: refused(400, "A query parameter is not valid."),
  INVALID_HEADER: refused(400, "A request header is not valid."),
  MALFORMED_REQUEST: refused(400, "The request is not valid HTTP."),
  INVALID_BATCH: refused(400, "A batch takes 1 to 1,000 commands."),
  BODY_TOO_LARGE: refused(413, "The body is too large."),
  UNSUPPORTED_MEDIA_TYPE: refused(415, "The body must be application/json."),
  ROUTE_NOT_FOUND: refused(404, "There is no such route."),
  METHOD_NOT_ALLOWED: refused(405, "This route does not take this method."),
  QUERY_TOO_LARGE: refused(422, "The question concerns too many counters."),
  FOREIGN_ORIGIN: refused(403, "A page of another origin may not ask for this."),
  TOO_MANY_REQUESTS: later(429, "Too many requests in too short a time."),
  COUNTER_NOT_FOUND: decided(404, "This counter has never been written."),
  COUNTER_OVERFLOW: decided(409, "The counter would leave the signed 64-bit range."),
  LIMIT_REACHED: decided(409, "The counter would pass the given bound."),
  REVISION_MISMATCH: decided(412, "The counter has changed since the given revision."),
  IDEMPOTENCY_KEY_REUSED: decided(422, "This idempotency key was used for another request."),
  IDEMPOTENCY_CAPACITY: later(503, "Too many idempotency keys are remembered to take another."),
  SESSION_EXPIRED: refused(410, "This client session has expired or never existed."),
  NOT_LEADER: later(307, "This node is not the leader."),
  NO_LEADER: later(503, "No leader is known."),
  OVERLOADED: later(503, "Too much is in flight."),
  SHUTTING_DOWN: later(503, "This node is shutting down."),
  READ_TIMEOUT: later(503, "The read could not be confirmed by a majority in time."),
  STATE_DIVERGED: later(503, "This node's state differs from the majority's, so it does not serve."),
  OUTCOME_UNKNOWN: {
    status: 504,
    outcome: "unknown",
    retry: true,
    byState: false,
    title: "The write may or may not have been applied.",
  },
  MEMBER_NOT_FOUND: refused(404, "The cluster has no such member."),
  ID_USED: refused(409, "This id belongs or once belonged to a node of the cluster."),
  ALREADY_CHANGING: later(409, "Another change of the membership is under way."),
  WOULD_LOSE_QUORUM: refused(409, "The cluster could not decide anything after this change."),
  NOT_CAUGHT_UP: later(409, "The learner has not caught up with the log."),
  INVALID_CHANGE: refused(422, "The membership cannot be changed like this."),
  TRANSFER_FAILED: later(503, "Leadership was not handed over."),
  INTERNAL: {
    status: 500,
    outcome: "unknown",
    retry: false,
    byState: false,
    title: "Something went wrong inside the node.",
  },
};
