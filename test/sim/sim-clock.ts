/** The clock of one node: it may go faster or slower than those of others, and may stand still for a while. */

import type { EventQueue } from "./event-queue.ts";

export class SimClock {
  readonly #queue: EventQueue;
  readonly #rate: number;
  /** The latest time at which it stood still, virtual ms; and how much it had missed before that. */
  #frozenAt = 0;
  #frozenUntil = 0;
  #missedMs = 0;
  #setBy = 0;
  /** What it said last. */
  #ms = 0;

  /** @param rate ms that it counts for each ms that passes. */
  constructor(queue: EventQueue, rate: number) {
    this.#queue = queue;
    this.#rate = rate;
  }

  /** What a process on this machine is told, ms: monotonic. */
  get ms(): number {
    if (this.isFrozen) return this.#ms;
    const missed = this.#missedMs + this.#frozenUntil - this.#frozenAt;
    // Monotonic also where the rounding of so many differences would not be.
    this.#ms = Math.max(this.#ms, (this.#queue.now - missed) * this.#rate);
    return this.#ms;
  }

  /** What the wall clock of the machine says, ms: the same, but for people and programs that set it. */
  get wallMs(): number {
    return this.ms + this.#setBy;
  }

  /** Somebody sets the wall clock forward by so many ms, or back. */
  set(byMs: number): void {
    this.#setBy += byMs;
  }

  get isFrozen(): boolean {
    return this.#queue.now < this.#frozenUntil;
  }

  /** Stands still for so long, virtual ms; without effect while it does already. */
  freeze(ms: number): void {
    if (this.isFrozen) return;
    this.#ms = this.ms;
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
