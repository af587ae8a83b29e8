/**
 * What the leader knows of one peer's log. Three states, as in etcd:
 *
 *   probe      match unknown: one append at a time, until one is accepted
 *   replicate  match known: appends are pipelined up to the in-flight window
 *   snapshot   the peer needs entries that are compacted away: nothing is sent until the snapshot has arrived
 */

import { assert } from "../base/index.ts";
import { type Index, index, minIndex, next } from "./types.ts";

interface Common {
  /** Highest index known to be durable on the peer. */
  readonly match: Index;
  /** The first index to send next. */
  readonly next: Index;
  /** Whether the peer was heard of since the last check of the quorum. */
  readonly active: boolean;
  /** The highest commit index told to the peer. */
  readonly toldCommit: Index;
}

export type Progress =
  | (Common & { readonly state: "probe"; readonly paused: boolean })
  | (Common & { readonly state: "replicate"; readonly inflight: readonly Inflight[] })
  | (Common & { readonly state: "snapshot"; readonly pending: Index; readonly ticks: number });

/** One append on its way. */
export interface Inflight {
  readonly last: Index;
  readonly bytes: number;
}

/** A peer at the beginning of a term: nothing is known, so the end of the leader's log is tried first. */
export function initialProgress(last: Index): Progress {
  return {
    state: "probe",
    match: index(0),
    next: next(last),
    active: false,
    toldCommit: index(0),
    paused: false,
  };
}

function common({ match, next: nextIndex, active, toldCommit }: Progress): Common {
  return { match, next: nextIndex, active, toldCommit };
}

/** Back to probing, from right after what is known to match. */
export function toProbe(progress: Progress): Progress & { readonly state: "probe" } {
  return { ...common(progress), state: "probe", next: next(progress.match), paused: false };
}

export function toReplicate(progress: Progress): Progress {
  return { ...common(progress), state: "replicate", next: next(progress.match), inflight: [] };
}

export function toSnapshot(progress: Progress, pending: Index): Progress {
  return { ...common(progress), state: "snapshot", pending, ticks: 0 };
}

export function withActive(progress: Progress, active: boolean): Progress {
  return progress.active === active ? progress : { ...progress, active };
}

/** Whether nothing may be sent to the peer now. */
export function isPaused(progress: Progress, max: { messages: number; bytes: number }): boolean {
  switch (progress.state) {
    case "probe":
      return progress.paused;
    case "replicate":
      return progress.inflight.length >= max.messages || inflightBytes(progress.inflight) >= max.bytes;
    case "snapshot":
      return true;
  }
}

/** Bytes on their way; summed, never kept, so that no counter can leak when the state changes (T23). */
export function inflightBytes(inflight: readonly Inflight[]): number {
  let bytes = 0;
  for (const one of inflight) bytes += one.bytes;
  return bytes;
}

/** The progress after an append with entries up to `last` was sent. */
export function sent(progress: Progress, inflight: Inflight, commit: Index): Progress {
  const toldCommit = progress.toldCommit < commit ? commit : progress.toldCommit;
  switch (progress.state) {
    case "probe":
      return { ...progress, toldCommit, paused: true };
    case "replicate":
      // Optimistic: the next append goes on from here without waiting for the answer.
      return {
        ...progress,
        toldCommit,
        next: next(inflight.last),
        inflight: [...progress.inflight, inflight],
      };
    case "snapshot":
      assert(false, "progress: nothing is sent while a snapshot is on its way");
  }
}

/** The progress after the peer accepted everything up to `match`; undefined if that is old news. */
export function accepted(progress: Progress, match: Index): Progress | undefined {
  if (match <= progress.match) return undefined;
  const nextIndex = progress.next > match ? progress.next : next(match);
  const moved: Progress = { ...progress, match, next: nextIndex };
  if (moved.state !== "replicate") return moved;
  return { ...moved, inflight: moved.inflight.filter((one) => one.last > match) };
}

/**
 * The progress after the peer refused an append whose `previous` was `rejected`, and `candidate` is the latest
 * position that both logs may share; undefined if the refusal is old news.
 */
export function refused(progress: Progress, rejected: Index, candidate: Index): Progress | undefined {
  switch (progress.state) {
    case "snapshot":
      return undefined;
    case "replicate":
      if (rejected <= progress.match) return undefined;
      return toProbe(progress);
    case "probe": {
      if (progress.next !== next(rejected)) return undefined;
      const retry = next(minIndex(candidate, rejected > 0 ? index(rejected - 1) : rejected));
      return { ...progress, next: retry > progress.match ? retry : next(progress.match), paused: false };
    }
  }
}
