/** Concurrent clients that increment and read, and remember exactly what they were promised. */

import { OutcomeUnknown, type RaftallyClient, RaftallyError, Unavailable } from "../src/client/index.ts";
import type { Cluster } from "./cluster.ts";

export interface LoadResult {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  readonly reads: number;
  /** The longest time in which no increment was acknowledged, ms. */
  readonly longestStallMs: number;
  /** What was wrong with answers while the load ran; empty if nothing was. */
  readonly problems: readonly string[];
}

/** For one counter. */
interface Promised {
  acknowledged: number;
  unknown: number;
  /** Increments sent, acknowledged or not. */
  sent: number;
}

export class Load {
  readonly #cluster: Cluster;
  readonly #prefix: string;
  readonly #promised: Map<string, Promised> = new Map();
  readonly #problems: string[] = [];
  readonly #workers: Promise<void>[] = [];
  #stopping = false;
  #refused = 0;
  #reads = 0;
  #lastAcknowledgedAt = performance.now();
  #longestStallMs = 0;

  /** @param prefix of its counters, which nobody else may write. */
  constructor(cluster: Cluster, prefix = "load") {
    this.#cluster = cluster;
    this.#prefix = prefix;
  }

  get acknowledged(): number {
    return [...this.#promised.values()].reduce((sum, promised) => sum + promised.acknowledged, 0);
  }

  /** Starts so many writers, and half as many readers, each beginning at another node. */
  start(writers: number): void {
    this.#lastAcknowledgedAt = performance.now();
    for (let at = 0; at < writers; at++)
      this.#workers.push(this.#write(this.#cluster.client(at), `${this.#prefix}:${at % 8}`));
    for (let at = 0; at < writers / 2; at++) {
      const { id } = this.#cluster.nodes[at % this.#cluster.nodes.length] ?? { id: "n1" };
      this.#workers.push(this.#read(this.#cluster.clientOf(id), `${this.#prefix}:${at % 8}`));
    }
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
        this.#longestStallMs = Math.max(this.#longestStallMs, now - this.#lastAcknowledgedAt);
        this.#lastAcknowledgedAt = now;
      } catch (error) {
        if (error instanceof OutcomeUnknown) promised.unknown++;
        else if (error instanceof Unavailable) this.#refused++;
        else this.#problems.push(`an increment of ${key} ended with ${String(error)}`);
      }
    }
  }

  /** Reads one counter from one node, always: whatever was acknowledged before a read began, it must show. */
  async #read(client: RaftallyClient, key: string): Promise<void> {
    const promised = this.#of(key);
    while (!this.#stopping) {
      const before = promised.acknowledged;
      try {
        const reading = await client.get(key, { timeoutMs: 2_000 });
        this.#reads++;
        const value = Number(reading?.value ?? 0n);
        if (value < before)
          this.#problems.push(`stale read: ${key} was ${value}, but ${before} were acknowledged`);
        if (value > promised.sent)
          this.#problems.push(`${key} was ${value} after ${promised.sent} increments`);
      } catch (error) {
        // A node that is dead, paused or without a majority does not answer: that is no wrong answer.
        if (!(error instanceof RaftallyError)) throw error;
      }
    }
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
