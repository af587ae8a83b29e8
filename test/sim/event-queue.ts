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
    const last: Scheduled = { at: this.#now + delayMs, seq: this.#seq++, run };
    let at = heap.length;
    heap.push(last);
    // Whatever comes later makes room for it; nothing that is there already comes later at the same moment.
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Scheduled;
      if (above.at <= last.at) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = last;
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
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (let below = 1; below < length; below = 2 * at + 1) {
      let next = heap[below] as Scheduled;
      const other = heap[below + 1];
      if (other !== undefined && isBefore(other, next)) {
        next = other;
        below++;
      }
      if (!isBefore(next, last)) break;
      heap[at] = next;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Scheduled, other: Scheduled): boolean {
  return one.at < other.at || (one.at === other.at && one.seq < other.seq);
}
