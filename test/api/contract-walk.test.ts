/**
 * Walks through the document: what it shows as a request is answered as it says, and each refusal that it names can
 * happen, on each route that it names it for.
 */

import { describe, expect, it } from "vitest";
import type { ApiOptions } from "../../src/api/index.ts";
import { OPERATIONS } from "../../src/api/openapi.ts";
import type { Operation } from "../../src/api/openapi-form.ts";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { SEEN } from "./contract.ts";
import { neverSeen } from "./contract-report.ts";
import { type Bench, makeBench } from "./kit.ts";
import { OWN } from "./memory-service.ts";

interface Sent {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
}

function exampleOf(operation: Operation, place: "path" | "query", name: string): string {
  const parameter = operation.parameters.find((one) => one.in === place && one.name === name);
  return encodeURIComponent(String(parameter?.example));
}

/** A request as the document has it. */
function requestOf(operation: Operation, example?: unknown): Sent {
  const path = operation.path.replaceAll(/:([a-z]+)/g, (_, name: string) =>
    exampleOf(operation, "path", name),
  );
  const needed = operation.parameters.filter((parameter) => parameter.in === "query" && parameter.required);
  const query = needed.map(({ name }) => `${name}=${exampleOf(operation, "query", name)}`);
  const [first] = Object.values(operation.body?.examples ?? {});
  const body = operation.body === undefined ? undefined : JSON.stringify(example ?? first);
  const headers: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  return {
    path: query.length === 0 ? path : `${path}?${query.join("&")}`,
    method: operation.method,
    headers,
    body,
  };
}

async function send(bench: Bench, { path, method, headers, body }: Sent): Promise<Response> {
  const response = await bench.api.request(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  // Streams have no end of their own.
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true)
    await response.body?.cancel();
  return response;
}

/** The page has to be built and a backup to be there; both have tests of their own. */
const APART = ["/assets/:name", "/v1/backup"];
/** 404 until somebody counts. */
const EMPTY = ["/v1/counters/:key", "/metrics/query"];

describe.each(
  OPERATIONS.filter(({ path }) => !APART.includes(path)).map(
    (one) => [`${one.method} ${one.path}`, one] as const,
  ),
)("%s", (_, operation) => {
  it("answers what the document shows as the document says", async () => {
    for (const example of Object.values(operation.body?.examples ?? { none: undefined })) {
      const bench = makeBench({ badges: true });
      bench.service.known = [OWN, { ...OWN, id: nodeId("n4") }];
      if (operation.method === "GET" && EMPTY.includes(operation.path)) await count(bench);
      const promised = Object.keys(operation.answers).map(Number);
      const limited = /"(?:min|ifRevision)"/.test(JSON.stringify(example ?? ""));
      for (const sent of waysOf(operation, requestOf(operation, example))) {
        const { status } = await send(bench, sent);
        expect(limited ? [...promised, 409, 412] : promised).toContain(status);
      }
    }
  });
});

/** A request, and the same with what the document says may come along: so that every form of an answer is given. */
function waysOf(operation: Operation, sent: Sent): readonly Sent[] {
  const { parameters, answers } = operation;
  const takes = (name: string): boolean => parameters.some((parameter) => parameter.name === name);
  const having = (headers: Record<string, string>): Sent => ({
    ...sent,
    headers: { ...sent.headers, ...headers },
  });
  const types = Object.values(answers).flatMap(({ content = {} }) => Object.keys(content));
  const keyed = having({ "Idempotency-Key": "once" });
  const stale = having({ Accept: "application/json" });
  const query = `${sent.path.includes("?") ? "&" : "?"}consistency=stale`;
  return [
    sent,
    ...(takes("Idempotency-Key") ? [keyed, keyed] : []),
    ...(types.length > 1 ? types.map((type) => having({ Accept: type })) : []),
    ...(takes("consistency") ? [{ ...stale, path: sent.path + query }] : []),
  ];
}

async function count(bench: Bench): Promise<void> {
  for (const key of ["visits", "a"])
    await bench.api.request(`/v1/counters/${key}/increment`, { method: "POST" });
}

/** How a refusal is brought about: the node is changed, the request, or both. Undefined: not on this route. */
type Cause = (bench: Bench, sent: Sent, operation: Operation) => Sent | undefined;

