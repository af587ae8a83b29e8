/** The client: one object for a cluster, one method for each thing to ask. */

import type { HttpRequest } from "./attempt.ts";
import { baseUrlOf } from "./base-url.ts";
import { Caller } from "./call.ts";
import { decodeBatchDone, decodeIncremented, decodeNodeView, decodePage, decodeReading } from "./decode.ts";
import { Refused } from "./errors.ts";
import { type Json, printExact } from "./json.ts";
import { type CallLimits, listMembers, makeChange, openBackup, planChange, transfer } from "./operations.ts";
import type {
  BackupDownload,
  BatchDone,
  CallOptions,
  ClientOptions,
  Counter,
  Increment,
  Incremented,
  Int64,
  ListOptions,
  Membership,
  MembershipChange,
  MembershipDone,
  MembershipPlan,
  NewAddresses,
  NewMember,
  NodeView,
  Operation,
  Page,
  Reading,
  ReadOptions,
  WriteOptions,
} from "./types.ts";
import type { Answer } from "./verdict.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const KEY_BYTES_MAX = 512;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
/** With the u flag, a surrogate matches only where it is not part of a pair. */
const HALF_SURROGATE = /\p{Surrogate}/u;
/** The longest that setTimeout can wait, in ms. */
const TIMEOUT_MS_MAX = 2_147_483_647;

export class RaftallyClient {
  readonly #caller: Caller;

