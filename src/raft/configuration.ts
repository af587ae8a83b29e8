/**
 * How one configuration becomes the next (§6): pure functions. A change of voters leads through a joint
 * configuration, in which the old voters are `outgoing`; `leaveJoint` is the second step. Whoever is in neither half
 * after that is `removed`, for good.
 */

import { isVoter } from "./quorum.ts";
import type { Configuration, ConfigurationChange, Member, NodeId, RemovedMember } from "./types.ts";

/** Why `change` contradicts `current`, in a clause; undefined if it does not. */
export function changeProblem(current: Configuration, change: ConfigurationChange): string | undefined {
  const { add, promote, remove, move } = change;
  if (add.length + promote.length + remove.length + move.length === 0) return "nothing would change";
  const named = [...add, ...move].map(({ id }) => id).concat(promote, remove);
  if (new Set(named).size < named.length) return "a node is named twice";
  if (new Set(add.map(({ incarnation }) => incarnation)).size < add.length) {
    return "two nodes have the same incarnation";
  }
  for (const member of add) {
    const reason = additionProblem(current, member);
    if (reason !== undefined) return reason;
  }
  for (const id of promote) if (!current.learners.includes(id)) return `${id} is no learner`;
  for (const id of remove) if (memberOf(current, id) === undefined) return `${id} is no member`;
  for (const { id, incarnation } of move) {
    const known = memberOf(current, id);
    if (known === undefined) return `${id} is no member`;
    if (known.incarnation !== incarnation) return `${id} has another incarnation`;
  }
  if (nextVoters(current, change).length === 0) return "no voter would be left";
  return undefined;
}

function additionProblem(current: Configuration, { id, incarnation }: Member): string | undefined {
  if (memberOf(current, id) !== undefined) return `${id} is a member already`;
  if (current.removed.some((gone) => gone.id === id)) return `${id} was removed from this cluster`;
  const other = [...current.members, ...current.removed].find((one) => one.incarnation === incarnation);
  return other === undefined ? undefined : `its data directory was that of ${other.id}`;
}

/** Whether `change` needs a joint configuration: it does if it changes who votes. */
export function changesVoters(current: Configuration, change: ConfigurationChange): boolean {
  return change.promote.length > 0 || change.remove.some((id) => isVoter(current, id));
}

/** The configuration that `change` makes of `current`, which is not joint: joint itself if voters change. */
export function configurationAfter(current: Configuration, change: ConfigurationChange): Configuration {
  const voters = nextVoters(current, change);
  const outgoing = changesVoters(current, change) ? current.voters : [];
  const learners = sorted(
    [...current.learners, ...change.add.map(({ id }) => id)].filter(
      (id) => !change.promote.includes(id) && !change.remove.includes(id),
    ),
  );
  const moved = new Map(change.move.map((member) => [member.id, member]));
  const known = [...current.members, ...change.add].map((member) => moved.get(member.id) ?? member);
  return narrowed({ voters, outgoing, learners, members: known, removed: current.removed });
}

/** What follows a joint configuration: its new half alone. */
export function leaveJoint(joint: Configuration): Configuration {
  return narrowed({ ...joint, outgoing: [] });
}

function nextVoters(current: Configuration, { promote, remove }: ConfigurationChange): NodeId[] {
  return sorted([...current.voters, ...promote].filter((id) => !remove.includes(id)));
}

/** Members are those that a set names; whoever is in none any more was removed. */
function narrowed(wide: Configuration): Configuration {
  const named = new Set([...wide.voters, ...wide.outgoing, ...wide.learners]);
  const gone: RemovedMember[] = wide.members
    .filter(({ id }) => !named.has(id))
    .map(({ id, incarnation }) => ({ id, incarnation }));
  return {
    ...wide,
    members: byId(wide.members.filter(({ id }) => named.has(id))),
    removed: byId([...wide.removed, ...gone]),
  };
}

/** The member `id`; undefined if there is none. */
export function memberOf(configuration: Configuration, id: NodeId): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

function sorted(ids: readonly NodeId[]): NodeId[] {
  return [...ids].sort();
}

function byId<T extends { readonly id: NodeId }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
}