const refuses =
  (code: ErrorCode): Cause =>
  (bench, sent, operation) => {
    const refusal = { kind: "failed", code, detail: `because of ${code}`, retryAfterMs: 700 } as never;
    bench.service.instead = refusal;
    bench.service.refuseReads = refusal;
    bench.service.changeResult = refusal;
    bench.service.transferResult = refusal;
    bench.service.backupResult = refusal;
    bench.service.known = [OWN, { ...OWN, id: nodeId("n4") }];
    if (operation.path === "/metrics")
      return { ...sent, headers: { ...sent.headers, Accept: "application/json" } };
    // What passes through no node's hands is refused elsewhere.
    return operation.path === "/v1/cluster/events" ||
      (operation.path === "/v1/cluster/members" && sent.method === "GET")
      ? undefined
      : sent;
  };

/** The state machine says no. */
const decides =
  (code: ErrorCode): Cause =>
  (bench, sent) => {
    const outcome = {
      kind: "refused",
      code,
      detail: `because of ${code}`,
      position: 0,
      // Again the outcome of a first attempt, where that is remembered.
      replayed: ["COUNTER_OVERFLOW", "LIMIT_REACHED", "REVISION_MISMATCH"].includes(code),
    } as never;
    bench.service.instead = { kind: "applied", outcome, index: 1, term: 3 };
    return sent;
  };

const withQuery =
  (query: string): Cause =>
  (_bench, sent) => ({
    ...sent,
    path: `${sent.path}${sent.path.includes("?") ? "&" : "?"}${query}`,
  });

