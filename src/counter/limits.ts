/** How much is remembered, and for how long. */

import { assert } from "../base/index.ts";
import type { Totals } from "./types.ts";

/** Bounds on what the state machine remembers for retries. Times are in ms of log time. */
export interface Limits {
  /** An outcome remembered by key is kept at least this long, and a session this long after its last use. */
  readonly windowMs: number;
  /** Not even a full memory forgets anything that is not older than this. */
  readonly floorMs: number;
  /** Outcomes remembered by key. */
  readonly capacity: number;
  /** Sessions that may exist. */
  readonly sessionsMax: number;
  /** A session's `seq` stays this close to its `firstUnanswered`: bounds the outcomes one session keeps. */
  readonly sessionPendingMax: number;
}

/**
 * The limits in production. They are not configurable: what a node forgets is part of the replicated state, so
 * two nodes with different limits would answer the same retry differently and their digests would part. To
 * change a number is to change the state machine: it needs a new payload format, which old nodes refuse.
 */
export const LIMITS: Limits = {
  windowMs: 600_000,
  floorMs: 60_000,
  capacity: 1_000_000,
  sessionsMax: 100_000,
  sessionPendingMax: 256,
};

/** The totals of a state machine that has applied nothing. */
export const EMPTY_TOTALS: Totals = {
  revision: 0,
  logTime: 0,
  digest: 0,
  counters: 0,
  rememberedKeys: 0,
  outcomeSerial: 0,
  sessions: 0,
  sessionsOpened: 0,
  idempotencyWindowMs: LIMITS.windowMs,
};

assert(LIMITS.floorMs < LIMITS.windowMs, "limits: the floor lies below the window");
