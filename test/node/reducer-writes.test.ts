import { describe, expect, it } from "vitest";
import { decodePayload } from "../../src/counter/index.ts";
import { type Entry, index, term } from "../../src/raft/index.ts";
import { add, Cluster, type Member } from "./cluster.ts";

function elapsedOf(entry: Entry | undefined): number | undefined {
  return entry?.kind === "command" ? decodePayload(entry.data).elapsed : undefined;
}

function led(
  size: number,
  setup: ConstructorParameters<typeof Cluster>[1] = {},
): { cluster: Cluster; leader: Member } {
  const cluster = new Cluster(size, setup);
  const leader = cluster.at(1);
  cluster.elect(leader);
  expect(leader.reducer.status()).toMatchObject({ role: "leader", opened: true });
  return { cluster, leader };
}

describe("group commit", () => {
  it("makes one entry of everything that arrived while the previous one was being written", () => {
    const { cluster, leader } = led(3);
    leader.holdDisk = true;
    const first = cluster.write(leader, add("a"));
    cluster.settle();
    const later = ["a", "b", "a"].map((key) => cluster.write(leader, add(key)));
    cluster.settle();
    expect(leader.appended).toHaveLength(1);
    cluster.flush(leader);
    cluster.settle();
    expect(leader.appended).toHaveLength(2);
    leader.holdDisk = false;
    cluster.settle();
    expect(leader.answer(first)).toMatchObject({ kind: "applied", outcome: { results: [{ value: 1n }] } });
    const values = later.map((id) => leader.answer(id));
    expect(values).toMatchObject([
      { outcome: { results: [{ key: "a", value: 2n }] } },
      { outcome: { results: [{ key: "b", value: 1n }] } },
      { outcome: { results: [{ key: "a", value: 3n }] } },
    ]);
    expect(leader.trace.filter(({ kind }) => kind === "entry")).toMatchObject([
      { commands: 1 },
      { commands: 3 },
    ]);
  });

  it("does not wait for the commit of the previous entry", () => {
    const { cluster, leader } = led(3);
    cluster.cut.add(leader.id);
    const writes = [1, 2, 3].map(() => {
      const id = cluster.write(leader, add("a"));
      cluster.settle();
      return id;
    });
    expect(leader.appended).toHaveLength(3);
    expect(writes.map((id) => leader.answer(id))).toEqual([undefined, undefined, undefined]);
  });

  it("waits for the answers to an entry of many, and for as many again, but not for long", () => {
    const { cluster, leader } = led(3, { node: { gatherFrom: 3 } });
    const entries = (): (number | undefined)[] =>
      leader.trace.flatMap((event) => (event.kind === "entry" ? [event.commands] : []));
    const write = (times: number): void => {
      for (let time = 0; time < times; time++) cluster.write(leader, add("a"));
    };
    write(3);
    cluster.settle();
    cluster.cut.add(leader.id);
    write(3);
    cluster.settle();
    write(1);
    cluster.settle();
    expect(entries()).toEqual([3, 3]);
    // One for the entry that is on its way, and one for those who might come back.
    cluster.tick(2, [leader]);
    cluster.settle();
    expect(entries()).toEqual([3, 3, 1]);
    cluster.cut.clear();
    cluster.tick(5);
    cluster.settle();
    expect(leader.reducer.status().applied).toBe(leader.reducer.status().last);
  });

  it("keeps an entry within its bytes, but for a single command that is larger", () => {
    const { cluster, leader } = led(1, { node: { entryBytesMax: 1 } });
    leader.holdDisk = true;
    const writes = [1, 2].map(() => cluster.write(leader, add("a")));
    cluster.settle();
    expect(leader.appended).toHaveLength(1);
    leader.holdDisk = false;
    cluster.settle();
    expect(leader.appended).toHaveLength(2);
    expect(writes.map((id) => leader.answer(id)?.kind)).toEqual(["applied", "applied"]);
  });
});

