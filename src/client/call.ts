/** Carries one call through: picks nodes, follows the leader, tries again, and stops at the deadline. */

import { ERRORS } from "../base/index.ts";
import { attempt, type HttpRequest } from "./attempt.ts";
import { membersOf } from "./decode.ts";
import {
  type Attempt,
  OutcomeUnknown,
  type Place,
  type RaftallyError,
  Refused,
  Unavailable,
} from "./errors.ts";
import { Nodes } from "./nodes.ts";
import { type Answer, judge, type Verdict } from "./verdict.ts";

export interface CallerOptions {
  readonly urls: readonly string[];
  /** How often the members are looked up while calls are made, ms; 0: never. */
  readonly discoverMs: number;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
}

/** What a call does beyond giving an answer. */
export type Effect =
  | { readonly kind: "none" }
  /** A write: the key, or the place in a session, makes its attempts one. */
  | { readonly kind: "once"; readonly idempotencyKey: string | undefined; readonly place?: Place }
  /** A change of the cluster. Made twice it is refused the second time. */
  | { readonly kind: "change" };

/** What is to be asked, and how to read the answer. */
export interface Call<T> {
  readonly request: HttpRequest;
  readonly effect: Effect;
  readonly decode: (answer: Answer) => T;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  /** Replaces that of the caller, for what takes a node longer. */
  readonly attemptTimeoutMs?: number;
}

/** Of a call that may go on for hours, the latest attempts are enough to say what is wrong. */
const ATTEMPTS_KEPT = 64;

/** More redirects than this in one round mean that nodes disagree about who leads; then a pause helps. */
const REDIRECTS_MAX = 4;

/**
 * With less time left, a write that surely has not happened is not sent again: its answer would hardly come in
 * time, and a definite "not applied" would become an "unknown". In ms.
 */
const LAST_ATTEMPT_MS_MIN = 100;

type Again = Extract<Verdict<never>, { kind: "again" }>;

/** What is known in the middle of a call. */
interface Progress {
  readonly deadline: number;
  readonly attempts: Attempt[];
  /** Whether any attempt so far may have been carried out. */
  unknown: boolean;
  last: Again | undefined;
}

/** How a round over all nodes ended. */
type Round<T> = { readonly done: T } | { readonly retryAfterMs: number; readonly hope: boolean };

/** After trouble the members are looked up early, but not more often than this, ms. */
const DISCOVER_AGAIN_MS = 1_000;

