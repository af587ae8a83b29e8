import { describe, expect } from "vitest";
import { Cluster, SETTINGS } from "../raft/kit.ts";
import { entryId, message } from "../raft/words.ts";
import { applied, logOf, onWire, rule } from "./rule.ts";

/** a, b and c are to become a, d and e. */
const OLD = { voters: ["a", "b", "c"], learners: ["d", "e"] };
const TO_NEW = { promote: ["d", "e"], remove: ["b", "c"] };

function led(setup: ConstructorParameters<typeof Cluster>[0] = OLD): Cluster {
  const cluster = new Cluster(setup);
  cluster.elect("a");
  cluster.heartbeat("a");
  return cluster;
}

/** The halves in force on a node: one, or the new and the old. */
function halves(cluster: Cluster, id: string): string {
  const { voters, outgoing } = cluster.status(id).configuration;
  return [voters, outgoing].map((half) => half.join(" ")).join(" | ");
}

/** Messages arrive and disks answer at these nodes and between them, once. */
function round(cluster: Cluster, ...ids: readonly string[]): void {
  for (const id of ids) cluster.persist(id);
  for (const from of ids) for (const to of ids) cluster.deliverAll({ from, to });
  for (const id of ids) cluster.persist(id);
}

describe("changing the configuration", () => {
  rule(
    "6",
    "The leader first creates the C_old,new configuration entry in its log and commits it to C_old,new; then it creates the C_new entry and commits it.",
    () => {
      const cluster = led();
      const id = cluster.configure("a", TO_NEW);
      expect(halves(cluster, "a")).toBe("a d e | a b c");
      round(cluster, "a", "d", "e");
      round(cluster, "a", "d", "e");
      // All of C_new holds it, of C_old one: not committed, and so nothing follows.
      expect(cluster.status("a")).toMatchObject({ last: 2, committed: 1 });
      round(cluster, "a", "b");
      round(cluster, "a", "b");
      expect(cluster.status("a")).toMatchObject({ last: 3, committed: 2 });
      expect(cluster.node("a").outcomes).toEqual([{ id, kind: "committed", at: entryId(2, 1) }]);
      expect(halves(cluster, "a")).toBe("a d e | ");
      round(cluster, "a", "b", "c");
      expect(cluster.status("a").committed).toBe(2);
      cluster.settle();
      expect(cluster.status("a")).toMatchObject({ last: 3, committed: 3 });
      for (const one of ["a", "d", "e"]) {
        expect(applied(cluster, one)).toEqual(["noop", "configuration", "configuration"]);
      }
    },
  );

  rule(
    "6",
    "Once a given server adds the new configuration entry to its log, it uses that configuration for all future decisions.",
    () => {
      const cluster = led();
      cluster.configure("a", TO_NEW);
      cluster.deliverAll({ to: "d" });
      // d has it neither on disk nor committed, and yet counts by it.
      expect(cluster.status("d")).toMatchObject({ durable: 1, committed: 1, role: "follower" });
      expect(halves(cluster, "d")).toBe("a d e | a b c");
      expect(halves(cluster, "e")).toBe("a b c | ");
      cluster.deliverAll({ to: "b" });
      cluster.persist("b");
      cluster.crash("a");
      cluster.drop();
      cluster.loseLeader("c", "d", "e");
      cluster.campaign("b");
      // Of C_old b and c would be enough.
      cluster.settle(["d", "e"]);
      expect(cluster.status("b").role).toBe("preCandidate");
      cluster.campaign("b");
      cluster.settle(["e"]);
      expect(cluster.leader).toBeUndefined();
    },
  );

  rule(
    "6",
    "If the leader crashes, a new leader may be chosen under either C_old or C_old,new, depending on whether the winning candidate has received C_old,new.",
    () => {
      for (const [winner, outcome] of [
        ["d", "a d e | "],
        ["c", "a b c | "],
      ] as const) {
        const cluster = led();
        cluster.configure("a", TO_NEW);
        for (const id of ["b", "d"]) {
          cluster.deliverAll({ to: id });
          cluster.persist(id);
        }
        cluster.crash("a");
        cluster.drop();
        // c has not received the change, and wins with the vote of a, which had not got it to its disk either.
        cluster.start("a");
        cluster.elect(winner);
        for (let at = 0; at < 3; at++) cluster.heartbeat(winner);
        expect(halves(cluster, winner)).toBe(outcome);
        expect(halves(cluster, "a")).toBe(outcome);
      }
    },
  );

  rule(
    "6",
    "Once C_old,new has been committed, neither C_old nor C_new can make decisions without approval of the other, and the Leader Completeness Property ensures that only servers with the C_old,new log entry can be elected as leader.",
    () => {
      const cluster = led();
      cluster.configure("a", TO_NEW);
      for (const id of ["b", "d"]) {
        cluster.deliverAll({ to: id });
        cluster.persist(id);
      }
      cluster.persist("a");
      cluster.deliverAll({ from: "b", to: "a" });
      cluster.deliverAll({ from: "d", to: "a" });
      expect(cluster.status("a").committed).toBe(2);
      cluster.crash("a", 0);
      cluster.drop();
      // c counts by C_old, and finds nobody: b has the entry that c lacks. e is no voter of C_old.
      cluster.start("a");
      cluster.loseLeader("b", "c", "d");
      cluster.campaign("c");
      cluster.settle();
      expect(cluster.leader).toBeUndefined();
      cluster.elect("d");
      expect(halves(cluster, "d")).toBe("a d e | ");
    },
  );

  rule(
    "6",
    "The cluster leader may not be part of the new configuration. In this case, the leader steps down (returns to follower state) once it has committed the C_new log entry.",
    () => {
      const cluster = led({ voters: ["a", "b", "c"] });
      cluster.configure("a", { remove: ["a"] });
      for (let at = 0; at < 10 && cluster.status("a").committed < 3; at++) {
        expect(cluster.status("a").role).toBe("leader");
        round(cluster, "a", "b", "c");
      }
      expect(cluster.status("a")).toMatchObject({ role: "learner", term: 1 });
      const why = cluster.node("a").trace.findLast(({ kind }) => kind === "role");
      expect(why).toMatchObject({ why: "it is no voter any more" });
    },
  );

  rule(
    "6",
    "There will be a period of time (while it is committing C_new) when the leader is managing a cluster that does not include itself; it replicates log entries but does not count itself in majorities.",
    () => {
      const cluster = led({ voters: ["a", "b", "c"] });
      cluster.configure("a", { remove: ["a"] });
      cluster.until(() => cluster.status("a").configurationIndex === 3);
      cluster.persist("a");
      round(cluster, "a", "b");
      round(cluster, "a", "b");
      // a and b hold it: two of the three that are left of C_old, one of the two of C_new.
      expect(logOf(cluster, "b")).toEqual([1, 1, 1]);
      expect(cluster.status("a")).toMatchObject({ role: "leader", committed: 2 });
      round(cluster, "a", "c");
      round(cluster, "a", "c");
      expect(cluster.status("a").committed).toBe(3);
    },
  );

  rule(
    "6",
    "Once the new servers have caught up with the rest of the cluster, the reconfiguration can proceed.",
    () => {
      const cluster = led({ voters: ["a", "b", "c"] });
      cluster.propose("a", "x");
      cluster.settle();
      cluster.join("d");
      cluster.configure("a", { add: ["d"] });
      cluster.settle(["d"]);
      const promote = (): unknown => {
        cluster.configure("a", { promote: ["d"] });
        return cluster.node("a").outcomes.at(-1);
      };
      expect(promote()).toMatchObject({ kind: "rejected", reason: "behind" });
      // Nobody waits for it meanwhile.
      cluster.propose("a", "y");
      cluster.settle(["d"]);
      expect(cluster.status("a").committed).toBe(4);
      for (let at = 0; at < 3; at++) cluster.heartbeat("a");
      expect(applied(cluster, "d")).toEqual(["noop", "x", "configuration", "y"]);
      cluster.configure("a", { promote: ["d"] });
      cluster.settle();
      expect(halves(cluster, "d")).toBe("a b c d | ");
    },
  );

  rule(
    "6",
    "Removed servers (those not in C_new) will not receive heartbeats, so they will time out and start new elections […]. If a server receives a RequestVote RPC within the minimum election timeout of hearing from a current leader, it does not update its term or grant its vote.",
    () => {
      const cluster = led({ voters: ["a", "b", "c"] });
      cluster.configure("a", { remove: ["c"] });
      cluster.settle(["c"]);
      cluster.tick("a", SETTINGS.heartbeatTicks);
      expect(onWire(cluster, "heartbeat").map(({ to }) => to)).toEqual(["b"]);
      cluster.settle();
      cluster.tick("c", 4 * SETTINGS.electionTicks);
      expect(onWire(cluster, "requestPreVote", { from: "c" })).not.toEqual([]);
      cluster.settle();
      for (const to of ["a", "b"]) {
        const forged = { last: entryId(99, 1), transfer: false };
        cluster.receive(message("requestVote", { from: "c", to, term: 50 }, forged));
        expect(cluster.status(to)).toMatchObject({ term: 1, leader: "a" });
      }
      expect(onWire(cluster, "voteResponse")).toEqual([]);
    },
  );
});
