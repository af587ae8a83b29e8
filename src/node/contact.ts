/** When this node last heard from whom: how old the state may be that a stale read is answered from. */

import { type Configuration, isQuorum, type NodeId } from "../raft/index.ts";

export class Contact {
  readonly #heardMs: Map<NodeId, number> = new Map();
  #leaderMs: number | undefined;

  /** A message from `peer` came in; `leads` if it leads. */
  heard(peer: NodeId, nowMs: number, leads: boolean): void {
    this.#heardMs.set(peer, nowMs);
    if (leads) this.#leaderMs = nowMs;
  }

  /**
   * Milliseconds since the state of this node was certainly up to date with a leader. For the leader itself:
   * since the latest moment from which on a quorum has been heard of. Undefined before the first contact.
   */
  ageMs(
    nowMs: number,
    state: { leads: boolean; self: NodeId; configuration: Configuration },
  ): number | undefined {
    if (!state.leads) return this.#leaderMs === undefined ? undefined : nowMs - this.#leaderMs;
    const moments = [...this.#heardMs.values(), nowMs].sort((a, b) => b - a);
    for (const moment of moments) {
      const heardSince = (id: NodeId): boolean =>
        id === state.self || (this.#heardMs.get(id) ?? Number.NEGATIVE_INFINITY) >= moment;
      if (isQuorum(state.configuration, heardSince)) return nowMs - moment;
    }
    return undefined;
  }
}
