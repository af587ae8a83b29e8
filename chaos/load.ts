/** Concurrent clients that write and read, and remember exactly what they were promised. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { OutcomeUnknown, type RaftallyClient, RaftallyError, Unavailable } from "../src/client/index.ts";
import type { Operation } from "./history.ts";
import type { Answer, HistoryRecorder, RecordedProcess } from "./history-recorder.ts";
import { Random } from "./random.ts";
import { Samples } from "./samples.ts";
import type { Target } from "./target.ts";
import { answerOf, isBoundary, NEVER_WRITTEN } from "./told.ts";
import { Wire } from "./wire.ts";
import { type Wish, Workload } from "./workload.ts";

export interface LoadResult {
  /** Increments by 1 that were. */
  readonly acknowledged: number;
  /** Increments by 1 of which nobody knows. */
  readonly unknown: number;
  /** Writes that were not carried out because nobody could serve them. */
  readonly refused: number;
  readonly reads: number;
  /** Reads that ended without an answer. */
  readonly failedReads: number;
  /** Writes that were sent again later, and must have been answered as they were before. */
  readonly repeated: number;
  /** Writes that were acknowledged in client sessions, and those of them that were answered from an earlier attempt. */
  readonly inSessions: number;
  readonly replayedInSessions: number;
  /** The longest time in which no write was acknowledged, ms. */
  readonly longestStallMs: number;
  /** What was wrong with answers while the load ran; empty if nothing was. */
  readonly problems: readonly string[];
}

export interface LoadOptions {
  /** Of its counters, which nobody else may write. */
  readonly prefix?: string;
  /**
   * `one`: each reader asks one node only, always, so that a node with an old state cannot hide behind the others;
   * whatever it may do to that node, its reads then fail. `any`: readers do as a client does, and no read may fail.
   */
  readonly readers?: "one" | "any";
  /** Where everything is recorded. */
  readonly recorder?: HistoryRecorder;
  /** Whether there is more than increments by 1 and reads of them. */
  readonly mixed?: boolean;
  /** How long a client rests after each answer, ms on average. 0: not at all. */
  readonly restMs?: number;
  /** The share of answers to writes that never reach their client, 0 to 1. */
  readonly lossOfAnswers?: number;
  /** Every so many-th writer writes in a client session, and the others with idempotency keys; 3 if left out, 0: none. */
  readonly sessionsEvery?: number;
  readonly seed?: number;
}

/** For one counter that only increments by 1 change. */
interface Promised {
  acknowledged: number;
  unknown: number;
  /** Increments sent, acknowledged or not. */
  sent: number;
}

/** A write that was acknowledged. */
interface Done {
  readonly op: Operation;
  readonly id: string;
  readonly value: string;
}

/** What one concurrent client has. */
interface Worker {
  /** Another one as soon as the only node that it asks is gone. */
  readonly client: () => RaftallyClient;
  readonly wire: Wire;
  readonly process: RecordedProcess | undefined;
  /** Whether its writes are numbered in a client session, instead of carrying keys. */
  readonly inSession: boolean;
}

/** One write, and what it is known by. */
interface Write {
  readonly op: Operation;
  readonly id: string;
  /** The end of the call before, if the same write was asked for and nobody knows of it. */
  readonly unknown?: OutcomeUnknown | undefined;
}

const READ_ONE_MS = 2_000;
const READ_ANY_MS = 10_000;
/** An unknown outcome is asked for again so many times, with the same idempotency key. */
const ASK_AGAIN = 3;
const REPEATED = 0.01;
const REMEMBERED = 256;

export class Load {
  readonly samples: Samples = new Samples();
  readonly #target: Target;
  readonly #options: Required<Omit<LoadOptions, "recorder">> & Pick<LoadOptions, "recorder">;
  readonly #random: Random;
  readonly #workload: Workload;
  readonly #promised: Map<string, Promised> = new Map();
  readonly #written: Set<string> = new Set();
  /** Of late, to be sent once more. */
  readonly #done: Done[] = [];
  readonly #problems: string[] = [];
  readonly #workers: Promise<void>[] = [];
  #stopping = false;
  #refused = 0;
  #reads = 0;
  #failedReads = 0;
  #repeated = 0;
  #inSessions = 0;
  #replayedInSessions = 0;

