/** Words from another time: of a term that is over, to another process, or of a log that has given way since. */

import { describe, expect, it } from "vitest";
import type { SnapshotFile } from "./disk.ts";
import { Cluster } from "./kit.ts";
import { entryAfter, entryId, message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

/** a led term 1, b led term 2, and a leads term 3; everyone holds everything. */
function again(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.elect("b");
  cluster.elect("a");
  cluster.checks.trustMessages();
  expect(cluster.status("a")).toMatchObject({ role: "leader", term: 3, committed: 3 });
  return cluster;
}

describe("a late acknowledgement", () => {
  it("that tells nothing new is no answer to a probe, and does not bring out all that is on its way once more", () => {
    const cluster = again();
    const { id } = cluster.node("b");
    cluster.step("a", { kind: "unreachable", peer: id });
    for (const text of ["x", "y", "z"]) cluster.propose("a", text);
    const sent = cluster.packets({ to: "b", kind: "append" }).length;
    const late = { ok: true, match: entryId(3, 3).index } as const;
    for (let times = 0; times < 3; times++)
      cluster.receive(message("appendResponse", { from: "b", to: "a", term: 3 }, late));
    expect(cluster.status("a").progress.get(id)).toMatchObject({ state: "probe", match: 3 });
    expect(cluster.packets({ to: "b", kind: "append" })).toHaveLength(sent);
    cluster.settle();
    expect(cluster.status("a").progress.get(id)).toMatchObject({ state: "replicate", match: 6 });
  });
});

describe("words of an earlier term", () => {
  it.each([1, 2])("an acknowledgement of term %i counts for nothing in term 3", (term) => {
    const cluster = again();
    cluster.propose("a", "x");
    cluster.persist("a");
    cluster.wire = [];
    const body = { ok: true, match: entryId(4, 3).index } as const;
    cluster.receive(message("appendResponse", { from: "b", to: "a", term }, body));
    expect(cluster.status("a").committed).toBe(3);
    expect(cluster.status("a").progress.get(cluster.node("b").id)?.match).toBe(3);
    cluster.receive(message("appendResponse", { from: "b", to: "a", term: 3 }, body));
    expect(cluster.status("a").committed).toBe(4);
  });

  it("a refusal of an earlier term does not make the leader go back", () => {
    const cluster = again();
    const before = cluster.status("a").progress.get(cluster.node("b").id);
    const body = { ok: false, rejected: entryId(9, 1).index, hint: entryId(0, 0) } as const;
    cluster.receive(message("appendResponse", { from: "b", to: "a", term: 1 }, body));
    expect(cluster.status("a").progress.get(cluster.node("b").id)).toEqual(before);
  });

  it("an append of a leader's own earlier reign is answered with the term alone, which refuses nothing of today", () => {
    const cluster = again();
    cluster.snapshot("b");
    cluster.settle();
    const { id } = cluster.node("b");
    cluster.step("a", { kind: "unreachable", peer: id });
    const before = cluster.status("a").progress.get(id);
    const old = { previous: entryId(0, 0), previousChain: 0, entries: [], commit: entryId(0, 0).index };
    cluster.receive(message("append", { from: "a", to: "b", term: 1 }, old));
    const [answer] = cluster.packets({ from: "b", to: "a", kind: "appendResponse" });
    expect(answer?.message).toMatchObject({ term: 3, ok: false, rejected: 0, hint: { index: 0, term: 0 } });
    cluster.deliverAll({ from: "b", to: "a" });
    expect(cluster.status("a").progress.get(id)).toMatchObject({ ...before, active: true });
  });

  it("an answer to a heartbeat of an earlier reign confirms no read of this one, whose rounds have the same numbers", () => {
    const cluster = again();
    const read = cluster.read("a");
    cluster.wire = [];
    cluster.receive(message("heartbeatResponse", { from: "b", to: "a", term: 1 }, { round: 7 }));
    expect(cluster.node("a").reads).toEqual([]);
    cluster.receive(message("heartbeatResponse", { from: "b", to: "a", term: 3 }, { round: 1 }));
    expect(cluster.node("a").reads).toEqual([{ id: read, index: 3 }]);
  });

  it("a vote of an earlier election is none in this one", () => {
    const cluster = again();
    cluster.loseLeader("b", "c");
    cluster.stand("c");
    cluster.wire = [];
    const { term } = cluster.status("c");
    expect(cluster.status("c")).toMatchObject({ role: "candidate", term: 4 });
    cluster.receive(message("voteResponse", { from: "b", to: "c", term: term - 1 }, { granted: true }));
    expect(cluster.status("c").role).toBe("candidate");
    cluster.receive(message("voteResponse", { from: "b", to: "c", term }, { granted: true }));
    expect(cluster.status("c").role).toBe("leader");
  });

  it("a pre-vote that was granted for another term is none in this round", () => {
    const cluster = again();
    cluster.loseLeader("b", "c");
    cluster.campaign("c");
    cluster.wire = [];
    for (const term of [3, 5]) {
      cluster.receive(message("preVoteResponse", { from: "b", to: "c", term }, { granted: true }));
      expect(cluster.status("c"), `for term ${term}`).toMatchObject({ role: "preCandidate", term: 3 });
    }
    cluster.receive(message("preVoteResponse", { from: "b", to: "c", term: 4 }, { granted: true }));
    expect(cluster.status("c")).toMatchObject({ role: "candidate", term: 4 });
  });

  it("an append of a leader that has been replaced is not taken in, and its sender hears of the term", () => {
    const cluster = again();
    const last = cluster.node("b").disk.entries.at(-1);
    if (last === undefined) throw new Error("the log is there");
    const body = { previous: { index: last.index, term: last.term }, previousChain: last.chain };
    const entries = [entryAfter(last, 3)];
    cluster.wire = [];
    cluster.receive(
      message("append", { from: "c", to: "b", term: 2 }, { ...body, entries, commit: last.index }),
    );
    expect(cluster.status("b")).toMatchObject({ last: 3, leader: "a", term: 3 });
    expect(cluster.packets({ from: "b", to: "c" })).toMatchObject([{ message: { term: 3, ok: false } }]);
  });
});

describe("a read that was forwarded", () => {
  it("is given back when its follower goes over to another term, and the late answer to it means nothing", () => {
    const cluster = again();
    const read = cluster.read("b");
    const asked = cluster.drop({ kind: "readIndex" })[0]?.message;
    const id = asked?.kind === "readIndex" ? asked.id : 0;
    const heard = { commit: entryId(3, 3).index, leaderCommit: entryId(3, 3).index, round: 0 };
    cluster.receive(message("heartbeat", { from: "c", to: "b", term: 4 }, heard));
    expect(cluster.node("b").readsFailed).toEqual([read]);
    const answer = { id, ok: true, index: entryId(3, 3).index } as const;
    cluster.receive(message("readIndexResponse", { from: "c", to: "b", term: 4 }, answer));
    expect(cluster.node("b").reads).toEqual([]);
  });
});

describe("a request for votes in a later term", () => {
  const ask = (transfer: boolean): ReturnType<typeof message> =>
    message("requestVote", { from: "c", to: "b", term: 9 }, { last: entryId(3, 3), transfer });

  it("is passed over while a leader is well, unless the leader itself wants it (thesis 4.2.3)", () => {
    const cluster = again();
    cluster.receive(ask(false));
    expect(cluster.status("b")).toMatchObject({ term: 3, leader: "a" });
    expect(cluster.packets({ from: "b" })).toEqual([]);
    cluster.receive(
      message("requestVote", { from: "c", to: "a", term: 9 }, { last: entryId(3, 3), transfer: false }),
    );
    expect(cluster.status("a")).toMatchObject({ role: "leader", term: 3 });
    cluster.receive(ask(true));
    expect(cluster.status("b")).toMatchObject({ term: 9, vote: "c" });
  });

  it("is answered once the leader has been silent for an election timeout", () => {
    const cluster = again();
    cluster.loseLeader("b");
    cluster.receive(ask(false));
    expect(cluster.status("b")).toMatchObject({ term: 9, vote: "c" });
  });
});

describe("a flush of a log that has given way to a snapshot", () => {
  it("makes nothing of the new log durable, not even at the index of the snapshot", () => {
    const cluster = new Cluster({ ...THREE, nodes: { a: { log: [2, 2] }, b: { log: [2, 2] } } });
    cluster.elect("a", ["c"]);
    cluster.snapshot("a");
    const file = cluster.node("a").disk.files.get(3) as SnapshotFile;
    // c takes in three entries of a leader of term 1; they are on their way to its disk when the snapshot comes.
    const { base } = cluster.node("c").disk;
    const first = entryAfter(base, 1);
    const second = entryAfter(first, 1);
    const entries = [first, second, entryAfter(second, 1)];
    const body = { previous: entryId(0, 0), previousChain: base.chain, entries, commit: entryId(0, 0).index };
    cluster.wire = [];
    cluster.receive(message("append", { from: "b", to: "c", term: 1 }, body));
    cluster.receiveSnapshot("c", file);
    cluster.persist("c", 1);
    expect(cluster.status("c")).toMatchObject({ last: 3, durable: 0 });
    cluster.persist("c", 1);
    expect(cluster.status("c")).toMatchObject({ last: 3, durable: 3 });
  });
});
