import { describe, expect, it } from "vitest";
import type { MembershipPlan, MembershipRequest } from "../../src/node/index.ts";
import { judgeAsked, planOf, type Standing } from "../../src/node/membership-plan.ts";
import { type Configuration, type Member, nodeId } from "../../src/raft/index.ts";

const id = nodeId;

/** Each member has an incarnation of its own digit: n1 has 1111…, n2 has 2222…. */
function memberNamed(name: string): Member {
  return { id: id(name), incarnation: name.slice(1).repeat(32), peer: `${name}:1`, api: `http://${name}` };
}

interface Cluster {
  readonly voters: readonly string[];
  readonly learners?: readonly string[];
  readonly removed?: readonly string[];
  readonly outgoing?: readonly string[];
  /** Who cannot be reached. */
  readonly down?: readonly string[];
  readonly behind?: readonly string[];
  readonly unsettled?: boolean;
  /** Who has not been heard of for more than two heartbeats. */
  readonly silent?: readonly string[];
  /** Whose program is too old for a configuration. */
  readonly outdated?: readonly string[];
}

function standing(cluster: Cluster): Standing {
  const { voters, learners = [], removed = [], outgoing = [], down = [], behind = [] } = cluster;
  const configuration: Configuration = {
    voters: voters.map(id),
    outgoing: outgoing.map(id),
    learners: learners.map(id),
    members: [...new Set([...voters, ...outgoing, ...learners])].sort().map(memberNamed),
    removed: removed.map(memberNamed),
  };
  return {
    configuration,
    settled: cluster.unsettled !== true,
    caughtUp: configuration.learners.filter((learner) => !behind.includes(learner)),
    reachable: (member) => !down.includes(member),
    answering: (member) => !down.includes(member) && cluster.silent?.includes(member) !== true,
    outdated: (member) => cluster.outdated?.includes(member) === true,
    held: () => ({ match: 1_200, last: 5_000 }),
  };
}

/** The code and the sentence of a refusal, or what kind of judgement it is. */
function verdict(cluster: Cluster, request: MembershipRequest): string {
  const judgement = judgeAsked(standing(cluster), request);
  return judgement.kind === "refused"
    ? `${judgement.refusal.code}: ${judgement.refusal.detail}`
    : judgement.kind;
}

function plan(cluster: Cluster, request: MembershipRequest): MembershipPlan {
  return planOf(standing(cluster), request);
}

const THREE: Cluster = { voters: ["n1", "n2", "n3"] };
const remove = (name: string): MembershipRequest => ({ kind: "remove", id: id(name) });
const promote = (name: string): MembershipRequest => ({ kind: "promote", id: id(name) });
const replace = (name: string, by: string): MembershipRequest => ({
  kind: "replace",
  id: id(name),
  by: id(by),
});

