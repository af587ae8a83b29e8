/**
 * Which member a leader removes by itself because it was silent for too long. Only where that was asked for; one at a
 * time; never below the wanted number of voters, and never what would lose the quorum (`judge` sees to that).
 *
 * Silence counts from the moment this node took office, for before that the silent one spoke to another leader; and
 * from the moment a member was added, for it has to be started first.
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
  /** Since when this leader has waited for a sign of each member, in the time of `heard`. Empty on others. */
  #since: Map<NodeId, number> = new Map();

  constructor(limits: AutoremoveLimits, heard: Heard) {
    this.#limits = limits;
    this.#heard = heard;
  }

  /** At each tick, after the clock of `heard` moved. @param configuration undefined on a node that does not lead. */
  tick(configuration: Configuration | undefined): void {
    const now = this.#heard.nowMs;
    const members = configuration?.members ?? [];
    if (members.length === 0 && this.#since.size === 0) return;
    this.#since = new Map(members.map(({ id }) => [id, this.#since.get(id) ?? now]));
  }

  /** Members that were silent for too long and that the cluster can do without, the most silent first. */
  due(
    configuration: Configuration,
    self: NodeId,
  ): readonly { readonly id: NodeId; readonly silentMs: number }[] {
    const { autoremoveMs, wantedVoters } = this.#limits;
    if (autoremoveMs === undefined) return [];
    const spare = configuration.voters.length > wantedVoters;
    return configuration.members
      .filter(({ id }) => id !== self && (spare || !isVoter(configuration, id)))
      .map(({ id }) => ({ id, silentMs: this.#silentMs(id) }))
      .filter(({ silentMs }) => silentMs >= autoremoveMs)
      .sort((a, b) => b.silentMs - a.silentMs);
  }

  #silentMs(id: NodeId): number {
    const now = this.#heard.nowMs;
    const since = this.#since.get(id) ?? now;
    return now - Math.max(since, this.#heard.of(id) ?? since);
  }
}
