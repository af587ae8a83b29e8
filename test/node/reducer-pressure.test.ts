import { describe, expect, it } from "vitest";
import { add, Cluster, type Member, type Setup } from "./cluster.ts";

const GET = { kind: "get", key: "a" } as const;

/** A cluster led by n1, whose state machine has stopped answering. */
function slow(setup: Setup): { cluster: Cluster; leader: Member } {
  const cluster = new Cluster(3, setup);
  cluster.elect(cluster.at(1));
  const leader = cluster.at(1);
  leader.holdMachine = true;
  return { cluster, leader };
}

/** Writes one entry for each of `count` writes. */
function writeEach(cluster: Cluster, member: Member, count: number): number[] {
  return Array.from({ length: count }, () => {
    const id = cluster.write(member, add("a"));
    cluster.settle();
    return id;
  });
}

describe("a state machine that is slower than the log", () => {
  it("is handed two portions at a time, and the next when it has answered, until all is done", () => {
    const { cluster, leader } = slow({ node: { applyBytesMax: 1 } });
    const ids = writeEach(cluster, leader, 6);
    expect(leader.machine).toHaveLength(2);
    expect(ids.map((id) => leader.answer(id))).toEqual(Array(6).fill(undefined));
    leader.holdMachine = false;
    cluster.settle();
    const values = ids.map((id) => {
      const answer = leader.answer(id);
      return answer?.kind === "applied" && answer.outcome.kind === "done"
        ? answer.outcome.results[0]?.value
        : answer;
    });
    expect(values).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
  });

  it("makes a leader refuse writes, definitely, when the memory for entries is full, and take them again later", () => {
    const { cluster, leader } = slow({ node: { unappliedBytesMax: 430 } });
    const taken = writeEach(cluster, leader, 6);
    const refused = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(refused)).toMatchObject({ kind: "failed", code: "OVERLOADED" });
    leader.holdMachine = false;
    cluster.settle();
    expect(taken.map((id) => leader.answer(id)?.kind)).toEqual(Array(6).fill("applied"));
    const later = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(later)).toMatchObject({ kind: "applied" });
  });

  it("makes a follower take no further entries when its memory is full, and catch up afterwards", () => {
    const cluster = new Cluster(3, { node: { unappliedBytesMax: 600 } });
    cluster.elect(cluster.at(1));
    const follower = cluster.at(3);
    follower.holdMachine = true;
    writeEach(cluster, cluster.at(1), 30);
    expect(follower.reducer.status().last).toBeLessThan(20);
    follower.holdMachine = false;
    cluster.tick(40);
    expect(follower.reducer.status().applied).toBe(cluster.at(1).reducer.status().applied);
  });

  it("costs a leader its office when it does not answer at all", () => {
    const { cluster, leader } = slow({ node: { applyStallMs: 50 } });
    writeEach(cluster, leader, 1);
    expect(leader.reducer.status().role).toBe("leader");
    cluster.tick(10);
    expect(leader.reducer.status().role).toBe("follower");
    expect(leader.reducer.status().leader).not.toBe(leader.id);
  });
});

describe("reads", () => {
  it("beyond the bound are refused, also while answered ones wait for a late state machine", () => {
    const { cluster, leader } = slow({ node: { pendingReadsMax: 3, readMs: 100 } });
    const stale = [1, 2, 3].map(() => cluster.read(leader, GET, "stale"));
    cluster.settle();
    const beyond = cluster.read(leader, GET);
    cluster.settle();
    expect(leader.answer(beyond)).toMatchObject({ kind: "failed", code: "OVERLOADED" });
    cluster.tick(11);
    expect(stale.map((id) => leader.answer(id))).toMatchObject(Array(3).fill({ code: "READ_TIMEOUT" }));
    const still = cluster.read(leader, GET, "stale");
    cluster.settle();
    expect(leader.answer(still)).toMatchObject({ kind: "failed", code: "OVERLOADED" });
    leader.holdMachine = false;
    cluster.settle();
    const again = cluster.read(leader, GET, "stale");
    cluster.settle();
    expect(leader.answer(again)).toMatchObject({ kind: "answer" });
  });
});

describe("a state machine that nobody waits for", () => {
  it("is handed what was committed within a tick together, and at once when a read wants it", () => {
    const cluster = new Cluster(3);
    cluster.elect(cluster.at(1));
    const follower = cluster.at(2);
    cluster.tick(20);
    const before = follower.applies;
    const ids = writeEach(cluster, cluster.at(1), 5);
    expect(ids.map((id) => cluster.at(1).answer(id)?.kind)).toEqual(Array(5).fill("applied"));
    cluster.tick(1);
    expect(follower.applies - before).toBeLessThanOrEqual(2);
    cluster.tick(10);
    expect(follower.reducer.status().applied).toBe(cluster.at(1).reducer.status().applied);
    writeEach(cluster, cluster.at(1), 5);
    const read = cluster.read(follower, GET);
    cluster.settle();
    expect(follower.answer(read)).toMatchObject({ kind: "answer", answer: { row: { value: 10n } } });
  });
});
