/** Changing members step by step: what the leader, those that come and those that go know and do meanwhile. */

import { describe, expect, it } from "vitest";
import { index, nodeId } from "../../src/raft/index.ts";
import { Cluster, SETTINGS } from "./kit.ts";
import { memberNamed } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

function led(setup: ConstructorParameters<typeof Cluster>[0] = THREE): Cluster {
  const cluster = new Cluster(setup);
  cluster.elect("a");
  cluster.heartbeat("a");
  return cluster;
}

function halves(cluster: Cluster, id: string): readonly (readonly string[])[] {
  const { voters, outgoing } = cluster.status(id).configuration;
  return [voters, outgoing];
}

describe("a change of the configuration", () => {
  it("adds, promotes and removes several nodes at once, by a joint configuration and its new half", () => {
    const cluster = led({ ...THREE, learners: ["d", "e"] });
    cluster.join("f");
    const id = cluster.configure("a", { add: ["f"], promote: ["d", "e"], remove: ["b", "c"] });
    expect(halves(cluster, "a")).toEqual([
      ["a", "d", "e"],
      ["a", "b", "c"],
    ]);
    cluster.settle();
    for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    expect(cluster.node("a").outcomes).toEqual([{ id, kind: "committed", at: { index: 2, term: 1 } }]);
    for (const one of ["a", "d", "e", "f"]) {
      expect(cluster.status(one).configuration).toEqual({
        voters: ["a", "d", "e"],
        outgoing: [],
        learners: ["f"],
        members: ["a", "d", "e", "f"].map(memberNamed),
        removed: ["b", "c"].map((gone) => ({ id: gone, incarnation: memberNamed(gone).incarnation })),
      });
    }
    cluster.checks.converged();
  });

  it("that changes no voter is one entry, and in force at once", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    const moved = { ...memberNamed("b"), peer: "elsewhere.test:1", api: "http://elsewhere.test:2" };
    cluster.configure("a", { remove: ["d"], move: [moved] });
    expect(cluster.status("a").configuration).toMatchObject({ outgoing: [], learners: [] });
    cluster.settle();
    expect(cluster.status("c")).toMatchObject({ last: 2, committed: 2 });
    expect(cluster.status("c").configuration.members).toEqual([memberNamed("a"), moved, memberNamed("c")]);
  });

  it("waits for the one before it, and for a transfer", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    const refusal = (): unknown => {
      cluster.configure("a", { remove: ["c"] });
      return cluster.node("a").outcomes.at(-1);
    };
    cluster.configure("a", { remove: ["d"] });
    expect(refusal()).toMatchObject({ kind: "rejected", reason: "changing" });
    cluster.settle();
    cluster.configure("a", { remove: ["b"] });
    cluster.until(() => cluster.status("a").configurationIndex === 4);
    // The joint configuration is committed, its new half is not.
    expect(refusal()).toMatchObject({ kind: "rejected", reason: "changing" });
    cluster.settle();
    cluster.step("a", { kind: "transfer", to: nodeId("c") });
    expect(refusal()).toMatchObject({ kind: "rejected", reason: "transferring" });
    cluster.configure("b", { remove: ["c"] });
    expect(cluster.node("b").outcomes.at(-1)).toMatchObject({ reason: "notLeader" });
  });

  it("is not ended while leadership is being handed over, but by whoever leads then", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { promote: ["d"] });
    cluster.step("a", { kind: "transfer", to: nodeId("d") });
    cluster.until(() => cluster.status("a").committed === 2);
    expect(cluster.status("a")).toMatchObject({ last: 2, transferring: true });
    cluster.settle();
    expect(cluster.status("d")).toMatchObject({ role: "leader", term: 2, last: 4, committed: 4 });
    expect(halves(cluster, "a")).toEqual([["a", "b", "c", "d"], []]);
  });

  it("that the log loses again is out of force again, on disk too", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { promote: ["d"], remove: ["c"] });
    cluster.persist("a");
    cluster.drop();
    cluster.elect("b", ["a"]);
    expect(halves(cluster, "a")[1]).toEqual(["a", "b", "c"]);
    cluster.heartbeat("b");
    expect(halves(cluster, "a")).toEqual([["a", "b", "c"], []]);
    expect(cluster.node("a").outcomes.at(-1)).toMatchObject({ kind: "rejected", reason: "superseded" });
    cluster.restart("a");
    expect(cluster.status("a")).toMatchObject({ configurationIndex: 0, role: "follower" });
  });

  it("lets the leader follow exactly the members, each from what is known of it", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    const peers = (): readonly string[] => [...cluster.status("a").progress.keys()].toSorted();
    const matchOfD = cluster.status("a").progress.get(nodeId("d"))?.match;
    expect(matchOfD).toBe(1);
    cluster.configure("a", { add: ["e"] });
    expect(peers()).toEqual(["b", "c", "d", "e"]);
    cluster.settle();
    cluster.configure("a", { promote: ["d"], remove: ["b"] });
    expect(peers()).toEqual(["b", "c", "d", "e"]);
    expect(cluster.status("a").progress.get(nodeId("d"))).toMatchObject({ state: "replicate", match: 2 });
    cluster.settle();
    expect(peers()).toEqual(["c", "d", "e"]);
    expect(cluster.packets({ to: "b" })).toEqual([]);
  });
});

