/** How old the state may be that a stale read is answered from. */

import { type Configuration, isQuorum, type NodeId } from "../raft/index.ts";

/** Words of a leader that are waited for at the most; those in between add nothing but precision. */
const AWAITED_MAX = 64;

export class Contact {
  readonly #heardMs: Map<NodeId, number> = new Map();
  /** What a leader said it had committed, and when, as far as that is not applied here yet; oldest first. */
  #awaited: { readonly commit: number; readonly atMs: number }[] = [];
  /** A moment at which everything that was committed then is applied here now. */
  #freshMs: number | undefined;

  /** A message from `peer` came in. */
  heard(peer: NodeId, nowMs: number): void {
    this.#heardMs.set(peer, nowMs);
  }

  /** The leader says that it has committed up to `commit`; this node has applied up to `applied`. */
  leaderCommitted(commit: number, nowMs: number, applied: number): void {
    if (commit <= applied) {
      this.#freshMs = nowMs;
      this.#awaited = [];
      return;
    }
    // When full, the newest gives way: the oldest will be reached first.
    if (this.#awaited.length === AWAITED_MAX) this.#awaited.pop();
    this.#awaited.push({ commit, atMs: nowMs });
  }

  /** The state machine has applied up to `applied`. */
  applied(applied: number): void {
    while (this.#awaited[0] !== undefined && this.#awaited[0].commit <= applied) {
      this.#freshMs = this.#awaited.shift()?.atMs;
    }
  }

  /**
   * Milliseconds since a moment of which this node's state certainly shows all that was committed then. For the
   * leader itself: since the latest moment from which on a quorum has been heard of. Undefined before that.
   */
  ageMs(
    nowMs: number,
    state: { leads: boolean; self: NodeId; configuration: Configuration },
  ): number | undefined {
    if (!state.leads) return this.#freshMs === undefined ? undefined : nowMs - this.#freshMs;
    const moments = [...this.#heardMs.values(), nowMs].sort((a, b) => b - a);
    for (const moment of moments) {
      const heardSince = (id: NodeId): boolean =>
        id === state.self || (this.#heardMs.get(id) ?? Number.NEGATIVE_INFINITY) >= moment;
      if (isQuorum(state.configuration, heardSince)) return nowMs - moment;
    }
    return undefined;
  }
}
