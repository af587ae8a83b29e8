/** Programs that use the TypeScript client as it comes, and know exactly what they were promised. */

import { type ClientOptions, OutcomeUnknown, RaftallyClient } from "../../src/client/index.ts";
import type { Check } from "../types.ts";

/** After a write that was refused because nobody could serve it, ms. */
const REST_MS = 10;

export interface WritersOptions {
  readonly urls: readonly string[];
  /** How many programs, each with a client of its own, which learns by itself who leads. */
  readonly clients: number;
  /** How many writes each has under way at a time. */
  readonly loops: number;
  /** The counter that they all increment. */
  readonly key: string;
  /** Ends all of them when it aborts. */
  readonly signal: AbortSignal;
}

/** When a write was begun and acknowledged, ms of `performance.now()`. */
export interface Acknowledged {
  readonly begunMs: number;
  readonly atMs: number;
}

export class Writers {
  readonly #options: WritersOptions;
  readonly #clients: readonly RaftallyClient[];
  readonly #listeners: Set<(one: Acknowledged) => void> = new Set();
  #loops: Promise<void>[] = [];
  #isEnding = false;
  #acknowledged = 0;
  #unknown = 0;
  /** Writes that nobody could serve: nothing has changed. */
  #refused = 0;
  #lastMs = 0;
  #longestMs = 0;

  constructor(options: WritersOptions, client: Partial<ClientOptions> = {}) {
    this.#options = options;
    const { urls, clients } = options;
    this.#clients = Array.from({ length: clients }, (_, at) => {
      const first = at % urls.length;
      return new RaftallyClient({ urls: [...urls.slice(first), ...urls.slice(0, first)], ...client });
    });
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get unknown(): number {
    return this.#unknown;
  }

  get refused(): number {
    return this.#refused;
  }

  start(): void {
    this.lap();
    this.#loops = this.#clients.flatMap((client) =>
      Array.from({ length: this.#options.loops }, () => this.#loop(client)),
    );
  }

  /** The longest time without an acknowledgement since the last call, ms; one that goes on included. */
  lap(): number {
    const nowMs = performance.now();
    const longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#longestMs = 0;
    this.#lastMs = nowMs;
    return longestMs;
  }

  /** Begins one write more, beside those that go on. */
  async write(client = 0): Promise<void> {
    const one = this.#clients[client % this.#clients.length];
    if (one !== undefined) await this.#once(one);
  }

  /**
   * Resolves with the first acknowledgement of a write that began at `atMs` or later.
   * @throws the signal's reason.
   */
  async firstBegunFrom(atMs: number, signal: AbortSignal): Promise<Acknowledged> {
    return await this.#heard((one) => one.begunMs >= atMs, signal);
  }

  /** Waits for so many acknowledgements. @throws the signal's reason. */
  async progress(count: number, signal: AbortSignal): Promise<void> {
    let left = count;
    await this.#heard(() => --left <= 0, signal);
  }

  /** Waits until everything under way has its outcome. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#loops);
  }

  /** Compares what was promised with what is there. To be called after {@link stop}. */
  async check(): Promise<Check> {
    const { key, urls } = this.#options;
    const found = await new RaftallyClient({ urls }).get(key);
    return {
      about: "the value of one counter",
      acknowledged: BigInt(this.#acknowledged),
      found: found?.value ?? 0n,
      underway: this.#unknown,
    };
  }

  async #loop(client: RaftallyClient): Promise<void> {
    while (!this.#isEnding && !this.#options.signal.aborted) await this.#once(client);
  }

  async #once(client: RaftallyClient): Promise<void> {
    const begunMs = performance.now();
    const { key, signal } = this.#options;
    try {
      await client.increment(key, {}, { signal });
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.#unknown += 1;
      else this.#refused += 1;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      return;
    }
    const atMs = performance.now();
    this.#acknowledged += 1;
    this.#longestMs = Math.max(this.#longestMs, atMs - this.#lastMs);
    this.#lastMs = atMs;
    for (const listener of [...this.#listeners]) listener({ begunMs, atMs });
  }

  #heard(is: (one: Acknowledged) => boolean, signal: AbortSignal): Promise<Acknowledged> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#listeners.delete(listener);
        signal.removeEventListener("abort", abort);
      };
      const listener = (one: Acknowledged): void => {
        if (!is(one)) return;
        end();
        resolve(one);
      };
      const abort = (): void => {
        end();
        reject(signal.reason);
      };
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort);
      this.#listeners.add(listener);
    });
  }
}