  constructor(target: Target, options: LoadOptions = {}) {
    this.#target = target;
    this.#options = {
      prefix: "load",
      readers: "one",
      mixed: false,
      restMs: 0,
      lossOfAnswers: 0,
      sessionsEvery: 3,
      seed: 1,
      ...options,
    };
    this.#random = new Random(this.#options.seed);
    this.#workload = new Workload(this.#options.prefix, this.#random);
  }

  /** Increments by 1 that were acknowledged. */
  get acknowledged(): number {
    let sum = 0;
    for (const promised of this.#promised.values()) sum += promised.acknowledged;
    return sum;
  }

  /** Starts so many writers, and half as many readers, each beginning at another node. */
  start(writers: number): void {
    const { recorder } = this.#options;
    // The same clock as the history's.
    this.samples.begin(performance.now() - (recorder === undefined ? 0 : recorder.elapsedNs / 1e6));
    for (let at = 0; at < writers; at++) {
      this.#workers.push(this.#work(this.#worker(at, "any"), "write"));
    }
    for (let at = 0; at < writers / 2; at++) {
      this.#workers.push(this.#work(this.#worker(at, this.#options.readers), "read"));
    }
  }

  /** The longest time without an acknowledged write since the last call of this, or since the start; ms. */
  lap(): number {
    return this.samples.lap();
  }

  #worker(at: number, asks: "one" | "any"): Worker {
    const wire = new Wire(this.#target, this.#random, this.#options.lossOfAnswers);
    const { recorder, sessionsEvery } = this.#options;
    const inSession = sessionsEvery > 0 && at % sessionsEvery === sessionsEvery - 1;
    const options = { fetch: wire.fetch, exactlyOnce: inSession ? "sessions" : "keys" } as const;
    const process = recorder?.process();
    if (asks === "any") {
      const client = this.#target.client(at, options);
      return { client: () => client, wire, process, inSession };
    }
    const one = (): string => this.#target.nodes[at % this.#target.nodes.length]?.id ?? "n1";
    let node = one();
    let client = this.#target.clientOf(node, options);
    const present = (): RaftallyClient => {
      if (this.#target.nodes.some(({ id }) => id === node)) return client;
      node = one();
      client = this.#target.clientOf(node, options);
      return client;
    };
    return { client: present, wire, process, inSession };
  }

  #of(key: string): Promised {
    const promised = this.#promised.get(key) ?? { acknowledged: 0, unknown: 0, sent: 0 };
    this.#promised.set(key, promised);
    return promised;
  }

  async #work(worker: Worker, role: "write" | "read"): Promise<void> {
    const { mixed, restMs } = this.#options;
    while (!this.#stopping) {
      if (mixed && role === "write" && this.#random.chance(REPEATED)) await this.#repeat(worker);
      const wish = this.#wish(role);
      if (wish.op.f === "read") await this.#read(worker, wish, role);
      else await this.#write(worker, wish);
      if (restMs > 0) await sleep(restMs * this.#random.between(0.5, 1.5));
    }
  }

  #wish(role: "write" | "read"): Wish {
    if (this.#options.mixed) return role === "read" ? this.#workload.nextRead() : this.#workload.next();
    const key = this.#random.pick(this.#workload.unitKeys);
    return { op: role === "read" ? { f: "read", key } : { f: "add", key, by: "1" }, isUnit: true };
  }

  async #write(worker: Worker, { op, isUnit }: Wish): Promise<void> {
    const id = randomUUID();
    const promised = isUnit ? this.#of(op.key) : undefined;
    if (promised !== undefined) promised.sent++;
    this.#written.add(op.key);
    const call = worker.process?.invoke(op, id);
    worker.wire.onAttempt = () => call?.attempt();
    const began = performance.now();
    try {
      const answer = await this.#asked(worker, op, id);
      call?.ok(answer);
      this.samples.written(began);
      if (promised !== undefined) {
        promised.acknowledged++;
        if (Number(answer.value) > promised.sent)
          this.#problems.push(`${op.key} is ${answer.value} after ${promised.sent} increments`);
      }
      if (worker.inSession) this.#countSession(answer);
      // What a session has answered it does not answer again.
      else this.#remember({ op, id, value: answer.value });
    } catch (error) {
      call?.failed(error);
      if (error instanceof OutcomeUnknown) {
        if (promised !== undefined) promised.unknown++;
      } else if (error instanceof Unavailable) this.#refused++;
      else if (!isBoundary(op, error))
        this.#problems.push(`a write of ${op.key} ended with ${String(error)}`);
    }
  }

  /** Asks until the answer is definite, or for long enough. */
  async #asked(worker: Worker, op: Operation, id: string): Promise<Answer> {
    let unknown: OutcomeUnknown | undefined;
    for (let again = 0; ; again++) {
      try {
        return await this.#ask(worker, { op, id, unknown });
      } catch (error) {
        const asksAgain = error instanceof OutcomeUnknown && again < ASK_AGAIN && this.#options.mixed;
        if (error instanceof OutcomeUnknown) unknown = error;
        if (asksAgain && !this.#stopping) continue;
        // That nothing changed is then said of the last call, and not of those before it.
        throw error instanceof Unavailable ? (unknown ?? error) : error;
      }
    }
  }

  async #ask(worker: Worker, { op, id, unknown }: Write): Promise<Answer> {
    const { client, wire } = worker;
    const place = unknown?.place;
    // A write that was sent in a session must not go out under another number, where it would count again.
    if (worker.inSession && unknown !== undefined && place === undefined) throw unknown;
    const options = worker.inSession ? (place === undefined ? {} : { place }) : { idempotencyKey: id };
    if (op.f === "set") {
      const { key, value } = op;
      const done = await client().batch([{ op: "set", key, value: BigInt(value) }], options);
      const [result] = done.results;
      if (result === undefined) throw new Error("a batch of one operation has one result");
      return answerOf({ ...done, ...result }, wire.answeredBy);
    }
    if (op.f === "read") throw new Error("a read has no idempotency key");
    const { key, by, min, max } = op;
    const bounds = {
      ...(min === undefined ? {} : { min: BigInt(min) }),
      ...(max === undefined ? {} : { max: BigInt(max) }),
    };
    const done = await client().increment(key, { by: BigInt(by), ...bounds }, options);
    return answerOf(done, wire.answeredBy);
  }

  #countSession({ replayed }: Answer): void {
    this.#inSessions++;
    if (replayed === true) this.#replayedInSessions++;
  }

  #remember(done: Done): void {
    if (!this.#options.mixed) return;
    this.#done[this.#random.below(REMEMBERED)] = done;
  }

  /** Sends a write that was acknowledged once more: it must not count again, and must be answered as before. */
  async #repeat(worker: Worker): Promise<void> {
    const done = this.#done[this.#random.below(REMEMBERED)];
    if (done === undefined) return;
    const call = worker.process?.invoke(done.op, done.id);
    worker.wire.onAttempt = () => call?.attempt();
    try {
      const answer = await this.#ask({ ...worker, inSession: false }, done);
      call?.ok(answer);
      this.#repeated++;
      if (answer.value === done.value && answer.replayed === true) return;
      const replayed = answer.replayed === true ? "as a repeat" : "as new";
      this.#problems.push(
        `${done.op.key} was answered ${done.value}, and the same again ${answer.value} ${replayed}`,
      );
    } catch (error) {
      call?.failed(error);
      if (error instanceof OutcomeUnknown || error instanceof Unavailable) return;
      this.#problems.push(`the repeat of a write of ${done.op.key} ended with ${String(error)}`);
    }
  }

  /** Reads one counter: whatever was acknowledged before a read began, it must show, unless it may be stale. */
  async #read(worker: Worker, { op, isUnit }: Wish, role: "write" | "read"): Promise<void> {
    if (op.f !== "read") throw new Error("this is no read");
    const promised = isUnit ? this.#of(op.key) : undefined;
    const before = promised?.acknowledged ?? 0;
    const call = worker.process?.invoke(op);
    worker.wire.onAttempt = () => call?.attempt();
    try {
      const timeoutMs = role === "read" && this.#options.readers === "one" ? READ_ONE_MS : READ_ANY_MS;
      const consistency = op.stale === true ? "stale" : "linearizable";
      const reading = await worker.client().get(op.key, { timeoutMs, consistency });
      call?.ok(answerOf(reading ?? NEVER_WRITTEN, worker.wire.answeredBy));
      this.#reads++;
      this.samples.read();
      if (promised === undefined) return;
      const value = Number(reading?.value ?? 0n);
      if (value < before && op.stale !== true)
        this.#problems.push(`stale read: ${op.key} was ${value}, but ${before} were acknowledged`);
      if (value > promised.sent)
        this.#problems.push(`${op.key} was ${value} after ${promised.sent} increments`);
    } catch (error) {
      // A node that is dead, paused or without a majority does not answer: that is no wrong answer.
      if (!(error instanceof RaftallyError)) throw error;
      call?.failed(error);
      this.#failedReads++;
    }
  }

  /** What is promised for each counter now: a copy. */
  promises(): ReadonlyMap<string, { readonly acknowledged: number; readonly sent: number }> {
    return new Map([...this.#promised].map(([key, promised]) => [key, { ...promised }]));
  }

  /** Ends the load; every call under way ends too. */
  async stop(): Promise<LoadResult> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    let unknown = 0;
    for (const promised of this.#promised.values()) unknown += promised.unknown;
    return {
      acknowledged: this.acknowledged,
      unknown,
      refused: this.#refused,
      reads: this.#reads,
      failedReads: this.#failedReads,
      repeated: this.#repeated,
      inSessions: this.#inSessions,
      replayedInSessions: this.#replayedInSessions,
      longestStallMs: this.samples.longestStallMs,
      problems: this.#problems,
    };
  }

  /**
   * Reads every counter that was written, those that increments by 1 went to from every node. Each of these must hold all that was acknowledged, and no
   * more than that and what stayed unknown. Returns what is wrong.
   */
  async verify(): Promise<readonly string[]> {
    const wrong: string[] = [];
    const process = this.#options.recorder?.process();
    const { nodes } = this.#target;
    for (const [at, key] of [...this.#written].entries()) {
      const promised = this.#promised.get(key);
      // Of the many others one node will do: that the nodes agree is seen from these.
      const asked = promised === undefined ? nodes.slice(at % nodes.length).slice(0, 1) : nodes;
      for (const { id } of asked) {
        const call = process?.invoke({ f: "read", key });
        const reading = (await this.#target.clientOf(id).get(key)) ?? NEVER_WRITTEN;
        call?.ok(answerOf(reading, id));
        if (promised === undefined) continue;
        const { acknowledged, unknown } = promised;
        const value = Number(reading.value);
        if (value < acknowledged)
          wrong.push(`${id}: ${key} is ${value}, but ${acknowledged} were acknowledged`);
        if (value > acknowledged + unknown) wrong.push(`${id}: ${key} is ${value}, more than was ever sent`);
      }
    }
    return wrong;
  }
}
