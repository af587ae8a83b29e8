/** The clock of one node: it may go faster or slower than those of others, and may stand still for a while. */

import type { EventQueue } from "./event-queue.ts";

export class SimClock {
  readonly #queue: EventQueue;
  readonly #rate: number;
  /** The latest time at which it stood still, virtual ms; and how much it had missed before that. */
  #frozenAt = 0;
  #frozenUntil = 0;
  #missedMs = 0;

  /** @param rate ms that it counts for each ms that passes. */
  constructor(queue: EventQueue, rate: number) {
    this.#queue = queue;
    this.#rate = rate;
  }

  /** What a process on this machine is told, ms: monotonic. */
  get ms(): number {
    const { now } = this.#queue;
    const missed = this.#missedMs + Math.min(now, this.#frozenUntil) - this.#frozenAt;
    return (now - missed) * this.#rate;
  }

  get isFrozen(): boolean {
    return this.#queue.now < this.#frozenUntil;
  }

  /** Stands still for so long, virtual ms; without effect while it does already. */
  freeze(ms: number): void {
    if (this.isFrozen) return;
    this.#missedMs += this.#frozenUntil - this.#frozenAt;
    this.#frozenAt = this.#queue.now;
    this.#frozenUntil = this.#frozenAt + ms;
  }

  /** Goes on now, if it stands still. */
  thaw(): void {
    if (this.isFrozen) this.#frozenUntil = this.#queue.now;
  }

  /** How much virtual time passes while it counts so many ms. */
  virtual(ms: number): number {
    return ms / this.#rate;
  }
}
