/** Who gets a vote, and what a vote is worth. */

import { describe, expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryId, message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

/** a leads term 1 and everyone has heard of it. */
function led(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.heartbeat("a");
  cluster.checks.trustMessages();
  return cluster;
}

function askFor(cluster: Cluster, from: string, term: number, last = entryId(1, 1)): readonly boolean[] {
  cluster.wire = [];
  cluster.receive(message("requestVote", { from, to: "b", term }, { last, transfer: true }));
  cluster.persist("b");
  return cluster
    .packets({ from: "b", kind: "voteResponse" })
    .map(({ message: one }) => one.kind === "voteResponse" && one.granted);
}

describe("a vote", () => {
  it("is given once in a term, to the same candidate as often as it asks", () => {
    const cluster = led();
    expect(askFor(cluster, "c", 5)).toEqual([true]);
    expect(askFor(cluster, "a", 5)).toEqual([false]);
    expect(askFor(cluster, "c", 5)).toEqual([true]);
    expect(askFor(cluster, "a", 6)).toEqual([true]);
    cluster.restart("b");
    expect(askFor(cluster, "c", 6)).toEqual([false]);
    expect(askFor(cluster, "a", 6)).toEqual([true]);
  });

  it("is remembered also in a term that was entered before it was given", () => {
    const cluster = led();
    expect(askFor(cluster, "c", 7, entryId(0, 0))).toEqual([false]);
    expect(askFor(cluster, "a", 7)).toEqual([true]);
    cluster.restart("b");
    expect(cluster.status("b")).toMatchObject({ term: 7, vote: "a" });
    expect(askFor(cluster, "c", 7)).toEqual([false]);
  });

  it("is not given to a shorter log of the same term, nor to a longer one of an earlier term", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.settle();
    expect(cluster.status("b").last).toBe(2);
    expect(askFor(cluster, "c", 5, entryId(1, 1))).toEqual([false]);
    expect(askFor(cluster, "c", 6, entryId(9, 0))).toEqual([false]);
    expect(askFor(cluster, "c", 7, entryId(2, 1))).toEqual([true]);
  });

  it("of a candidate for itself counts once it and the whole log are durable, and not before", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.deliverAll({ to: "c" });
    cluster.deliverAll({ to: "b" });
    cluster.loseLeader("b", "c");
    while (cluster.status("c").role === "follower") cluster.tick("c");
    cluster.deliverAll({ from: "c", kind: "requestPreVote" });
    cluster.deliverAll({ to: "c", kind: "preVoteResponse" });
    const { term, role } = cluster.status("c");
    expect([term, role]).toEqual([2, "candidate"]);
    cluster.receive(message("voteResponse", { from: "b", to: "c", term }, { granted: true }));
    expect(cluster.status("c").role).toBe("candidate");
    // Its disk answers for the entry that was on its way before, and not yet for the vote.
    cluster.persist("c", 1);
    expect(cluster.status("c")).toMatchObject({ role: "candidate", durable: 2 });
    cluster.persist("c");
    expect(cluster.status("c").role).toBe("leader");
  });

  it("of a learner, or of a stranger, is worth nothing", () => {
    const cluster = new Cluster({ voters: ["a", "b", "c"], learners: ["z"] });
    cluster.checks.trustMessages();
    cluster.stand("a");
    const { term } = cluster.status("a");
    for (const from of ["z", "x"]) {
      cluster.receive(message("voteResponse", { from, to: "a", term }, { granted: true }));
      expect(cluster.status("a").role, from).toBe("candidate");
    }
  });
});

describe("a pre-vote", () => {
  it("comes before each election, and changes no term while it is not won", () => {
    const cluster = led();
    for (let tick = 0; tick < 8 * SETTINGS.electionTicks; tick++) {
      cluster.tick("c");
      cluster.persist("c");
    }
    expect(cluster.status("c").term).toBe(1);
    expect(cluster.packets({ from: "c", kind: "requestVote" })).toEqual([]);
    expect(cluster.packets({ from: "c", kind: "requestPreVote" }).length).toBeGreaterThan(2);
  });

  it("is not answered by whoever hears from a leader, nor by the leader", () => {
    const cluster = led();
    cluster.wire = [];
    for (const to of ["a", "b"]) {
      cluster.receive(message("requestPreVote", { from: "c", to, term: 2 }, { last: entryId(9, 1) }));
    }
    expect(cluster.packets({ kind: "preVoteResponse" })).toEqual([]);
  });

  it("that is won begins an election, and makes nobody a leader", () => {
    const cluster = led();
    cluster.loseLeader("b", "c");
    cluster.campaign("c");
    cluster.deliverAll({ from: "c", kind: "requestPreVote" });
    cluster.deliverAll({ to: "c", kind: "preVoteResponse" });
    cluster.persist("c");
    expect(cluster.status("c")).toMatchObject({ role: "candidate", term: 2 });
  });
});

describe("a leader", () => {
  it("that no quorum has answered for an election timeout steps down", () => {
    const cluster = led();
    for (let tick = 0; tick <= 2 * SETTINGS.electionTicks; tick++) cluster.tick("a");
    expect(cluster.status("a").role).toBe("follower");
  });

  it("counts its own entry when that is on its disk, and not before (P6)", () => {
    const cluster = new Cluster({ voters: ["a", "b"] });
    cluster.elect("a");
    cluster.checks.trustMessages();
    cluster.propose("a", "x");
    const body = { ok: true, match: entryId(2, 1).index } as const;
    cluster.receive(message("appendResponse", { from: "b", to: "a", term: 1 }, body));
    expect(cluster.status("a").committed).toBe(1);
    cluster.persist("a");
    expect(cluster.status("a").committed).toBe(2);
  });

  it("takes what it has sent for held only when that is said", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.persist("a");
    for (const id of ["b", "c"]) {
      expect(cluster.status("a").progress.get(cluster.node(id).id)).toMatchObject({ match: 1, next: 3 });
    }
    expect(cluster.status("a").committed).toBe(1);
  });
});
