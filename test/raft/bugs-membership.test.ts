/** Real bugs of other implementations around changes of the configuration; bugs.ts lists them all. */

import { describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryId, message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

/** `leader` leads a quiet cluster of these nodes. */
function led(setup: ConstructorParameters<typeof Cluster>[0] = THREE, leader: string = "a"): Cluster {
  const cluster = new Cluster(setup);
  cluster.elect(leader);
  cluster.heartbeat(leader);
  return cluster;
}

/** Disks answer and messages arrive, but no state machine applies anything. */
function settleUnapplied(cluster: Cluster): void {
  for (let round = 0; round < 50; round++) {
    for (const id of cluster.nodes.keys()) if (cluster.isUp(id)) cluster.persist(id);
    cluster.deliverAll();
  }
}

/** Where the configurations stand in the log on a node's disk. */
function configurations(cluster: Cluster, id: string): readonly number[] {
  const { entries } = cluster.node(id).disk;
  return entries.filter(({ kind }) => kind === "configuration").map(({ index }) => index);
}

function votersOf(cluster: Cluster, id: string): string {
  const { voters, outgoing } = cluster.status(id).configuration;
  return outgoing.length === 0 ? voters.join(" ") : `${voters.join(" ")} and ${outgoing.join(" ")}`;
}

describe("changes of the configuration", () => {
  it("T34: no leader changes the configuration before it has committed an entry of its own term", () => {
    const cluster = led({ voters: ["a", "b", "c", "d"], learners: ["e"] });
    // a begins to replace d by e, but nobody hears of it.
    cluster.configure("a", { promote: ["e"], remove: ["d"] });
    cluster.persist("a");
    cluster.drop({ from: "a" });
    expect(votersOf(cluster, "a")).toBe("a b c e and a b c d");
    // b takes office without having heard of it: the configuration that it would change may be outdated.
    cluster.loseLeader("b", "c", "d", "e");
    cluster.campaign("b");
    cluster.until(() => cluster.raft("b").isLeader, ["a"]);
    const early = cluster.configure("b", { remove: ["a"] });
    expect(cluster.node("b").outcomes.at(-1)).toEqual({ id: early, kind: "rejected", reason: "notOpened" });
    cluster.settle(["a"]);
    const later = cluster.configure("b", { remove: ["a"] });
    cluster.settle(["a"]);
    expect(cluster.node("b").outcomes.at(-1)).toMatchObject({ id: later, kind: "committed" });
    // The change that a made is rolled back by what b committed.
    expect(votersOf(cluster, "b")).toBe("b c d");
  });

  it("T35: a committed configuration that is not applied yet decides who is elected", () => {
    const cluster = led({ voters: ["a"], learners: ["b"] });
    cluster.configure("a", { promote: ["b"] });
    settleUnapplied(cluster);
    expect(cluster.status("a")).toMatchObject({ committed: 3, applied: 1 });
    // In the configuration that is applied a is alone, and would lead after one tick.
    cluster.restart("a");
    expect(cluster.status("a").applied).toBe(1);
    cluster.campaign("a");
    cluster.persist("a");
    expect(cluster.status("a").role).toBe("preCandidate");
    cluster.loseLeader("b");
    cluster.settle();
    expect(cluster.status("a")).toMatchObject({ role: "leader", term: 2 });
  });

  it("T36: whoever leads leaves the joint configuration, and leaves it once", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { promote: ["d"], remove: ["c"] });
    cluster.persist("a");
    for (const id of ["b", "c", "d"]) {
      cluster.deliverAll({ to: id });
      cluster.persist(id);
    }
    // a is gone before it knows that the joint configuration is committed.
    cluster.crash("a");
    cluster.drop();
    cluster.elect("b", ["a"]);
    cluster.heartbeat("b", ["a"]);
    expect(votersOf(cluster, "b")).toBe("a b d");
    for (let round = 0; round < 3; round++) cluster.heartbeat("b", ["a"]);
    expect(configurations(cluster, "b")).toEqual([2, 4]);
    // The same while the second half waits for its quorum: nothing more is proposed.
    cluster.start("a");
    cluster.heartbeat("b");
    cluster.configure("b", { remove: ["a"] });
    cluster.until(() => configurations(cluster, "b").length === 4);
    for (let at = 0; at < 5; at++) cluster.tick("b");
    expect(configurations(cluster, "b")).toEqual([2, 4, 5, 6]);
    cluster.settle();
    expect(votersOf(cluster, "b")).toBe("b d");
    expect(configurations(cluster, "b")).toEqual([2, 4, 5, 6]);
  });

  it("T37: a joint configuration found in the log is left only once both halves have committed it", () => {
    const cluster = led({ ...THREE, learners: ["d", "e"] });
    cluster.configure("a", { promote: ["d", "e"], remove: ["b", "c"] });
    cluster.persist("a");
    for (const id of ["d", "e"]) cluster.deliverAll({ to: id });
    for (const id of ["d", "e"]) cluster.persist(id);
    cluster.drop();
    cluster.crash("a", 1);
    cluster.start("a");
    // a is elected again, by both halves; then nobody of the old half answers any more.
    cluster.loseLeader("b", "c", "d", "e");
    cluster.campaign("a");
    cluster.until(() => cluster.raft("a").isLeader, ["c"]);
    cluster.settle(["b", "c"]);
    expect(cluster.status("a")).toMatchObject({ role: "leader", last: 3, committed: 1 });
    expect(votersOf(cluster, "a")).toBe("a d e and a b c");
    cluster.heartbeat("a");
    expect(votersOf(cluster, "a")).toBe("a d e");
    expect(configurations(cluster, "a")).toEqual([2, 4]);
  });

  it("T38: a node that an uncommitted configuration removes may campaign, for it may be the only one that can win", () => {
    const cluster = led({ voters: ["a", "b", "c", "d"] });
    cluster.crash("d");
    cluster.configure("a", { remove: ["a"] });
    // The joint configuration is committed; the last one is on a's disk and nowhere else.
    cluster.until(() => cluster.status("a").configurationIndex === 3);
    cluster.drop();
    cluster.persist("a");
    cluster.drop();
    cluster.restart("a");
    expect(cluster.status("a")).toMatchObject({ role: "learner", committed: 2, last: 3 });
    // b and c need a in the old half, and a's log is longer than theirs.
    cluster.loseLeader("b", "c");
    cluster.campaign("b");
    cluster.settle();
    expect(cluster.leader).toBeUndefined();
    cluster.campaign("a");
    cluster.settle();
    const { voters, removed } = cluster.status("b").configuration;
    expect([voters, removed]).toMatchObject([["b", "c", "d"], [{ id: "a" }]]);
    expect(["b", "c"]).toContain(cluster.leader);
  });

  it("T39: a leader that was removed hands over, falls silent, and disturbs nobody", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["a"] });
    cluster.settle();
    const { leader } = cluster;
    expect(["b", "c"]).toContain(leader);
    // One election, at the word of the leader that left, without waiting for a timer.
    expect(cluster.status("a")).toMatchObject({ role: "learner", term: 1, leader: undefined });
    expect(cluster.status(`${leader}`)).toMatchObject({ term: 2, role: "leader" });
    for (let round = 0; round < 10; round++) {
      cluster.tick("a", SETTINGS.electionTicks);
      expect(cluster.packets({ from: "a" })).toEqual([]);
      cluster.heartbeat(`${leader}`);
    }
    expect(cluster.status(`${leader}`)).toMatchObject({ term: 2, role: "leader" });
  });

  it("T39: a follower that was removed without hearing of it cannot depose the leader", () => {
    const cluster = led();
    cluster.configure("a", { remove: ["c"] });
    cluster.settle(["c"]);
    expect(votersOf(cluster, "c")).toBe("a b c");
    for (let round = 0; round < 10; round++) {
      cluster.tick("c", SETTINGS.electionTicks);
      cluster.heartbeat("a");
    }
    expect(cluster.status("c").role).toBe("preCandidate");
    expect(cluster.status("a")).toMatchObject({ role: "leader", term: 1 });
    // Nor can it win when the leader is gone: its log lacks what removed it.
    cluster.crash("a");
    cluster.loseLeader("b");
    for (let round = 0; round < 5; round++) {
      cluster.tick("c", 2 * SETTINGS.electionTicks);
      cluster.settle();
    }
    expect(cluster.leader).toBeUndefined();
    expect(cluster.status("b").term).toBe(1);
  });

  it("T40: a snapshot holds the configuration at its index, not a later one that may be rolled back", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.propose("a", "x");
    cluster.settle();
    cluster.configure("a", { promote: ["d"] });
    cluster.persist("a");
    cluster.drop();
    cluster.snapshot("a");
    expect(cluster.status("a")).toMatchObject({ snapshot: 2, first: 3, configurationIndex: 3 });
    expect(cluster.node("a").disk.files.get(2)?.meta).toMatchObject({
      configuration: { voters: ["a", "b", "c"] },
      configurationIndex: 0,
    });
    cluster.elect("b", ["a"]);
    cluster.propose("b", "y");
    cluster.settle(["a"]);
    cluster.heartbeat("b");
    // What a had appended is gone, and with it what it had in force.
    expect(cluster.status("a")).toMatchObject({ configurationIndex: 0 });
    expect(votersOf(cluster, "a")).toBe("a b c");
    cluster.restart("a");
    expect(votersOf(cluster, "a")).toBe("a b c");
  });

  it("T40: the core refuses a snapshot with another configuration than its log had there", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { remove: ["d"] });
    cluster.settle();
    const meta = cluster.metaAt("a", 2);
    const { configuration } = cluster;
    const stale = { ...meta, configuration, configurationIndex: entryId(0, 0).index };
    expect(() => cluster.step("a", { kind: "snapshotTaken", snapshot: stale })).toThrow("(R8)");
  });

  it("T41: a snapshot takes away an uncommitted configuration, also one at a higher index", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.heartbeat("a");
    // a is cut off with a long tail and a change at its end.
    for (const text of ["1", "2", "3", "4", "5"]) cluster.propose("a", text);
    cluster.configure("a", { promote: ["d"], remove: ["b"] });
    cluster.persist("a");
    cluster.drop();
    expect(cluster.status("a")).toMatchObject({ last: 7, configurationIndex: 7 });
    cluster.elect("b", ["a"]);
    cluster.propose("b", "x");
    cluster.settle(["a"]);
    cluster.snapshot("b");
    cluster.settle(["a"]);
    for (let round = 0; round < 4; round++) cluster.heartbeat("b");
    expect(cluster.status("a")).toMatchObject({ first: 4, last: 3, configurationIndex: 0, snapshot: 3 });
    expect(votersOf(cluster, "a")).toBe("a b c");
    cluster.restart("a");
    expect(votersOf(cluster, "a")).toBe("a b c");
    expect(cluster.status("a")).toMatchObject({ role: "follower", configurationIndex: 0 });
  });

  it("T42: a configuration is known by its own index, also when a snapshot brought it", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.crash("c");
    cluster.configure("a", { remove: ["d"] });
    cluster.settle(["c"]);
    // A snapshot at the very entry that changed the configuration holds the change.
    cluster.snapshot("a");
    expect(cluster.status("a")).toMatchObject({ snapshot: 2, configurationIndex: 2 });
    for (const text of ["x", "y", "z"]) cluster.propose("a", text);
    cluster.settle(["c"]);
    cluster.snapshot("a");
    cluster.settle(["c"]);
    cluster.start("c");
    for (let round = 0; round < 4; round++) cluster.heartbeat("a");
    for (const id of ["a", "c"]) {
      expect(cluster.status(id)).toMatchObject({ snapshot: 5, configurationIndex: 2 });
      cluster.restart(id);
      const { configuration, configurationIndex } = cluster.status(id);
      expect(configurationIndex).toBe(2);
      expect(configuration).toMatchObject({ learners: [], removed: [{ id: "d" }] });
    }
    // Nothing of it is under way: the next change is taken.
    cluster.elect("c");
    cluster.configure("c", { remove: ["a"] });
    cluster.settle();
    expect(votersOf(cluster, "c")).toBe("b c");
  });

  it("T43: a learner that has not caught up, or is silent, is not promoted", () => {
    const cluster = led({ voters: ["a"], learners: ["b"] });
    const promoted = (): unknown => {
      cluster.configure("a", { promote: ["b"] });
      return cluster.node("a").outcomes.at(-1);
    };
    cluster.crash("b");
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.settle();
    cluster.tick("a", SETTINGS.electionTicks);
    expect(promoted()).toMatchObject({ kind: "rejected", reason: "behind" });
    // With the snapshot on its way it is behind still.
    cluster.snapshot("a");
    cluster.settle(["b"]);
    cluster.start("b");
    for (let round = 0; round < 20 && cluster.transfers.length === 0; round++) {
      cluster.tick("a");
      for (const id of ["a", "b"]) cluster.persist(id);
      cluster.deliverAll();
    }
    expect(cluster.status("a").progress.get(nodeId("b"))).toMatchObject({ state: "snapshot" });
    expect(promoted()).toMatchObject({ kind: "rejected", reason: "behind" });
    cluster.settle();
    cluster.heartbeat("a");
    expect(cluster.status("a").caughtUp).toEqual(["b"]);
    // It holds everything, and then says nothing for two election timeouts: its vote would stop the cluster.
    for (let tick = 0; tick < 2 * SETTINGS.electionTicks; tick++) {
      cluster.tick("a");
      cluster.drop();
    }
    expect(cluster.status("a").caughtUp).toEqual([]);
    expect(promoted()).toMatchObject({ kind: "rejected", reason: "behind" });
    cluster.heartbeat("a");
    expect(cluster.status("a").caughtUp).toEqual(["b"]);
    cluster.configure("a", { promote: ["b"] });
    cluster.settle();
    expect(votersOf(cluster, "a")).toBe("a b");
  });

  it("T43: a learner that lags behind a busy leader by less than an election timeout is promoted", () => {
    const cluster = led({ voters: ["a"], learners: ["b"] });
    for (let at = 0; at < 3 * SETTINGS.electionTicks; at++) {
      cluster.propose("a", `x${at}`);
      cluster.persist("a");
      cluster.tick("a");
      // What b holds is always one round old.
      const [...old] = cluster.packets();
      cluster.persist("b");
      for (const packet of old) cluster.deliver(packet);
    }
    const { progress, committed, caughtUp } = cluster.status("a");
    expect(progress.get(nodeId("b"))?.match).toBeLessThan(committed);
    expect(caughtUp).toEqual(["b"]);
    cluster.configure("a", { promote: ["b"] });
    expect(votersOf(cluster, "a")).toBe("a b and a");
  });

  it("T43: a learner that was added before its first start gets the snapshot and starts", () => {
    const cluster = led();
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.settle();
    cluster.configure("a", { add: ["d"] });
    cluster.settle();
    cluster.heartbeat("a");
    cluster.snapshot("a");
    cluster.settle();
    cluster.tick("a", 3 * SETTINGS.heartbeatTicks);
    cluster.join("d");
    for (let round = 0; round < 6; round++) cluster.heartbeat("a");
    cluster.checks.converged();
    expect(cluster.status("d")).toMatchObject({ role: "learner", applied: 4, snapshot: 4, leader: "a" });
    cluster.restart("d");
    expect(cluster.status("d")).toMatchObject({ role: "learner", applied: 4 });
  });

  it("T44: neither the id nor the data directory of a node that left comes back, and an empty disk decides nothing", () => {
    const cluster = led({ ...THREE, learners: ["d"] });
    cluster.configure("a", { remove: ["d", "c"] });
    cluster.settle();
    const refused = (change: Parameters<Cluster["configure"]>[1]): unknown => {
      cluster.configure("a", change);
      return cluster.node("a").outcomes.at(-1);
    };
    const { members, removed } = cluster.status("a").configuration;
    for (const { id } of [...members, ...removed]) {
      expect(refused({ add: [id] })).toMatchObject({ kind: "rejected", reason: "invalid" });
    }
    // c's disk is wiped; it comes back as e and knows nobody.
    cluster.join("e");
    cluster.tick("e", 5 * SETTINGS.electionTicks);
    expect(cluster.wire).toEqual([]);
    expect(cluster.status("e")).toMatchObject({ role: "learner", term: 0 });
    expect(cluster.raft("e").mayTakeSnapshot).toBe(false);
    // A vote of it would be given, and is not counted.
    cluster.crash("b");
    cluster.crash("a");
    cluster.drop();
    cluster.start("a");
    cluster.campaign("a");
    cluster.receive(message("preVoteResponse", { from: "e", to: "a", term: 2 }, { granted: true }));
    expect(cluster.status("a").role).toBe("preCandidate");
    cluster.start("b");
    cluster.elect("a");
    cluster.configure("a", { add: ["e"] });
    cluster.settle();
    for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    expect(cluster.status("e")).toMatchObject({ role: "learner", leader: "a" });
    cluster.checks.converged();
  });
});
