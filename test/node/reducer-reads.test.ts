import { describe, expect, it } from "vitest";
import { index } from "../../src/raft/index.ts";
import { add, Cluster, type Member } from "./cluster.ts";

const GET = { kind: "get", key: "a" } as const;

function led(
  size: number,
  setup: ConstructorParameters<typeof Cluster>[1] = {},
): { cluster: Cluster; leader: Member } {
  const cluster = new Cluster(size, setup);
  const leader = cluster.at(1);
  cluster.elect(leader);
  cluster.write(leader, add("a"));
  cluster.settle();
  return { cluster, leader };
}

describe("a linearizable read", () => {
  it("is answered by a follower from its own state, once it has applied what the leader had committed", () => {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    cluster.tick(2);
    follower.holdMachine = true;
    const write = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(write)).toMatchObject({ kind: "applied", index: 3 });
    const read = cluster.read(follower, GET);
    cluster.tick(3);
    expect(follower.answer(read)).toBeUndefined();
    follower.holdMachine = false;
    cluster.settle();
    expect(follower.answer(read)).toMatchObject({
      kind: "answer",
      index: 3,
      ageMs: 0,
      answer: { row: { value: 2n } },
    });
  });

  it("shares one round of heartbeats with all reads that wait at the same moment", () => {
    const { cluster, leader } = led(3);
    const before = leader.sent.filter(({ kind }) => kind === "heartbeat").length;
    const reads = [1, 2, 3].map(() => cluster.read(leader, GET));
    cluster.settle();
    expect(reads.map((id) => leader.answer(id)?.kind)).toEqual(["answer", "answer", "answer"]);
    expect(leader.sent.filter(({ kind }) => kind === "heartbeat")).toHaveLength(before + 2);
  });

  it("is tried again under a fresh id after each failure, at the next tick and not at once", () => {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    cluster.cut.add(leader.id);
    const read = cluster.read(follower, GET);
    cluster.settle();
    const asked = (): readonly number[] =>
      follower.sent.flatMap((message) => (message.kind === "readIndex" ? [message.id] : []));
    const [first] = asked() as [number];
    const refusal = {
      kind: "readIndexResponse",
      from: leader.id,
      to: follower.id,
      id: first,
      ok: false,
    } as const;
    cluster.step(follower, {
      kind: "receive",
      message: { ...refusal, term: follower.reducer.status().term },
    });
    cluster.settle();
    expect(asked()).toEqual([first]);
    cluster.cut.clear();
    cluster.tick(1);
    expect(asked()).toHaveLength(2);
    expect(new Set(asked()).size).toBe(2);
    expect(follower.answer(read)).toMatchObject({ kind: "answer", answer: { row: { value: 1n } } });
  });

  it("does not take the answer to a read of an earlier process of its node for its own", () => {
    const { cluster, leader } = led(3);
    const before = cluster.at(2);
    cluster.read(before, GET);
    cluster.act(before);
    const [old] = before.sent.filter(({ kind }) => kind === "readIndex");
    const after = cluster.another(2, 77);
    const heartbeat = leader.sent.findLast(({ kind, to }) => kind === "heartbeat" && to === before.id);
    if (old?.kind !== "readIndex" || heartbeat === undefined)
      throw new Error("there was a read and a heartbeat");
    cluster.step(after, {
      kind: "receive",
      message: { ...heartbeat, kind: "heartbeat", commit: index(0), leaderCommit: index(0), round: 0 },
    });
    const read = cluster.read(after, GET);
    cluster.act(after);
    for (const { seq } of after.writing.splice(0)) cluster.step(after, { kind: "persisted", seq });
    cluster.act(after);
    const [fresh] = after.sent.filter(({ kind }) => kind === "readIndex");
    expect(fresh).toMatchObject({ to: leader.id });
    // The answer that the process before was waiting for.
    const message = { kind: "readIndexResponse", id: old.id, ok: true, index: index(0) } as const;
    cluster.step(after, {
      kind: "receive",
      message: { ...message, from: leader.id, to: after.id, term: old.term },
    });
    cluster.act(after);
    cluster.work(after);
    cluster.act(after);
    expect(after.answer(read)).toBeUndefined();
  });

  it("is refused when no majority confirms it in time", () => {
    const { cluster, leader } = led(3, { node: { readMs: 50 }, raft: { electionTicks: 30 } });
    cluster.cut.add(leader.id);
    const read = cluster.read(leader, GET);
    cluster.settle();
    cluster.tick(4, [leader]);
    expect(leader.answer(read)).toBeUndefined();
    cluster.tick(1, [leader]);
    expect(leader.answer(read)).toMatchObject({ kind: "failed", code: "READ_TIMEOUT" });
  });

  it("that was refused is not answered again when its confirmation comes after all", () => {
    const { cluster, leader } = led(3, { node: { readMs: 50 }, raft: { electionTicks: 30 } });
    cluster.cut.add(leader.id);
    const read = cluster.read(leader, GET);
    cluster.tick(5, [leader]);
    cluster.cut.clear();
    cluster.tick(5);
    expect(leader.answer(read)).toMatchObject({ kind: "failed", code: "READ_TIMEOUT" });
    expect(leader.reducer.isDrained || leader.reducer.status().role === "leader").toBe(true);
  });
});

