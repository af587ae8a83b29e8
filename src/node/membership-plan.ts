/**
 * Judges a change of the membership before it is proposed: what it makes of the fault tolerance, and why it would be
 * refused. Pure functions; the core checks again what safety needs (`changeProblem`, R1, R7), and knows nothing of
 * who can be reached, which is a matter of wisdom and not of safety.
 */

import {
  type Configuration,
  type ConfigurationChange,
  changesVoters,
  configurationAfter,
  leaveJoint,
  type Member,
  majority,
  memberOf,
  type NodeId,
} from "../raft/index.ts";
import type { FaultTolerance, MembershipPlan, MembershipRefusal, MembershipRequest } from "./types.ts";

/** What a leader knows when it judges. */
export interface Standing {
  /** The configuration in force. */
  readonly configuration: Configuration;
  /** Whether that is committed and not joint, so that another may follow it. */
  readonly settled: boolean;
  /** Learners that may be promoted. */
  readonly caughtUp: readonly NodeId[];
  /** Whether a member was heard of lately; true for the leader itself. */
  readonly reachable: (id: NodeId) => boolean;
  /** Whether a member was heard of just now, within about two heartbeats; true for the leader itself. */
  readonly answering: (id: NodeId) => boolean;
  /** Whether a member runs that cannot be sent a configuration, for its program is too old. */
  readonly outdated: (id: NodeId) => boolean;
  /** Entries that a member is known to hold, and that there are. */
  readonly held: (id: NodeId) => { readonly match: number; readonly last: number };
}

export type Judgement =
  /** The configuration in force says so already. */
  | { readonly kind: "done" }
  | { readonly kind: "change"; readonly change: ConfigurationChange }
  | { readonly kind: "refused"; readonly refusal: MembershipRefusal };

/** Like {@link judge}, of what somebody asks for: only a node itself says where it is while it runs. */
export function judgeAsked(standing: Standing, request: MembershipRequest): Judgement {
  const judgement = judge(standing, request);
  if (judgement.kind !== "change" || request.kind !== "move") return judgement;
  const { id } = request.member;
  if (!standing.reachable(id)) return judgement;
  return {
    kind: "refused",
    refusal: invalid(
      `${id} is running and says its addresses itself, so that this would be undone at once: restart it with other ones (--advertise, --advertise-peer).`,
    ),
  };
}

/** Whether, and as what, a request can be proposed now. */
export function judge(standing: Standing, request: MembershipRequest): Judgement {
  const { configuration } = standing;
  if (isSo(configuration, request)) return { kind: "done" };
  const change = changeOf(configuration, request);
  const refusal =
    contradiction(configuration, request) ??
    notUpgraded(standing) ??
    (standing.settled ? undefined : alreadyChanging()) ??
    notCaughtUp(standing, change) ??
    lostQuorum(standing, change) ??
    notAnswering(standing, change);
  return refusal === undefined ? { kind: "change", change } : { kind: "refused", refusal };
}

/** What a request would mean, whether it could be carried out now or not. */
export function planOf(standing: Standing, request: MembershipRequest): MembershipPlan {
  const { configuration } = standing;
  const judgement = judgeAsked(standing, request);
  const before = tolerance(standing, configuration.voters);
  const refusal = judgement.kind === "refused" ? judgement.refusal : undefined;
  const impossible = isSo(configuration, request) || contradiction(configuration, request) !== undefined;
  if (impossible || configuration.outgoing.length > 0) return { before, after: before, refusal };
  return { before, after: tolerance(standing, votersAfter(configuration, request)), refusal };
}

function votersAfter(configuration: Configuration, request: MembershipRequest): readonly NodeId[] {
  return leaveJoint(configurationAfter(configuration, changeOf(configuration, request))).voters;
}

/** Whether the configuration says already what is asked for, so that asking twice does no harm. */
export function isSo(configuration: Configuration, request: MembershipRequest): boolean {
  const isGone = (id: NodeId): boolean => configuration.removed.some((gone) => gone.id === id);
  switch (request.kind) {
    case "add":
      return memberOf(configuration, request.member.id)?.incarnation === request.member.incarnation;
    case "promote":
      return configuration.voters.includes(request.id);
    case "remove":
      return isGone(request.id);
    case "replace":
      return configuration.voters.includes(request.by) && isGone(request.id);
    case "move": {
      const known = memberOf(configuration, request.member.id);
      return known !== undefined && isSameMember(known, request.member);
    }
  }
}

