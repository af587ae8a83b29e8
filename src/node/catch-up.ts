/**
 * How far learners have come on their way to the end of the log, and how long that still takes. Pure: fed with what a
 * leader knows, and with moments.
 */

import type { NodeId, RaftStatus } from "../raft/index.ts";

/** What a leader knows of a learner at one moment. */
export interface CatchUpSample {
  readonly match: number;
  /** The snapshot that is on its way to it: where it will be then, and the share that was sent, 0 to 1. */
  readonly snapshot: { readonly index: number; readonly share: number } | undefined;
  /** The last entry of the leader's log. */
  readonly last: number;
}

export interface CatchUpProgress {
  /** 0 to 99: whole per cent of the log as it was when the leader began with it. */
  readonly percent: number;
  /** Undefined until a rate is known, and while nothing moves. */
  readonly msLeft: number | undefined;
}

interface Track {
  /** The end of the log when it began. */
  readonly goal: number;
  /** Oldest first. */
  points: { readonly atMs: number; readonly position: number }[];
  last: number;
}

/** What a leader knows of those that have not caught up. @param sendingTo the snapshot on its way to one. */
export function learnersBehind(
  { configuration, caughtUp, progress, last }: RaftStatus,
  sendingTo: (id: NodeId) => CatchUpSample["snapshot"],
): ReadonlyMap<NodeId, CatchUpSample> {
  const behind = new Map<NodeId, CatchUpSample>();
  for (const id of configuration.learners) {
    const known = progress.get(id);
    if (known === undefined || caughtUp.includes(id)) continue;
    behind.set(id, { match: known.match, snapshot: sendingTo(id), last });
  }
  return behind;
}

/** Over how long the rate is measured, ms. */
const WINDOW_MS = 5_000;
/** A rate over less than this says nothing, ms. */
const SPAN_MS_MIN = 200;

export class CatchUp {
  readonly #tracks: Map<NodeId, Track> = new Map();

  /** @param learners those that have not caught up, with what is known of them. */
  sample(learners: ReadonlyMap<NodeId, CatchUpSample>, nowMs: number): void {
    for (const id of this.#tracks.keys()) if (!learners.has(id)) this.#tracks.delete(id);
    for (const [id, { match, snapshot, last }] of learners) {
      const track = this.#tracks.get(id) ?? { goal: Math.max(1, last), points: [], last };
      this.#tracks.set(id, track);
      const ahead = snapshot === undefined ? 0 : Math.max(0, snapshot.index - match) * snapshot.share;
      track.points = track.points.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
      // Between the end of a snapshot's transfer and the learner's first word after it, it is where it was.
      const reached = snapshot === undefined ? (track.points.at(-1)?.position ?? 0) : 0;
      track.points.push({ atMs: nowMs, position: Math.max(match + ahead, reached) });
      track.last = last;
    }
  }

  /** Undefined for whoever has caught up, or is not known here. */
  of(id: NodeId): CatchUpProgress | undefined {
    const track = this.#tracks.get(id);
    const newest = track?.points.at(-1);
    const oldest = track?.points[0];
    if (track === undefined || newest === undefined || oldest === undefined) return undefined;
    const percent = Math.min(99, Math.floor((100 * newest.position) / track.goal));
    const spanMs = newest.atMs - oldest.atMs;
    const moved = newest.position - oldest.position;
    if (spanMs < SPAN_MS_MIN || moved <= 0) return { percent, msLeft: undefined };
    const left = Math.max(0, track.last - newest.position);
    return { percent, msLeft: Math.round((left * spanMs) / moved) };
  }
}
