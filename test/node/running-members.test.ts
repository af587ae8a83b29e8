import { describe, expect, it } from "vitest";
import type { MembershipRequest } from "../../src/node/index.ts";
import { memberOf, nodeId } from "../../src/raft/index.ts";
import { add, RAFT } from "./cluster.ts";
import { ask, learner, led } from "./membership-kit.ts";

const elsewhere = { id: nodeId("n2"), incarnation: "0".repeat(32), peer: "elsewhere:1", api: "http://b" };
const move: MembershipRequest = { kind: "move", member: elsewhere };

describe("a member that moves", () => {
  it("says so itself while it runs: somebody else's word is refused", () => {
    const [cluster, leader] = led(3);
    cluster.tick(RAFT.electionTicks + 1);
    expect(ask(cluster, leader, move)).toMatchObject({
      kind: "failed",
      code: "INVALID_CHANGE",
      detail: expect.stringContaining("restart it with other ones"),
    });
    cluster.step(leader, { kind: "announce", from: elsewhere.id, member: elsewhere, wantsVote: false });
    cluster.tick(5);
    expect(memberOf(leader.reducer.committedConfiguration, elsewhere.id)).toEqual(elsewhere);
  });

  it("is moved by somebody else when it cannot be reached", () => {
    const [cluster, leader] = led(3);
    cluster.cut.add(elsewhere.id);
    cluster.tick(RAFT.electionTicks + 1);
    expect(ask(cluster, leader, move)).toMatchObject({ kind: "changed" });
    expect(memberOf(leader.reducer.committedConfiguration, elsewhere.id)).toEqual(elsewhere);
  });

  it("is given the time to be heard of by a new leader", () => {
    const [cluster, leader] = led(3);
    cluster.cut.add(leader.id);
    const next = cluster.at(3);
    cluster.cut.add(elsewhere.id);
    cluster.tick(RAFT.electionTicks * 2);
    cluster.cut.clear();
    cluster.cut.add(elsewhere.id);
    cluster.elect(next);
    const led3 = cluster.members.find((member) => member.reducer.status().role === "leader");
    if (led3 === undefined) throw new Error("nobody leads");
    const asked = cluster.change(led3, move);
    cluster.settle();
    expect(led3.outcome(asked)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(5);
    expect(led3.outcome(asked)).toMatchObject({ kind: "failed", code: "INVALID_CHANGE" });
  });
});

describe("a learner that was killed just now", () => {
  it.each(["promote", "replace"] as const)("gets no vote that all would wait for: %s", (kind) => {
    const [cluster, leader] = led(2);
    learner(cluster, leader, "n4");
    const by = nodeId("n4");
    const request: MembershipRequest = kind === "promote" ? { kind, id: by } : { kind, id: nodeId("n2"), by };
    cluster.cut.add(by);
    cluster.tick(2 * RAFT.heartbeatTicks + 2);
    const asked = cluster.change(leader, request);
    cluster.settle();
    // It may only be slow.
    expect(leader.outcome(asked)).toBeUndefined();
    cluster.tick(RAFT.electionTicks);
    expect(leader.outcome(asked)).toMatchObject({ kind: "failed" });
    const write = cluster.write(leader, add("hits"));
    cluster.tick(5);
    expect(leader.answer(write)).toMatchObject({ kind: "applied" });
    expect(leader.reducer.configuration).toMatchObject({ outgoing: [], learners: [by] });
  });

  it("is promoted when it was only slow to answer", () => {
    const [cluster, leader] = led(2);
    learner(cluster, leader, "n4");
    cluster.cut.add(nodeId("n4"));
    cluster.tick(2 * RAFT.heartbeatTicks + 2);
    const asked = cluster.change(leader, { kind: "promote", id: nodeId("n4") });
    cluster.settle();
    cluster.cut.clear();
    cluster.tick(5);
    expect(leader.outcome(asked)).toMatchObject({
      kind: "changed",
      configuration: { voters: ["n1", "n2", "n4"] },
    });
  });

  it("is not given the vote that it asked for with its last breath", () => {
    const [cluster, leader] = led(2);
    learner(cluster, leader, "n4");
    const own = memberOf(leader.reducer.configuration, nodeId("n4"));
    if (own === undefined) throw new Error("n4 is a member");
    cluster.cut.add(own.id);
    cluster.tick(2 * RAFT.heartbeatTicks + 2);
    const announce = { kind: "announce", from: own.id, member: own, wantsVote: true } as const;
    cluster.step(leader, announce);
    cluster.settle();
    expect(leader.reducer.configuration).toMatchObject({ outgoing: [], learners: [own.id] });
    cluster.cut.clear();
    cluster.tick(3);
    cluster.step(leader, announce);
    cluster.tick(5);
    expect(leader.reducer.configuration.voters).toContain(own.id);
  });
});