/** Whether both name the same node under the same addresses. */
export function isSameMember(a: Member, b: Member): boolean {
  return a.id === b.id && a.incarnation === b.incarnation && a.peer === b.peer && a.api === b.api;
}

function changeOf(configuration: Configuration, request: MembershipRequest): ConfigurationChange {
  const none: ConfigurationChange = { add: [], promote: [], remove: [], move: [] };
  switch (request.kind) {
    case "add":
      return { ...none, add: [request.member] };
    case "promote":
      return { ...none, promote: [request.id] };
    case "remove":
      return { ...none, remove: [request.id] };
    case "replace": {
      // A successor that votes already only needs the other one to leave.
      const promote = configuration.voters.includes(request.by) ? [] : [request.by];
      return { ...none, promote, remove: [request.id] };
    }
    case "move":
      return { ...none, move: [request.member] };
  }
}

/** How many voters there are, may fail, and can be reached. */
function tolerance({ reachable }: Standing, voters: readonly NodeId[]): FaultTolerance {
  return {
    voters: voters.length,
    mayFail: voters.length - majority(voters.length),
    reachable: voters.filter(reachable).length,
  };
}

/** In what a request contradicts the configuration. */
function contradiction(
  configuration: Configuration,
  request: MembershipRequest,
): MembershipRefusal | undefined {
  switch (request.kind) {
    case "add":
      return idUsed(configuration, request.member);
    case "promote":
      return unknownMember(configuration, request.id);
    case "remove":
      return unknownMember(configuration, request.id) ?? lastVoter(configuration, request.id);
    case "replace":
      return (
        unknownMember(configuration, request.id) ??
        unknownMember(configuration, request.by) ??
        notReplaceable(configuration, request)
      );
    case "move": {
      const { id, incarnation } = request.member;
      const unknown = unknownMember(configuration, id);
      if (unknown !== undefined || memberOf(configuration, id)?.incarnation === incarnation) return unknown;
      return invalid(
        `${id} is known with another data directory than the one that moved; a node that lost its disk joins under a new id and takes the old one's place with "raftally member replace ${id} NEW".`,
      );
    }
  }
}

function idUsed(configuration: Configuration, { id, incarnation }: Member): MembershipRefusal | undefined {
  const used = (detail: string): MembershipRefusal => refusal("ID_USED", detail);
  if (memberOf(configuration, id) !== undefined) {
    return used(
      `${id} is a member with another data directory, and an id is never used twice: start the new node under a new id. If ${id} lost its disk, the new one takes its place with "raftally member replace ${id} NEW".`,
    );
  }
  if (configuration.removed.some((gone) => gone.id === id)) {
    return used(
      `${id} was removed from this cluster, and an id is never used twice: start the node on an empty data directory under a new id.`,
    );
  }
  const all = [...configuration.members, ...configuration.removed];
  const other = all.find((one) => one.incarnation === incarnation);
  if (other === undefined) return undefined;
  return used(
    `The data directory of ${id} is that of ${other.id}, which this cluster knows: start ${id} on an empty one.`,
  );
}

function unknownMember(configuration: Configuration, id: NodeId): MembershipRefusal | undefined {
  if (memberOf(configuration, id) !== undefined) return undefined;
  const wasRemoved = configuration.removed.some((gone) => gone.id === id);
  const names = configuration.members.map((member) => member.id).join(", ");
  const what = wasRemoved ? `${id} was removed from this cluster` : `${id} is no member of this cluster`;
  return refusal("MEMBER_NOT_FOUND", `${what}; its members are ${names}.`);
}

function lastVoter({ voters }: Configuration, id: NodeId): MembershipRefusal | undefined {
  if (voters.length > 1 || !voters.includes(id)) return undefined;
  return invalid(
    `${id} is the only voter, and a cluster needs one: promote another member first, or stop the node if the cluster is to end.`,
  );
}

