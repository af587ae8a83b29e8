/** Real bugs of other implementations around elections and votes; bugs.ts lists them all. */

import { describe, expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryId, message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };
const ZERO = entryId(0, 0);

function granted(cluster: Cluster, kind: "voteResponse" | "preVoteResponse"): readonly boolean[] {
  return cluster.packets({ kind }).map(({ message: one }) => "granted" in one && one.granted);
}

function requestVote(
  from: string,
  to: string,
  term: number,
  last: readonly [number, number],
): ReturnType<typeof message> {
  return message("requestVote", { from, to, term }, { last: entryId(...last), transfer: false });
}

describe("elections and votes", () => {
  it("T01: a node never leads one term twice although it crashed before its vote was durable", () => {
    const cluster = new Cluster(THREE);
    cluster.campaign("a");
    cluster.deliverAll({ kind: "requestPreVote" });
    cluster.deliverAll({ kind: "preVoteResponse" });
    expect(cluster.status("a")).toMatchObject({ role: "candidate", term: 1 });
    // Nothing of term 1 has left, so nobody can vote for an office that the crash makes a forget.
    expect(cluster.packets({ from: "a", kind: "requestVote" })).toEqual([]);
    cluster.crash("a");
    cluster.start("a");
    expect(cluster.status("a")).toMatchObject({ term: 0, vote: undefined });
    cluster.elect("a");
    cluster.elect("b");
    expect(cluster.status("b").term).toBe(2);
  });

  it("T01: a candidate does not count its own vote before it is durable, so that it cannot lead without it", () => {
    const cluster = new Cluster({ voters: ["a", "b"] });
    cluster.checks.trustMessages();
    cluster.campaign("a");
    cluster.deliverAll();
    cluster.deliverAll();
    cluster.receive(message("voteResponse", { from: "b", to: "a", term: 1 }, { granted: true }));
    expect(cluster.status("a").role).toBe("candidate");
    cluster.persist("a");
    expect(cluster.status("a").role).toBe("leader");
  });

  it("T02: term and vote reach the disk in one write, and a repeated request is checked against the log again", () => {
    const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1], term: 3, vote: "c" } } });
    cluster.receive(requestVote("a", "b", 4, [2, 1]));
    expect(cluster.node("b").writes).toMatchObject([{ hardState: { term: 4, vote: "a" } }]);
    cluster.persist("b");
    expect(granted(cluster, "voteResponse")).toEqual([true]);
    // The same candidate again, but with a log that is too short: its old vote is no licence.
    cluster.receive(requestVote("a", "b", 4, [1, 1]));
    expect(granted(cluster, "voteResponse")).toEqual([true, false]);
  });

  it("T03: a vote waits for the entries that were written before it", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.deliverAll({ to: "b" });
    cluster.loseLeader("b");
    cluster.receive(requestVote("c", "b", 2, [9, 1]));
    // Two writes are under way: entry, then vote. The disk is one queue, and the vote leaves with its own write.
    expect(cluster.node("b").writes.map(({ append, hardState }) => [append.length, hardState?.term])).toEqual(
      [
        [1, 1],
        [0, 2],
      ],
    );
    cluster.persist("b", 1);
    expect(granted(cluster, "voteResponse")).toEqual([]);
    cluster.persist("b", 1);
    expect(granted(cluster, "voteResponse")).toEqual([true]);
    expect(cluster.node("b").disk.last).toMatchObject(entryId(2, 1));
  });

  it("T04: seeing a higher term is not a vote for it", () => {
    const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 1] } } });
    cluster.receive(requestVote("a", "b", 5, [1, 1]));
    cluster.persist("b");
    expect(cluster.node("b").disk.hardState).toMatchObject({ term: 5, vote: undefined });
    expect(granted(cluster, "voteResponse")).toEqual([false]);
    cluster.receive(requestVote("c", "b", 5, [3, 1]));
    cluster.persist("b");
    expect(granted(cluster, "voteResponse")).toEqual([false, true]);
  });

  it("T05: stepping down within a term keeps the vote", () => {
    const cluster = new Cluster(THREE);
    cluster.stand("a");
    cluster.receive(
      message(
        "heartbeat",
        { from: "c", to: "a", term: 1 },
        { commit: ZERO.index, leaderCommit: ZERO.index, round: 0 },
      ),
    );
    expect(cluster.status("a")).toMatchObject({ role: "follower", term: 1, vote: "a" });
    const leader = new Cluster(THREE);
    leader.elect("a");
    leader.tick("a", 2 * SETTINGS.electionTicks);
    expect(leader.status("a")).toMatchObject({ role: "follower", term: 1, vote: "a", leader: undefined });
    leader.receive(requestVote("b", "a", 1, [9, 1]));
    expect(leader.status("a").vote).toBe("a");
  });

  it("T06: no vote in a term whose leader is known", () => {
    const cluster = new Cluster(THREE);
    cluster.receive(
      message(
        "heartbeat",
        { from: "a", to: "b", term: 1 },
        { commit: ZERO.index, leaderCommit: ZERO.index, round: 0 },
      ),
    );
    cluster.persist("b");
    cluster.receive(requestVote("c", "b", 1, [9, 1]));
    expect(cluster.status("b").vote).toBeUndefined();
    expect(granted(cluster, "voteResponse")).toEqual([false]);
  });

  it("T07: a node with a higher term and a shorter log does not lock the cluster up", () => {
    const cluster = new Cluster({
      ...THREE,
      nodes: { a: { log: [1, 1] }, b: { log: [1, 1] }, c: { log: [1], term: 9 } },
    });
    for (let round = 0; round < 200 && cluster.leader === undefined; round++) {
      for (const id of THREE.voters) cluster.tick(id);
      cluster.settle();
    }
    expect(["a", "b"]).toContain(cluster.leader);
    expect(cluster.status(cluster.leader ?? "").term).toBeGreaterThan(9);
  });

  it("T07: a pre-candidate begins with no votes and no leader", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.campaign("b");
    expect(cluster.status("b").leader).toBeUndefined();
    cluster.receive(message("preVoteResponse", { from: "c", to: "b", term: 1 }, { granted: false }));
    cluster.wire = [];
    cluster.campaign("b");
    cluster.receive(message("preVoteResponse", { from: "c", to: "b", term: 2 }, { granted: true }));
    expect(cluster.status("b").role).toBe("candidate");
  });

  it("T08: a refused pre-vote brings the higher term to the one who asked", () => {
    const cluster = new Cluster({ voters: ["a", "b"], nodes: { a: { term: 3 }, b: { term: 7 } } });
    cluster.campaign("a");
    cluster.settle();
    expect(cluster.status("a").term).toBe(7);
    cluster.elect("a");
  });

  it("T09: a pre-vote is granted to the known leader itself, moves no timer, and is not a vote", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.receive(message("requestPreVote", { from: "a", to: "b", term: 2 }, { last: entryId(1, 1) }));
    expect(granted(cluster, "preVoteResponse")).toEqual([true]);
    const free = new Cluster(THREE);
    const alone = new Cluster(THREE);
    for (let tick = 0; tick < 2 * SETTINGS.electionTicks; tick++) {
      alone.tick("b");
      free.tick("b");
      free.receive(message("requestPreVote", { from: "a", to: "b", term: 1 }, { last: ZERO }));
      expect(free.status("b").role, `tick ${tick}`).toBe(alone.status("b").role);
    }
    expect(free.node("b").writes).toEqual([]);
    const candidate = new Cluster(THREE);
    candidate.stand("a");
    candidate.receive(message("preVoteResponse", { from: "c", to: "a", term: 1 }, { granted: true }));
    candidate.receive(message("preVoteResponse", { from: "b", to: "a", term: 1 }, { granted: true }));
    expect(candidate.status("a").role).toBe("candidate");
  });

  it("T10: a peer that cannot be reached has not granted anything", () => {
    const cluster = new Cluster(THREE);
    cluster.campaign("a");
    for (const peer of cluster.peers("a")) cluster.step("a", { kind: "unreachable", peer });
    expect(cluster.status("a")).toMatchObject({ role: "preCandidate", term: 0 });
    const candidate = new Cluster(THREE);
    candidate.stand("a");
    for (const peer of candidate.peers("a")) candidate.step("a", { kind: "unreachable", peer });
    expect(candidate.status("a").role).toBe("candidate");
  });

  it("T11: the old leader's heartbeat does not knock back the one it has handed over to", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.step("a", { kind: "transfer", to: cluster.node("b").id });
    cluster.deliverAll({ kind: "timeoutNow" });
    // No pre-vote: everyone would refuse it while a lives.
    expect(cluster.status("b")).toMatchObject({ role: "candidate", term: 2 });
    cluster.tick("a", SETTINGS.heartbeatTicks);
    cluster.deliverAll({ from: "a", to: "b", kind: "heartbeat" });
    expect(cluster.status("b")).toMatchObject({ role: "candidate", term: 2 });
    cluster.settle();
    expect(cluster.leader).toBe("b");
  });

  it("T12: leadership is handed only to a voter that holds the whole log, and no write slips in between", () => {
    const cluster = new Cluster({ voters: ["a", "b"], learners: ["d"] });
    cluster.elect("a");
    for (const to of ["d", "a"]) {
      cluster.step("a", { kind: "transfer", to: cluster.node(to).id });
      expect(cluster.status("a").transferring).toBe(false);
    }
    cluster.propose("a", "x");
    cluster.step("a", { kind: "transfer", to: cluster.node("b").id });
    expect(cluster.packets({ kind: "timeoutNow" })).toEqual([]);
    cluster.propose("a", "late");
    expect(cluster.node("a").outcomes.at(-1)).toMatchObject({ kind: "rejected", reason: "transferring" });
    cluster.deliverAll({ to: "b" });
    cluster.persist("b");
    cluster.deliverAll({ from: "b" });
    expect(cluster.packets({ kind: "timeoutNow", to: "b" })).not.toEqual([]);
    // A learner that is told to campaign, by whatever mistake, does not.
    cluster.receive(message("timeoutNow", { from: "a", to: "d", term: 1 }, {}));
    expect(cluster.status("d")).toMatchObject({ role: "learner", term: 1 });
  });

  it("T13: election timeouts are drawn anew in each round, so that two rivals part", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new Cluster({ voters: ["a", "b"], seed });
      let ticks = 0;
      for (; cluster.leader === undefined && ticks < 600; ticks++) {
        for (const id of ["a", "b"]) cluster.tick(id);
        cluster.settle();
      }
      expect(ticks, `seed ${seed}`).toBeLessThan(300);
    }
  });

  it("T14: a vote is given to whoever asks, known or not, and by learners too", () => {
    const cluster = new Cluster({ voters: ["a", "b"], learners: ["d"] });
    cluster.receive(requestVote("stranger", "b", 3, [0, 0]));
    cluster.receive(requestVote("a", "d", 3, [0, 0]));
    cluster.persist("b");
    cluster.persist("d");
    expect(granted(cluster, "voteResponse")).toEqual([true, true]);
    // And yet a learner's vote, or a stranger's, does not count.
    cluster.restart("a");
    cluster.stand("a");
    for (const from of ["d", "stranger"]) {
      const { term } = cluster.status("a");
      cluster.receive(message("voteResponse", { from, to: "a", term }, { granted: true }));
    }
    expect(cluster.status("a").role).not.toBe("leader");
  });
});