describe("how a write ends", () => {
  it("is redirected by a follower that knows the leader", () => {
    const { cluster, leader } = led(3);
    const id = cluster.write(cluster.at(2), add("a"));
    cluster.settle();
    expect(cluster.at(2).answer(id)).toEqual({ kind: "redirect", leader: leader.id, url: "http://n1" });
  });

  it("is held while no leader is known, and redirected when there is one", () => {
    const cluster = new Cluster(3);
    const id = cluster.write(cluster.at(2), add("a"));
    cluster.settle();
    expect(cluster.at(2).answer(id)).toBeUndefined();
    cluster.elect(cluster.at(1));
    expect(cluster.at(2).answer(id)).toMatchObject({ kind: "redirect", leader: "n1" });
  });

  it("is held while no leader is known, and done when this node becomes the leader", () => {
    const cluster = new Cluster(3);
    const id = cluster.write(cluster.at(1), add("a"));
    cluster.elect(cluster.at(1));
    expect(cluster.at(1).answer(id)).toMatchObject({ kind: "applied" });
  });

  it("is refused when no leader is found in time, and nothing has been applied", () => {
    const cluster = new Cluster(3, { node: { holdMs: 300 } });
    const alone = cluster.at(2);
    cluster.cut.add(alone.id);
    const id = cluster.write(alone, add("a"));
    cluster.tick(29, [alone]);
    expect(alone.answer(id)).toBeUndefined();
    cluster.tick(1, [alone]);
    expect(alone.answer(id)).toMatchObject({ kind: "failed", code: "NO_LEADER", retryAfterMs: 1_000 });
    expect(alone.reducer.pendingBytes).toBe(0);
  });

  it("is refused when too much is waiting, and taken in again when that is done", () => {
    const { cluster, leader } = led(1, { node: { pendingBytesMax: 300 } });
    leader.holdDisk = true;
    const taken = [1, 2].map(() => cluster.write(leader, add("a")));
    const refused = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(refused)).toMatchObject({ kind: "failed", code: "OVERLOADED" });
    leader.holdDisk = false;
    cluster.settle();
    expect(taken.map((id) => leader.answer(id)?.kind)).toEqual(["applied", "applied"]);
    const again = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(again)).toMatchObject({ outcome: { results: [{ value: 3n }] } });
  });

  it("is refused when the log has too much that is not committed", () => {
    const { cluster, leader } = led(3, { raft: { uncommittedBytesMax: 1 } });
    cluster.cut.add(leader.id);
    const taken = cluster.write(leader, add("a"));
    cluster.settle();
    const refused = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(taken)).toBeUndefined();
    expect(leader.answer(refused)).toMatchObject({ kind: "failed", code: "OVERLOADED" });
  });

  it("goes back to waiting when another entry was committed in its place, and is then redirected", () => {
    const { cluster, leader } = led(3);
    const [, second] = cluster.members as [Member, Member];
    cluster.cut.add(leader.id);
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    cluster.tick(30, [second, cluster.at(3)]);
    cluster.elect(second);
    const other = cluster.write(second, add("a"));
    cluster.settle();
    expect(second.answer(other)).toMatchObject({ outcome: { results: [{ value: 1n }] } });
    expect(leader.answer(id)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(10);
    expect(leader.answer(id)).toMatchObject({ kind: "redirect", leader: second.id });
    expect(leader.table.counter("a")?.value).toBe(1n);
    expect(leader.reducer.pendingBytes).toBe(0);
  });

  it("is not proposed again once it has ended as unknown, though its entry came to nothing", () => {
    const { cluster, leader } = led(3, { node: { writeMs: 40 }, raft: { electionTicks: 30 } });
    cluster.cut.add(leader.id);
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    cluster.tick(4, [leader]);
    expect(leader.answer(id)).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    const second = cluster.at(2);
    cluster.tick(30, [cluster.at(3)]);
    cluster.elect(second);
    cluster.cut.clear();
    cluster.tick(20);
    cluster.step(second, { kind: "transfer" });
    cluster.settle();
    cluster.tick(20);
    expect(cluster.members.map(({ table }) => table.counter("a"))).toEqual([undefined, undefined, undefined]);
    expect(leader.reducer.pendingBytes).toBe(0);
  });

  it("ends as unknown when a snapshot replaces the state before it was applied here", () => {
    const { cluster, leader } = led(3);
    leader.holdDisk = true;
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    const status = leader.reducer.status();
    expect(status).toMatchObject({ committed: 2, durable: 1 });
    const { position } = cluster.at(2);
    cluster.write(cluster.at(2), add("b"));
    // Another leads meanwhile, and has gone on so far that it sends a snapshot.
    const message = {
      kind: "heartbeat",
      from: cluster.at(2).id,
      to: leader.id,
      term: term(status.term + 1),
      commit: index(0),
      leaderCommit: index(0),
      round: 0,
    } as const;
    cluster.step(leader, { kind: "receive", message });
    cluster.step(leader, {
      kind: "snapshotReceived",
      snapshot: { ...position, index: index(9), term: term(1), chain: 99 },
    });
    cluster.settle();
    expect(leader.answer(id)).toBeUndefined();
    for (const { seq } of leader.writing.splice(0)) cluster.step(leader, { kind: "persisted", seq });
    const effects = leader.reducer.drain(cluster.nowMs);
    expect(effects.restore).toMatchObject({ index: 9 });
    expect(effects.responses).toMatchObject([{ kind: "write", id, result: { code: "OUTCOME_UNKNOWN" } }]);
  });

  it("ends as unknown at its deadline, and is not answered again when it is applied later", () => {
    const { cluster, leader } = led(3, { node: { writeMs: 40 }, raft: { electionTicks: 30 } });
    cluster.cut.add(leader.id);
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    cluster.tick(3, [leader]);
    expect(leader.answer(id)).toBeUndefined();
    cluster.tick(1, [leader]);
    expect(leader.answer(id)).toMatchObject({ kind: "failed", code: "OUTCOME_UNKNOWN" });
    cluster.cut.clear();
    cluster.tick(5);
    expect(leader.table.counter("a")?.value).toBe(1n);
    expect(leader.answer(id)).toMatchObject({ kind: "failed" });
  });

  it("is answered when it is applied here, not when it is committed", () => {
    const { cluster, leader } = led(3);
    leader.holdMachine = true;
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.reducer.status()).toMatchObject({ committed: 2, applied: 1 });
    expect(leader.answer(id)).toBeUndefined();
    cluster.work(leader);
    cluster.settle();
    expect(leader.answer(id)).toMatchObject({ kind: "applied", index: 2, term: 1 });
  });

  it("ends when the process does: refused if it was in no log, unknown if it was", () => {
    const { cluster, leader } = led(3);
    leader.holdDisk = true;
    const proposed = cluster.write(leader, add("a"));
    cluster.cut.add(leader.id);
    cluster.settle();
    const waiting = cluster.write(leader, add("a"));
    cluster.settle();
    const responses = leader.reducer.abandon();
    expect(responses).toMatchObject([
      { id: waiting, result: { code: "SHUTTING_DOWN" } },
      { id: proposed, result: { code: "OUTCOME_UNKNOWN" } },
    ]);
    expect(leader.reducer.abandon()).toEqual([]);
    expect(leader.reducer.pendingBytes).toBe(0);
  });
});

