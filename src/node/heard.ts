/**
 * When this node last heard of each peer, in its own time: a clock that only ticks count for, so that what a pause of
 * the process swallowed is held against nobody.
 */

import type { NodeId } from "../raft/index.ts";

/** A longer gap between two ticks is a pause, ms. */
const GAP_MS_MAX = 100;

export class Heard {
  readonly #reachableTicks: number;
  readonly #at: Map<NodeId, { readonly tick: number; readonly ms: number }> = new Map();
  #ticks = 0;
  #ms = 0;
  #tickedMs: number | undefined;

  /** @param reachableTicks a peer that was silent for longer counts as out of reach. */
  constructor(reachableTicks: number) {
    this.#reachableTicks = reachableTicks;
  }

  tick(nowMs: number): void {
    this.#ticks++;
    this.#ms += Math.min(GAP_MS_MAX, nowMs - (this.#tickedMs ?? nowMs));
    this.#tickedMs = nowMs;
  }

  /** A message from `peer` came in. */
  heard(peer: NodeId): void {
    this.#at.set(peer, { tick: this.#ticks, ms: this.#ms });
  }

  /** Whether `peer` was heard of within the last ticks: as many as make it reachable, or fewer. */
  isReachable(peer: NodeId, withinTicks: number = this.#reachableTicks): boolean {
    const at = this.#at.get(peer);
    return at !== undefined && this.#ticks - at.tick <= withinTicks;
  }

  /** This node's time, ms. */
  get nowMs(): number {
    return this.#ms;
  }

  /** When `peer` was last heard of, in {@link nowMs}; undefined if never. */
  of(peer: NodeId): number | undefined {
    return this.#at.get(peer)?.ms;
  }
}