  /** @throws {RangeError} with a sentence that says which option is wrong. */
  constructor(options: ClientOptions) {
    if (options.urls.length === 0) throw new RangeError("urls must name at least one node");
    const { discoverMs = 1_000 } = options;
    this.#caller = new Caller({
      urls: [...new Set(options.urls.map(baseUrl))],
      // Browsers insist that fetch is called on the global object.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
      timeoutMs: milliseconds("timeoutMs", options.timeoutMs ?? 10_000),
      attemptTimeoutMs: milliseconds("attemptTimeoutMs", options.attemptTimeoutMs ?? 1_500),
      backoffMsMin: milliseconds("backoffMsMin", options.backoffMsMin ?? 50),
      backoffMsMax: milliseconds("backoffMsMax", options.backoffMsMax ?? 1_000),
      discoverMs: discoverMs === 0 ? 0 : milliseconds("discoverMs", discoverMs),
    });
  }

  /**
   * Adds to a counter, exactly once however often it has to be tried; an absent counter counts as 0.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async increment(key: string, change: Increment = {}, options: WriteOptions = {}): Promise<Incremented> {
    const body = printExact(incrementBody(change));
    const path = `${counterPath(key)}/increment`;
    return this.#write({ method: "POST", path, headers: {}, body }, options, decodeIncremented);
  }

  /**
   * Does all operations in order, or none. 1 to 1,000 of them.
   * @throws {Refused} (its `position` says which one) | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async batch(operations: readonly Operation[], options: WriteOptions = {}): Promise<BatchDone> {
    const body = printExact({ operations: operations.map(operationBody) });
    return this.#write({ method: "POST", path: "/v1/batch", headers: {}, body }, options, decodeBatchDone);
  }

  /**
   * A counter's value; undefined if it was never written.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async get(key: string, options: ReadOptions = {}): Promise<Reading | undefined> {
    const path = `${counterPath(key)}${query({ consistency: options.consistency })}`;
    try {
      return await this.#read(path, options, decodeReading);
    } catch (error) {
      if (error instanceof Refused && error.code === "COUNTER_NOT_FOUND") return undefined;
      throw error;
    }
  }

  /**
   * One page of counters, in order of the bytes of their keys.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async list(options: ListOptions = {}): Promise<Page> {
    const { prefix, limit, cursor, consistency } = options;
    const path = `/v1/counters${query({ prefix, limit: limit?.toString(), cursor, consistency })}`;
    return this.#read(path, options, decodePage);
  }

  /** Every counter, page by page. Each page is read at its own moment. Throws as {@link list} does. */
  async *counters(options: ListOptions = {}): AsyncGenerator<Counter, void, void> {
    let page = await this.list(options);
    yield* page.counters;
    while (page.cursor !== undefined) {
      page = await this.list({ ...options, cursor: page.cursor });
      yield* page.counters;
    }
  }

  /**
   * What one node says about itself and the cluster; works without a leader.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async status(options: CallOptions = {}): Promise<NodeView> {
    return this.#read("/v1/cluster", options, decodeNodeView);
  }

  /**
   * Who belongs to the cluster, as the leader sees it while one is known, else as the node that answers does.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async members(options: CallOptions = {}): Promise<Membership> {
    return listMembers(this.#caller, limitsOf(options));
  }

  /**
   * Changes the membership; resolves when the change is in force. What only needs time (another change is under way, a
   * learner has not caught up) is tried again until the call's time is over.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async change(change: MembershipChange, options: CallOptions = {}): Promise<MembershipDone> {
    return makeChange(this.#caller, change, limitsOf(options));
  }

  /**
   * What {@link change} would mean for the cluster, and whether it would be refused now. Nothing is changed.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async plan(change: MembershipChange, options: CallOptions = {}): Promise<MembershipPlan> {
    return planChange(this.#caller, change, limitsOf(options));
  }

  /** The new node becomes a learner. As {@link change}. */
  async addMember(member: NewMember, options: CallOptions = {}): Promise<MembershipDone> {
    return this.change({ kind: "add", member }, options);
  }

  /** The learner `id` gets a vote once it has caught up. As {@link change}. */
  async promoteMember(id: string, options: CallOptions = {}): Promise<MembershipDone> {
    return this.change({ kind: "promote", id }, options);
  }

  /** `id` leaves the cluster for good. As {@link change}. */
  async removeMember(id: string, options: CallOptions = {}): Promise<MembershipDone> {
    return this.change({ kind: "remove", id }, options);
  }

  /** In one change the learner `by` gets a vote and `id` leaves. As {@link change}. */
  async replaceMember(id: string, by: string, options: CallOptions = {}): Promise<MembershipDone> {
    return this.change({ kind: "replace", id, by }, options);
  }

  /** The member `id` has new addresses; what is not named stays. As {@link change}. */
  async moveMember(id: string, to: NewAddresses, options: CallOptions = {}): Promise<MembershipDone> {
    return this.change({ kind: "move", id, ...to }, options);
  }

  /**
   * Hands leadership over, to `to` or to the voter that is furthest; resolves with who leads then.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async transfer(
    to?: string,
    options: CallOptions = {},
  ): Promise<{ readonly id: string; readonly url: string }> {
    return transfer(this.#caller, to, limitsOf(options));
  }

  /**
   * A backup of all counters, from the node that answers first. `timeoutMs`, 120,000 by default, is the time until it
   * begins to arrive; the stream then takes as long as it takes, or until the signal aborts.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async backup(options: CallOptions = {}): Promise<BackupDownload> {
    return openBackup(this.#caller, limitsOf(options));
  }

  async #write<T>(request: HttpRequest, options: WriteOptions, decode: (answer: Answer) => T): Promise<T> {
    const idempotencyKey = options.idempotencyKey ?? crypto.randomUUID();
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new Refused("INVALID_HEADER", "an idempotency key is 1 to 255 printable ASCII characters", []);
    }
    const headers = {
      accept: "application/json",
      "content-type": "application/json",
      // As a string of RFC 8941, so that a key may begin with a quote.
      "idempotency-key": `"${idempotencyKey.replace(/["\\]/g, "\\$&")}"`,
    };
    return this.#caller.run({
      request: { ...request, headers },
      effect: { kind: "once", idempotencyKey },
      decode,
      ...limitsOf(options),
    });
  }

  async #read<T>(path: string, options: CallOptions, decode: (answer: Answer) => T): Promise<T> {
    return this.#caller.run({
      request: { method: "GET", path, headers: { accept: "application/json" } },
      effect: { kind: "none" },
      decode,
      ...limitsOf(options),
    });
  }
}

function incrementBody({ by, min, max, once }: Increment): { readonly [name: string]: Json | undefined } {
  return { by: int64("by", by), min: int64("min", min), max: int64("max", max), once };
}

function operationBody(operation: Operation): Json {
  const { key } = operation;
  checkKey(key);
  if (operation.op === "set") {
    return { op: "set", key, value: int64("value", operation.value), ifRevision: operation.ifRevision };
  }
  if (operation.op === "delete") return { op: "delete", key, ifRevision: operation.ifRevision };
  return { key, ...incrementBody(operation) };
}

function int64(name: string, value: Int64 | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new Refused("INVALID_BODY", `${name} must be a whole number; beyond 2^53 give a bigint`, []);
  }
  const exact = BigInt(value);
  if (exact < INT64_MIN || exact > INT64_MAX) {
    throw new Refused("INVALID_BODY", `${name} must fit a signed 64-bit integer`, []);
  }
  return exact;
}

/** A key that a URL cannot carry must not be sent: `.` and `..` would name another path. */
function checkKey(key: string): void {
  if (key === "" || key === "." || key === "..") {
    throw new Refused("INVALID_KEY", 'a key is 1 to 512 bytes of UTF-8, and not "." or ".."', []);
  }
  if (HALF_SURROGATE.test(key)) throw new Refused("INVALID_KEY", "the key holds half a surrogate pair", []);
  if (new TextEncoder().encode(key).length > KEY_BYTES_MAX) {
    throw new Refused("INVALID_KEY", `the key is longer than ${KEY_BYTES_MAX} bytes of UTF-8`, []);
  }
}

function counterPath(key: string): string {
  checkKey(key);
  return `/v1/counters/${encodeURIComponent(key)}`;
}

function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

function limitsOf({ signal, timeoutMs }: CallOptions): CallLimits {
  return { signal, timeoutMs: timeoutMs === undefined ? undefined : milliseconds("timeoutMs", timeoutMs) };
}

function milliseconds(name: string, value: number): number {
  if (!(value > 0 && value <= TIMEOUT_MS_MAX)) {
    throw new RangeError(`${name} must be more than 0 and at most ${TIMEOUT_MS_MAX} ms`);
  }
  return value;
}

function baseUrl(url: string): string {
  const base = baseUrlOf(url);
  if (base !== undefined) return base;
  if (!URL.canParse(url)) throw new RangeError(`not a URL: ${url}`);
  throw new RangeError(`a node's URL begins with http:// or https:// and has no query: ${url}`);
}
