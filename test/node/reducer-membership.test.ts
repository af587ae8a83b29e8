import { describe, expect, it } from "vitest";
import type { MembershipRequest } from "../../src/node/index.ts";
import { nodeId as id } from "../../src/raft/index.ts";
import { add, Cluster, type Member } from "./cluster.ts";
import { ask, learner, led, memberNamed } from "./membership-kit.ts";

/** The one that leads after `gone` has fallen silent for all others. */
function successor(cluster: Cluster, gone: Member): Member {
  cluster.cut.add(gone.id);
  const others = cluster.members.filter((member) => member !== gone);
  const leads = ({ reducer }: Member): boolean => reducer.status().role === "leader";
  for (let at = 0; at < 200 && !others.some(leads); at++) cluster.tick(1, others);
  const next = others.find(leads);
  if (next === undefined) throw new Error("nobody leads");
  return next;
}

describe("a change of the membership", () => {
  it("adds a learner, promotes it once it has caught up, and counts on its vote", () => {
    const [cluster, leader] = led(1);
    const joined = cluster.newcomer("n2");
    cluster.cut.add(joined.id);
    expect(ask(cluster, leader, { kind: "add", member: memberNamed("n2") })).toMatchObject({
      kind: "changed",
      index: 2,
      configuration: { voters: ["n1"], learners: ["n2"] },
    });
    expect(ask(cluster, leader, { kind: "promote", id: id("n2") })).toMatchObject({
      code: "NOT_CAUGHT_UP",
      detail: expect.stringMatching(/^n2 is known to hold 0 of 2 entries/),
    });
    cluster.cut.clear();
    cluster.tick(30);
    expect(ask(cluster, leader, { kind: "promote", id: id("n2") })).toMatchObject({
      kind: "changed",
      configuration: { voters: ["n1", "n2"], outgoing: [], learners: [] },
    });
    cluster.cut.add(joined.id);
    const write = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(write)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(5);
    expect(leader.answer(write)).toMatchObject({ kind: "applied" });
  });

  it("is answered when it is not joint any more, not when its first entry is committed", () => {
    const [cluster, leader] = led(3);
    learner(cluster, leader, "n4");
    const { committed } = leader.reducer.status();
    const asked = cluster.change(leader, { kind: "replace", id: id("n3"), by: id("n4") });
    // Only the leader acts, so that the first entry is committed and the second is not.
    for (let turn = 0; leader.reducer.status().committed === committed; turn++) {
      expect(turn).toBeLessThan(20);
      expect(leader.outcome(asked)).toBeUndefined();
      for (const member of cluster.members) cluster.act(member);
    }
    expect(leader.reducer.committedConfiguration.outgoing).toEqual(["n1", "n2", "n3"]);
    expect(leader.outcome(asked)).toBeUndefined();
    cluster.settle();
    expect(leader.outcome(asked)).toMatchObject({
      kind: "changed",
      configuration: { voters: ["n1", "n2", "n4"], outgoing: [], removed: [{ id: "n3" }] },
      index: leader.reducer.status().configurationIndex,
    });
  });

  it("that was begun and whose leader is gone is finished by the next one, and answered once, by the old one", () => {
    const [cluster, leader] = led(3);
    learner(cluster, leader, "n4");
    const asked = cluster.change(leader, { kind: "promote", id: id("n4") });
    cluster.act(leader);
    const next = successor(cluster, leader);
    expect(next.reducer.configuration).toMatchObject({
      voters: ["n1", "n2", "n3", "n4"],
      outgoing: [],
    });
    expect(leader.outcome(asked)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(20);
    expect(leader.reducer.status().role).toBe("follower");
    expect(leader.outcome(asked)).toMatchObject({
      kind: "changed",
      configuration: { voters: ["n1", "n2", "n3", "n4"] },
    });
  });

  it("that is lost with its leader is asked of the next one, by redirect", () => {
    const [cluster, leader] = led(3);
    cluster.cut.add(leader.id);
    const asked = cluster.change(leader, { kind: "remove", id: id("n3") });
    cluster.settle();
    expect(leader.reducer.configuration.outgoing).toEqual(["n1", "n2", "n3"]);
    const next = successor(cluster, leader);
    cluster.cut.clear();
    cluster.tick(20);
    expect(leader.outcome(asked)).toEqual({ kind: "redirect", leader: next.id, url: `http://${next.id}` });
    expect(leader.reducer.configuration).toMatchObject({ voters: ["n1", "n2", "n3"], outgoing: [] });
  });

  it("ends as unknown after the write timeout, and only once, although it is made later", () => {
    const [cluster, leader] = led(3, { node: { writeMs: 300 } });
    cluster.cut.add(id("n2")).add(id("n3"));
    const asked = cluster.change(leader, { kind: "add", member: memberNamed("n4") });
    cluster.tick(31, [leader]);
    expect(leader.outcome(asked)).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    cluster.cut.clear();
    cluster.tick(20);
    expect(cluster.at(2).reducer.configuration.learners).toEqual(["n4"]);
    expect(leader.operated.get(asked)).toHaveLength(1);
  });

  it("is redirected by a follower, and held and then refused where no leader is known", () => {
    const [cluster, leader] = led(3, { node: { holdMs: 200 } });
    const request: MembershipRequest = { kind: "remove", id: id("n3") };
    expect(ask(cluster, cluster.at(2), request)).toEqual({
      kind: "redirect",
      leader: "n1",
      url: "http://n1",
    });
    const alone = new Cluster(3, { node: { holdMs: 200 } });
    for (const member of alone.members) alone.cut.add(member.id);
    const asked = alone.change(alone.at(1), request);
    alone.tick(19);
    expect(alone.at(1).outcome(asked)).toBeUndefined();
    alone.tick(2);
    expect(alone.at(1).outcome(asked)).toMatchObject({ code: "NO_LEADER" });
    expect(leader.reducer.configuration.voters).toEqual(["n1", "n2", "n3"]);
  });

  it("waits until a leader that has just taken office may change anything", () => {
    const cluster = new Cluster(3);
    const leader = cluster.at(1);
    leader.holdDisk = false;
    cluster.settle();
    const asked = cluster.change(leader, { kind: "add", member: memberNamed("n4") });
    cluster.elect(leader);
    expect(leader.outcome(asked)).toMatchObject({ kind: "changed", configuration: { learners: ["n4"] } });
  });

  it("is not refused for whom a leader has only had no time to hear of", () => {
    const [cluster, leader] = led(3);
    const next = successor(cluster, leader);
    const [, silent] = cluster.members.filter((member) => member !== next);
    if (silent === undefined) throw new Error("there is a third member");
    // All are there again, but the new leader has not heard of the old one yet.
    const asked = cluster.change(next, { kind: "remove", id: silent.id });
    cluster.act(next);
    expect(next.outcome(asked)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(5);
    expect(next.outcome(asked)).toMatchObject({ kind: "changed" });
    const [other, first] = led(3);
    other.cut.add(id("n3"));
    other.tick(15, other.members.slice(0, 2));
    expect(ask(other, first, { kind: "remove", id: id("n2") })).toMatchObject({ code: "WOULD_LOSE_QUORUM" });
  });

  it("is refused for whose link is down, although it was heard of a moment ago", () => {
    const [cluster, leader] = led(3);
    const request = { kind: "remove", id: id("n3") } as const;
    cluster.tick(15);
    cluster.step(leader, { kind: "unreachable", peer: id("n2") });
    expect(ask(cluster, leader, request)).toMatchObject({ code: "WOULD_LOSE_QUORUM" });
    expect(leader.reducer.configuration.voters).toEqual(["n1", "n2", "n3"]);
    cluster.step(leader, { kind: "linked", peer: id("n2"), outdated: false });
    expect(ask(cluster, leader, request)).toMatchObject({ kind: "changed" });
  });

  it("is made one at a time: a second one is refused while the first is under way", () => {
    const [cluster, leader] = led(3);
    cluster.cut.add(id("n2")).add(id("n3"));
    const first = cluster.change(leader, { kind: "add", member: memberNamed("n4") });
    const second = cluster.change(leader, { kind: "add", member: memberNamed("n5", "2") });
    const same = cluster.change(leader, { kind: "add", member: memberNamed("n4") });
    cluster.settle();
    expect(leader.outcome(first)).toBeUndefined();
    expect(leader.outcome(second)).toMatchObject({ code: "ALREADY_CHANGING", retryAfterMs: 500 });
    expect(leader.outcome(same)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(5);
    expect(leader.outcome(first)).toMatchObject({ kind: "changed" });
    expect(leader.outcome(same)).toEqual(leader.outcome(first));
  });

  it("that removes the leader is answered by it, and another one leads", () => {
    const [cluster, leader] = led(3);
    expect(ask(cluster, leader, { kind: "remove", id: id("n1") })).toMatchObject({
      kind: "changed",
      configuration: { voters: ["n2", "n3"], removed: [{ id: "n1" }] },
    });
    expect(leader.reducer.status().role).not.toBe("leader");
    cluster.tick(1);
    const leaders = cluster.members.filter(({ reducer }) => reducer.status().role === "leader");
    expect(leaders.map((member) => member.id)).not.toContain("n1");
    expect(leaders).toHaveLength(1);
  });

  it("that removes the leader leaves no write of its clients in doubt", () => {
    const [cluster, leader] = led(3);
    const asked = cluster.change(leader, { kind: "remove", id: id("n1") });
    const writes: number[] = [];
    for (let turn = 0; turn < 30; turn++) {
      writes.push(cluster.write(leader, add("a")));
      for (const member of cluster.members) cluster.act(member);
    }
    expect(leader.outcome(asked)).toMatchObject({ kind: "changed" });
    const left = leader.reducer.abandon().map(({ result }) => (result.kind === "failed" ? result.code : ""));
    const ended = writes.map((write) => leader.answer(write)).filter((answer) => answer !== undefined);
    expect(new Set(ended.map(({ kind }) => kind))).toEqual(new Set(["applied"]));
    expect(new Set(left)).toEqual(new Set(["SHUTTING_DOWN"]));
    expect(ended.length + left.length).toBe(writes.length);
  });

  it("is told what stops it, and where to go on, when the node stops", () => {
    const [cluster, leader] = led(1);
    cluster.step(leader, { kind: "stop" });
    expect(ask(cluster, leader, { kind: "add", member: memberNamed("n2") })).toMatchObject({
      code: "SHUTTING_DOWN",
    });
    const [other, first] = led(3);
    other.cut.add(id("n2")).add(id("n3"));
    const asked = other.change(first, { kind: "add", member: memberNamed("n4") });
    other.settle();
    const ended = first.reducer.abandon();
    expect(ended).toMatchObject([{ kind: "membership", id: asked, result: { code: "OUTCOME_UNKNOWN" } }]);
  });
});
