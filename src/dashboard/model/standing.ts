/** Who reaches whom, and what that leaves of a majority. */

import type { PictureConfiguration } from "../../client/index.ts";
import type { NodeView } from "./view.ts";

export interface Standing {
  /** All who vote: voters, and those who leave while a change is under way. */
  readonly voters: readonly string[];
  /** Sets that each need a majority: one, or two while the voters are being changed. */
  readonly halves: readonly (readonly string[])[];
  /** Voters that `id` can work with, itself included if it lives. */
  reach(id: string): readonly string[];
  /** How many of these voters may still fail before a majority is gone; negative: that many are missing already. */
  spare(ids: readonly string[]): number;
  /** The voters of the largest group around one node. */
  readonly best: readonly string[];
}

/** Whether two nodes reach each other, as far as either of them, heard just now, says; undefined if neither does. */
export function linked(a: NodeView, b: NodeView): boolean | undefined {
  const words = [reaches(a, b), reaches(b, a)];
  if (words.includes(false)) return false;
  return words.includes(true) ? true : undefined;
}

/** Whether what `from` says reaches `to`, in its own word; undefined if it was not heard just now. */
export function reaches(from: NodeView, to: NodeView): boolean | undefined {
  if (!from.fresh) return undefined;
  return from.picture?.status.peers.find(({ id }) => id === to.id)?.reachable;
}

/** Whether the node runs: the page hears it, or another node does. */
export function lives(node: NodeView): boolean {
  return node.fresh || node.reachedBy.length > 0;
}

export function standingOf(
  nodes: readonly NodeView[],
  configuration: PictureConfiguration | undefined,
): Standing {
  const { voters = [], outgoing = [] } = configuration ?? {};
  const halves = outgoing.length > 0 ? [voters, outgoing] : [voters];
  const all = [...new Set([...voters, ...outgoing])].sort();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const reach = (id: string): readonly string[] => {
    const self = byId.get(id);
    if (self === undefined) return [];
    return all.filter((other) => {
      const node = byId.get(other);
      if (node === undefined || !lives(node)) return false;
      const link = linked(self, node);
      // Of two that others reach and the page cannot hear, nobody says how they stand with each other.
      const unheard = link === undefined && !self.fresh && !node.fresh;
      return other === id || link === true || unheard;
    });
  };
  const spare = (ids: readonly string[]): number =>
    Math.min(
      ...halves.map((half) => {
        const majority = Math.floor(half.length / 2) + 1;
        return half.filter((id) => ids.includes(id)).length - majority;
      }),
    );
  const groups = all.map(reach);
  const best = groups.reduce((most, group) => (spare(group) > spare(most) ? group : most), groups[0] ?? []);
  return { voters: all, halves, reach, spare, best };
}