/** Shared by all calls of a client: remembers which node answered last, or was said to lead. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #nodes: Nodes;
  #discoveredMs = performance.now();
  #hadTrouble = false;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#nodes = new Nodes(options.urls);
  }

  /**
   * @throws {Refused} for a definite no; {Unavailable} when nothing changed and no node could serve in time;
   * {OutcomeUnknown} when a write may have been done; the signal's reason when aborted before that.
   */
  async run<T>(call: Call<T>): Promise<T> {
    const { backoffMsMin, backoffMsMax } = this.#options;
    const deadline = performance.now() + (call.timeoutMs ?? this.#options.timeoutMs);
    const progress: Progress = { deadline, attempts: [], unknown: false, last: undefined };
    for (let round = 0; ; round++) {
      const attemptMs = call.attemptTimeoutMs ?? this.#options.attemptTimeoutMs;
      const ended = await this.#round(call, progress, attemptMs * 2 ** Math.min(round, 8));
      if ("done" in ended) return ended.done;
      const backoff = Math.min(backoffMsMin * 2 ** Math.min(round, 20), backoffMsMax);
      // Half fixed, half random, so that clients that failed together do not come back together.
      const pause = Math.max(backoff * (0.5 + Math.random() / 2), ended.retryAfterMs);
      const late = performance.now() + pause >= deadline;
      if (late || !ended.hope || isAborted(call.signal)) throw failure(call, progress);
      await sleep(pause, call.signal);
      if (isAborted(call.signal)) throw failure(call, progress);
    }
  }

  /** The node at `base` broke off an answer that was to go on: the next call begins at another one. */
  brokeOff(base: string): void {
    this.#nodes.failed(base, true);
    this.#hadTrouble = true;
  }

  /** Asks each node once, the likely leader first, until one gives a definite answer. */
  async #round<T>(call: Call<T>, progress: Progress, attemptMs: number): Promise<Round<T>> {
    const queue = this.#nodes.candidates();
    const failed = new Set<string>();
    let redirects = 0;
    let retryAfterMs = 0;
    let hope = false;
    for (let base = queue.shift(); base !== undefined; base = queue.shift()) {
      if (failed.has(base)) continue;
      const left = Math.ceil(progress.deadline - performance.now());
      if (left <= 0 || isAborted(call.signal)) break;
      const risky = call.effect.kind !== "none" && !progress.unknown && progress.attempts.length > 0;
      if (risky && left < LAST_ATTEMPT_MS_MIN) break;
      const timeoutMs = Math.min(left, attemptMs);
      const options = { fetch: this.#options.fetch, timeoutMs, signal: call.signal };
      const verdict = judge(await attempt(base, call.request, options), call.decode);
      progress.attempts.push({ url: base, result: describe(verdict) });
      if (progress.attempts.length > ATTEMPTS_KEPT) progress.attempts.shift();
      if (verdict.kind === "done") {
        this.#nodes.answered(base);
        this.#nodes.prefer(verdict.base);
        this.#discover(verdict.base);
        return { done: verdict.value };
      }
      if (verdict.kind === "refused") {
        this.#nodes.answered(base);
        throw refusal(call, progress, verdict);
      }
      if (verdict.kind === "redirect") {
        this.#hadTrouble ||= !this.#nodes.knows(verdict.to);
        this.#nodes.answered(base);
        this.#nodes.prefer(verdict.to);
        hope = true;
        if (++redirects <= REDIRECTS_MAX && !failed.has(verdict.to)) queue.unshift(verdict.to);
        continue;
      }
      failed.add(base);
      this.#nodes.failed(base, verdict.code === "UNREACHABLE");
      this.#hadTrouble = true;
      progress.unknown ||= verdict.unknown;
      progress.last = verdict;
      hope ||= verdict.hope;
      retryAfterMs = Math.max(retryAfterMs, verdict.retryAfterMs);
    }
    return { retryAfterMs, hope };
  }

  /**
   * Looks up the members at a node that answers, when it is time. Nobody waits for it: what it finds is for the calls
   * to come, and a node that fails here would fail them too.
   */
  #discover(base: string): void {
    const { discoverMs, fetch: fetchIt, attemptTimeoutMs: timeoutMs } = this.#options;
    const passedMs = performance.now() - this.#discoveredMs;
    const isDue = passedMs >= discoverMs || (this.#hadTrouble && passedMs >= DISCOVER_AGAIN_MS);
    if (discoverMs === 0 || !isDue) return;
    this.#discoveredMs = performance.now();
    this.#hadTrouble = false;
    const request: HttpRequest = {
      method: "GET",
      path: "/v1/cluster",
      headers: { accept: "application/json" },
    };
    const look = async (): Promise<void> => {
      const result = await attempt(base, request, { fetch: fetchIt, timeoutMs, signal: undefined });
      const members = result.kind === "answer" && result.status === 200 ? membersOf(result.json) : undefined;
      if (members !== undefined) this.#nodes.learn(base, members);
    };
    void look();
  }
}

/** A definite no, unless an earlier attempt of the same write may still count. */
function refusal<T>(
  call: Call<T>,
  progress: Progress,
  verdict: Extract<Verdict<T>, { kind: "refused" }>,
): RaftallyError {
  const { code, detail, position } = verdict;
  if (call.effect.kind !== "none" && progress.unknown && !ERRORS[code].byState) {
    const why = `an earlier attempt may have counted before this one was refused: ${detail}`;
    return unknown(call, why, progress);
  }
  return new Refused(code, detail, progress.attempts, position);
}

/** The honest end of a call that nobody answered. */
function failure<T>(call: Call<T>, progress: Progress): unknown {
  const { attempts, last } = progress;
  const detail = summary(attempts, last);
  const aborted = isAborted(call.signal);
  if (call.effect.kind !== "none" && progress.unknown) {
    return unknown(call, detail, progress, aborted ? call.signal?.reason : last?.cause);
  }
  if (aborted) return call.signal?.reason;
  return new Unavailable(last?.code ?? "UNREACHABLE", detail, attempts, last?.cause);
}

function unknown(
  { effect }: Call<unknown>,
  detail: string,
  { attempts }: Progress,
  cause?: unknown,
): OutcomeUnknown {
  if (effect.kind !== "once") return new OutcomeUnknown(undefined, detail, attempts, cause);
  return new OutcomeUnknown(effect.idempotencyKey, detail, attempts, cause, effect.place);
}

function summary(attempts: readonly Attempt[], last: Again | undefined): string {
  const latest = new Map(attempts.map(({ url, result }) => [url, result]));
  if (latest.size === 0) return "the deadline had passed before the first attempt";
  const tried = [...latest].map(([url, result]) => `${url}: ${result}`).join("; ");
  return `${last?.detail ?? "no node took the request"} (${tried})`;
}

function describe(verdict: Verdict<unknown>): string {
  switch (verdict.kind) {
    case "done":
      return "answered";
    case "redirect":
      return `says that ${verdict.to} leads`;
    case "refused":
      return verdict.code;
    case "again":
      return verdict.code === "UNREACHABLE" ? verdict.detail : `${verdict.code} (${verdict.detail})`;
  }
}

/** A function, because TypeScript would not expect the signal to change between two looks at it. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Ends early, without an error, when the signal aborts. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (isAborted(signal)) end();
  });
}
