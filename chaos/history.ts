/**
 * What clients asked and what they were told, in the shape of Jepsen's histories: one JSON object a line.
 *
 * One load generator records with one monotonic clock, so times of different clients compare. A process is logical and
 * does one thing at a time: after an `info` it never acts again, because what it asked may still happen (a new number
 * takes its place).
 */

/** One step of one operation, or one thing that was done to the cluster. */
export type HistoryLine = Invoke | Ok | Fail | Info | Note;

interface Step {
  /** Numbers the lines from 0. */
  readonly i: number;
  /** Monotonic, ns since the run began. */
  readonly t: number;
  /** The logical process. */
  readonly p: number;
  /** What was asked; the same in the line that ends it. */
  readonly op: Operation;
  /**
   * Of a write, its idempotency key, where the load generator gave one. Two operations with the same id are one
   * write asked for twice: it may happen once, and both must be told the same. The same in the line that ends it.
   */
  readonly id?: string;
}

/** A line that ends an operation. */
interface End extends Step {
  /** How many requests were sent for it; one where this is left out. */
  readonly attempts?: number;
}

/** Decimal text wherever a value may leave the range of exact numbers. */
export type Value = string;

export type Operation =
  /** `key += by`. With a bound it is refused, as LIMIT_REACHED, where the result would leave `min` to `max`. */
  | {
      readonly f: "add";
      readonly key: string;
      readonly by: Value;
      readonly min?: Value;
      readonly max?: Value;
    }
  | { readonly f: "set"; readonly key: string; readonly value: Value }
  /** The value of one counter; 0 of one that was never written. `stale` promises only that it was once true. */
  | { readonly f: "read"; readonly key: string; readonly stale?: true };

export interface Invoke extends Step {
  readonly type: "invoke";
}

/** It happened, between its invocation and now. */
export interface Ok extends End {
  readonly type: "ok";
  /** The value after it; of a read what was read. */
  readonly value: Value;
  /** Of the counter's latest change: 0 of a counter that was never written. */
  readonly revision: number;
  /**
   * Of a write, the entry of the log that carried it (of a replayed answer: that carried the repeat); of a read, the
   * last entry in the state that was read. 0 where the answer did not say.
   */
  readonly index: number;
  /** The term of that entry; 0 where the answer did not say. */
  readonly term: number;
  /** Who answered, where that is known. */
  readonly node?: string;
  /** Whether the answer is that of an earlier attempt with the same idempotency key. */
  readonly replayed?: true;
  /** Of a set or an add of 0 that found the counter as it was to be: the revision is that of an earlier change. */
  readonly changed?: false;
}

/** It did not happen and never will. */
export interface Fail extends End {
  readonly type: "fail";
  /** Code of the refusal; LIMIT_REACHED means that the operation ran and found its bound exceeded. */
  readonly error: string;
}

/** Nobody knows: it may have happened, or happen at any time from its invocation on. */
export interface Info extends End {
  readonly type: "info";
  readonly error: string;
}

/** What was done to the cluster, or seen of it: a fault that begins or ends, a change of leader. */
export interface Note {
  readonly i: number;
  readonly t: number;
  readonly p: "nemesis";
  readonly type: "info";
  /** The kind of fault, such as `kill`, `pause`, `partition`; `leader` for a new leader that was seen. */
  readonly f: string;
  /** Whether it begins, ends, or is over at once. */
  readonly phase: "begin" | "end" | "once";
  readonly nodes: readonly string[];
  readonly detail?: string;
}
