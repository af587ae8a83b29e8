/** What an entry's payload holds and what applying it returns. */

import type { Changed, Command, Outcome, RefusalCode } from "./types.ts";

/**
 * What one log entry carries: commands in order, with runs combined. A run is consecutive adds of the same
 * `by` (not 0) to one key, without `once`, bound, or idempotency; it gives what its adds give one by one.
 */
export interface Payload {
  /** Milliseconds on the leader's monotonic clock since its previous entry; 0 for the first of a term. */
  readonly elapsed: number;
  readonly items: readonly Item[];
}

export type Item =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "run"; readonly key: string; readonly by: bigint; readonly count: number };

export type ItemOutcome =
  | { readonly kind: "command"; readonly outcome: Outcome }
  | {
      /** Of a batch that was done, of nothing but plain adds: see series.ts. */
      readonly kind: "series";
      /** For each of the batch's `changes`: its counter's value before the batch, and its revision after it. */
      readonly rows: readonly { readonly value: bigint; readonly revision: number }[];
    }
  | {
      readonly kind: "run";
      /** What the first add gave; the i-th gives value + i × by and revision + i. Meaningless if applied is 0. */
      readonly first: Changed;
      readonly by: bigint;
      /** This many adds were done; those after them were refused. */
      readonly applied: number;
      readonly refusal: { readonly code: RefusalCode; readonly detail: string } | undefined;
    };
