/** Which operation comes next: mostly increments, some reads, and a few of everything else. */

import type { Operation } from "./history.ts";
import type { Random } from "./random.ts";

/** What is asked next. */
export interface Wish {
  readonly op: Operation;
  /** Whether it is an increment by 1 of a counter that only such increments change: sums can be checked at once. */
  readonly isUnit: boolean;
}

const UNIT_KEYS = 6;
const DISTINCT_KEYS = 2;
/** A counter that is written in many ways is left behind after so many operations: they cost the most to judge. */
const MIXED_OPERATIONS = 150;
const BOUND = 12;

/** The kinds of counters, by what is done to them. */
type Kind = "unit" | "distinct" | "bounded" | "set";

export class Workload {
  readonly #prefix: string;
  readonly #random: Random;
  #amount = 0;
  #mixed = 0;

  constructor(prefix: string, random: Random) {
    this.#prefix = prefix;
    this.#random = random;
  }

  /** Every counter that increments by 1 go to. */
  get unitKeys(): readonly string[] {
    return Array.from({ length: UNIT_KEYS }, (_, at) => `${this.#prefix}:${at}`);
  }

  /** The next operation of a client that writes as well as it reads. */
  next(): Wish {
    const roll = this.#random.next();
    const kind: Kind = roll < 0.8 ? "unit" : roll < 0.9 ? "distinct" : roll < 0.95 ? "bounded" : "set";
    const key = this.#key(kind);
    if (this.#random.chance(0.25)) return { op: { f: "read", key }, isUnit: kind === "unit" };
    return { op: this.#write(kind, key), isUnit: kind === "unit" };
  }

  /** The next operation of a client that only reads. */
  nextRead(): Wish {
    const kind: Kind = this.#random.chance(0.9) ? "unit" : "distinct";
    const stale = this.#random.chance(0.25) ? ({ stale: true } as const) : {};
    return { op: { f: "read", key: this.#key(kind), ...stale }, isUnit: kind === "unit" };
  }

  #key(kind: Kind): string {
    switch (kind) {
      case "unit":
        return this.#random.pick(this.unitKeys);
      case "distinct":
        return `${this.#prefix}:distinct:${this.#random.below(DISTINCT_KEYS)}`;
      case "bounded":
      case "set":
        return `${this.#prefix}:${kind}:${Math.floor(this.#mixed++ / MIXED_OPERATIONS)}`;
    }
  }

  #write(kind: Kind, key: string): Operation {
    switch (kind) {
      case "unit":
        return { f: "add", key, by: "1" };
      case "distinct":
        // No two are equal, so that a hole in the sums tells which one is missing.
        return { f: "add", key, by: String(++this.#amount) };
      case "bounded": {
        const by = this.#random.chance(0.6) ? 1 : -1;
        return { f: "add", key, by: String(by), min: "0", max: String(BOUND) };
      }
      case "set":
        if (this.#random.chance(0.5)) return { f: "add", key, by: "1" };
        return { f: "set", key, value: String(this.#random.below(1_000)) };
    }
  }
}