describe("log time", () => {
  it("is 0 for the first entry of a term, then whole milliseconds with the rest carried over", () => {
    const { cluster, leader } = led(1);
    const elapsed: (number | undefined)[] = [];
    for (const passed of [123.9, 0.7, 0.7, 0.7, 10.1]) {
      cluster.nowMs += passed;
      cluster.write(leader, add("a"));
      cluster.settle();
      elapsed.push(elapsedOf(leader.appended.at(-1)));
    }
    expect(elapsed).toEqual([0, 0, 1, 1, 10]);
  });

  it("begins again at 0 with each term", () => {
    const { cluster, leader } = led(3);
    cluster.write(leader, add("a"));
    cluster.settle();
    cluster.step(leader, { kind: "transfer" });
    cluster.settle();
    cluster.tick(5);
    const second = cluster.members.find(({ reducer }) => reducer.status().role === "leader") as Member;
    expect(second.id).not.toBe(leader.id);
    cluster.write(second, add("a"));
    cluster.settle();
    expect(elapsedOf(second.appended.at(-1))).toBe(0);
    cluster.step(second, { kind: "transfer" });
    cluster.settle();
    cluster.tick(50);
    cluster.elect(leader);
    cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.reducer.status().role).toBe("leader");
    expect(leader.appended.map(elapsedOf)).toEqual([0, 0, 0]);
  });
});

