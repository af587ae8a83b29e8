import { describe, expect, it } from "vitest";
import { defined } from "../../src/base/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import type { Applied } from "../../src/store/index.ts";
import { add, Cluster, type Member } from "./cluster.ts";

/** A cluster whose leader has seen a counter at 1. */
function counted(): [Cluster, Member] {
  const cluster = new Cluster(3);
  const leader = cluster.at(1);
  cluster.elect(leader);
  cluster.write(leader, add("hits"));
  cluster.settle();
  return [cluster, leader];
}

/** The state machine of a leader does the oldest thing that it was asked for, and says what `falsify` makes of it. */
function work(cluster: Cluster, leader: Member, falsify: (applied: Applied) => Applied): void {
  const event = defined(leader.machine.shift(), "test: it was asked for something")();
  if (event.kind !== "applied") throw new Error(`test: it was asked for ${event.kind}`);
  cluster.step(leader, { kind: "applied", applied: falsify(event.applied) });
}

/** Every run begins at another value than it did. */
function wrongValue(applied: Applied): Applied {
  const outcomes = applied.outcomes.map((items) =>
    items.map((one) => (one.kind === "run" ? { ...one, first: { ...one.first, value: 99n } } : one)),
  );
  return { ...applied, outcomes };
}

describe("plain adds of a counter whose value is known", () => {
  it("are answered once they are committed, before the state machine has done them; a read waits for it", () => {
    const [cluster, leader] = counted();
    leader.holdMachine = true;
    const writes = [cluster.write(leader, add("hits")), cluster.write(leader, add("hits"))];
    cluster.settle();
    expect(writes.map((id) => leader.answer(id))).toMatchObject([
      { kind: "applied", outcome: { results: [{ value: 2n, revision: 2 }] } },
      { kind: "applied", outcome: { results: [{ value: 3n, revision: 3 }] } },
    ]);
    expect(leader.table.counter("hits")?.value).toBe(1n);
    const read = cluster.read(leader, { kind: "get", key: "hits" });
    cluster.tick(3);
    expect(leader.answer(read)).toBeUndefined();
    leader.holdMachine = false;
    cluster.settle();
    expect(leader.answer(read)).toMatchObject({ kind: "answer", answer: { row: { value: 3n } } });
  });

  it("are not answered before a majority has them", () => {
    const [cluster, leader] = counted();
    for (const id of ["n2", "n3"]) cluster.cut.add(nodeId(id));
    const write = cluster.write(leader, add("hits"));
    cluster.settle();
    expect(leader.answer(write)).toBeUndefined();
    cluster.cut.clear();
    cluster.tick(3);
    expect(leader.answer(write)).toMatchObject({ outcome: { results: [{ value: 2n }] } });
  });

  it("wait for the state machine behind whatever it alone can tell, and are known again after it", () => {
    const [cluster, leader] = counted();
    leader.holdMachine = true;
    const keyed = cluster.write(leader, add("hits", "k"));
    cluster.settle();
    const plain = cluster.write(leader, add("hits"));
    cluster.settle();
    expect([leader.answer(keyed), leader.answer(plain)]).toEqual([undefined, undefined]);
    leader.holdMachine = false;
    cluster.settle();
    expect(leader.answer(plain)).toMatchObject({ outcome: { results: [{ value: 3n }] } });
    leader.holdMachine = true;
    const next = cluster.write(leader, add("hits"));
    cluster.settle();
    expect(leader.answer(next)).toMatchObject({ outcome: { results: [{ value: 4n }] } });
  });

  it("wait for the state machine at a leader that has not seen what others have counted", () => {
    const [cluster, leader] = counted();
    const follower = cluster.at(2);
    cluster.tick(5);
    cluster.transfer(leader, follower.id);
    cluster.tick(5);
    expect(follower.reducer.status().role).toBe("leader");
    follower.holdMachine = true;
    const write = cluster.write(follower, add("hits"));
    cluster.settle();
    expect(follower.answer(write)).toBeUndefined();
    follower.holdMachine = false;
    cluster.settle();
    expect(follower.answer(write)).toMatchObject({ outcome: { results: [{ value: 2n }] } });
    // The first one has seen the counter before, at another value.
    cluster.tick(5);
    cluster.transfer(follower, leader.id);
    cluster.tick(5);
    expect(leader.reducer.status().role).toBe("leader");
    const last = cluster.write(leader, add("hits"));
    cluster.settle();
    expect(leader.answer(last)).toMatchObject({ outcome: { results: [{ value: 3n }] } });
  });

  it("are with the state machine by the next tick, before a read, and before anybody looks at it from elsewhere", () => {
    const [cluster, leader] = counted();
    cluster.tick(1);
    const count = (): void => {
      cluster.write(leader, add("hits"));
      cluster.settle();
    };
    // The first after a tick goes at once, those after it when there is a reason.
    for (let at = 0; at < 3; at++) count();
    expect(leader.table.counter("hits")?.value).toBe(2n);
    cluster.tick(1);
    expect(leader.table.counter("hits")?.value).toBe(4n);
    count();
    const read = cluster.read(leader, { kind: "get", key: "hits" }, "stale");
    cluster.settle();
    expect(leader.answer(read)).toMatchObject({ answer: { row: { value: 5n } } });
    count();
    expect(leader.table.counter("hits")?.value).toBe(5n);
    cluster.step(leader, { kind: "stateLookedAt" });
    cluster.settle();
    expect(leader.table.counter("hits")?.value).toBe(6n);
  });

  it("stop the process if the state machine arrives at another revision", () => {
    const [cluster, leader] = counted();
    leader.holdMachine = true;
    cluster.write(leader, add("hits"));
    cluster.tick(1);
    const wrong = (applied: Applied): Applied => ({ ...applied, totals: { ...applied.totals, revision: 7 } });
    expect(() => work(cluster, leader, wrong)).toThrow(/the revision is the one that was foretold/);
  });

  it("stop the process if another value comes with what somebody waits for behind them", () => {
    const [cluster, leader] = counted();
    leader.holdMachine = true;
    cluster.write(leader, add("hits"));
    cluster.settle();
    cluster.write(leader, add("hits", "k"));
    cluster.settle();
    expect(() => work(cluster, leader, wrongValue)).toThrow(/the outcomes are those that were foretold/);
  });

  it("stop the process if another value comes after the leader was deposed, with what others have counted", () => {
    const [cluster, leader] = counted();
    const follower = cluster.at(2);
    cluster.tick(1);
    // The first goes to the state machine at once, the second is kept for the next tick.
    for (let at = 0; at < 2; at++) {
      cluster.write(leader, add("hits"));
      cluster.settle();
    }
    leader.holdMachine = true;
    cluster.transfer(leader, follower.id);
    cluster.settle();
    expect(follower.reducer.status().role).toBe("leader");
    cluster.write(follower, add("hits"));
    cluster.settle();
    expect(leader.machine).toEqual([]);
    cluster.tick(1);
    expect(() => work(cluster, leader, wrongValue)).toThrow(/the outcomes are those that were foretold/);
  });

  it.each([
    ["another value", wrongValue],
    ["nothing at all", (applied: Applied): Applied => ({ ...applied, outcomes: [] })],
  ])("stop the process if the state machine says %s, by the sixteenth time", (_, falsify) => {
    const [cluster, leader] = counted();
    leader.holdMachine = true;
    const count = (): void => {
      for (let at = 0; at < 16; at++) {
        cluster.write(leader, add("hits"));
        cluster.tick(1);
        work(cluster, leader, falsify);
      }
    };
    expect(count).toThrow(/the outcomes are those that were foretold/);
  });
});