describe("a stale read", () => {
  it("is answered at once from the state as it is, and says how old that may be", () => {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    cluster.tick(2);
    cluster.cut.add(follower.id);
    cluster.write(leader, add("a"));
    cluster.settle();
    cluster.tick(7);
    const read = cluster.read(follower, GET, "stale");
    cluster.settle();
    const answer = follower.answer(read);
    expect(answer).toMatchObject({ kind: "answer", answer: { row: { value: 1n } } });
    expect(answer?.kind === "answer" && answer.ageMs).toBeGreaterThanOrEqual(70);
  });

  it("has no age on a node that has heard of no leader since it started", () => {
    const cluster = new Cluster(3);
    const read = cluster.read(cluster.at(1), GET, "stale");
    cluster.settle();
    expect(cluster.at(1).answer(read)).toMatchObject({ kind: "answer", ageMs: undefined });
  });

  it("is 0 ms old on a leader that is alone in its cluster", () => {
    const { cluster, leader } = led(1);
    cluster.nowMs += 500;
    const read = cluster.read(leader, GET, "stale");
    cluster.settle();
    expect(leader.answer(read)).toMatchObject({ kind: "answer", ageMs: 0 });
  });
});

describe("a read that asks for an index", () => {
  function behind(): { cluster: Cluster; follower: Member } {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    cluster.tick(2);
    cluster.cut.add(follower.id);
    cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.position.index).toBe(3);
    expect(follower.position.index).toBe(2);
    return { cluster, follower };
  }

  it("is answered by a follower, stale or not, only once it has applied so far", () => {
    const { cluster, follower } = behind();
    const stale = cluster.read(follower, GET, "stale", 3);
    const known = cluster.read(follower, GET, "stale", 2);
    cluster.settle();
    expect(follower.answer(known)).toMatchObject({ index: 2, answer: { row: { value: 1n } } });
    expect(follower.answer(stale)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(3);
    expect(follower.answer(stale)).toMatchObject({
      kind: "answer",
      index: 3,
      answer: { row: { value: 2n } },
    });
  });

  it("waits beyond its read index, while others of the same attempt are answered", () => {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    const now = cluster.read(follower, GET);
    const later = cluster.read(follower, GET, "linearizable", 3);
    cluster.settle();
    expect(follower.answer(now)).toMatchObject({ kind: "answer", index: 2 });
    expect(follower.answer(later)).toBeUndefined();
    cluster.write(leader, add("a"));
    cluster.tick(3);
    expect(follower.answer(later)).toMatchObject({ index: 3, ageMs: 0, answer: { row: { value: 2n } } });
  });

  it("never goes below its read index either", () => {
    const { cluster, leader } = led(3);
    const follower = cluster.at(2);
    cluster.tick(2);
    // What is not on its disk is not applied; the two others are a majority.
    follower.holdDisk = true;
    cluster.write(leader, add("a"));
    cluster.settle();
    const read = cluster.read(follower, GET, "linearizable", 1);
    cluster.tick(2);
    expect(follower.answer(read)).toBeUndefined();
    follower.holdDisk = false;
    cluster.tick(2);
    expect(follower.answer(read)).toMatchObject({ index: 3, answer: { row: { value: 2n } } });
  });

  it("is refused in time with how far this node is, and holds nothing up afterwards", () => {
    const { cluster, leader } = led(3, { node: { readMs: 50 } });
    const stale = cluster.read(leader, GET, "stale", 1_000_000);
    const confirmed = cluster.read(leader, GET, "linearizable", 1_000_000);
    cluster.tick(4);
    expect(leader.answer(stale)).toBeUndefined();
    cluster.tick(1);
    for (const id of [stale, confirmed]) {
      expect(leader.answer(id)).toMatchObject({
        kind: "failed",
        code: "READ_TIMEOUT",
        detail: expect.stringMatching(
          /applied entry 1000000; .* applied up to 2 and knows that 2 is committed/,
        ),
      });
    }
    cluster.step(leader, { kind: "stop" });
    cluster.tick(20);
    expect(leader.reducer.isDrained).toBe(true);
  });
});

describe("a scan", () => {
  it("holds up no other read: each has a ticket of its own", () => {
    const { cluster, leader } = led(1);
    leader.holdMachine = true;
    const sum = { kind: "sum", prefix: "", depth: 0, limit: 10 } as const;
    const ids = [GET, sum, GET, sum].map((query) => cluster.read(leader, query, "stale"));
    cluster.act(leader);
    expect(leader.machine).toHaveLength(3);
    // The two that are quick, in one.
    const [quick, ...scans] = leader.machine.splice(0);
    if (quick !== undefined) cluster.step(leader, quick());
    cluster.act(leader);
    expect(ids.map((id) => leader.answer(id)?.kind)).toEqual(["answer", undefined, "answer", undefined]);
    for (const scan of scans) cluster.step(leader, scan());
    cluster.act(leader);
    expect(leader.answer(ids[3] ?? 0)).toMatchObject({
      answer: { total: { sum: 1n, counters: 1 } },
      index: 2,
    });
  });
});

describe("reads when the process ends", () => {
  it("are refused, each once", () => {
    const { cluster, leader } = led(3);
    cluster.cut.add(leader.id);
    const reads = [1, 2].map(() => cluster.read(leader, GET));
    cluster.settle();
    expect(leader.reducer.abandon()).toMatchObject(
      reads.map((id) => ({ kind: "read", id, result: { code: "SHUTTING_DOWN" } })),
    );
    expect(leader.reducer.abandon()).toEqual([]);
  });
});