function notReplaceable(
  { voters }: Configuration,
  { id, by }: { readonly id: NodeId; readonly by: NodeId },
): MembershipRefusal | undefined {
  if (id === by) return invalid(`${id} cannot take its own place: name the node that is to follow it.`);
  if (voters.includes(id)) return undefined;
  return invalid(`${id} has no vote that ${by} could take over: remove it instead.`);
}

/** Who cannot be sent the entry acknowledges nothing behind it either, so that a cluster of them would stand still. */
function notUpgraded({ configuration, outdated }: Standing): MembershipRefusal | undefined {
  const old = configuration.members.map(({ id }) => id).filter(outdated);
  if (old.length === 0) return undefined;
  const names = old.join(", ");
  return invalid(
    `The program of ${names} is too old for a cluster whose members change. Nothing was changed: upgrade ${names} first, or stop what is to be removed.`,
  );
}

function alreadyChanging(): MembershipRefusal {
  const detail =
    "Another change of the membership is under way, and they are made one at a time. Nothing was changed; try again in a moment.";
  return { kind: "failed", code: "ALREADY_CHANGING", detail, retryAfterMs: 500 };
}

function notCaughtUp(
  { caughtUp, held }: Standing,
  { promote }: ConfigurationChange,
): MembershipRefusal | undefined {
  const id = promote.find((learner) => !caughtUp.includes(learner));
  if (id === undefined) return undefined;
  const { match, last } = held(id);
  const detail = `${id} is known to hold ${match} of ${last} entries and has to catch up before it may vote, or the others would wait for it. Nothing was changed; "raftally member list" shows how far it is.`;
  return { kind: "failed", code: "NOT_CAUGHT_UP", detail, retryAfterMs: 1_000 };
}

/** One that stopped just now would be counted on in the joint configuration, which may then never be committed. */
function notAnswering(
  { answering }: Standing,
  { promote }: ConfigurationChange,
): MembershipRefusal | undefined {
  const id = promote.find((learner) => !answering(learner));
  if (id === undefined) return undefined;
  const detail = `${id} does not answer now, and the others would wait for its vote. Nothing was changed: see that ${id} runs and can be reached, and try again.`;
  return { kind: "failed", code: "NOT_CAUGHT_UP", detail, retryAfterMs: 1_000 };
}

/** Both halves of the joint configuration have to decide on the way, and the new one afterwards. */
function lostQuorum(standing: Standing, change: ConfigurationChange): MembershipRefusal | undefined {
  const { configuration, reachable } = standing;
  if (!changesVoters(configuration, change)) return undefined;
  const after = configurationAfter(configuration, change).voters;
  for (const [half, when] of [
    [configuration.voters, "Until the change is made"],
    [after, "After this change"],
  ] as const) {
    const needed = majority(half.length);
    const present = half.filter(reachable).length;
    if (present >= needed) continue;
    const silent = half.filter((id) => !reachable(id)).join(", ");
    return refusal(
      "WOULD_LOSE_QUORUM",
      `${when} ${needed} of ${half.length} voters would have to answer, and ${present} can be reached now (not ${silent}). Bring ${silent} back first, or remove or replace it before any other.`,
    );
  }
  return undefined;
}

function invalid(detail: string): MembershipRefusal {
  return refusal("INVALID_CHANGE", detail);
}

function refusal(code: MembershipRefusal["code"], detail: string): MembershipRefusal {
  return { kind: "failed", code, detail, retryAfterMs: undefined };
}

/** What the core refused although it was judged to be possible: the configuration changed in between. */
export function refusedByCore(reason: "changing" | "behind" | "invalid"): MembershipRefusal {
  switch (reason) {
    case "changing":
      return alreadyChanging();
    case "behind": {
      const detail =
        "The learner has fallen behind again and has to catch up before it may vote. Nothing was changed.";
      return { kind: "failed", code: "NOT_CAUGHT_UP", detail, retryAfterMs: 1_000 };
    }
    case "invalid":
      return invalid('The membership has changed meanwhile; look at "raftally member list".');
  }
}
