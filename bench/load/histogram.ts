/** How long things took: counts in buckets that grow by 1 %, so that a million of them cost no memory and no sorting. */

import type { Figures } from "../types.ts";

/** Where the first bucket ends, ms. */
const SHORTEST_MS = 0.001;
const GROWTH = 1.01;
const LOG_GROWTH: number = Math.log(GROWTH);
/** The last bucket ends above an hour. */
const BUCKETS = 2_300;

export class Histogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  record(ms: number): void {
    const at = ms <= SHORTEST_MS ? 0 : Math.ceil(Math.log(ms / SHORTEST_MS) / LOG_GROWTH);
    const bucket = Math.min(at, BUCKETS - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    if (ms > this.#max) this.#max = ms;
  }

  /**
   * The time that a share of them did not exceed, in ms; at most 1 % too high.
   * @param share 0 to 1.
   * @returns NaN if there are none.
   */
  percentile(share: number): number {
    if (this.#count === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    // The last bucket holds whatever is longer, so that only the longest can be told of it.
    for (let at = 0; at < BUCKETS - 1; at++) {
      seen += this.#counts[at] ?? 0;
      if (seen >= wanted) return Math.min(SHORTEST_MS * GROWTH ** at, this.#max);
    }
    return this.#max;
  }

  /** What tables say of it; nothing if there are none. */
  figures(): Figures {
    if (this.#count === 0) return {};
    return {
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    };
  }
}