describe("a judgement", () => {
  it("takes what is so already as done, so that asking twice does no harm", () => {
    const cluster = { ...THREE, learners: ["n4"], removed: ["n0"] };
    expect(verdict(cluster, { kind: "add", member: memberNamed("n4") })).toBe("done");
    expect(verdict(cluster, promote("n2"))).toBe("done");
    expect(verdict(cluster, remove("n0"))).toBe("done");
    expect(verdict(cluster, replace("n0", "n2"))).toBe("done");
    expect(verdict(cluster, { kind: "move", member: memberNamed("n2") })).toBe("done");
    expect(verdict(cluster, remove("n4"))).toBe("change");
  });

  it("never lets an id or a data directory be used twice, and says what to do instead", () => {
    const cluster = { ...THREE, removed: ["n4"] };
    const wiped = { ...memberNamed("n3"), incarnation: "f".repeat(32) };
    expect(verdict(cluster, { kind: "add", member: wiped })).toMatch(
      /^ID_USED: n3 is a member with another data directory.*"raftally member replace n3 NEW"\.$/,
    );
    expect(verdict(cluster, { kind: "add", member: memberNamed("n4") })).toMatch(
      /^ID_USED: n4 was removed.*new id\.$/,
    );
    const renamed = { ...memberNamed("n5"), incarnation: memberNamed("n4").incarnation };
    expect(verdict(cluster, { kind: "add", member: renamed })).toMatch(/^ID_USED: .* is that of n4/);
    expect(verdict(cluster, { kind: "move", member: wiped })).toMatch(/^INVALID_CHANGE: n3 is known with/);
  });

  it("names the members when one is meant that is none", () => {
    const cluster = { ...THREE, removed: ["n4"] };
    expect(verdict(cluster, promote("n9"))).toBe(
      "MEMBER_NOT_FOUND: n9 is no member of this cluster; its members are n1, n2, n3.",
    );
    expect(verdict(cluster, promote("n4"))).toMatch(/^MEMBER_NOT_FOUND: n4 was removed/);
    expect(verdict(cluster, remove("n9"))).toMatch(/^MEMBER_NOT_FOUND/);
    expect(verdict(cluster, replace("n3", "n9"))).toMatch(/^MEMBER_NOT_FOUND: n9/);
    expect(verdict(cluster, { kind: "move", member: memberNamed("n9") })).toMatch(/^MEMBER_NOT_FOUND/);
  });

  it("promotes nobody who has not caught up, and says how far it is", () => {
    const cluster = { ...THREE, learners: ["n4"], behind: ["n4"] };
    expect(verdict(cluster, promote("n4"))).toMatch(
      /^NOT_CAUGHT_UP: n4 is known to hold 1200 of 5000 entries/,
    );
    expect(verdict(cluster, replace("n3", "n4"))).toMatch(/^NOT_CAUGHT_UP/);
    expect(verdict({ ...cluster, behind: [] }, replace("n3", "n4"))).toBe("change");
  });

  it("promotes nobody who does not answer now, though it was there a moment ago", () => {
    const cluster = { ...THREE, learners: ["n4"], silent: ["n4"] };
    expect(verdict(cluster, promote("n4"))).toMatch(/^NOT_CAUGHT_UP: n4 does not answer now/);
    expect(verdict(cluster, replace("n3", "n4"))).toMatch(/^NOT_CAUGHT_UP: n4 does not answer now/);
    expect(verdict({ ...cluster, silent: ["n3"] }, promote("n4"))).toBe("change");
  });

  it("moves nobody who is running, for it says itself where it is", () => {
    const moved: MembershipRequest = { kind: "move", member: { ...memberNamed("n2"), api: "http://b" } };
    expect(verdict(THREE, moved)).toMatch(/^INVALID_CHANGE: n2 is running and says its addresses itself/);
    expect(plan(THREE, moved).refusal?.code).toBe("INVALID_CHANGE");
    expect(verdict({ ...THREE, down: ["n2"] }, moved)).toBe("change");
  });

  it("waits for a change that is under way, but says first what could never be", () => {
    const cluster = { ...THREE, unsettled: true };
    expect(verdict(cluster, remove("n3"))).toMatch(/^ALREADY_CHANGING/);
    expect(verdict(cluster, remove("n9"))).toMatch(/^MEMBER_NOT_FOUND/);
  });

  it("makes no change after which, or during which, no majority could be reached", () => {
    expect(verdict({ ...THREE, down: ["n3"] }, remove("n2"))).toBe(
      "WOULD_LOSE_QUORUM: After this change 2 of 2 voters would have to answer, and 1 can be reached now (not n3). " +
        "Bring n3 back first, or remove or replace it before any other.",
    );
    expect(verdict({ ...THREE, down: ["n3"] }, remove("n3"))).toBe("change");
    expect(verdict({ ...THREE, learners: ["n4"], down: ["n3"] }, replace("n3", "n4"))).toBe("change");
    expect(verdict({ ...THREE, learners: ["n4"], down: ["n3"] }, remove("n4"))).toBe("change");
    expect(verdict({ ...THREE, down: ["n2", "n3"] }, remove("n3"))).toMatch(/^WOULD_LOSE_QUORUM: Until/);
    const four = { voters: ["n1", "n2"], learners: ["n3"], down: ["n2"] };
    expect(verdict(four, promote("n3"))).toMatch(/^WOULD_LOSE_QUORUM: Until/);
  });

  it("keeps the last voter, and replaces only who has a vote", () => {
    const one = { voters: ["n1"], learners: ["n2", "n3"] };
    expect(verdict(one, remove("n1"))).toMatch(/^INVALID_CHANGE: n1 is the only voter/);
    expect(verdict(one, replace("n1", "n2"))).toBe("change");
    expect(verdict(one, replace("n2", "n3"))).toMatch(/^INVALID_CHANGE: n2 has no vote/);
    expect(verdict(one, replace("n1", "n1"))).toMatch(/^INVALID_CHANGE: n1 cannot take its own place/);
  });

  it("lets a voter take the place of another one by removing that", () => {
    const judgement = judgeAsked(standing(THREE), replace("n3", "n2"));
    expect(judgement).toMatchObject({ kind: "change", change: { promote: [], remove: ["n3"] } });
  });
});

describe("a plan", () => {
  it("says what a change would do to the fault tolerance", () => {
    const cluster = { ...THREE, learners: ["n4", "n5"], down: ["n3"] };
    expect(plan(cluster, promote("n4"))).toEqual({
      before: { voters: 3, mayFail: 1, reachable: 2 },
      after: { voters: 4, mayFail: 1, reachable: 3 },
      refusal: undefined,
    });
    expect(plan(cluster, remove("n3")).after).toEqual({ voters: 2, mayFail: 0, reachable: 2 });
    expect(plan(cluster, replace("n3", "n4")).after).toEqual({ voters: 3, mayFail: 1, reachable: 3 });
    expect(plan(cluster, { kind: "add", member: memberNamed("n6") }).after).toEqual({
      voters: 3,
      mayFail: 1,
      reachable: 2,
    });
  });

  it("says so also of a change that would be refused now, and why it would", () => {
    const refused = plan({ ...THREE, learners: ["n4"], behind: ["n4"] }, promote("n4"));
    expect(refused.after).toEqual({ voters: 4, mayFail: 1, reachable: 4 });
    expect(refused.refusal?.code).toBe("NOT_CAUGHT_UP");
    const impossible = plan(THREE, remove("n9"));
    expect(impossible.after).toEqual(impossible.before);
    expect(impossible.refusal?.code).toBe("MEMBER_NOT_FOUND");
  });

  it("changes nothing of what is so already, or while a change is under way", () => {
    expect(plan(THREE, promote("n2"))).toMatchObject({ after: { voters: 3 }, refusal: undefined });
    const joint = { voters: ["n1", "n2"], outgoing: ["n1", "n2", "n3"], unsettled: true };
    const refused = plan(joint, remove("n2"));
    expect(refused.after).toEqual(refused.before);
    expect(refused.refusal?.code).toBe("ALREADY_CHANGING");
  });
});
