/** Histograms that cost an addition for each value. */

/** Values in classes, each with an upper bound, as Prometheus counts them. */
export class Buckets {
  readonly #bounds: readonly number[];
  /** One for each bound, and one for what is beyond the last. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** @param bounds rising. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
    this.#count += 1;
  }

  /** For each bound, how many values do not exceed it. */
  cumulative(): readonly (readonly [bound: number, count: number])[] {
    let below = 0;
    return this.#bounds.map((bound, at) => {
      below += this.#counts[at] ?? 0;
      return [bound, below] as const;
    });
  }
}

/** Labels and the values that bear them. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly buckets: Buckets;
}

/** A histogram to be exported. */
export interface HistogramMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Asked at each collection; those that counted nothing are left out. */
  readonly series: () => Iterable<Series>;
}
