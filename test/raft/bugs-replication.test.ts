/** Real bugs of other implementations around replication and commitment; bugs.ts lists them all. */

import { describe, expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryAfter, entryId, message, termsOf } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

function accept(cluster: Cluster, from: string, term: number, match: number): void {
  cluster.checks.trustMessages();
  cluster.receive(
    message("appendResponse", { from, to: "a", term }, { ok: true, match: entryId(match, 0).index }),
  );
}

/** a leads, everyone holds its opening entry, nothing is on the wire. */
function led(settings: Partial<typeof SETTINGS> = {}): Cluster {
  const cluster = new Cluster({ ...THREE, settings });
  cluster.elect("a");
  cluster.heartbeat("a");
  return cluster;
}

describe("replication and commitment", () => {
  it("T15: an entry of an earlier term is not committed by counting", () => {
    const log = [1, 2];
    const cluster = new Cluster({ ...THREE, nodes: { a: { log, term: 3 }, b: { log }, c: { log } } });
    cluster.stand("a");
    cluster.deliverAll({ kind: "requestVote" });
    cluster.persist("b");
    cluster.deliverAll({ kind: "voteResponse" });
    accept(cluster, "b", 4, 2);
    accept(cluster, "c", 4, 2);
    expect(cluster.status("a").committed).toBe(0);
    cluster.persist("a");
    accept(cluster, "c", 4, 3);
    expect(cluster.status("a").committed).toBe(3);
  });

  it("T16: a follower commits no further than what the message covers", () => {
    const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 1, 1] } } });
    const [first] = cluster.node("b").disk.entries;
    const previousChain = first?.chain ?? 0;
    const body = { previous: entryId(1, 1), previousChain, entries: [], commit: entryId(4, 1).index };
    cluster.receive(message("append", { from: "a", to: "b", term: 2 }, body));
    expect(cluster.status("b")).toMatchObject({ committed: 1, last: 4 });
  });

  it("T16: a follower acknowledges no further than what the message covers", () => {
    const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 1, 1] } } });
    const [first, second] = cluster.node("b").disk.entries;
    const body = { previous: entryId(1, 1), previousChain: first?.chain ?? 0, commit: entryId(0, 0).index };
    for (const entries of [[], second === undefined ? [] : [second]]) {
      cluster.receive(message("append", { from: "a", to: "b", term: 2 }, { ...body, entries }));
    }
    cluster.persist("b");
    const answers = cluster.packets({ kind: "appendResponse" }).map((packet) => packet.message);
    expect(answers).toMatchObject([
      { ok: true, match: 1 },
      { ok: true, match: 2 },
    ]);
  });

  it("T16: a heartbeat tells a peer no commit beyond what the peer is known to hold", () => {
    const cluster = led();
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.settle(["c"]);
    cluster.tick("a", SETTINGS.heartbeatTicks);
    const told = cluster
      .packets({ kind: "heartbeat" })
      .map(({ message: one }) => "commit" in one && one.commit);
    expect(told).toEqual([3, 1]);
  });

  it("T17: a follower that lost committed entries stops with a sentence, and never commits past its end", () => {
    const cluster = led();
    const beyond = message(
      "heartbeat",
      { from: "a", to: "b", term: 1 },
      { commit: entryId(9, 1).index, leaderCommit: entryId(9, 1).index, round: 0 },
    );
    expect(() => cluster.receive(beyond)).toThrow("was the log of this node lost or cut?");
    const lost = new Cluster(THREE);
    lost.node("b").disk.hardState = { ...lost.node("b").disk.hardState, commit: entryId(3, 1).index };
    expect(() => lost.restart("b")).toThrow("was the log of this node lost or cut?");
  });

  it("T18: whoever takes office has its whole log on disk, and counts nothing of it before", () => {
    const cluster = new Cluster(THREE);
    cluster.checks.trustMessages();
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.deliverAll({ to: "b" });
    cluster.drop();
    cluster.crash("a");
    cluster.loseLeader("b", "c");
    expect(cluster.status("b")).toMatchObject({ last: 2, durable: 1 });
    // b's disk is slow: it campaigns, and waits for all of its log.
    while (cluster.status("b").role === "follower") cluster.tick("b");
    cluster.deliverAll({ kind: "requestPreVote" });
    cluster.deliverAll({ kind: "preVoteResponse" });
    cluster.receive(message("voteResponse", { from: "c", to: "b", term: 2 }, { granted: true }));
    expect(cluster.status("b").role).toBe("candidate");
    cluster.persist("b", 1);
    expect(cluster.status("b")).toMatchObject({ role: "candidate", durable: 2 });
    cluster.persist("b");
    expect(cluster.status("b")).toMatchObject({ role: "leader", durable: 2, last: 3 });
  });

  it("T19: words of the disk that come late or twice take nothing back", () => {
    const cluster = led();
    for (const text of ["x", "y", "z"]) cluster.propose("a", text);
    const seqs = cluster.node("a").writes.map(({ seq }) => seq);
    cluster.persist("a");
    expect(cluster.status("a").durable).toBe(4);
    for (const seq of seqs) cluster.step("a", { kind: "persisted", seq });
    cluster.step("a", { kind: "persisted", seq: 0 });
    expect(cluster.status("a").durable).toBe(4);
    expect(() => cluster.step("a", { kind: "persisted", seq: 99 })).toThrow("only writes that have left");
  });

  it("T20: the word that an old write is durable says nothing of what replaced its entries", () => {
    const cluster = led();
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.deliverAll({ to: "b" });
    const base = cluster.node("b").disk.entries[0];
    const other = entryAfter(base ?? { ...entryId(1, 1), chain: 0 }, 2);
    const body = {
      previous: entryId(1, 1),
      previousChain: base?.chain ?? 0,
      entries: [other, entryAfter(other, 2)],
    };
    cluster.receive(
      message("append", { from: "c", to: "b", term: 2 }, { ...body, commit: entryId(1, 1).index }),
    );
    expect(cluster.node("b").writes).toHaveLength(3);
    cluster.persist("b", 2);
    expect(cluster.status("b")).toMatchObject({ last: 3, durable: 1 });
    expect(cluster.packets({ from: "b", to: "c" })).toEqual([]);
    cluster.persist("b");
    expect(cluster.status("b").durable).toBe(3);
    expect(cluster.packets({ from: "b", to: "c" })).toMatchObject([{ message: { ok: true, match: 3 } }]);
  });

  it("T21: entries that come back to an index after a truncation wait for a write of their own", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.deliverAll({ to: "b" });
    cluster.persist("b");
    expect(cluster.status("b").durable).toBe(2);
    const base = cluster.node("b").disk.entries[0];
    const other = entryAfter(base ?? { ...entryId(1, 1), chain: 0 }, 2);
    const body = { previous: entryId(1, 1), previousChain: base?.chain ?? 0, entries: [other] };
    cluster.wire = [];
    cluster.receive(
      message("append", { from: "c", to: "b", term: 2 }, { ...body, commit: entryId(1, 1).index }),
    );
    expect(cluster.status("b")).toMatchObject({ last: 2, durable: 1 });
    expect(cluster.packets({ from: "b" })).toEqual([]);
    cluster.persist("b");
    expect(cluster.packets({ from: "b", to: "c" })).toMatchObject([{ message: { match: 2 } }]);
  });

  it("T22: truncation and what takes its place are one write, so that no crash leaves a hole", () => {
    const cluster = new Cluster({
      ...THREE,
      nodes: { b: { log: [1, 1, 1, 1] }, a: { log: [1, 2] }, c: { log: [1] } },
    });
    cluster.elect("a", ["b"]);
    cluster.tick("a", SETTINGS.heartbeatTicks);
    for (let round = 0; round < 3; round++) {
      cluster.deliverAll({ to: "b" });
      if (cluster.node("b").writes.some(({ truncateFrom }) => truncateFrom !== undefined)) break;
      cluster.persist("b");
      cluster.deliverAll({ from: "b" });
    }
    const write = cluster.node("b").writes.find(({ truncateFrom }) => truncateFrom !== undefined);
    expect(write).toMatchObject({
      truncateFrom: 2,
      append: [
        { index: 2, term: 2 },
        { index: 3, term: 3 },
      ],
    });
    for (const reached of [0, 1]) {
      cluster.crash("b", reached);
      expect([
        [1, 1, 1, 1],
        [1, 2, 3],
      ]).toContainEqual(termsOf(cluster.node("b").disk.entries));
      cluster.start("b");
    }
  });

  it("T23: lost messages do not close the window for good", () => {
    const cluster = led();
    for (let round = 0; round < SETTINGS.inflightMessagesMax + 2; round++) cluster.propose("a", `x${round}`);
    const progress = cluster.status("a").progress.get(cluster.node("b").id);
    expect(progress).toMatchObject({
      state: "replicate",
      inflight: { length: SETTINGS.inflightMessagesMax },
    });
    cluster.drop();
    for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    cluster.checks.converged();
    expect(cluster.status("b").last).toBe(SETTINGS.inflightMessagesMax + 3);
  });

  it("T23: bytes on their way are not left over when the state of a peer changes", () => {
    const cluster = led({ inflightBytesMax: 300, messageBytesMax: 100 });
    for (let time = 0; time < 5; time++) {
      for (let count = 0; count < 8; count++) cluster.propose("a", "x".repeat(40));
      cluster.drop({ to: "b" });
      cluster.step("a", { kind: "unreachable", peer: cluster.node("b").id });
      for (let round = 0; round < 3; round++) cluster.heartbeat("a");
    }
    expect(cluster.status("a").progress.get(cluster.node("b").id)).toMatchObject({ match: 41, inflight: [] });
  });

  it("T24: a heartbeat says nothing of the log before it, so it is never taken for a log that went back", () => {
    const cluster = led();
    cluster.propose("a", "x");
    cluster.settle();
    cluster.heartbeat("a");
    for (const commit of [0, 1]) {
      const old = message(
        "heartbeat",
        { from: "a", to: "b", term: 1 },
        { commit: entryId(commit, 0).index, leaderCommit: entryId(commit, 0).index, round: 0 },
      );
      cluster.receive(old);
    }
    expect(cluster.status("b")).toMatchObject({ last: 2, committed: 2 });
    expect(cluster.node("b").trace.filter(({ kind }) => kind === "truncate")).toEqual([]);
    const reset = message(
      "append",
      { from: "a", to: "b", term: 1 },
      { previous: entryId(0, 0), previousChain: 0, entries: [], commit: entryId(0, 0).index },
    );
    cluster.receive(reset);
    expect(cluster.status("b")).toMatchObject({ last: 2, committed: 2 });
  });

  it("T25: an append whose entries do not follow its previous one is refused loudly", () => {
    const cluster = led();
    const [first] = cluster.node("a").disk.entries;
    if (first === undefined) throw new Error("the opening entry is there");
    const gap = { ...entryAfter(first, 1), index: entryId(3, 1).index };
    const body = {
      previous: entryId(1, 1),
      previousChain: first.chain,
      entries: [gap],
      commit: entryId(1, 1).index,
    };
    const append = message("append", { from: "a", to: "b", term: 1 }, body);
    expect(() => cluster.receive(append)).toThrow("follow its previous one");
  });

  it("T26: bytes of open proposals are counted in and out alike, and bounded", () => {
    const max = 1_000;
    const cluster = led({ uncommittedBytesMax: max });
    for (let round = 0; round < 5; round++) {
      let taken = 0;
      for (let count = 0; count < 40; count++) {
        cluster.propose("a", "x".repeat(20));
        if (cluster.node("a").outcomes.at(-1)?.kind === "rejected") break;
        taken++;
      }
      // Each weighs 64 + 20 bytes: eleven fit, in every round alike.
      expect(taken, `round ${round}`).toBe(Math.floor(max / 84));
      expect(cluster.node("a").outcomes.at(-1)).toMatchObject({ kind: "rejected", reason: "overloaded" });
      cluster.settle();
    }
    // One proposal always goes, however large; empty ones weigh something too.
    cluster.propose("a", "x".repeat(5_000));
    cluster.settle();
    expect(cluster.node("a").outcomes.at(-1)?.kind).toBe("committed");
    for (let count = 0; count < 40; count++) cluster.propose("a", "");
    expect(
      cluster.node("a").outcomes.filter((one) => one.kind === "rejected" && one.reason === "overloaded")
        .length,
    ).toBeGreaterThan(20);
  });

  it("T26: what an earlier leader left uncommitted is not taken off the account of this one", () => {
    const cluster = led({ uncommittedBytesMax: 1_000 });
    for (let count = 0; count < 9; count++) cluster.propose("a", "x".repeat(36));
    cluster.deliverAll({ to: "b" });
    cluster.persist("b");
    cluster.wire = [];
    cluster.elect("b", ["a"]);
    let taken = 0;
    for (; taken < 40; taken++) {
      cluster.propose("b", "x".repeat(36));
      if (cluster.node("b").outcomes.at(-1)?.kind === "rejected") break;
    }
    expect(taken).toBe(10);
  });

  it("T27: a follower that is idle after a snapshot comes back to replication", () => {
    const cluster = led();
    cluster.crash("c");
    for (const text of ["x", "y"]) cluster.propose("a", text);
    cluster.settle();
    cluster.snapshot("a");
    cluster.settle();
    cluster.start("c");
    cluster.tick("a", SETTINGS.heartbeatTicks);
    for (let round = 0; round < 4 && cluster.transfers.length === 0; round++) {
      cluster.deliverAll({ to: "c" });
      cluster.persist("c");
      cluster.deliverAll({ from: "c" });
    }
    cluster.transfer(true, "c");
    cluster.persist("c");
    // The one word that says so is lost; nothing more is written. The next heartbeats find out.
    cluster.drop({ from: "c", kind: "appendResponse" });
    expect(cluster.status("a").progress.get(cluster.node("c").id)).toMatchObject({ state: "probe" });
    cluster.heartbeat("a");
    expect(cluster.status("a").progress.get(cluster.node("c").id)).toMatchObject({
      state: "replicate",
      match: 3,
    });
  });
});
