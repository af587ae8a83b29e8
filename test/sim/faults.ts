/**
 * Every fault has a name, made of its kind and its number within that kind, and draws all that it needs from a random
 * stream of its own, and so does whatever follows from it. So a run can be repeated with some of its faults left out,
 * and the others stay what they were: they come at the same moments and make the same choices.
 */

import { hash52, Prng } from "../../src/base/index.ts";

/** What can be left out of a run one by one. What hits each message or flush is a feature of the profile instead. */
export type FaultKind =
  | "away"
  | "change"
  | "churn"
  | "clock"
  | "clog"
  | "crash"
  | "death"
  | "disk"
  | "freeze"
  | "handover"
  | "install"
  | "interrupt"
  | "partition"
  | "pause"
  | "recovery"
  | "rot"
  | "stop"
  | "transfer"
  | "wipe";

/** `crash 3` is the third moment at which a crash was due, counted from 1. */
export type FaultId = `${FaultKind} ${number}`;

export interface Fault {
  readonly id: FaultId;
  /** Everything that this fault and its consequences draw. */
  readonly prng: Prng;
  /** Says what it does, as soon as it does anything: a fault that finds nothing to do has not happened. */
  readonly note: (what: string) => void;
}

/** A fault that did something. */
export interface Happened {
  readonly id: FaultId;
  readonly atMs: number;
  /** The first thing that it did. */
  readonly what: string;
}

export interface FaultsOptions {
  readonly seed: number;
  /** Only these happen; undefined for all. */
  readonly only: ReadonlySet<FaultId> | undefined;
  readonly now: () => number;
  readonly note: (text: string) => void;
}

export class Faults {
  readonly #options: FaultsOptions;
  readonly #due: Map<FaultKind, number> = new Map();
  readonly #happened: Map<FaultId, Happened> = new Map();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Everything that has happened, in order. */
  get happened(): readonly Happened[] {
    return [...this.#happened.values()];
  }

  /** The stream for what concerns a kind as a whole: the moments at which its faults are due. */
  stream(kind: FaultKind): Prng {
    return new Prng(hash52([this.#options.seed, "fault", kind]));
  }

  /** The fault of this kind that is due now; undefined if it is to be left out. */
  due(kind: FaultKind): Fault | undefined {
    const { seed, only, now, note } = this.#options;
    const number = (this.#due.get(kind) ?? 0) + 1;
    this.#due.set(kind, number);
    const id: FaultId = `${kind} ${number}`;
    if (only !== undefined && !only.has(id)) return undefined;
    return {
      id,
      prng: new Prng(hash52([seed, "fault", kind, number])),
      note: (what) => {
        if (!this.#happened.has(id)) this.#happened.set(id, { id, atMs: now(), what });
        note(`[${id}] ${what}`);
      },
    };
  }
}
