/**
 * `/metrics` for Prometheus, by prom-client: what the node counts anyway is read when somebody asks; what takes time is
 * counted as it happens, in arrays. No label has a value for each key, path or caller.
 */

import { assert } from "../base/index.ts";
import type { NodeService } from "../node/index.ts";
import type { ApiHandler } from "./call.ts";
import { Buckets, type HistogramMetric } from "./metrics-buckets.ts";
import { HttpTimes } from "./metrics-http.ts";
import { LoopDelay } from "./metrics-loop.ts";
import type { MetricsRegistry } from "./metrics-registry.ts";
import type { Route } from "./route.ts";

const PREFIX = "raftally_";
/** Counters that are exported with `exportCounters`. */
const EXPORTED_MAX = 1_000;

export interface MetricsOptions {
  /** Also the values of the first 1,000 counters, in order of key, as `raftally_counter{key=…}`. */
  readonly exportCounters?: boolean | undefined;
}

/** Upper bounds in seconds: from a fast disk to one that is about to be given up. */
const DISK_BOUNDS = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
  2.048, 4.096,
];

export class Metrics {
  readonly #service: NodeService;
  readonly #histograms: readonly HistogramMetric[];
  #registry: Promise<MetricsRegistry> | undefined;
  readonly #http = new HttpTimes();
  readonly #loop = new LoopDelay();
  readonly #exportCounters: boolean;

  constructor(service: NodeService, { exportCounters = false }: MetricsOptions = {}) {
    this.#service = service;
    this.#exportCounters = exportCounters;
    this.#histograms = [...this.#durations(), this.#requests()];
  }

  /** A route's handler, timed. */
  time(route: Pick<Route, "method" | "path">, handler: ApiHandler): ApiHandler {
    return this.#http.time(route, handler);
  }

  /** The handler of whatever fits no route, timed. */
  timeOthers(handler: ApiHandler): ApiHandler {
    return this.#http.time({ method: "any", path: "none" }, handler);
  }

  /** Prometheus' text format 0.0.4. */
  async text(): Promise<string> {
    this.#registry ??= newRegistry(this.#histograms).catch((error: unknown) => {
      // The next scrape tries again.
      this.#registry = undefined;
      throw error;
    });
    this.#loop.start();
    const registry = await this.#registry;
    const { live } = this.#service;
    const diskBytes = await live.diskBytes();
    const counters = this.#exportCounters ? await this.#countersText() : "";
    const text = await registry.text({
      status: this.#service.status(),
      checks: this.#service.checks(),
      live,
      diskBytes,
      space: live.diskSpace,
    });
    return text + counters;
  }

  #durations(): readonly HistogramMetric[] {
    const fsync = new Buckets(DISK_BOUNDS);
    const apply = new Buckets(DISK_BOUNDS);
    const commit = new Buckets(DISK_BOUNDS);
    this.#service.live.observe({
      fsync: (ms) => fsync.observe(ms / 1_000),
      apply: (ms) => apply.observe(ms / 1_000),
      commit: (ms) => commit.observe(ms / 1_000),
    });
    const metric = (name: string, help: string, buckets: Buckets): HistogramMetric => {
      return { name, help, labelNames: [], series: () => [{ labels: {}, buckets }] };
    };
    return [
      metric(
        "wal_fsync_duration_seconds",
        "From handing a batch to the log until it is on this node's disk.",
        fsync,
      ),
      metric(
        "apply_duration_seconds",
        "From handing committed entries to the counters until they are in them.",
        apply,
      ),
      metric(
        "commit_duration_seconds",
        "From proposing an entry on this leader until a majority has it.",
        commit,
      ),
      metric(
        "event_loop_delay_seconds",
        "How much later than asked the event loop gets to a timer, looked at every 2 ms.",
        this.#loop.buckets,
      ),
    ];
  }

  #requests(): HistogramMetric {
    return {
      name: "http_request_duration_seconds",
      help: "From a request's handler to its answer, by route; of a stream, to its beginning.",
      labelNames: ["route", "method", "status"],
      series: () => this.#http.series(),
    };
  }

  /** Exact, unlike prom-client's numbers. */
  async #countersText(): Promise<string> {
    const query = { kind: "list", prefix: "", after: undefined, limit: EXPORTED_MAX } as const;
    const result = await this.#service.read(query, "stale");
    const name = `${PREFIX}counter`;
    const lines = [`\n# HELP ${name} The value of a counter, of the first ${EXPORTED_MAX} in order of key.`];
    lines.push(`# TYPE ${name} gauge`);
    if (result.kind === "answer") {
      assert(result.answer.kind === "list", "metrics: a list is answered by a list");
      for (const { key, value } of result.answer.rows) lines.push(`${name}{key="${escaped(key)}"} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }
}

async function newRegistry(histograms: readonly HistogramMetric[]): Promise<MetricsRegistry> {
  const { MetricsRegistry } = await import("./metrics-registry.ts");
  return new MetricsRegistry(PREFIX, histograms);
}

/** As the text format wants the values of labels. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
