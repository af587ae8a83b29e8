/** What is exported, as prom-client knows it. Loaded with the first scrape: prom-client takes longer than a start should. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { defined } from "../base/index.ts";
import type { HistogramMetric } from "./metrics-buckets.ts";
import { type Moment, NODE_METRICS, type NodeMetric } from "./metrics-node.ts";

export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #prefix: string;
  #moment: Moment | undefined;

  /** @param prefix begins every name but those of the process. */
  constructor(prefix: string, histograms: readonly HistogramMetric[]) {
    this.#prefix = prefix;
    for (const metric of NODE_METRICS) this.#register(metric);
    for (const histogram of histograms) {
      const name = prefix + histogram.name;
      new SummedHistogram({ ...histogram, name }, this.#registry);
    }
    // They watch the process (its event loop, its garbage collections), which nobody needs who does not ask.
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Prometheus' text format 0.0.4. */
  async text(moment: Moment): Promise<string> {
    this.#moment = moment;
    return await this.#registry.metrics();
  }

  #register({ name, type, help, labels = [], read }: NodeMetric): void {
    const about = { name: this.#prefix + name, help, labelNames: [...labels], registers: [this.#registry] };
    const values = (): readonly {
      readonly labels: Readonly<Record<string, string>>;
      readonly value: number;
    }[] => {
      const reading = read(defined(this.#moment, "metrics: they are read at some moment"));
      return typeof reading === "number" ? [{ labels: {}, value: reading }] : reading;
    };
    if (type === "gauge") {
      const metric = new Gauge({
        ...about,
        collect(): void {
          metric.reset();
          // Without labels a reset leaves a 0 behind, which would claim something.
          if (labels.length === 0) metric.remove();
          for (const { labels: of, value } of values()) metric.set(of, value);
        },
      });
      return;
    }
    const metric = new Counter({
      ...about,
      collect(): void {
        metric.reset();
        for (const { labels: of, value } of values()) metric.inc(of, value);
      },
    });
  }
}

/** What prom-client makes lines of. */
interface Exported extends Pick<HistogramMetric, "name" | "help"> {
  readonly type: "histogram";
  readonly aggregator: "sum";
  readonly values: readonly {
    readonly metricName: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

/** A histogram that is counted outside of prom-client. */
class SummedHistogram extends Histogram<string> {
  readonly #metric: HistogramMetric;

  constructor(metric: HistogramMetric, registry: Registry) {
    const { name, help, labelNames } = metric;
    super({ name, help, labelNames: [...labelNames], registers: [registry] });
    this.#metric = metric;
  }

  /** What prom-client calls to write its text, and its JSON. */
  async getForPromString(): Promise<Exported> {
    const { name, help, series } = this.#metric;
    const values: Exported["values"][number][] = [];
    for (const { labels, buckets } of series()) {
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