describe("a leader that leaves", () => {
  it("does not count itself, and leads until its leaving is committed", () => {
    const cluster = led({ voters: ["a", "b"] });
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    cluster.persist("a");
    // b alone decides now; without it nothing is committed, though a has it all on its disk.
    expect(cluster.status("a")).toMatchObject({ role: "leader", committed: 2, durable: 3 });
    cluster.until(() => cluster.status("a").committed === 3);
    expect(cluster.status("a")).toMatchObject({ role: "learner", leader: undefined });
    expect(cluster.packets({ from: "a", to: "b", kind: "timeoutNow" })).toHaveLength(1);
    cluster.settle();
    expect(cluster.status("b")).toMatchObject({ role: "leader", term: 2 });
  });

  it("hands over to the voter that holds most of those that answer", () => {
    const cluster = led({ voters: ["a", "b", "c", "d"] });
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    // b is slow: c and d are a majority of the new half.
    cluster.persist("a");
    cluster.drop({ to: "b" });
    cluster.until(() => {
      cluster.drop({ to: "b" });
      return !cluster.raft("a").isLeader;
    });
    const [word, ...more] = cluster.packets({ from: "a", kind: "timeoutNow" });
    expect(more).toEqual([]);
    expect(["c", "d"]).toContain(word?.message.to);
  });

  it("hands over to a voter, also if a learner comes first and holds as much", () => {
    const cluster = led({ voters: ["a", "c", "d"], learners: ["b"] });
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => !cluster.raft("a").isLeader);
    const words = cluster.packets({ kind: "timeoutNow" }).map(({ message }) => message.to);
    expect(words).toEqual(["c"]);
    cluster.settle();
    cluster.heartbeat("c");
    // The same for a transfer that names nobody.
    cluster.step("c", { kind: "transfer", to: undefined });
    cluster.settle();
    expect(cluster.status("d")).toMatchObject({ role: "leader", term: 3 });
  });

  it("takes no proposal of which it might never hear again, and settles all that it took", () => {
    const cluster = led();
    const before = cluster.propose("a", "before");
    const change = cluster.configure("a", { remove: ["a"] });
    const during = cluster.propose("a", "during");
    cluster.until(() => cluster.status("a").configurationIndex === 5);
    expect(cluster.raft("a").transferring).toBe(true);
    const late = cluster.propose("a", "late");
    expect(cluster.node("a").outcomes.at(-1)).toEqual({ id: late, kind: "rejected", reason: "transferring" });
    cluster.until(() => !cluster.raft("a").isLeader);
    const committed = cluster.node("a").outcomes.filter(({ kind }) => kind === "committed");
    expect(committed.map(({ id }) => id)).toEqual([before, change, during]);
    expect(cluster.raft("a").transferring).toBe(false);
  });

  it("fails the reads that wait on it, so that they are tried elsewhere", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    const read = cluster.read("a");
    cluster.drop({ kind: "heartbeat" });
    cluster.until(() => !cluster.raft("a").isLeader);
    expect(cluster.node("a").readsFailed).toEqual([read]);
  });

  it("confirms reads by the others alone", () => {
    const cluster = led({ voters: ["a", "b"] });
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    cluster.drop({ to: "b" });
    cluster.read("a");
    expect(cluster.node("a").reads).toEqual([]);
    cluster.deliverAll({ to: "b", kind: "heartbeat" });
    cluster.deliverAll({ to: "a", kind: "heartbeatResponse" });
    expect(cluster.node("a").reads).toHaveLength(1);
  });

  it("steps down if the others fall silent before that", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    cluster.drop();
    cluster.tick("a", 2 * SETTINGS.electionTicks);
    expect(cluster.raft("a").isLeader).toBe(false);
    // It may still campaign, since its removal is not committed; whoever wins ends it.
    cluster.settle();
    for (let round = 0; round < 4 * SETTINGS.electionTicks; round++) {
      for (const id of THREE.voters) cluster.tick(id);
      cluster.settle();
    }
    expect(["b", "c"]).toContain(cluster.leader);
    expect(cluster.status(`${cluster.leader}`).configuration.voters).toEqual(["b", "c"]);
  });

  it("steps down if those it manages are no quorum without it", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["a"] });
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    cluster.crash("c");
    // b answers; with a they would be two of the three that there were.
    for (let tick = 0; tick < 3 * SETTINGS.electionTicks && cluster.raft("a").isLeader; tick++) {
      cluster.tick("a");
      cluster.settle();
    }
    expect(cluster.raft("a").isLeader).toBe(false);
    const why = cluster.node("a").trace.findLast(({ kind }) => kind === "role");
    expect(why).toMatchObject({ why: "no quorum answers" });
  });

  it("leaves a cluster of one behind", () => {
    const cluster = led({ voters: ["a"], learners: ["b"] });
    cluster.configure("a", { promote: ["b"], remove: ["a"] });
    cluster.settle();
    expect(cluster.status("b")).toMatchObject({ role: "leader", term: 2, configuration: { voters: ["b"] } });
    cluster.restart("b");
    cluster.tick("b");
    cluster.settle();
    expect(cluster.status("b")).toMatchObject({ role: "leader", term: 3 });
  });
});

