import { describe, expect, it } from "vitest";
import { nodeId as id } from "../../src/raft/index.ts";
import { add, type Cluster } from "./cluster.ts";
import { ask, learner, led, memberNamed } from "./membership-kit.ts";

describe("a member that announces itself", () => {
  it("gets its new addresses into the configuration", () => {
    const [cluster, leader] = led(3);
    const known = leader.reducer.configuration.members[1];
    if (known === undefined) throw new Error("there is a second member");
    const moved = { ...known, peer: "elsewhere:1", api: "http://elsewhere" };
    cluster.step(leader, { kind: "announce", from: moved.id, member: moved, wantsVote: false });
    cluster.settle();
    expect(cluster.at(3).reducer.configuration.members[1]).toEqual(moved);
    const { last } = leader.reducer.status();
    cluster.step(leader, { kind: "announce", from: moved.id, member: moved, wantsVote: false });
    cluster.settle();
    expect(leader.reducer.status().last).toBe(last);
  });

  it("speaks for nobody else, and not for another data directory", () => {
    const [cluster, leader] = led(3);
    const { members } = leader.reducer.configuration;
    const other = { ...memberNamed("n2", "0"), api: "http://elsewhere" };
    cluster.step(leader, { kind: "announce", from: id("n3"), member: other, wantsVote: false });
    const wiped = { ...other, incarnation: "9".repeat(32) };
    cluster.step(leader, { kind: "announce", from: id("n2"), member: wiped, wantsVote: false });
    cluster.settle();
    expect(leader.reducer.configuration.members).toEqual(members);
  });

  it("is promoted once it has caught up if it wants a vote, and not before", () => {
    const [cluster, leader] = led(3);
    const joined = cluster.newcomer("n4");
    cluster.cut.add(joined.id);
    const member = memberNamed("n4");
    ask(cluster, leader, { kind: "add", member });
    const announce = (): void => {
      cluster.step(leader, { kind: "announce", from: member.id, member, wantsVote: true });
      cluster.settle();
    };
    announce();
    expect(leader.reducer.configuration.learners).toEqual(["n4"]);
    cluster.cut.clear();
    cluster.tick(30);
    expect(leader.reducer.configuration.learners).toEqual(["n4"]);
    announce();
    expect(leader.reducer.configuration).toMatchObject({ voters: ["n1", "n2", "n3", "n4"], learners: [] });
  });
});

describe("a leader that removes by itself", () => {
  const LONG = { node: { autoremoveMs: 2_000, wantedVoters: 3 } };

  /** Cuts a member off for so many ticks. */
  function silence(cluster: Cluster, name: string, ticks: number): void {
    cluster.cut.add(id(name));
    cluster.tick(
      ticks,
      cluster.members.filter((member) => member.id !== name),
    );
  }

  it("removes a voter that is silent for too long, where enough are left, and says so", () => {
    const [cluster, leader] = led(4, LONG);
    silence(cluster, "n4", 190);
    expect(leader.reducer.configuration.voters).toHaveLength(4);
    cluster.tick(30, cluster.members.slice(0, 3));
    expect(leader.reducer.configuration).toMatchObject({
      voters: ["n1", "n2", "n3"],
      removed: [{ id: "n4" }],
    });
    expect(leader.trace).toContainEqual(expect.objectContaining({ kind: "autoremove", peer: "n4" }));
  });

  it("never goes below the wanted number of voters, and removes a silent learner all the same", () => {
    const [cluster, leader] = led(3, LONG);
    learner(cluster, leader, "n4");
    cluster.cut.add(id("n4"));
    silence(cluster, "n3", 500);
    expect(leader.reducer.configuration).toMatchObject({
      voters: ["n1", "n2", "n3"],
      learners: [],
      removed: [{ id: "n4" }],
    });
  });

  it("gives a node that was only just added the time to be started", () => {
    const [cluster, leader] = led(3, LONG);
    cluster.tick(500);
    ask(cluster, leader, { kind: "add", member: memberNamed("n4") });
    cluster.tick(190);
    expect(leader.reducer.configuration.learners).toEqual(["n4"]);
    cluster.tick(20);
    expect(leader.reducer.configuration.learners).toEqual([]);
  });

  it("never removes what the quorum needs", () => {
    const [cluster, leader] = led(5, { node: { autoremoveMs: 2_000, wantedVoters: 1 } });
    cluster.cut.add(id("n5"));
    silence(cluster, "n4", 500);
    expect(leader.reducer.configuration.voters).toEqual(["n1", "n2", "n3"]);
    silence(cluster, "n3", 500);
    // Of n1 and n2 alone neither could be missed; of three, one may.
    expect(leader.reducer.configuration.voters).toEqual(["n1", "n2"]);
  });

  it("does not hold against others what it was paused for, nor the time before its office", () => {
    const [cluster, leader] = led(4, LONG);
    silence(cluster, "n4", 150);
    cluster.nowMs += 60_000;
    cluster.tick(20, cluster.members.slice(0, 3));
    expect(leader.reducer.configuration.voters).toHaveLength(4);
    cluster.transfer(leader, id("n2"));
    cluster.settle();
    expect(cluster.at(2).reducer.status().role).toBe("leader");
    cluster.tick(150, cluster.members.slice(0, 3));
    expect(leader.reducer.configuration.voters).toHaveLength(4);
    cluster.tick(60, cluster.members.slice(0, 3));
    expect(cluster.at(2).reducer.configuration.voters).toEqual(["n1", "n2", "n3"]);
  });

  it("removes nobody unless it was told to", () => {
    const [cluster, leader] = led(5);
    silence(cluster, "n5", 2_000);
    expect(leader.reducer.configuration.voters).toHaveLength(5);
  });
});

