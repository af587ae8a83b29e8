import { describe, expect, it } from "vitest";
import type { MembershipRequest } from "../../src/node/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { add } from "./cluster.ts";
import { ask, learner, led, memberNamed } from "./membership-kit.ts";

const n2 = nodeId("n2");
const moved = { id: n2, incarnation: "0".repeat(32), peer: "elsewhere:1", api: "http://n2" };
const REQUESTS: readonly MembershipRequest[] = [
  { kind: "add", member: memberNamed("n9", "9") },
  { kind: "promote", id: nodeId("n4") },
  { kind: "replace", id: nodeId("n3"), by: nodeId("n4") },
  { kind: "remove", id: nodeId("n3") },
];

describe("a change of the membership while a member runs a program that is too old for it", () => {
  it.each(REQUESTS)("is refused with whom to upgrade, and possible once that is done: $kind", (request) => {
    const [cluster, leader] = led(3);
    learner(cluster, leader, "n4");
    cluster.step(leader, { kind: "linked", peer: n2, outdated: true });
    expect(ask(cluster, leader, request)).toMatchObject({
      kind: "failed",
      code: "INVALID_CHANGE",
      detail: expect.stringMatching(/program of n2 is too old .*upgrade n2 first/),
    });
    expect(leader.reducer.plan(request)).toMatchObject({
      plan: { refusal: { code: "INVALID_CHANGE" } },
    });
    const write = cluster.write(leader, add("hits"));
    cluster.settle();
    expect(leader.answer(write)).toMatchObject({ kind: "applied" });
    // A link that is down for a moment is no upgrade.
    cluster.step(leader, { kind: "unreachable", peer: n2 });
    expect(ask(cluster, leader, request)).toMatchObject({ code: "INVALID_CHANGE" });
    cluster.step(leader, { kind: "linked", peer: n2, outdated: false });
    cluster.tick(5);
    expect(ask(cluster, leader, request)).toMatchObject({ kind: "changed" });
  });

  it("is not made by the leader itself either: no move that was announced, and no removal", () => {
    const [cluster, leader] = led(4, { node: { autoremoveMs: 500, wantedVoters: 3 } });
    cluster.step(leader, { kind: "linked", peer: nodeId("n3"), outdated: true });
    cluster.cut.add(nodeId("n4"));
    cluster.step(leader, { kind: "announce", from: n2, member: moved, wantsVote: false });
    cluster.tick(100);
    expect(leader.reducer.configuration.members.map(({ id, peer }) => `${id} ${peer}`)).toEqual([
      "n1 n1:1",
      "n2 n2:1",
      "n3 n3:1",
      "n4 n4:1",
    ]);
    cluster.step(leader, { kind: "linked", peer: nodeId("n3"), outdated: false });
    cluster.step(leader, { kind: "announce", from: n2, member: moved, wantsVote: false });
    cluster.tick(20);
    expect(leader.reducer.configuration.members.map(({ id, peer }) => `${id} ${peer}`)).toEqual([
      "n1 n1:1",
      "n2 elsewhere:1",
      "n3 n3:1",
    ]);
  });

  it("is possible when that member is down, so that it can be removed", () => {
    const [cluster, leader] = led(3);
    cluster.step(leader, { kind: "linked", peer: n2, outdated: true });
    cluster.cut.add(n2);
    cluster.step(leader, { kind: "unreachable", peer: n2 });
    cluster.tick(30);
    expect(ask(cluster, leader, { kind: "remove", id: n2 })).toMatchObject({ kind: "changed" });
  });
});
