/**
 * Combining: increments that are made while a request is out, or within a given time, are added up, go out together in
 * one batch, and are told of it when it is durable. What a counter kept in memory and written now and then does, without
 * its window of loss.
 *
 * Each request is one write of the client: it has one idempotency key (or one place in the client's session), is tried
 * again with the same body until it is answered or its time is over, and so counts once. It happens entirely or not at
 * all. If it is refused because of one counter, only the callers of that one are, and the rest goes out in a new request.
 *
 * A call for a counter whose sum is waiting costs a look into a map and an addition: its callers share one promise, and
 * nothing is queued for each of them.
 */

import type { HttpRequest } from "./attempt.ts";
import { checkKey, int64, milliseconds } from "./checks.ts";
import { Group, requestOf } from "./combine-group.ts";
import { compact, Sum } from "./combine-sum.ts";
import type { Combined, CombiningFailure, CombiningOptions } from "./combine-types.ts";
import { OutcomeUnknown, Refused, Unavailable } from "./errors.ts";
import type { BatchDone, CallOptions, Int64 } from "./types.ts";

declare global {
  /** As the library of ESNext has it, for programs that are compiled against an older one. */
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** What a node takes in one batch (`BATCH_MAX` of src/counter/validate.ts). */
const KEYS_MAX = 1_000;
const IN_FLIGHT_MAX = 64;
const PENDING_MAX = 1_000_000;
const PENDING_BYTES_MAX = 67_108_864;
/**
 * However long a request had to wait for those before it, it gets this time of its own if they got through, or a tenth
 * of that of a call if that is less. In ms.
 */
const GRACE_MS = 1_000;

/** Carries a batch through, as any write. @param operations how many results the answer must have. */
export type SendBatch = (
  request: HttpRequest,
  operations: number,
  options: CallOptions,
) => Promise<BatchDone>;

/** Made by `client.combining()`. */
export class Combining {
  readonly #send: SendBatch;
  readonly #lingerMs: number | undefined;
  readonly #keysMax: number;
  readonly #inFlightMax: number;
  readonly #timeoutMs: number;
  readonly #bytesMax: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onFailure: ((failure: CombiningFailure) => void) | undefined;
  /** 0 once it is closed. */
  #pendingMax: number;
  /** Calls without an outcome, and the memory of their sums. */
  #pending = 0;
  #bytes = 0;
  /** The sums that were not sent and may grow, by their keys. */
  #sums = new Map<string, Sum>();
  /** What was not sent, the oldest first. Only the last one gets new sums; all may grow. */
  #groups: Group[] = [];
  /** What was sent and has no outcome, and the latest of these. */
  readonly #out = new Set<Group>();
  #latest: Group | undefined;
  #isScheduled = false;
  /** Whether the last request to end found no node in time. */
  #isDown = false;
  #closed: Promise<void> | undefined;

  /** @throws {RangeError} with a sentence that says which option is wrong. */
  constructor(send: SendBatch, options: CombiningOptions, timeoutMs: number) {
    const { lingerMs, signal } = options;
    this.#send = send;
    // 0 is no time for a timer, but a good answer here.
    this.#lingerMs = lingerMs === undefined || lingerMs === 0 ? lingerMs : milliseconds("lingerMs", lingerMs);
    this.#keysMax = whole("maxKeys", options.maxKeys ?? KEYS_MAX, KEYS_MAX);
    this.#inFlightMax = whole("maxInFlight", options.maxInFlight ?? 4, IN_FLIGHT_MAX);
    this.#pendingMax = whole("maxPending", options.maxPending ?? PENDING_MAX);
    this.#bytesMax = whole("maxPendingBytes", options.maxPendingBytes ?? PENDING_BYTES_MAX);
    this.#timeoutMs = milliseconds("timeoutMs", options.timeoutMs ?? timeoutMs);
    this.#signal = signal;
    this.#onFailure = options.onFailure;
    signal?.addEventListener("abort", this.#abort);
  }

  /** Calls that have no outcome yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Adds to a counter together with others. Resolves when the request that it went into is durable on a majority, with
   * what that request did to the counter: the value after the whole sum, not after this call's part of it.
   *
   * Rejects with `Refused` if the counter cannot take the sum that this call is part of, all of it; `Unavailable` if
   * nothing was changed and no node could serve, or if too much is waiting already; `OutcomeUnknown` if the whole
   * request may or may not count; the signal's reason. A promise that nobody awaits makes no noise when it rejects:
   * `onFailure`, `flush` and `close` tell. Only a `by` that is no 64-bit integer is told to the caller alone.
   * @param by 1 when left out; negative to count down.
   */
  increment(key: string, by: Int64 = 1): Promise<Combined> {
    if (typeof by === "number" && this.#pending < this.#pendingMax) {
      const sum = this.#sums.get(key);
      if (sum?.addNumber(by) === true) {
        this.#pending += 1;
        return sum.promise;
      }
    }
    return this.#incrementSlowly(key, by);
  }

  /**
   * Sends what was gathered without waiting for more, and resolves when every increment made so far has its outcome.
   * Rejects with the first failure among those that had none when this was called.
   */
  async flush(): Promise<void> {
    const last = this.#groups.at(-1);
    if (last !== undefined) {
      last.isDue = true;
      this.#schedule();
    }
    const failures = await Promise.all([...this.#out, ...this.#groups].map((group) => group.ended));
    for (const failure of failures) if (failure !== undefined) throw failure[0];
  }

  /** Takes no more increments, and otherwise does as {@link flush}. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#pendingMax = 0;
    try {
      await this.flush();
    } finally {
      this.#signal?.removeEventListener("abort", this.#abort);
    }
  }

  /** The first increment of a counter, one that needs a bigint, and one that is refused. */
  #incrementSlowly(key: string, by: Int64): Promise<Combined> {
    let small: number | bigint;
    try {
      small = compact(int64("by", by));
    } catch (error) {
      return Promise.reject(error);
    }
    const open = this.#sums.get(key);
    if (this.#pending < this.#pendingMax && open !== undefined) {
      if ((typeof small === "number" && open.addNumber(small)) || open.addBigInt(BigInt(small))) {
        this.#pending += 1;
        return open.promise;
      }
    }
    try {
      this.#checkRoom();
      checkKey(key);
    } catch (error) {
      return this.#refuse({ key, by: BigInt(small), calls: 1 }, error);
    }
    const sum = new Sum(key, small);
    this.#pending += 1;
    this.#bytes += sum.memoryBytes;
    this.#sums.set(key, sum);
    this.#place(sum);
    return sum.promise;
  }

  /** @throws {Unavailable}, or the signal's reason. */
  #checkRoom(): void {
    if (this.#signal?.aborted === true) throw this.#signal.reason;
    if (this.#closed !== undefined)
      throw new Unavailable("SHUTTING_DOWN", "it was closed before this call", []);
    if (this.#pending >= this.#pendingMax) {
      throw new Unavailable("OVERLOADED", `${this.#pending} calls wait for their answer already`, []);
    }
    if (this.#bytes >= this.#bytesMax) {
      const detail = `the sums of the calls that wait for their answer take up ${this.#bytes} bytes already`;
      throw new Unavailable("OVERLOADED", detail, []);
    }
  }

  #refuse(sum: CombiningFailure["sums"][number], error: unknown): Promise<Combined> {
    const rejected = Promise.reject(error);
    rejected.catch(() => undefined);
    this.#report({ error, sums: [sum] });
    return rejected;
  }

  /** Puts a new sum into the request that is being gathered, or begins the next one. */
  #place(sum: Sum): void {
    const last = this.#groups.at(-1);
    const group = last?.hasRoomFor(sum, this.#keysMax) === true ? last : this.#beginGroup();
    group.add(sum);
    if (this.#isReady()) this.#schedule();
  }

  #beginGroup(): Group {
    const group = new Group(performance.now());
    this.#groups.push(group);
    if (this.#lingerMs !== undefined && this.#lingerMs > 0) {
      group.timer = setTimeout(() => {
        group.isDue = true;
        this.#pump();
      }, this.#lingerMs);
    }
    return group;
  }

  /** Whether the oldest request need not be gathered any longer. */
  #isReady(): boolean {
    const [first, second] = this.#groups;
    if (first === undefined) return false;
    if (first.isDue || second !== undefined || first.sums.length >= this.#keysMax) return true;
    return this.#lingerMs === undefined ? this.#latest === undefined : this.#lingerMs === 0;
  }

  /** What the rest of this turn of the event loop brings is still taken along. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#out.size < this.#inFlightMax && this.#isReady()) {
      const group = this.#groups.shift();
      if (group === undefined) return;
      clearTimeout(group.timer);
      if (this.#groups.length === 0) this.#sums = new Map();
      else for (const sum of group.sums) if (this.#sums.get(sum.key) === sum) this.#sums.delete(sum.key);
      this.#out.add(group);
      this.#latest = group;
      void this.#deliver(group);
    }
  }

  /** Sends a request, and after each refusal of one of its sums what is left of it. Never rejects. */
  async #deliver(group: Group): Promise<void> {
    let left: readonly Sum[] = group.sums;
    while (left.length > 0) left = await this.#attempt(group, left);
    this.#out.delete(group);
    if (this.#latest === group) this.#latest = undefined;
    group.end();
    if (this.#isReady()) this.#schedule();
  }

  /** Tells the callers of `sums` what came of it. Resolves with the sums that are to be sent anew. */
  async #attempt(group: Group, sums: readonly Sum[]): Promise<readonly Sum[]> {
    let done: BatchDone;
    try {
      const timeoutMs = this.#timeLeft(group);
      const options = this.#signal === undefined ? { timeoutMs } : { timeoutMs, signal: this.#signal };
      done = await this.#send(requestOf(sums), sums.length, options);
    } catch (error) {
      this.#isDown = error instanceof Unavailable || error instanceof OutcomeUnknown;
      const refused = error instanceof Refused ? sums[error.position ?? -1] : undefined;
      if (refused === undefined) {
        this.#fail(group, sums, error);
        return [];
      }
      this.#fail(group, [refused], refusalOf(refused, error));
      return sums.filter((sum) => sum !== refused);
    }
    this.#isDown = false;
    for (const [at, sum] of sums.entries()) {
      this.#release(sum);
      sum.succeed(done, at);
    }
    return [];
  }

  /**
   * For a request that leaves now. A call is to end within the time of a call, counted from when its request was begun.
   * @throws {Unavailable} if that is over, and those before it did not get through either.
   */
  #timeLeft({ begunMs }: Group): number {
    const deadline = begunMs + (this.#lingerMs ?? 0) + this.#timeoutMs;
    const left = Math.min(deadline - performance.now(), this.#timeoutMs);
    const grace = Math.min(GRACE_MS, this.#timeoutMs / 10);
    if (left >= grace || !this.#isDown) return Math.max(left, grace);
    throw new Unavailable("UNREACHABLE", "its time passed behind requests that no node could serve", []);
  }

  #release(sum: Sum): void {
    this.#pending -= sum.calls;
    this.#bytes -= sum.memoryBytes;
  }

  #fail(group: Group, sums: readonly Sum[], error: unknown): void {
    group.noteFailure(error);
    for (const sum of sums) {
      this.#release(sum);
      sum.fail(error);
    }
    this.#report({ error, sums: sums.map((sum) => sum.summary) });
  }

  #report(failure: CombiningFailure): void {
    try {
      this.#onFailure?.(failure);
    } catch (error) {
      // A mistake of whoever listens is theirs to see, and must not end the work for the others.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** What is out ends by the signal itself. */
  readonly #abort = (): void => {
    const groups = this.#groups;
    this.#groups = [];
    this.#sums = new Map();
    for (const group of groups) {
      clearTimeout(group.timer);
      this.#fail(group, group.sums, this.#signal?.reason);
      group.end();
    }
  };
}

/** Its position in the request is nothing to its callers. */
function refusalOf(sum: Sum, error: unknown): unknown {
  if (!(error instanceof Refused)) return error;
  const { calls } = sum;
  const detail = calls === 1 ? error.message : `${error.message} (That is the sum of ${calls} calls.)`;
  return new Refused(error.code, detail, error.attempts);
}

/** @throws {RangeError} with a sentence. */
function whole(name: string, value: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${name} must be a whole number, 1 to ${max}`);
}

/** Node's own, which comes right after what has arrived was dealt with; browsers have none. */
const { setImmediate: immediately } = globalThis as { readonly setImmediate?: (run: () => void) => unknown };

/** Runs it when this turn of the event loop, and what follows from it by promises, is over. */
function soon(run: () => void): void {
  if (immediately === undefined) setTimeout(run, 0);
  else immediately(run);
}