describe("handing over on request", () => {
  it("is answered once the named voter leads", () => {
    const [cluster, leader] = led(3);
    const asked = cluster.transfer(leader, id("n3"));
    cluster.settle();
    expect(leader.outcome(asked)).toEqual({ kind: "transferred", leader: "n3", url: "http://n3" });
    expect(cluster.at(3).reducer.status().role).toBe("leader");
    const unnamed = cluster.transfer(cluster.at(3));
    cluster.settle();
    expect(cluster.at(3).outcome(unnamed)).toMatchObject({ kind: "transferred" });
    const redirected = cluster.transfer(cluster.at(3), id("n3"));
    cluster.settle();
    expect(cluster.at(3).outcome(redirected)).toMatchObject({ kind: "redirect" });
  });

  it("is done once, however often it is asked for, when it says who is to lead no longer", () => {
    const [cluster, leader] = led(3);
    const first = cluster.transfer(leader, undefined, leader.id);
    cluster.settle();
    const { leader: next } = leader.outcome(first) as { readonly leader: string };
    expect(next).not.toBe(leader.id);
    for (const member of cluster.members) {
      const again = cluster.transfer(member, undefined, leader.id);
      cluster.settle();
      expect(member.outcome(again)).toMatchObject({ kind: "transferred", leader: next });
    }
    // Without that word it goes on to another one.
    const onward = cluster.transfer(cluster.at(Number(next.slice(1))));
    cluster.settle();
    expect(cluster.at(Number(next.slice(1))).outcome(onward)).not.toMatchObject({ leader: next });
  });

  it("is refused in a sentence where it cannot be done", () => {
    const [cluster, leader] = led(3);
    learner(cluster, leader, "n4");
    const refused = (to: string): unknown => {
      const asked = cluster.transfer(leader, id(to));
      cluster.settle();
      return leader.outcome(asked);
    };
    expect(refused("n9")).toMatchObject({
      code: "MEMBER_NOT_FOUND",
      detail: expect.stringContaining("n1, n2"),
    });
    expect(refused("n4")).toMatchObject({
      code: "INVALID_CHANGE",
      detail: expect.stringContaining("no vote"),
    });
    expect(refused("n1")).toMatchObject({ kind: "transferred", leader: "n1" });
    cluster.cut.add(id("n3"));
    cluster.tick(30);
    expect(refused("n3")).toMatchObject({
      code: "TRANSFER_FAILED",
      detail: expect.stringContaining("n3 cannot"),
    });
    const [single, only] = led(1);
    const asked = single.transfer(only);
    single.settle();
    // Not to be tried again and again: it would never succeed.
    expect(only.outcome(asked)).toMatchObject({ code: "INVALID_CHANGE", retryAfterMs: undefined });
  });

  it("fails once when the successor does not take over, and this node leads on", () => {
    const [cluster, leader] = led(3);
    cluster.tick(1);
    cluster.cut.add(id("n3"));
    const asked = cluster.transfer(leader, id("n3"));
    cluster.tick(30);
    expect(leader.outcome(asked)).toMatchObject({ code: "TRANSFER_FAILED" });
    expect(leader.reducer.status().role).toBe("leader");
    const write = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(write)).toMatchObject({ kind: "applied" });
  });
});
