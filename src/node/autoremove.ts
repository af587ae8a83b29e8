/**
 * Which member a leader removes by itself because it was silent for too long. Only where that was asked for; one at a
 * time; never below the wanted number of voters, and never what would lose the quorum (`judge` sees to that).
 *
 * Silence counts from the moment this node took office: before that, the silent one spoke to another leader.
 */

import { type Configuration, isVoter, type NodeId } from "../raft/index.ts";
import type { Heard } from "./heard.ts";

export interface AutoremoveLimits {
  /** Silent for so long, ms of the leader's own time; undefined: nobody is removed. */
  readonly autoremoveMs: number | undefined;
  /** Voters that have to stay. */
  readonly wantedVoters: number;
}

export class Autoremove {
  readonly #limits: AutoremoveLimits;
  readonly #heard: Heard;
  /** In the time of `heard`; undefined while this node does not lead. */
  #leadsSinceMs: number | undefined;

  constructor(limits: AutoremoveLimits, heard: Heard) {
    this.#limits = limits;
    this.#heard = heard;
  }

  /** At each tick, after the clock of `heard` moved. */
  tick(leads: boolean): void {
    if (!leads) this.#leadsSinceMs = undefined;
    else this.#leadsSinceMs ??= this.#heard.nowMs;
  }

  /** Members that were silent for too long and that the cluster can do without, the most silent first. */
  due(
    configuration: Configuration,
    self: NodeId,
  ): readonly { readonly id: NodeId; readonly silentMs: number }[] {
    const { autoremoveMs, wantedVoters } = this.#limits;
    const since = this.#leadsSinceMs;
    if (autoremoveMs === undefined || since === undefined) return [];
    // Nobody can have been silent for longer than this node has led.
    if (this.#heard.nowMs - since < autoremoveMs) return [];
    const spare = configuration.voters.length > wantedVoters;
    return configuration.members
      .filter(({ id }) => id !== self && (spare || !isVoter(configuration, id)))
      .map(({ id }) => ({ id, silentMs: this.#silentMs(id, since) }))
      .filter(({ silentMs }) => silentMs >= autoremoveMs)
      .sort((a, b) => b.silentMs - a.silentMs);
  }

  #silentMs(id: NodeId, since: number): number {
    return this.#heard.nowMs - Math.max(since, this.#heard.of(id) ?? since);
  }
}
