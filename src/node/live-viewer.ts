/** What one watcher has not been told yet: durations and messages since its last look. */

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { NodeId } from "../raft/index.ts";
import type { MessageCount, PictureViewer, Spread } from "./live-types.ts";

/** Messages sent so far, by peer and kind. */
export type Sent = ReadonlyMap<NodeId, ReadonlyMap<string, number>>;

/** Durations that a picture spreads out. */
export type Measure = "commit" | "fsync" | "apply" | "loop";

/** Microseconds: whole numbers, as these histograms count. */
const UNITS_PER_MS = 1_000;
/** What takes longer counts as this long: a minute. */
const LONGEST = 60_000 * UNITS_PER_MS;

export class Viewer implements PictureViewer {
  readonly #histograms: Readonly<Record<Measure, RecordableHistogram>> = {
    commit: durations(),
    fsync: durations(),
    apply: durations(),
    loop: durations(),
  };
  readonly #onClose: (viewer: Viewer) => void;
  #told: Map<NodeId, Map<string, number>>;

  /** @param sent what was sent before: it is not told. */
  constructor(sent: Sent, onClose: (viewer: Viewer) => void) {
    this.#told = copyOf(sent);
    this.#onClose = onClose;
  }

  record(measure: Measure, ms: number): void {
    const units = Math.round(ms * UNITS_PER_MS);
    this.#histograms[measure].record(Math.min(Math.max(units, 1), LONGEST));
  }

  /** Percentiles since the last call; undefined if nothing was recorded. */
  take(measure: Measure): Spread | undefined {
    const histogram = this.#histograms[measure];
    if (histogram.count === 0) return undefined;
    const spread = {
      count: histogram.count,
      p50: histogram.percentile(50) / UNITS_PER_MS,
      p99: histogram.percentile(99) / UNITS_PER_MS,
      max: histogram.max / UNITS_PER_MS,
    };
    histogram.reset();
    return spread;
  }

  /** Messages since the last call. */
  takeMessages(sent: Sent): readonly MessageCount[] {
    const news: MessageCount[] = [];
    for (const [to, kinds] of sent) {
      for (const [kind, total] of kinds) {
        const count = total - (this.#told.get(to)?.get(kind) ?? 0);
        if (count > 0) news.push({ to, kind, count });
      }
    }
    if (news.length > 0) this.#told = copyOf(sent);
    return news;
  }

  close(): void {
    this.#onClose(this);
  }
}

function durations(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: LONGEST, figures: 2 });
}

function copyOf(sent: Sent): Map<NodeId, Map<string, number>> {
  return new Map([...sent].map(([to, kinds]) => [to, new Map(kinds)]));
}
