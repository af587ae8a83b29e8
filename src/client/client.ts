/** The client: one object for a cluster, one method for each thing to ask. */

import type { HttpRequest } from "./attempt.ts";
import { Caller, type CallerOptions } from "./call.ts";
import {
  baseUrl,
  checkText,
  counterPath,
  countText,
  limitsOf,
  milliseconds,
  queryText,
  withToken,
} from "./checks.ts";
import { Combining, type SendBatch } from "./combine.ts";
import { resultsOf } from "./combine-group.ts";
import type { CombiningOptions } from "./combine-types.ts";
import {
  decodeAllocation,
  decodeBatchDone,
  decodeIncremented,
  decodeNodeView,
  decodePage,
  decodeReading,
  decodeSelection,
  decodeSum,
} from "./decode.ts";
import { Refused } from "./errors.ts";
import { listMembers, makeChange, openBackup, planChange, transfer } from "./operations.ts";
import { randomId } from "./random-id.ts";
import { Sessions } from "./session.ts";
import type {
  AllocateOptions,
  Allocation,
  BackupDownload,
  BatchDone,
  CallOptions,
  ClientOptions,
  Counter,
  DeleteOptions,
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
  Selection,
  SetOptions,
  Sum,
  SumOptions,
  WriteOptions,
} from "./types.ts";
import type { Answer } from "./verdict.ts";
import {
  type ClusterEventOptions,
  type ClusterStreamEvent,
  clusterEvents,
  type WatchEvent,
  type WatchOptions,
  watch,
} from "./watch.ts";
import { allocateRequest, batchRequest, deleteRequest, incrementRequest, setRequest } from "./writes.ts";

