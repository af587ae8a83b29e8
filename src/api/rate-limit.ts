/**
 * `--rate-limit`: how many requests one client may send in a while. A client is an address, or the bearer token that it
 * shows. Counted in this node's memory, which is bounded: what a client may do at each node is its own affair.
 *
 * Not for protection from whoever means harm on the inside: on a machine where members run, everybody has a member's
 * address and may say that a request was passed on; and behind a proxy all clients have the proxy's.
 */

import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { hash52 } from "../base/index.ts";
import type { ApiContext } from "./call.ts";
import { FORWARDED_BY } from "./forward.ts";
import type { MemberAddresses } from "./member-addresses.ts";
import { Refusal } from "./problem.ts";

/** So many requests in so much time. */
export interface RateLimit {
  /** 1 to 1,000,000. */
  readonly requests: number;
  /** 1 to 86,400. */
  readonly seconds: number;
}

/** Clients that are told apart; those beyond share a few accounts until others fall silent. */
const CLIENTS_MAX = 100_000;
const SHARED_ACCOUNTS = 1_024;

/** Where one client stands. */
interface Standing {
  readonly remaining: number;
  /** Until the client may send as many as ever, ms. */
  readonly resetMs: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #peers: MemberAddresses;
  readonly #accounts: RateLimiterMemory;
  readonly #clients: Clients;
  readonly #standings = new WeakMap<ApiContext, Standing>();

  /** @param clientsMax a smaller number of clients to tell apart, for tests. */
  constructor(limit: RateLimit, peers: MemberAddresses, clientsMax: number = CLIENTS_MAX) {
    this.#limit = limit;
    this.#peers = peers;
    this.#accounts = new RateLimiterMemory({ points: limit.requests, duration: limit.seconds });
    this.#clients = new Clients(limit.seconds * 1_000, clientsMax);
  }

  /**
   * Counts one request.
   * @throws {Refusal} TOO_MANY_REQUESTS.
   */
  async admit(context: ApiContext): Promise<void> {
    const incoming = context.env?.incoming;
    const address = incoming?.socket.remoteAddress;
    const headers = incoming?.headers;
    // What a member passes on was counted there.
    const isPassedOn = headers?.[FORWARDED_BY.toLowerCase()] !== undefined;
    if (isPassedOn && address !== undefined && (await this.#peers.has(address))) return;
    const authorization =
      headers === undefined ? context.req.raw.headers.get("authorization") : headers.authorization;
    const from = this.#clients.accountOf(`address ${networkOf(address)}`);
    const token = tokenOf(authorization ?? undefined);
    if (token === undefined) return this.#charge(from, "address", context);
    const account = this.#clients.accountOf(`token ${token}`);
    // Nobody checks here that a token is worth anything: whoever makes them up pays for each new one.
    if ((await this.#accounts.get(account)) === null) await this.#charge(from, "address", context);
    await this.#charge(account, "token", context);
  }

  async #charge(account: string, of: "address" | "token", context: ApiContext): Promise<void> {
    const { requests, seconds } = this.#limit;
    try {
      const { remainingPoints, msBeforeNext } = await this.#accounts.consume(account);
      this.#standings.set(context, { remaining: remainingPoints, resetMs: msBeforeNext });
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      this.#standings.set(context, { remaining: 0, resetMs: error.msBeforeNext });
      const detail = `more than ${requests} requests in ${seconds} s with this ${of}`;
      throw new Refusal("TOO_MANY_REQUESTS", detail, { retryAfterMs: error.msBeforeNext });
    }
  }

  /** Says in an answer where its client stands (draft-ietf-httpapi-ratelimit-headers). */
  mark(response: Response, context: ApiContext): Response {
    const standing = this.#standings.get(context);
    if (standing === undefined) return response;
    const { requests, seconds } = this.#limit;
    response.headers.set("RateLimit-Policy", `"default";q=${requests};w=${seconds}`);
    const wait = Math.ceil(standing.resetMs / 1_000);
    response.headers.set("RateLimit", `"default";r=${standing.remaining};t=${wait}`);
    return response;
  }
}

/** The accounts of clients, never more than a fixed number of them at a time. */
export class Clients {
  readonly #windowMs: number;
  readonly #max: number;
  readonly #now: () => number;
  /** Seen in this window, and in the one before it: an account is no older than a window. */
  #recent = new Set<string>();
  #earlier = new Set<string>();
  #sinceMs: number;

  constructor(windowMs: number, max: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#max = max;
    this.#now = now;
    this.#sinceMs = now();
  }

  /** An account of its own while there is room, else one that it shares with others. */
  accountOf(client: string): string {
    this.#turn();
    if (this.#recent.has(client)) return client;
    const isKnown = this.#earlier.has(client);
    if (!isKnown && this.#recent.size + this.#earlier.size >= this.#max) {
      return `shared ${hash52([client]) % SHARED_ACCOUNTS}`;
    }
    this.#earlier.delete(client);
    this.#recent.add(client);
    return client;
  }

  #turn(): void {
    const passedMs = this.#now() - this.#sinceMs;
    if (passedMs < this.#windowMs) return;
    this.#earlier = passedMs < 2 * this.#windowMs ? this.#recent : new Set();
    this.#recent = new Set();
    this.#sinceMs = this.#now();
  }
}

/** An address, or of IPv6 the network that one household or machine is given: it has addresses without number. */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  const groups = address.includes("::") ? [...before, ...zeros, ...after] : before;
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

/** A digest of a bearer token, so that no secret is kept. */
function tokenOf(authorization: string | undefined): string | undefined {
  const token = /^bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? "")?.[1];
  return token === undefined ? undefined : createHash("sha256").update(token).digest("base64url");
}