const withBody =
  (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Cause =>
  (_bench, sent, operation) => {
    const isRead = operation.body !== undefined || /^(?:POST|DELETE)/.test(sent.method);
    return isRead
      ? { ...sent, body, headers: { "Content-Type": "application/json", ...headers } }
      : undefined;
  };

const withHeaders =
  (headers: Record<string, string>): Cause =>
  (_bench, sent) => ({
    ...sent,
    headers: { ...sent.headers, ...headers },
  });

const withKey =
  (key: string): Cause =>
  (_bench, sent, { path }) =>
    /:(?:key|tenant)/.test(path) ? { ...sent, path: path.replace(/:(?:key|tenant)/, key) } : undefined;

const CAUSES: Partial<Record<ErrorCode, Cause>> = {
  INVALID_QUERY: withQuery("no-such=1"),
  INVALID_HEADER: (bench, sent, operation) =>
    operation.method === "GET" && operation.path === "/v1/watch"
      ? withHeaders({ "Last-Event-ID": "x" })(bench, sent, operation)
      : withHeaders({ "Idempotency-Key": "a", "Raftally-Session": "id=1, seq=1, first=1" })(
          bench,
          sent,
          operation,
        ),
  // Where no body is taken, none is parsed; what is no UTF-8 is no JSON on any route.
  INVALID_JSON: withBody(Uint8Array.of(0xff)),
  INVALID_BODY: (bench, sent, operation) =>
    // With a body, what is wrong there has an answer of its own.
    operation.id === "incrementData"
      ? { ...sent, body: undefined }
      : withBody('{"no-such":1}')(bench, sent, operation),
  INVALID_KEY: withKey("%00"),
  BODY_TOO_LARGE: withBody(" ".repeat(1_048_577)),
  UNSUPPORTED_MEDIA_TYPE: withBody("{}", { "Content-Encoding": "gzip" }),
  FOREIGN_ORIGIN: (bench, sent, operation) =>
    sent.method === "GET"
      ? undefined
      : withHeaders({ Origin: "https://example.org" })(bench, sent, operation),
  METHOD_NOT_ALLOWED: (_bench, sent) => ({ ...sent, method: "HEAD" }),
  NOT_LEADER: (bench, sent) => {
    // A port on which nobody listens: some routes look whether the leader is there.
    const redirect = { kind: "redirect", leader: nodeId("n2"), url: "http://127.0.0.1:1" } as const;
    bench.service.instead = redirect;
    bench.service.changeResult = redirect;
    bench.service.transferResult = redirect;
    bench.service.about = { leader: { id: redirect.leader, url: redirect.url }, role: "follower" };
    return sent.path.endsWith("/members") && sent.method === "GET"
      ? { ...sent, path: `${sent.path}?from=leader` }
      : sent;
  },
  COUNTER_NOT_FOUND: (_bench, sent) => sent,
  INTERNAL: (bench, sent, operation) => {
    if (["Pages", "Health and metrics"].includes(operation.tag) || /events|members$/.test(operation.path))
      return undefined;
    const fail = async (): Promise<never> => Promise.reject(new Error("as planned"));
    Object.assign(bench.service, {
      write: fail,
      read: fail,
      changeMembership: fail,
      transferLeadership: fail,
      backup: fail,
    });
    Object.assign(bench.service, {
      status: () => {
        throw new Error("as planned");
      },
    });
    return sent;
  },
  ...Object.fromEntries(
    (
      [
        "NO_LEADER",
        "OVERLOADED",
        "SHUTTING_DOWN",
        "READ_TIMEOUT",
        "STATE_DIVERGED",
        "OUTCOME_UNKNOWN",
      ] as const
    ).map((code) => [code, refuses(code)]),
  ),
  ...Object.fromEntries(
    (
      [
        "MEMBER_NOT_FOUND",
        "ID_USED",
        "ALREADY_CHANGING",
        "WOULD_LOSE_QUORUM",
        "NOT_CAUGHT_UP",
        "INVALID_CHANGE",
        "TRANSFER_FAILED",
      ] as const
    ).map((code) => [code, refuses(code)]),
  ),
  ...Object.fromEntries(
    (
      [
        "COUNTER_OVERFLOW",
        "LIMIT_REACHED",
        "REVISION_MISMATCH",
        "IDEMPOTENCY_KEY_REUSED",
        "IDEMPOTENCY_CAPACITY",
        "SESSION_EXPIRED",
      ] as const
    ).map((code) => [code, decides(code)]),
  ),
};

const PAIRS = OPERATIONS.filter(({ path }) => path !== "/assets/:name").flatMap((operation) =>
  operation.refusals.map((code) => [`${operation.method} ${operation.path}`, code, operation] as const),
);

describe("a refusal that the document names", () => {
  it.each(PAIRS)("%s: %s can happen, as the document says", async (_, code, operation) => {
    const isLimit = code === "TOO_MANY_REQUESTS";
    const options: Partial<ApiOptions> = isLimit ? { rateLimit: { requests: 1, seconds: 60 } } : {};
    const bench = makeBench({ badges: true, ...options });
    const cause = CAUSES[code] ?? (isLimit ? (_bench: Bench, sent: Sent) => sent : undefined);
    const sent = cause?.(bench, requestOf(operation), operation);
    // These have tests of their own, which the causes here cannot bring about.
    if (sent === undefined) return;
    if (isLimit) await bench.api.request("/v1/cluster");
    const response = await send(bench, sent);
    const status = ERRORS[code].status;
    expect([response.status, await codeOf(response, code)]).toEqual([
      operation.errors?.instead?.[status] ?? status,
      code,
    ]);
  });
});

/** The code in an answer; where its form has none, or there is no body, what was expected. */
async function codeOf(response: Response, expected: ErrorCode): Promise<unknown> {
  const text = await response.text();
  if (text === "") return expected;
  return (JSON.parse(text) as { code?: unknown }).code ?? expected;
}

/** What is not brought about above, with the test that does; and what nobody knows how to bring about. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "GET /v1/counters/{key} 304": "reads.test.ts",
  "GET /v1/counters 422": "reading-many.test.ts",
  "GET /v1/sum 422": "reading-many.test.ts",
  "GET /v1/query 422": "reading-many.test.ts",
  "GET /v1/cluster/events 503": "events.test.ts",
  "GET /v1/backup 200": "backup.test.ts",
  "GET /hit/{key}.svg 404": "badge.test.ts",
  "GET /metrics/query 404": "compat.test.ts",
  "GET /readyz 503": "reads.test.ts",
  "GET /metrics 200 with link": "compat.test.ts",
  "GET / 200 text/html": "page.test.ts",
  "GET / 200 with etag": "page.test.ts",
  "GET / 304": "page.test.ts",
  "GET /assets/{name} 200": "page.test.ts",
  "GET /assets/{name} 304": "page.test.ts",
  "GET /assets/{name} 404": "page.test.ts",
  "GET /assets/{name} 429": "the limit holds for every route alike",
  "GET /v1/cluster/members 503": "with --writes forward: forward.test.ts, of other routes",
  "GET /v1/cluster/members 504": "with --writes forward: forward.test.ts, of other routes",
};

/** Where a whole answer is {@link ELSEWHERE}, so are its parts. */
function isElsewhere(missing: string): boolean {
  const [method, path, status] = missing.split(" ");
  return ELSEWHERE[missing] !== undefined || ELSEWHERE[`${method} ${path} ${status}`] !== undefined;
}

/** INTERNAL is for what nobody foresaw; not every route has something that could be broken from outside. */
const UNFORESEEN = / 500(?: application\/problem\+json)?$/;

describe("the answers that are described", () => {
  it("have all been given, or are listed with where else they are", () => {
    const missing = [...neverSeen(SEEN)].flatMap(([route, parts]) => parts.map((part) => `${route} ${part}`));
    expect(missing.filter((one) => !isElsewhere(one) && !UNFORESEEN.test(one))).toEqual([]);
  });
});
