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
  /** Whether it took the leader away and left a majority to the others: somebody has to take over, and can. */
  readonly hitsLeader: boolean;
  readonly detail: string | undefined;
}

/** What is known of a fault when it begins. */
export interface Intent {
  readonly detail?: string;
  readonly hitsLeader?: boolean;
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
  readonly #doubts: string[] = [];

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

  /** Why the faults were not what they seem to be: the run then proves nothing. */
  get doubts(): readonly string[] {
    return this.#doubts;
  }

  doubt(sentence: string): void {
    this.#doubts.push(sentence);
  }

  /** A fault that is over at once, such as a kill. */
  once(kind: string, nodes: readonly string[], effect: Effect & Intent): void {
    const { effective, detail, hitsLeader = false } = effect;
    const atMs = this.#nowMs();
    this.#spans.push({ kind, nodes, fromMs: atMs, toMs: atMs, effective, hitsLeader, detail });
    this.#recorder.note({ f: kind, phase: "once", nodes, ...(detail === undefined ? {} : { detail }) });
  }

  /** A fault that lasts until its `end` is called. Not effective if that never happens. */
  begin(
    kind: string,
    nodes: readonly string[],
    { detail: about, hitsLeader = false }: Intent = {},
  ): OpenFault {
    const at = this.#spans.length;
    const span = {
      kind,
      nodes,
      fromMs: this.#nowMs(),
      toMs: undefined,
      effective: false,
      hitsLeader,
      detail: about,
    };
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
