/** What combining is told and what it gives. */

import type { Counter, LogPosition } from "./types.ts";

/** How increments are gathered; every field may be left out. */
export interface CombiningOptions {
  /**
   * How long increments are gathered before they are sent, in ms, counted from the first one of a request; 0 gathers
   * what one turn of the event loop brings. When left out they are gathered until the request before has returned, and
   * not at all while none is out: the busier the program, the more goes into a request, and nobody waits for nothing.
   */
  readonly lingerMs?: number;
  /** Counters in one request, 1 to 1,000; 1,000 by default. A request that is full does not wait for the one before. */
  readonly maxKeys?: number;
  /** Requests that may be out at the same time, 1 to 64; 4 by default. */
  readonly maxInFlight?: number;
  /** Calls that may wait for their answer, 1,000,000 by default; those beyond are refused at once with `Unavailable`. */
  readonly maxPending?: number;
  /**
   * The same in bytes: what the sums that wait take up in memory, about. 67,108,864 by default. Only the first call for
   * a counter takes any; those that join its sum are free.
   */
  readonly maxPendingBytes?: number;
  /** For a whole request, all its attempts and pauses included, in ms; the client's by default. */
  readonly timeoutMs?: number;
  /**
   * Ends it: what was not sent is rejected with the signal's reason, and what was sent with `OutcomeUnknown` unless it
   * surely has not counted.
   */
  readonly signal?: AbortSignal;
  /** Told of every sum that was not counted, or may not have been. For programs that do not await their increments. */
  readonly onFailure?: (failure: CombiningFailure) => void;
}

/** A counter after one request: the same object for all callers whose increments were added together in it. */
export interface Combined extends Counter, LogPosition {
  /** The counter's value after the whole sum, not after this caller's part of it: before the sum it was `value - by`. */
  readonly value: bigint;
  /** What was added: the sum of the increments of `calls` calls. */
  readonly by: bigint;
  /** How many calls were combined, this one included. */
  readonly calls: number;
  /** Whether this is the outcome of an earlier attempt of the same request. */
  readonly replayed: boolean;
}

/** Increments of one counter that were added together. */
export interface CombinedSum {
  readonly key: string;
  readonly by: bigint;
  readonly calls: number;
}

/** Sums that failed together, and why. */
export interface CombiningFailure {
  /** What their callers were rejected with: `Refused`, `Unavailable`, `OutcomeUnknown`, or the signal's reason. */
  readonly error: unknown;
  /**
   * In the order of the request. After an `OutcomeUnknown` this is all that the request held: a batch of
   * `failure.sums.map(({ key, by }) => ({ key, by }))` with `idempotencyKey: error.idempotencyKey`, or for a client with
   * sessions with `place: error.place` by that same client, asks for its outcome without counting twice.
   */
  readonly sums: readonly CombinedSum[];
}
