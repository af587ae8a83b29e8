import { describe, expect } from "vitest";
import { Cluster } from "../raft/kit.ts";
import { entryId, message } from "../raft/words.ts";
import { applied, logOf, onWire, rule } from "./rule.ts";

const THREE = { voters: ["a", "b", "c"] };

/** Whether b, with `own` as its log, votes for a candidate whose log ends in `last`. */
function votes(own: readonly number[], last: { index: number; term: number }): boolean {
  const cluster = new Cluster({ ...THREE, nodes: { b: { log: own } } });
  const id = entryId(last.index, last.term);
  cluster.receive(message("requestVote", { from: "a", to: "b", term: 9 }, { last: id, transfer: false }));
  cluster.persist("b");
  return onWire(cluster, "voteResponse")[0]?.granted === true;
}

describe("the election restriction", () => {
  rule(
    "5.4.1",
    "The voter denies its vote if its own log is more up-to-date than that of the candidate.",
    () => {
      expect(votes([1, 1, 2], { index: 2, term: 2 })).toBe(false);
      expect(votes([1, 1, 2], { index: 3, term: 2 })).toBe(true);
      // The same is asked of a pre-vote.
      const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 2] } } });
      cluster.receive(message("requestPreVote", { from: "a", to: "b", term: 9 }, { last: entryId(2, 2) }));
      expect(onWire(cluster, "preVoteResponse")).toMatchObject([{ granted: false }]);
    },
  );

  rule(
    "5.4.1",
    "If the logs have last entries with different terms, then the log with the later term is more up-to-date.",
    () => {
      expect(votes([1, 1, 1, 1, 1], { index: 1, term: 2 })).toBe(true);
      expect(votes([3], { index: 99, term: 2 })).toBe(false);
    },
  );

  rule(
    "5.4.1",
    "If the logs end with the same term, then whichever log is longer is more up-to-date.",
    () => {
      expect(votes([2, 2], { index: 1, term: 2 })).toBe(false);
      expect(votes([2, 2], { index: 3, term: 2 })).toBe(true);
    },
  );

  rule(
    "5.4.1",
    "A candidate must contact a majority of the cluster in order to be elected, which means that every committed entry must be present in at least one of those servers.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      cluster.propose("a", "x");
      cluster.settle(["c"]);
      cluster.crash("a");
      cluster.loseLeader("b", "c");
      // c lacks the committed entry: b refuses, and c cannot win without it.
      cluster.campaign("c");
      cluster.settle(["a"]);
      expect(cluster.leader).toBeUndefined();
      cluster.elect("b", ["a"]);
      expect(applied(cluster, "c")).toContain("x");
    },
  );
});

describe("entries of earlier terms", () => {
  rule(
    "5.4.2",
    "Raft never commits log entries from previous terms by counting replicas. Only log entries from the leader's current term are committed by counting replicas.",
    () => {
      const cluster = new Cluster({
        ...THREE,
        nodes: { a: { log: [1, 2], term: 3 }, b: { log: [1, 2] }, c: { log: [1, 2] } },
      });
      cluster.stand("a");
      cluster.deliverAll({ kind: "requestVote" });
      cluster.persist("b");
      cluster.deliverAll({ kind: "voteResponse" });
      // Everyone says that it holds the entry of term 2; that of term 4 is nowhere durable yet.
      for (const from of ["b", "c"]) {
        cluster.receive(
          message("appendResponse", { from, to: "a", term: 4 }, { ok: true, match: entryId(2, 2).index }),
        );
      }
      expect(cluster.status("a")).toMatchObject({ role: "leader", committed: 0 });
    },
  );

  rule(
    "5.4.2",
    "Once an entry from the current term has been committed in this way, then all prior entries are committed indirectly because of the Log Matching Property.",
    () => {
      const cluster = new Cluster({
        ...THREE,
        nodes: { a: { log: [1, 2] }, b: { log: [1, 2] }, c: { log: [1] } },
      });
      cluster.elect("a");
      expect(cluster.status("a").committed).toBe(3);
      cluster.heartbeat("a");
      expect(applied(cluster, "c")).toEqual(["v1.1", "v2.2", "noop"]);
    },
  );

  rule(
    "5.4.2",
    "Log entries retain their original term numbers when a leader replicates entries from previous terms.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { a: { log: [1, 1, 4, 6] } } });
      cluster.elect("a");
      expect(logOf(cluster, "c")).toEqual([1, 1, 4, 6, 7]);
    },
  );
});

describe("the safety properties of figure 3", () => {
  rule(
    "5.4.3",
    "If a log entry is committed in a given term, then that entry will be present in the logs of the leaders for all higher-numbered terms.",
    () => {
      const cluster = new Cluster({ voters: ["a", "b", "c", "d", "e"] });
      const order = ["a", "c", "e", "b", "d"];
      for (const [at, id] of order.entries()) {
        cluster.elect(id);
        cluster.propose(id, `x${at}`);
        cluster.settle();
        const commands = cluster.node(id).disk.entries.length;
        expect(commands).toBe(2 * (at + 1));
      }
      cluster.heartbeat("d");
      cluster.checks.converged();
    },
  );

  rule(
    "5.4.3",
    "If a server has applied a log entry at a given index to its state machine, no other server will ever apply a different log entry for the same index.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      cluster.propose("a", "kept");
      cluster.settle();
      cluster.propose("a", "lost");
      cluster.persist("a");
      cluster.drop();
      expect(applied(cluster, "a")).toEqual(["noop", "kept"]);
      cluster.elect("b", ["a"]);
      cluster.propose("b", "new");
      cluster.settle(["a"]);
      cluster.heartbeat("b");
      cluster.heartbeat("b");
      for (const id of THREE.voters) expect(applied(cluster, id)).toEqual(["noop", "kept", "noop", "new"]);
    },
  );

  rule("5", "[Persistent state is] updated on stable storage before responding to RPCs.", () => {
    // The kit compares every message with its sender's disk at the moment it leaves; here by hand.
    const cluster = new Cluster(THREE);
    cluster.receive(
      message("requestVote", { from: "a", to: "b", term: 1 }, { last: entryId(0, 0), transfer: false }),
    );
    expect(onWire(cluster, "voteResponse")).toEqual([]);
    cluster.persist("b");
    expect(cluster.node("b").disk.hardState).toMatchObject({ term: 1, vote: "a" });
    expect(onWire(cluster, "voteResponse")).toMatchObject([{ granted: true }]);
    const led = new Cluster(THREE);
    led.elect("a");
    led.propose("a", "x");
    led.deliverAll({ to: "b" });
    expect(onWire(led, "appendResponse", { from: "b" })).toEqual([]);
    led.persist("b");
    expect(onWire(led, "appendResponse", { from: "b" })).toMatchObject([{ ok: true, match: 2 }]);
    expect(logOf(led, "b")).toHaveLength(2);
  });
});
