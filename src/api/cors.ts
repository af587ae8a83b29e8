/**
 * Pages of other origins: the members of the cluster may ask each other, so that a page served by one node shows them
 * all. So may those that whoever runs the node has named; nobody else may, and a browser that was led here by a foreign
 * page changes nothing.
 */

import { isIP } from "node:net";
import type { NodeService } from "../node/index.ts";
import type { ApiContext } from "./call.ts";

/** What a page may send beyond what every page may. */
const REQUEST_HEADERS = [
  "Accept",
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Last-Event-ID",
  "Raftally-Session",
  "X-Request-Id",
].join(", ");

/** What a page may see of an answer beyond what every page may. */
const RESPONSE_HEADERS = [
  "ETag",
  "Idempotency-Replayed",
  "Link",
  "Location",
  "Raftally-Age-Ms",
  "Raftally-Forwarded-By",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "X-Request-Id",
].join(", ");

/** How long a browser may remember that it may ask, s. */
const PREFLIGHT_S = 600;
/** The members are looked up no more often, ms. */
const MEMBERS_MS = 250;
/** No origin is longer. */
const ORIGIN_CHARACTERS_MAX = 300;

/** The page that a browser says the request comes from; undefined if it says nothing, as other clients do. */
export function originOf(context: ApiContext): string | undefined {
  return headerOf(context, "origin");
}

/** A header of which there is but one. */
function headerOf(context: ApiContext, name: "origin" | "host"): string | undefined {
  const incoming = context.env?.incoming;
  if (incoming === undefined) return context.req.raw.headers.get(name) ?? undefined;
  return incoming.headers[name];
}

/** Who may ask: pages that a member of the cluster has served. */
export class Origins {
  readonly #service: NodeService;
  readonly #others: readonly string[];
  #known: ReadonlySet<string> = new Set();
  #readMs = Number.NEGATIVE_INFINITY;

  /** @param others URLs of pages that whoever runs the node trusts as well. */
  constructor(service: NodeService, others: readonly string[] = []) {
    this.#service = service;
    this.#others = others;
  }

  /** Whether `origin` is that of a member's URL, or the request came to the very address that the page came from. */
  allows(origin: string, context: ApiContext): boolean {
    if (origin.length > ORIGIN_CHARACTERS_MAX) return false;
    return this.#members().has(origin) || isOwnAddress(origin, headerOf(context, "host"));
  }

  #members(): ReadonlySet<string> {
    const now = performance.now();
    if (now - this.#readMs < MEMBERS_MS) return this.#known;
    const { apiUrl, configuration } = this.#service.status();
    const urls = [...this.#others, apiUrl, ...configuration.members.map(({ api }) => api)];
    this.#known = new Set(urls.flatMap(originsOf));
    this.#readMs = now;
    return this.#known;
  }

  /** Tells the browser of `origin` whether its page may see the answer. */
  mark(response: Response, origin: string, context: ApiContext): Response {
    response.headers.append("Vary", "Origin");
    if (this.allows(origin, context)) {
      response.headers.set("Access-Control-Allow-Origin", origin);
      response.headers.set("Access-Control-Expose-Headers", RESPONSE_HEADERS);
    }
    return response;
  }
}

/** This machine goes by three names, and which of them a reader types is a matter of taste. */
const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** The origins of pages at a member's URL. */
function originsOf(text: string): readonly string[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  if (!LOOPBACK.includes(url.hostname)) return [url.origin];
  const port = url.port === "" ? "" : `:${url.port}`;
  return LOOPBACK.map((name) => `${url.protocol}//${name}${port}`);
}

/**
 * A node is often reached by an address that it does not know: through a port that a container publishes, say. An
 * address in numbers, or localhost, cannot be made to point elsewhere by whoever owns a name; so only these will do.
 */
function isOwnAddress(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.origin !== origin || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (name !== "localhost" && isIP(name) === 0) return false;
  return url.host === host.toLowerCase();
}

/** Whether a request with this method is meant to change something. */
export function changesSomething(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

/** The answer to a browser that asks whether it may ask. */
export function preflightResponse(methods: string, requestId: string): Response {
  const headers = {
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Allow-Headers": REQUEST_HEADERS,
    "Access-Control-Max-Age": String(PREFLIGHT_S),
    "X-Request-Id": requestId,
  };
  return new Response(null, { status: 204, headers });
}
