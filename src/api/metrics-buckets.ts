/** Histograms that cost an addition for each value; prom-client sees their sums when it collects. */

import { Histogram, type Registry } from "prom-client";

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

interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** What prom-client makes lines of. */
interface Exported extends Omit<Definition, "labelNames"> {
  readonly type: "histogram";
  readonly aggregator: "sum";
  readonly values: readonly {
    readonly metricName: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

/** A histogram that is counted outside of prom-client. */
export class SummedHistogram extends Histogram<string> {
  readonly #definition: Definition;
  readonly #series: () => Iterable<Series>;

  /** @param series is asked at each collection; those that counted nothing are left out. */
  constructor(definition: Definition, registry: Registry, series: () => Iterable<Series>) {
    super({ ...definition, labelNames: [...definition.labelNames], registers: [registry] });
    this.#definition = definition;
    this.#series = series;
  }

  /** What prom-client calls to write its text, and its JSON. */
  async getForPromString(): Promise<Exported> {
    const { name, help } = this.#definition;
    const values: Exported["values"][number][] = [];
    for (const { labels, buckets } of this.#series()) {
      for (const [le, value] of buckets.cumulative()) {
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value });
      }
      const { count, sum } = buckets;
      values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count });
      values.push({ metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return { name, help, type: "histogram", aggregator: "sum", values };
  }
}
