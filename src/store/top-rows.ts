/** The best few of many rows, without keeping the others. */

import type { CounterRow } from "../counter/index.ts";

/**
 * Keeps the rows with the lowest values, or the highest, of all that it is shown; of equal values those that it was
 * shown first, so that whoever goes through keys in order gets equal values in the order of keys.
 *
 * A binary heap with the worst row at its root: a row that is not among the best costs one comparison.
 */
export class TopRows {
  readonly #limit: number;
  /** 1: the lowest values are the best; -1: the highest. */
  readonly #sign: 1 | -1;
  readonly #heap: { readonly row: CounterRow; readonly at: number }[] = [];
  #shown = 0;

  /** @param limit rows to keep, at least 1. */
  constructor(limit: number, best: "lowest" | "highest") {
    this.#limit = limit;
    this.#sign = best === "lowest" ? 1 : -1;
  }

  add(row: CounterRow): void {
    const one = { row, at: this.#shown++ };
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(one);
      this.#rise(heap.length - 1);
      return;
    }
    const [worst] = heap;
    if (worst === undefined || this.#compare(one, worst) > 0) return;
    heap[0] = one;
    this.#sink();
  }

  /** The rows kept, best first. */
  sorted(): CounterRow[] {
    return this.#heap.toSorted((a, b) => this.#compare(a, b)).map(({ row }) => row);
  }

  #compare(
    a: { readonly row: CounterRow; readonly at: number },
    b: { readonly row: CounterRow; readonly at: number },
  ): number {
    if (a.row.value === b.row.value) return a.at - b.at;
    return a.row.value < b.row.value ? -this.#sign : this.#sign;
  }

  #isWorse(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    return one !== undefined && other !== undefined && this.#compare(one, other) > 0;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isWorse(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      let worst = at;
      if (this.#isWorse(left, worst)) worst = left;
      if (this.#isWorse(left + 1, worst)) worst = left + 1;
      if (worst === at) return;
      this.#swap(at, worst);
      at = worst;
    }
  }
}
