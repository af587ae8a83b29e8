/** Chance, drawn from a seed. What is drawn repeats with it; when real processes get to it does not. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 or more, less than 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** `from` or more, less than `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** A whole number, 0 or more, less than `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** @throws {RangeError} of an empty list. */
  pick<T>(list: readonly T[]): T {
    const [found] = list.slice(this.below(list.length));
    if (found === undefined) throw new RangeError("there is nothing to pick from");
    return found;
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const drawn = list.map((item) => ({ item, at: this.next() }));
    return drawn.sort((a, b) => a.at - b.at).map(({ item }) => item);
  }
}