describe("a graceful stop", () => {
  it("hands leadership over, redirects what arrives, and is drained when nobody waits", () => {
    const { cluster, leader } = led(3);
    const before = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(before)).toMatchObject({ kind: "applied" });
    cluster.step(leader, { kind: "stop" });
    const during = cluster.write(leader, add("a"));
    expect(leader.reducer.isDrained).toBe(false);
    cluster.settle();
    cluster.tick(3);
    expect(leader.reducer.status().role).toBe("follower");
    expect(leader.answer(during)).toMatchObject({ kind: "redirect" });
    expect(leader.reducer).toMatchObject({ isDrained: true, stopping: true });
  });

  it("of a single node lets no write in that it could not answer, and is drained at once", () => {
    const { cluster, leader } = led(1);
    cluster.step(leader, { kind: "stop" });
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(id)).toMatchObject({ kind: "failed", code: "SHUTTING_DOWN" });
    expect(leader.reducer.isDrained).toBe(true);
  });
});

describe("snapshots", () => {
  function grow(cluster: Cluster, leader: Member, writes: number): void {
    for (let at = 0; at < writes; at++) {
      cluster.write(leader, add("a"));
      cluster.settle();
    }
    // What they give is known: the state machine has them by the next tick.
    cluster.tick(1);
  }

  it("begin after so many entries, one at a time, and the log is cut when they are done", () => {
    const { cluster, leader } = led(1, { node: { snapshotEntries: 5 } });
    grow(cluster, leader, 3);
    expect(leader.snapshotsAsked).toBe(0);
    grow(cluster, leader, 20);
    expect(leader.snapshotsAsked).toBe(1);
    cluster.step(leader, { kind: "snapshotTaken", snapshot: leader.position, bytes: 0 });
    cluster.settle();
    expect(leader.reducer.status().first).toBe(leader.position.index + 1);
    grow(cluster, leader, 5);
    expect(leader.snapshotsAsked).toBe(2);
  });

  it("begin after so many bytes", () => {
    const { cluster, leader } = led(1, { node: { snapshotBytes: 400 } });
    grow(cluster, leader, 3);
    expect(leader.snapshotsAsked).toBe(0);
    grow(cluster, leader, 4);
    expect(leader.snapshotsAsked).toBe(1);
  });

  it.each([
    ["the latest", 900, 10_000],
    ["a bound, where the latest is larger than that,", 10_000, 900],
  ])("begin after as many bytes as %s has, if that is more", (_, bytes, snapshotBytesMax) => {
    const { cluster, leader } = led(1, { node: { snapshotBytes: 400, snapshotBytesMax } });
    grow(cluster, leader, 7);
    expect(leader.snapshotsAsked).toBe(1);
    cluster.step(leader, { kind: "snapshotTaken", snapshot: leader.position, bytes });
    grow(cluster, leader, 9);
    expect(leader.snapshotsAsked).toBe(1);
    grow(cluster, leader, 9);
    expect(leader.snapshotsAsked).toBe(2);
  });

  it("may hold more than this node was told is applied: the log is cut when it is told", () => {
    const { cluster, leader } = led(1, { node: { snapshotEntries: 2 } });
    grow(cluster, leader, 2);
    leader.holdMachine = true;
    cluster.write(leader, add("a"));
    cluster.tick(1);
    const done = leader.machine.splice(0).map((job) => job());
    cluster.step(leader, { kind: "snapshotTaken", snapshot: leader.position, bytes: 0 });
    cluster.settle();
    expect(leader.reducer.status().first).toBe(1);
    for (const event of done) cluster.step(leader, event);
    cluster.settle();
    expect(leader.reducer.status().first).toBe(leader.position.index + 1);
  });
});
