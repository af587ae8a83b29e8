/** Majorities of a configuration, joint or not (§6). Pure functions; the one place that counts to a quorum. */

import { type Configuration, type Index, index, type Member, minIndex, type NodeId } from "./types.ts";

/**
 * What a node knows that has joined a cluster and has not received its log or a snapshot yet. No quorum exists in
 * it and nobody has a vote, so such a node can neither decide nor campaign. Only ever found at index 0.
 */
export const NO_CONFIGURATION: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  members: [],
  removed: [],
};

export function isNoConfiguration({ voters, outgoing, learners, members }: Configuration): boolean {
  return voters.length + outgoing.length + learners.length + members.length === 0;
}

/** How an election stands. */
export type VoteTally = "won" | "lost" | "pending";

/** The smallest number of `size` voters that is a majority; 0 for an empty half, which decides nothing. */
export function majority(size: number): number {
  return size === 0 ? 0 : Math.floor(size / 2) + 1;
}

/** Whether a majority of each half of the configuration satisfies `holds`. */
export function isQuorum(configuration: Configuration, holds: (id: NodeId) => boolean): boolean {
  return (
    halfHolds(configuration.voters, holds) &&
    (configuration.outgoing.length === 0 || halfHolds(configuration.outgoing, holds))
  );
}

function halfHolds(half: readonly NodeId[], holds: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const id of half) if (holds(id)) count++;
  return count >= majority(half.length) && half.length > 0;
}

/** How the election stands, given the answers so far: lost as soon as some half can no longer be won. */
export function tally(configuration: Configuration, votes: ReadonlyMap<NodeId, boolean>): VoteTally {
  if (isQuorum(configuration, (id) => votes.get(id) === true)) return "won";
  const stillPossible = isQuorum(configuration, (id) => votes.get(id) !== false);
  return stillPossible ? "pending" : "lost";
}

/** The highest index that a majority of each half has reached (§5.3, §5.4). */
export function quorumIndex(configuration: Configuration, matchOf: (id: NodeId) => Index): Index {
  const incoming = halfIndex(configuration.voters, matchOf);
  if (configuration.outgoing.length === 0) return incoming;
  const outgoing = halfIndex(configuration.outgoing, matchOf);
  return minIndex(incoming, outgoing);
}

function halfIndex(half: readonly NodeId[], matchOf: (id: NodeId) => Index): Index {
  if (half.length === 0) return index(0);
  const matches = half.map(matchOf).sort((a, b) => b - a);
  return matches[majority(half.length) - 1] ?? index(0);
}

/** Whether `id` has a vote in either half. */
export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

/** Everyone in the configuration but `self`: those that the log is sent to. */
export function peersOf(configuration: Configuration, self: NodeId): readonly NodeId[] {
  return configuration.members.map((member) => member.id).filter((id) => id !== self);
}

/**
 * Says what is wrong with a configuration, or nothing.
 * Rules: at least one voter; nobody twice within a set; learners do not vote; members are exactly those named,
 * and none of them was removed.
 */
export function configurationProblem(configuration: Configuration): string | undefined {
  const { voters, outgoing, learners, members, removed } = configuration;
  if (voters.length === 0) return "a configuration needs at least one voter";
  for (const set of [voters, outgoing, learners]) {
    if (new Set(set).size !== set.length) return "a node is named twice in one set of the configuration";
  }
  if (learners.some((id) => voters.includes(id) || outgoing.includes(id))) {
    return "a node is both a voter and a learner";
  }
  const named = new Set([...voters, ...outgoing, ...learners]);
  const known = new Set(members.map((member: Member) => member.id));
  if (known.size !== members.length) return "a member is listed twice";
  for (const id of named) if (!known.has(id)) return `voter or learner ${id} has no member record`;
  for (const id of known) if (!named.has(id)) return `member ${id} is neither voter nor learner`;
  const gone = new Set(removed.map(({ id }) => id));
  if (gone.size !== removed.length) return "a removed node is listed twice";
  for (const id of gone) if (known.has(id)) return `${id} is a member and was removed`;
  return undefined;
}
