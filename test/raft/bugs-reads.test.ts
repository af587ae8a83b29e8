/** Real bugs of other implementations around linearizable reads; bugs.ts lists them all. */

import { describe, expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";
import { message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

/** c has just won term 2 and has not committed anything of it. */
function fresh(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.loseLeader("b", "c");
  cluster.stand("c");
  cluster.deliverAll({ kind: "requestVote" });
  cluster.persist("b");
  cluster.deliverAll({ kind: "voteResponse" });
  cluster.wire = [];
  return cluster;
}

describe("reads", () => {
  it("T28: a leader answers no read before it has committed an entry of its own term", () => {
    const cluster = fresh();
    expect(cluster.status("c")).toMatchObject({ role: "leader", opened: false });
    const read = cluster.read("c");
    // Heartbeats are answered, and still it waits.
    cluster.tick("c", SETTINGS.heartbeatTicks);
    cluster.deliverAll({ kind: "heartbeat" });
    cluster.persist("b");
    cluster.deliverAll({ kind: "heartbeatResponse" });
    expect(cluster.node("c").reads).toEqual([]);
    cluster.settle();
    expect(cluster.node("c").reads).toEqual([{ id: read, index: 2 }]);
  });

  it("T29: nor does a single node after a restart", () => {
    const cluster = new Cluster({ voters: ["a"] });
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.restart("a");
    // The hint of the commit index on disk is older than what was acknowledged.
    expect(cluster.node("a").disk.hardState.commit).toBeLessThan(2);
    cluster.campaign("a");
    cluster.persist("a");
    expect(cluster.status("a")).toMatchObject({ role: "leader", opened: false });
    const read = cluster.read("a");
    expect(cluster.node("a").reads).toEqual([]);
    cluster.settle();
    expect(cluster.node("a").reads).toEqual([{ id: read, index: 3 }]);
  });

  it("T30: an answer to an earlier round never confirms a later read", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    const first = cluster.read("a");
    const round = cluster.packets({ kind: "heartbeat", to: "b" })[0]?.message;
    cluster.settle();
    expect(cluster.node("a").reads.map(({ id }) => id)).toEqual([first]);
    // b answers the first round again, late and twice, after the second read was asked.
    const second = cluster.read("a");
    if (round !== undefined) for (let time = 0; time < 2; time++) cluster.receive(round);
    cluster.drop({ kind: "heartbeat" });
    cluster.deliverAll({ kind: "heartbeatResponse" });
    expect(cluster.node("a").reads.map(({ id }) => id)).toEqual([first]);
    cluster.heartbeat("a");
    expect(cluster.node("a").reads.map(({ id }) => id)).toEqual([first, second]);
  });

  it("T30: a read that arrives while a round is under way waits for the next one", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.read("a");
    cluster.deliverAll({ kind: "heartbeat" });
    const late = cluster.read("a");
    cluster.deliverAll({ kind: "heartbeatResponse" });
    expect(cluster.node("a").reads.map(({ id }) => id)).not.toContain(late);
    cluster.settle();
    expect(cluster.node("a").reads.map(({ id }) => id)).toContain(late);
  });

  it("T33: a learner's read is answered, also by a leader that is the only voter", () => {
    const cluster = new Cluster({ voters: ["a"], learners: ["d"] });
    cluster.elect("a");
    cluster.heartbeat("a");
    const read = cluster.read("d");
    cluster.settle();
    expect(cluster.node("d").reads).toEqual([{ id: read, index: 1 }]);
  });

  it("T33: reads end when the leader they wait on steps down, the forwarded ones too", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    const own = cluster.read("a");
    const forwarded = cluster.read("b");
    cluster.deliverAll({ kind: "readIndex" });
    cluster.drop();
    cluster.receive(message("preVoteResponse", { from: "c", to: "a", term: 5 }, { granted: false }));
    expect(cluster.status("a")).toMatchObject({ role: "follower", term: 5 });
    expect(cluster.node("a").readsFailed).toEqual([own]);
    cluster.persist("a");
    cluster.deliverAll({ to: "b" });
    expect(cluster.node("b").readsFailed).toEqual([forwarded]);
  });

  it("T33: a forwarded read whose answer is lost is given back, and once only", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    const read = cluster.read("b");
    const [request] = cluster.drop({ kind: "readIndex" });
    for (let round = 0; round < 2 * SETTINGS.electionTicks; round++) {
      cluster.tick("b");
      cluster.tick("a");
      cluster.settle();
    }
    expect(cluster.node("b").readsFailed).toEqual([read]);
    if (request !== undefined) cluster.receive(request.message);
    cluster.settle();
    expect(cluster.node("b").reads).toEqual([]);
    expect(cluster.node("b").readsFailed).toEqual([read]);
  });
});
