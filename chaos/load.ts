/** Concurrent clients that increment and read, and remember exactly what they were promised. */

import { OutcomeUnknown, type RaftallyClient, RaftallyError, Unavailable } from "../src/client/index.ts";
import type { Target } from "./target.ts";

export interface LoadResult {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  readonly reads: number;
  /** Reads that ended without an answer. */
  readonly failedReads: number;
  /** The longest time in which no increment was acknowledged, ms. */
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
}

/** For one counter. */
interface Promised {
  acknowledged: number;
  unknown: number;
  /** Increments sent, acknowledged or not. */
  sent: number;
}

export class Load {
  readonly #cluster: Target;
  readonly #options: Required<LoadOptions>;
  readonly #promised: Map<string, Promised> = new Map();
  readonly #problems: string[] = [];
  readonly #workers: Promise<void>[] = [];
  #stopping = false;
  #refused = 0;
  #reads = 0;
  #failedReads = 0;
  #lastAcknowledgedAt = performance.now();
  #longestStallMs = 0;
  #lapStallMs = 0;

  constructor(cluster: Target, options: LoadOptions = {}) {
    this.#cluster = cluster;
    this.#options = { prefix: "load", readers: "one", ...options };
  }

  get acknowledged(): number {
    return [...this.#promised.values()].reduce((sum, promised) => sum + promised.acknowledged, 0);
  }

  /** Starts so many writers, and half as many readers, each beginning at another node. */
  start(writers: number): void {
    const { prefix, readers } = this.#options;
    this.#lastAcknowledgedAt = performance.now();
    for (let at = 0; at < writers; at++)
      this.#workers.push(this.#write(this.#cluster.client(at), `${prefix}:${at % 8}`));
    for (let at = 0; at < writers / 2; at++) {
      const { id } = this.#cluster.nodes[at % this.#cluster.nodes.length] ?? { id: "n1" };
      const client = readers === "one" ? this.#cluster.clientOf(id) : this.#cluster.client(at);
      this.#workers.push(this.#read(client, `${prefix}:${at % 8}`));
    }
  }

  /** The longest time without an acknowledged increment since the last call of this, or since the start; ms. */
  lap(): number {
    const stallMs = Math.max(this.#lapStallMs, performance.now() - this.#lastAcknowledgedAt);
    this.#lapStallMs = 0;
    return stallMs;
  }

  #of(key: string): Promised {
    const promised = this.#promised.get(key) ?? { acknowledged: 0, unknown: 0, sent: 0 };
    this.#promised.set(key, promised);
    return promised;
  }

  async #write(client: RaftallyClient, key: string): Promise<void> {
    const promised = this.#of(key);
    while (!this.#stopping) {
      promised.sent++;
      try {
        const { value } = await client.increment(key);
        promised.acknowledged++;
        if (value > BigInt(promised.sent))
          this.#problems.push(`${key} is ${value} after ${promised.sent} increments`);
        const now = performance.now();
        const stallMs = now - this.#lastAcknowledgedAt;
        this.#longestStallMs = Math.max(this.#longestStallMs, stallMs);
        this.#lapStallMs = Math.max(this.#lapStallMs, stallMs);
        this.#lastAcknowledgedAt = now;
      } catch (error) {
        if (error instanceof OutcomeUnknown) promised.unknown++;
        else if (error instanceof Unavailable) this.#refused++;
        else this.#problems.push(`an increment of ${key} ended with ${String(error)}`);
      }
    }
  }

  /** Reads one counter: whatever was acknowledged before a read began, it must show. */
  async #read(client: RaftallyClient, key: string): Promise<void> {
    const promised = this.#of(key);
    while (!this.#stopping) {
      const before = promised.acknowledged;
      try {
        const timeoutMs = this.#options.readers === "one" ? 2_000 : 10_000;
        const reading = await client.get(key, { timeoutMs });
        this.#reads++;
        const value = Number(reading?.value ?? 0n);
        if (value < before)
          this.#problems.push(`stale read: ${key} was ${value}, but ${before} were acknowledged`);
        if (value > promised.sent)
          this.#problems.push(`${key} was ${value} after ${promised.sent} increments`);
      } catch (error) {
        // A node that is dead, paused or without a majority does not answer: that is no wrong answer.
        if (!(error instanceof RaftallyError)) throw error;
        this.#failedReads++;
      }
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
    const all = [...this.#promised.values()];
    return {
      acknowledged: this.acknowledged,
      unknown: all.reduce((sum, { unknown }) => sum + unknown, 0),
      refused: this.#refused,
      reads: this.#reads,
      failedReads: this.#failedReads,
      longestStallMs: this.#longestStallMs,
      problems: this.#problems,
    };
  }

  /**
   * Reads every counter from every node. Each must hold all that was acknowledged, and no more than that and what
   * stayed unknown. Returns what is wrong.
   */
  async verify(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const { id } of this.#cluster.nodes) {
      const client = this.#cluster.clientOf(id);
      for (const [key, { acknowledged, unknown }] of this.#promised) {
        const value = Number((await client.get(key))?.value ?? 0n);
        if (value < acknowledged)
          wrong.push(`${id}: ${key} is ${value}, but ${acknowledged} were acknowledged`);
        if (value > acknowledged + unknown) wrong.push(`${id}: ${key} is ${value}, more than was ever sent`);
      }
    }
    return wrong;
  }
}
