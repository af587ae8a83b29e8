/** Virtual time: what happens when. Equal moments keep the order in which they were scheduled. */

import { assert } from "../../src/base/index.ts";

interface Scheduled {
  readonly at: number;
  readonly seq: number;
  readonly run: () => void;
}

/** The moment has come at which the world ends. */
export class OutOfTime extends Error {
  override readonly name: string = "OutOfTime";
}

export class EventQueue {
  readonly #endMs: number;
  /** A binary heap by (at, seq). */
  readonly #heap: Scheduled[] = [];
  #seq = 0;
  #now = 0;
  #count = 0;

  /** @param endMs nothing happens any more after this moment. */
  constructor(endMs: number = Number.POSITIVE_INFINITY) {
    this.#endMs = endMs;
  }

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Events run so far. */
  get count(): number {
    return this.#count;
  }

  /** Runs `run` after `delayMs` of virtual time. */
  after(delayMs: number, run: () => void): void {
    assert(delayMs >= 0, "events: nothing happens in the past");
    const heap = this.#heap;
    heap.push({ at: this.#now + delayMs, seq: this.#seq++, run });
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /**
   * Runs events until `untilMs` or until `done` says so; false if nothing is left to happen.
   * @throws {OutOfTime} when the world ends before.
   */
  run(untilMs: number, done: () => boolean = () => false): boolean {
    while (this.#heap.length > 0) {
      const first = this.#heap[0] as Scheduled;
      if (first.at > this.#endMs && untilMs > this.#endMs) throw new OutOfTime("the world ends here");
      if (first.at > untilMs) {
        this.#now = untilMs;
        return true;
      }
      this.#removeFirst();
      this.#now = first.at;
      this.#count++;
      first.run();
      if (done()) return true;
    }
    return false;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const smaller = left + 1 < heap.length && this.#before(left + 1, left) ? left + 1 : left;
      if (!this.#before(smaller, at)) return;
      this.#swap(at, smaller);
      at = smaller;
    }
  }

  #before(a: number, b: number): boolean {
    const one = this.#heap[a] as Scheduled;
    const other = this.#heap[b] as Scheduled;
    return one.at === other.at ? one.seq < other.seq : one.at < other.at;
  }

  #swap(a: number, b: number): void {
    const one = this.#heap[a] as Scheduled;
    this.#heap[a] = this.#heap[b] as Scheduled;
    this.#heap[b] = one;
  }
}
