/**
 * What was done to the cluster, and whether it had an effect. A fault that hits nothing (a partition over which
 * nobody wanted to talk, a pause of a process that was dead) proves nothing, so only effective ones are counted.
 */

import type { HistoryRecorder } from "./history-recorder.ts";

/** One fault. */
export interface FaultSpan {
  readonly kind: string;
  readonly nodes: readonly string[];
  /** ms since the run began. */
  readonly fromMs: number;
  /** Undefined while it lasts; equal to `fromMs` if it was over at once. */
  readonly toMs: number | undefined;
  readonly effective: boolean;
  readonly detail: string | undefined;
}

/** What came of a fault. */
export interface Effect {
  /** Whether it hit something: each kind says how it knows. */
  readonly effective: boolean;
  readonly detail?: string;
}

/** A fault that lasts. */
export interface OpenFault {
  end(effect: Effect): void;
}

export interface FaultCount {
  readonly done: number;
  readonly effective: number;
}

export class FaultLog {
  readonly #recorder: HistoryRecorder;
  readonly #spans: FaultSpan[] = [];

  constructor(recorder: HistoryRecorder) {
    this.#recorder = recorder;
  }

  get spans(): readonly FaultSpan[] {
    return this.#spans;
  }

  /** How many there were of each kind. */
  get counts(): ReadonlyMap<string, FaultCount> {
    const counts = new Map<string, FaultCount>();
    for (const { kind, effective } of this.#spans) {
      const { done, effective: hits } = counts.get(kind) ?? { done: 0, effective: 0 };
      counts.set(kind, { done: done + 1, effective: hits + (effective ? 1 : 0) });
    }
    return counts;
  }

  /** A fault that is over at once, such as a kill. */
  once(kind: string, nodes: readonly string[], { effective, detail }: Effect): void {
    const atMs = this.#nowMs();
    this.#spans.push({ kind, nodes, fromMs: atMs, toMs: atMs, effective, detail });
    this.#recorder.note({ f: kind, phase: "once", nodes, ...(detail === undefined ? {} : { detail }) });
  }

  /** A fault that lasts until its `end` is called. Not effective if that never happens. */
  begin(kind: string, nodes: readonly string[], about?: string): OpenFault {
    const at = this.#spans.length;
    const span = { kind, nodes, fromMs: this.#nowMs(), toMs: undefined, effective: false, detail: about };
    this.#spans.push(span);
    this.#recorder.note({
      f: kind,
      phase: "begin",
      nodes,
      ...(about === undefined ? {} : { detail: about }),
    });
    return {
      end: ({ effective, detail = about }) => {
        this.#spans[at] = { ...span, toMs: this.#nowMs(), effective, detail };
        this.#recorder.note({ f: kind, phase: "end", nodes, ...(detail === undefined ? {} : { detail }) });
      },
    };
  }

  #nowMs(): number {
    return this.#recorder.elapsedNs / 1e6;
  }
}
