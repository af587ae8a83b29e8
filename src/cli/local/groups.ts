/** Which links lie between groups of nodes. */

import type { Way } from "./link-proxies.ts";

/**
 * The links between nodes of different groups; nodes in no group keep all of theirs. One group alone is cut off from
 * everybody else.
 * @param oneWay only what nodes of a group say to those of later groups.
 * @returns a sentence if the groups are not right.
 */
export function waysBetween(
  groups: readonly (readonly string[])[],
  { ids, oneWay }: { readonly ids: readonly string[]; readonly oneWay: boolean },
): readonly Way[] | string {
  const named = groups.flat();
  const unknown = named.find((id) => !ids.includes(id));
  if (unknown !== undefined) return `There is no node ${unknown} in this cluster: it has ${ids.join(", ")}.`;
  const twice = named.find((id, at) => named.indexOf(id) !== at);
  if (twice !== undefined) return `${twice} is named twice: a node belongs to one group.`;
  if (groups.some((group) => group.length === 0)) return "A group without a node cannot be cut off.";
  const rest = ids.filter((id) => !named.includes(id));
  const all = groups.length === 1 ? [...groups, rest] : groups;
  const ways: Way[] = [];
  for (const [at, group] of all.entries()) {
    for (const [other, others] of all.entries()) {
      if (at === other || (oneWay && other < at)) continue;
      for (const a of group) for (const b of others) ways.push({ from: ids.indexOf(a), to: ids.indexOf(b) });
    }
  }
  return ways;
}
