/** One HTTP request to one node, and the honest word on what came of it. */

import { baseUrlOf } from "./base-url.ts";
import { type Json, parseExact } from "./json.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether a 2xx answer is to be read by whoever asked, as it comes. */
  readonly streamed?: true;
}

/** How one attempt ended. */
export type AttemptResult =
  /** `json` is undefined if the body was not JSON. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Headers;
      readonly json: Json | undefined;
      /** The base URL that answered: differs from the asked one where the runtime followed a redirect. */
      readonly base: string;
      /** The answer itself, if it was to be streamed. */
      readonly stream?: ReadableStream<Uint8Array>;
    }
  | { readonly kind: "redirect"; readonly to: string }
  /** The node sent the request on and did nothing with it, and where to could not be found out. */
  | { readonly kind: "nowhere"; readonly reason: string }
  /** The request cannot have reached the node. */
  | { readonly kind: "notSent"; readonly reason: string; readonly cause: unknown }
  /** No answer came: the node may or may not have acted. */
  | { readonly kind: "lost"; readonly reason: string; readonly cause: unknown };

export interface AttemptOptions {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Never rejects: what went wrong is part of the result. */
export async function attempt(
  base: string,
  request: HttpRequest,
  options: AttemptOptions,
): Promise<AttemptResult> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setTimeout(stop, options.timeoutMs);
  options.signal?.addEventListener("abort", stop);
  let isStreaming = false;
  try {
    if (options.signal?.aborted === true) return { kind: "notSent", reason: "aborted", cause: undefined };
    const result = await send(base, request, options.fetch, controller.signal);
    isStreaming = result.kind === "answer" && result.stream !== undefined;
    return result;
  } catch (cause) {
    if (controller.signal.aborted) {
      const aborted = options.signal?.aborted === true;
      return { kind: "lost", reason: aborted ? "aborted" : `no answer in ${options.timeoutMs} ms`, cause };
    }
    const neverSent = NEVER_SENT.has(codeOf(cause) ?? "") || isBadPort(cause);
    return { kind: neverSent ? "notSent" : "lost", reason: explain(cause), cause };
  } finally {
    clearTimeout(timer);
    // Who reads a stream may still abort it.
    if (!isStreaming) options.signal?.removeEventListener("abort", stop);
  }
}

async function send(
  base: string,
  request: HttpRequest,
  fetchIt: typeof fetch,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const init: RequestInit = { method: request.method, headers: { ...request.headers }, signal };
  if (request.body !== undefined) init.body = request.body;
  const response = await fetchIt(base + request.path, { ...init, redirect: "manual" });
  // Browsers hide where a redirect leads. To let one follow by itself would make a request from one foreign origin to
  // another, whose Origin is then "null", and no node allows that.
  if (response.type === "opaqueredirect") return findLeader(base, fetchIt, signal);
  const answered = response.redirected ? (baseOf(response.url, base, request.path) ?? base) : base;
  const { status, headers, body } = response;
  if (request.streamed === true && response.ok && body !== null) {
    return { kind: "answer", status, headers, json: undefined, base: answered, stream: body };
  }
  const text = await response.text();
  const location = headers.get("location");
  if (status === 307 && location !== null) {
    const to = baseOf(location, base, request.path);
    if (to !== undefined) return { kind: "redirect", to };
  }
  return { kind: "answer", status, headers, json: tryParse(text), base: answered };
}

/** Nodes redirect to the leader only, and whoever redirects knows one. */
async function findLeader(base: string, fetchIt: typeof fetch, signal: AbortSignal): Promise<AttemptResult> {
  const reason = "it does not lead, and does not say who does";
  try {
    const headers = { accept: "application/json" };
    const response = await fetchIt(`${base}/v1/cluster`, { headers, signal });
    const to = response.ok ? leaderUrlOf(tryParse(await response.text())) : undefined;
    return to === undefined ? { kind: "nowhere", reason } : { kind: "redirect", to };
  } catch {
    return { kind: "nowhere", reason };
  }
}

function leaderUrlOf(json: Json | undefined): string | undefined {
  if (typeof json !== "object" || json === null || !("leader" in json)) return undefined;
  const { leader } = json as Readonly<Record<string, Json | undefined>>;
  if (typeof leader !== "object" || leader === null || !("url" in leader)) return undefined;
  const { url } = leader as Readonly<Record<string, Json | undefined>>;
  return typeof url === "string" ? baseUrlOf(url) : undefined;
}

/** The base URL of the node that a redirect leads to; undefined if it leads to some other path. */
function baseOf(location: string, base: string, path: string): string | undefined {
  if (!URL.canParse(location, base)) return undefined;
  const target = new URL(location, base).href;
  return target.endsWith(path) ? target.slice(0, target.length - path.length) : undefined;
}

function tryParse(text: string): Json | undefined {
  if (text === "") return undefined;
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** Errors of Node's fetch that come before a connection stands. Browsers do not say, so there it counts as lost. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Ports of other protocols that fetch refuses to speak to, by its standard; Node gives this error no code. */
function isBadPort(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof Error && error.cause.message === "bad port";
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? codeOf(error.cause) : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be looked up",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ECONNRESET: "the connection broke",
  UND_ERR_SOCKET: "the connection broke",
};

function explain(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined) return REASONS[code] ?? code;
  if (isBadPort(error)) return "fetch refuses to use this port, which belongs to another protocol";
  return error instanceof Error ? error.message : String(error);
}