describe("a node that is alone in the new half", () => {
  it("waits out its timer after a restart: alone it decides nothing before the old half has agreed", () => {
    const cluster = led({ voters: ["a", "b", "c"] });
    cluster.configure("a", { remove: ["b", "c"] });
    cluster.persist("a");
    cluster.drop();
    cluster.restart("a");
    expect(halves(cluster, "a")).toEqual([["a"], ["a", "b", "c"]]);
    cluster.tick("a", SETTINGS.electionTicks - 1);
    expect(cluster.status("a").role).toBe("follower");
    cluster.campaign("a");
    cluster.settle(["b", "c"]);
    expect(cluster.status("a").role).toBe("preCandidate");
  });
});

describe("a node that joins", () => {
  it("knows no configuration, is silent, and takes none of its snapshots before it knows one", () => {
    const cluster = led();
    cluster.join("d");
    cluster.tick("d", 10 * SETTINGS.electionTicks);
    expect(cluster.wire).toEqual([]);
    expect(cluster.status("d")).toMatchObject({ role: "learner", configuration: { members: [] } });
    cluster.restart("d");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.configure("a", { add: ["d"] });
    cluster.until(() => cluster.status("d").last === 3);
    expect(cluster.raft("d").mayTakeSnapshot).toBe(false);
    cluster.settle();
    for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    expect(cluster.status("d")).toMatchObject({ role: "learner", applied: 3 });
    expect(cluster.raft("d").mayTakeSnapshot).toBe(true);
  });

  it("can be restarted at any moment, also when it has compacted its log", () => {
    for (const trailingEntriesMax of [0, 1, 2, 3, 50]) {
      const cluster = led({ ...THREE, settings: { trailingEntriesMax } });
      for (const text of ["x", "y", "z"]) cluster.propose("a", text);
      cluster.settle();
      cluster.join("d");
      cluster.configure("a", { add: ["d"] });
      cluster.settle();
      for (let round = 0; round < 3; round++) cluster.heartbeat("a");
      cluster.propose("a", "later");
      cluster.settle();
      cluster.heartbeat("a");
      cluster.snapshot("d");
      cluster.settle();
      // The first configuration that d knows of stands at 5.
      expect(cluster.status("d")).toMatchObject({ applied: 6, snapshot: 6 });
      cluster.restart("d");
      cluster.heartbeat("a");
      expect(cluster.status("d")).toMatchObject({ role: "learner", applied: 6, leader: "a" });
      expect(cluster.status("d").configuration.learners).toEqual(["d"]);
    }
  });

  it("is given the snapshot if the log does not reach back, whatever configuration stands in it", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.settle();
    cluster.snapshot("a");
    cluster.settle();
    cluster.join("d");
    cluster.configure("a", { add: ["d"] });
    cluster.tick("a", SETTINGS.heartbeatTicks);
    cluster.until(() => cluster.transfers.length > 0);
    cluster.transfer(true, "d");
    // The snapshot is older than the change: d is not named in it.
    expect(cluster.status("d")).toMatchObject({ snapshot: 2, configuration: { learners: [] } });
    cluster.settle();
    cluster.restart("d");
    for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    expect(cluster.status("d")).toMatchObject({ applied: 3, configuration: { learners: ["d"] } });
    cluster.checks.converged();
  });

  it("votes when asked once it has a vote, and campaigns from the moment it holds the entry that gives it one", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { promote: ["d"] });
    cluster.deliverAll({ to: "d" });
    cluster.persist("d");
    cluster.drop();
    expect(cluster.status("d").role).toBe("follower");
    cluster.crash("a");
    cluster.loseLeader("b", "c");
    cluster.campaign("d");
    cluster.settle();
    // The change that only d held is committed by it.
    expect(cluster.status("d")).toMatchObject({ role: "leader", committed: 4 });
    expect(halves(cluster, "b")).toEqual([["a", "b", "c", "d"], []]);
  });
});

describe("messages of nodes that are no members", () => {
  it("change nothing on a leader", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["c"] });
    cluster.settle();
    const before = cluster.status("a");
    const from = { from: nodeId("c"), to: nodeId("a"), term: before.term };
    cluster.receive({ ...from, kind: "appendResponse", ok: true, match: index(3) });
    cluster.receive({ ...from, kind: "heartbeatResponse", round: 99 });
    cluster.step("a", { kind: "unreachable", peer: nodeId("c") });
    cluster.step("a", { kind: "snapshotSent", to: nodeId("c"), ok: true });
    cluster.step("a", { kind: "snapshotProgress", to: nodeId("c") });
    cluster.step("a", { kind: "transfer", to: nodeId("c") });
    expect(cluster.status("a")).toEqual(before);
    expect(cluster.wire).toEqual([]);
  });
});
