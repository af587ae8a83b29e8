import { describe, expect, it } from "vitest";
import { index, nodeId } from "../../src/raft/index.ts";
import { add, Cluster, type Member } from "./cluster.ts";

const GET = { kind: "get", key: "a" } as const;
const AT = index(1_024);

/** Tells `member` the digests of nodes at one index; its own among them comes from its state machine. */
function tell(cluster: Cluster, member: Member, digests: Readonly<Record<string, number>>): void {
  for (const [from, digest] of Object.entries(digests)) {
    if (from !== member.id)
      cluster.step(member, { kind: "digest", from: nodeId(from), digest: { index: AT, digest } });
  }
  const own = digests[member.id];
  if (own === undefined) return;
  member.holdMachine = true;
  cluster.write(member, add("a"));
  cluster.settle();
  const [job] = member.machine.splice(0);
  const event = job?.();
  if (event?.kind !== "applied") throw new Error("the state machine has applied something");
  const applied = { ...event.applied, digests: [{ index: AT, digest: own }] };
  cluster.step(member, { kind: "applied", applied });
  member.holdMachine = false;
  cluster.settle();
}

function led(): { cluster: Cluster; leader: Member } {
  const cluster = new Cluster(3);
  cluster.elect(cluster.at(1));
  return { cluster, leader: cluster.at(1) };
}

describe("digests", () => {
  it("are told to the peers as the state machine passes them", () => {
    const { cluster, leader } = led();
    tell(cluster, leader, { n1: 7 });
    expect(leader.digests).toEqual([{ index: AT, digest: 7 }]);
  });

  it("that agree mean nothing", () => {
    const { cluster, leader } = led();
    tell(cluster, leader, { n1: 7, n2: 7, n3: 7 });
    expect(leader.reducer).toMatchObject({ alarm: undefined, diverged: false });
  });

  it("raise the alarm where another differs from the majority, and this node goes on", () => {
    const { cluster, leader } = led();
    tell(cluster, leader, { n1: 7, n2: 7, n3: 8 });
    expect(leader.reducer.alarm).toContain("n3");
    expect(leader.reducer.diverged).toBe(false);
    expect(leader.trace.filter(({ kind }) => kind === "alarm")).toHaveLength(1);
    const id = cluster.write(leader, add("a"));
    cluster.settle();
    expect(leader.answer(id)).toMatchObject({ kind: "applied" });
  });

  it("stop a node in the minority from serving: everything is refused, and leadership is handed over", () => {
    const { cluster, leader } = led();
    tell(cluster, leader, { n1: 8, n2: 7, n3: 7 });
    cluster.tick(3);
    expect(leader.reducer.diverged).toBe(true);
    expect(leader.reducer.status().role).toBe("follower");
    const write = cluster.write(leader, add("a"));
    const read = cluster.read(leader, GET);
    const stale = cluster.read(leader, GET, "stale");
    cluster.settle();
    for (const id of [write, read, stale]) {
      expect(leader.answer(id)).toMatchObject({ kind: "failed", code: "STATE_DIVERGED" });
    }
  });

  it("without a majority raise the alarm and stop nobody", () => {
    const { cluster, leader } = led();
    tell(cluster, leader, { n1: 7, n2: 8, n3: 9 });
    expect(leader.reducer.alarm).toContain("no majority");
    expect(leader.reducer.diverged).toBe(false);
  });
});
