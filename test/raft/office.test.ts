/** Coming into office and losing it, where the configuration or the disk is on its way. */

import { describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { Cluster, SETTINGS } from "./kit.ts";

describe("an election", () => {
  it("is decided by the configuration in force, also while that is not committed", () => {
    const cluster = new Cluster({ voters: ["a", "b", "c"], learners: ["d"] });
    cluster.elect("a");
    cluster.heartbeat("a");
    // b alone has heard that d is to vote: three of a, b, c and d have to agree, and two of a, b and c.
    cluster.configure("a", { promote: ["d"] });
    cluster.deliverAll({ to: "b" });
    cluster.persist("b");
    cluster.wire = [];
    cluster.crash("a");
    expect(cluster.status("b")).toMatchObject({ last: 2, committed: 1 });
    cluster.loseLeader("b", "c", "d");
    cluster.stand("b");
    cluster.deliverAll({ to: "c", kind: "requestVote" });
    cluster.persist("c");
    cluster.deliverAll({ from: "c", kind: "voteResponse" });
    expect(cluster.status("b").role).toBe("candidate");
    cluster.deliverAll({ to: "d", kind: "requestVote" });
    cluster.persist("d");
    cluster.deliverAll({ from: "d", kind: "voteResponse" });
    expect(cluster.status("b").role).toBe("leader");
  });
});

describe("a leader", () => {
  it("knows nothing of the log of a node that it has just added", () => {
    const cluster = new Cluster({ voters: ["a", "b", "c"] });
    cluster.elect("a");
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.settle();
    cluster.configure("a", { add: ["d"] });
    expect(cluster.status("a").progress.get(nodeId("d"))).toMatchObject({
      state: "probe",
      match: 0,
      next: 4,
    });
    expect(cluster.status("a").caughtUp).toEqual([]);
  });

  it("whose disk does not answer for an election timeout hands over and steps down, though all others answer", () => {
    const cluster = new Cluster({ voters: ["a", "b", "c"] });
    cluster.elect("a");
    cluster.heartbeat("a");
    cluster.propose("a", "x");
    const told: string[] = [];
    for (let tick = 1; tick <= SETTINGS.electionTicks; tick++) {
      expect(cluster.status("a").role, `tick ${tick}`).toBe("leader");
      cluster.tick("a");
      told.push(...cluster.packets({ kind: "timeoutNow" }).map(({ message: one }) => one.to));
      cluster.drop({ kind: "timeoutNow" });
      for (const id of ["b", "c"]) {
        cluster.deliverAll({ to: id });
        cluster.persist(id);
      }
      cluster.deliverAll({ to: "a" });
    }
    expect(cluster.status("a")).toMatchObject({ role: "follower", durable: 1, last: 2, committed: 2 });
    expect(told).toHaveLength(1);
    // Nor does it campaign before its disk has answered.
    for (let tick = 0; tick < 4 * SETTINGS.electionTicks; tick++) cluster.tick("a");
    expect(cluster.status("a")).toMatchObject({ role: "follower", term: 1 });
    cluster.persist("a");
    cluster.campaign("a");
  });
});