/** As nodes have it: a key that curl was given in quotes may hold spaces inside. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

export class RaftallyClient {
  readonly #options: CallerOptions;
  readonly #caller: Caller;
  readonly #sessions: Sessions | undefined;

  /** @throws {RangeError} with a sentence that says which option is wrong. */
  constructor(options: ClientOptions) {
    if (!Array.isArray(options.urls)) throw new RangeError("urls must be a list of the nodes' URLs");
    if (options.urls.length === 0) throw new RangeError("urls must name at least one node");
    const { discoverMs = 1_000 } = options;
    this.#options = {
      urls: [...new Set(options.urls.map(baseUrl))],
      // Browsers insist that fetch is called on the global object.
      fetch: withToken(options.fetch ?? ((input, init) => fetch(input, init)), options.token),
      timeoutMs: milliseconds("timeoutMs", options.timeoutMs ?? 10_000),
      attemptTimeoutMs: milliseconds("attemptTimeoutMs", options.attemptTimeoutMs ?? 1_500),
      backoffMsMin: milliseconds("backoffMsMin", options.backoffMsMin ?? 50),
      backoffMsMax: milliseconds("backoffMsMax", options.backoffMsMax ?? 1_000),
      discoverMs: discoverMs === 0 ? 0 : milliseconds("discoverMs", discoverMs),
    };
    this.#caller = new Caller(this.#options);
    const inSessions = options.exactlyOnce === "sessions";
    this.#sessions = inSessions ? new Sessions(this.#caller, this.#options.timeoutMs) : undefined;
  }

  /**
   * Adds to a counter, exactly once however often it has to be tried; an absent counter counts as 0.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async increment(key: string, change: Increment = {}, options: WriteOptions = {}): Promise<Incremented> {
    return this.#write(incrementRequest(key, change), options, decodeIncremented);
  }

  /**
   * Gives a counter this value, on a condition if one is given.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async set(key: string, value: Int64, options: SetOptions = {}): Promise<Incremented> {
    return this.#write(setRequest(key, value, options), options, decodeIncremented);
  }

  /**
   * Removes a counter and its `once` members. Done, with `changed: false`, if there is no such counter.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Incremented> {
    return this.#write(deleteRequest(key, options), options, decodeIncremented);
  }

  /**
   * Takes the next `count` numbers of a counter, 1 to 1,000,000,000, which nobody else gets; the first one ever is 1.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async allocate(key: string, count: Int64, options: AllocateOptions = {}): Promise<Allocation> {
    return this.#write(allocateRequest(key, count, options), options, decodeAllocation);
  }

  /**
   * Does all operations in order, or none. 1 to 1,000 of them.
   * @throws {Refused} (its `position` says which one) | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async batch(operations: readonly Operation[], options: WriteOptions = {}): Promise<BatchDone> {
    return this.#write(batchRequest(operations), options, decodeBatchDone);
  }

  /**
   * Adds increments up while a request is out and sends the sums together, for programs that count very much:
   *
   *     await using counting = client.combining();
   *     await counting.increment("views");                 // resolves when it is durable
   *
   * To be closed when it is not needed any more, so that what was gathered is sent.
   * @throws {RangeError} with a sentence that says which option is wrong.
   */
  combining(options: CombiningOptions = {}): Combining {
    const send: SendBatch = (request, operations, limits) =>
      this.#write(request, limits, resultsOf(operations));
    return new Combining(send, options, this.#options.timeoutMs);
  }

  /**
   * A counter's value; undefined if it was never written.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async get(key: string, options: ReadOptions = {}): Promise<Reading | undefined> {
    const path = `${counterPath(key)}${queryText(reading(options))}`;
    try {
      return await this.#read(path, options, decodeReading);
    } catch (error) {
      if (error instanceof Refused && error.code === "COUNTER_NOT_FOUND") return undefined;
      throw error;
    }
  }

  /**
   * One page of counters, in order of the bytes of their keys, or of their values.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async list(options: ListOptions = {}): Promise<Page> {
    const { prefix, match, order, limit, cursor } = options;
    const asked = { prefix, match, order, limit: limit?.toString(), cursor, ...reading(options) };
    return this.#read(`/v1/counters${queryText(asked)}`, options, decodePage);
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
   * The sum of the counters below a prefix, and how many there are, all at one moment; with `depth` also of each group
   * of them that has the next segments of the key in common.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async sum(options: SumOptions = {}): Promise<Sum> {
    const depth = countText("depth", options.depth);
    const asked = { prefix: options.prefix, depth, ...reading(options) };
    return this.#read(`/v1/sum${queryText(asked)}`, options, decodeSum);
  }

  /**
   * Several counters as they are at one moment: those that exist of `names`, each a key or a glob as in `match` of
   * {@link list} ({@link escapeGlob} for keys that hold `*`, `?`, `[` or a backslash). At most 100 names.
   * @throws {Refused} | {Unavailable}, or the signal's reason.
   */
  async query(names: readonly string[], options: ReadOptions = {}): Promise<Selection> {
    const expression = names.map(encodeName).join(",");
    const rest = queryText(reading(options)).replace("?", "&");
    return this.#read(`/v1/query?expression=${expression}${rest}`, options, decodeSelection);
  }

  /**
   * Changes of counters as they happen, until the signal aborts:
   *
   *     for await (const event of client.watch({ prefix: "stock:", signal })) {
   *       if (event.kind === "change") show(event.key, event.value);
   *     }
   *
   * When the node dies, another one goes on exactly after the last event. Nothing is read ahead of the loop.
   * @throws {Refused} at once for what cannot be watched; the loop throws {Refused} | {Unavailable}.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent, void, void> {
    return watch(this.#caller, options);
  }

  /**
   * Elections, role changes, snapshots, faults and, if asked for, pictures: of one node, the one at `url`, or whichever
   * answers. Whoever wants those of all asks each node. Until the signal aborts, as {@link watch}.
   */
  clusterEvents(
    options: ClusterEventOptions & { readonly url?: string } = {},
  ): AsyncGenerator<ClusterStreamEvent, void, void> {
    const { url } = options;
    if (url === undefined) return clusterEvents(this.#caller, options);
    const only = new Caller({ ...this.#options, urls: [baseUrl(url)], discoverMs: 0 });
    return clusterEvents(only, options);
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
    const headers: Record<string, string> = { ...request.headers, accept: "application/json" };
    if (request.body !== undefined) headers["content-type"] = "application/json";
    const limits = limitsOf(options);
    const { place } = options;
    if (this.#sessions !== undefined && options.idempotencyKey === undefined) {
      return this.#sessions.write({ request: { ...request, headers }, decode, limits, place });
    }
    if (place !== undefined)
      throw new Refused("INVALID_HEADER", "place is for a client that uses sessions", []);
    const idempotencyKey = options.idempotencyKey ?? randomId();
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new Refused(
        "INVALID_HEADER",
        "an idempotency key is 1 to 255 printable ASCII characters, no space at either end",
        [],
      );
    }
    // As a string of RFC 8941, so that a key may begin with a quote.
    headers["idempotency-key"] = `"${idempotencyKey.replace(/["\\]/g, "\\$&")}"`;
    const effect = { kind: "once", idempotencyKey } as const;
    return this.#caller.run({ request: { ...request, headers }, effect, decode, ...limits });
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

/** What is asked of a read beside its subject. */
function reading({ consistency, minIndex }: ReadOptions): Readonly<Record<string, string | undefined>> {
  return { consistency, minIndex: countText("minIndex", minIndex) };
}

/** Commas part the names, so those within are encoded, and the others are not. */
function encodeName(name: string): string {
  checkText("a name", name);
  return encodeURIComponent(name);
}

/** A glob that matches `text` and nothing else. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, "\\$&");
}
