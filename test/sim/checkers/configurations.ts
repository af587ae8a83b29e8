/**
 * Configurations as the checkers see them: read from a disk and never from what a node says of itself, and counted
 * by code of their own, so that a wrong count in the core cannot hide from them.
 */

import type { Configuration, Member, NodeId } from "../../../src/raft/index.ts";
import type { LogImage } from "../log-image.ts";

export interface ConfigurationAt {
  /** Where it stands in the log; that of the base may stand before it. */
  readonly index: number;
  readonly configuration: Configuration;
}

/** Every configuration that a log tells of, oldest first: that of its base, and those in its entries. */
export function configurationsOf({ base, entries }: LogImage): readonly ConfigurationAt[] {
  const found: ConfigurationAt[] = [{ index: base.configurationIndex, configuration: base.configuration }];
  for (const entry of entries) {
    if (entry.kind === "configuration")
      found.push({ index: entry.index, configuration: entry.configuration });
  }
  return found;
}

/** The configuration in force in a log that ends at `upTo`. */
export function configurationIn(image: LogImage, upTo: number = Number.POSITIVE_INFINITY): ConfigurationAt {
  const { base, entries } = image;
  for (let at = entries.length - 1; at >= 0; at--) {
    const entry = entries[at];
    if (entry?.kind !== "configuration" || entry.index > upTo) continue;
    return { index: entry.index, configuration: entry.configuration };
  }
  return { index: base.configurationIndex, configuration: base.configuration };
}

/** Whether a majority of the voters satisfies `holds`, and while it is joint also one of the outgoing voters. */
export function hasQuorum(
  { voters, outgoing, members }: Configuration,
  holds: (member: Member) => boolean,
): boolean {
  const holding = new Set(members.filter(holds).map(({ id }) => id));
  const isMajority = (half: readonly NodeId[]): boolean =>
    2 * half.filter((id) => holding.has(id)).length > half.length;
  return isMajority(voters) && (outgoing.length === 0 || isMajority(outgoing));
}

/** Whether no two quorums, one of each, can decide without a common node. */
export function shareQuorums(one: Configuration, other: Configuration): boolean {
  const key = `${sets(one)}|${sets(other)}`;
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const members = [...one.members, ...other.members.filter(({ id }) => !memberOf(one, id))];
  const all = members.map(({ id }) => id);
  let shares = true;
  for (let chosen = 0; shares && chosen < 2 ** all.length; chosen++) {
    const inside = (id: NodeId): boolean => Math.floor(chosen / 2 ** all.indexOf(id)) % 2 === 1;
    shares = !hasQuorum(one, ({ id }) => inside(id)) || !hasQuorum(other, ({ id }) => !inside(id));
  }
  KNOWN.set(key, shares);
  return shares;
}

/** Few pairs occur, and many times. */
const KNOWN: Map<string, boolean> = new Map();

function sets({ voters, outgoing }: Configuration): string {
  return `${voters.join()} ${outgoing.join()}`;
}

export function memberOf({ members }: Configuration, id: NodeId): Member | undefined {
  return members.find((member) => member.id === id);
}

/** Whether `node` is the very one, data directory included, that the configuration names. */
export function names(
  configuration: Configuration,
  { id, incarnation }: { readonly id: NodeId; readonly incarnation: string },
): boolean {
  return memberOf(configuration, id)?.incarnation === incarnation;
}

/** Whether the configuration says that `node` was removed. */
export function hasRemoved(
  { removed }: Configuration,
  node: { readonly id: NodeId; readonly incarnation: string },
): boolean {
  return removed.some(({ id, incarnation }) => id === node.id && incarnation === node.incarnation);
}
