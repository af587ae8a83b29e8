/** What a leader keeps of its log behind a snapshot (P11), and in what portions it hands out what is committed. */

import { describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { Cluster, SETTINGS } from "./kit.ts";

const THREE = { voters: ["a", "b", "c"] };

/** One tick of the leader, and everything that is said because of it, but for transfers of snapshots. */
function talk(cluster: Cluster): void {
  cluster.tick("a");
  for (const id of THREE.voters) cluster.persist(id);
  cluster.deliverAll();
}

function stateOf(cluster: Cluster, id: string): string | undefined {
  return cluster.status("a").progress.get(nodeId(id))?.state;
}

/** a leads, c is being sent the first snapshot of a; then more is written and a second snapshot taken. */
function secondSnapshot(retainedBytesMax: number): Cluster {
  const cluster = new Cluster({
    ...THREE,
    settings: { ...SETTINGS, trailingEntriesMax: 0, trailingBytesMax: 0, retainedBytesMax },
  });
  cluster.elect("a", ["c"]);
  for (let at = 0; at < 4; at++) cluster.propose("a", `x${at}`);
  cluster.settle(["c"]);
  cluster.snapshot("a");
  // c answers, is found to lack what is gone, and is offered the snapshot at 5, which does not arrive yet.
  for (let round = 0; round < 30 && stateOf(cluster, "c") !== "snapshot"; round++) talk(cluster);
  expect(cluster.status("a").progress.get(nodeId("c"))).toMatchObject({ state: "snapshot", pending: 5 });
  for (let at = 0; at < 4; at++) cluster.propose("a", `y${at}`);
  cluster.settle(["c"]);
  cluster.snapshot("a");
  cluster.settle(["c"]);
  return cluster;
}

describe("compaction on a leader", () => {
  it("keeps what a peer will lack that is being sent a snapshot, so that one snapshot is enough", () => {
    expect(secondSnapshot(1_000_000).status("a")).toMatchObject({ first: 6, last: 9, snapshot: 9 });
  });

  it("keeps no more than its bound, whoever lags behind", () => {
    expect(secondSnapshot(1).status("a")).toMatchObject({ first: 10, last: 9, snapshot: 9 });
  });

  it("keeps what a live peer has not acknowledged", () => {
    const cluster = new Cluster({
      ...THREE,
      settings: { ...SETTINGS, trailingEntriesMax: 0, trailingBytesMax: 0, retainedBytesMax: 1_000_000 },
    });
    cluster.elect("a");
    for (let at = 0; at < 4; at++) cluster.propose("a", `x${at}`);
    cluster.settle(["c"]);
    cluster.snapshot("a");
    expect(cluster.status("a")).toMatchObject({ first: 2, last: 5, snapshot: 5 });
  });
});

describe("a transfer of a snapshot", () => {
  it("is not given up for its length, only for its silence (T47)", () => {
    const cluster = secondSnapshot(1_000_000);
    const half = Math.ceil(SETTINGS.snapshotTicks / 2);
    for (let round = 0; round < 6; round++) {
      for (let tick = 0; tick < half; tick++) talk(cluster);
      expect(stateOf(cluster, "c")).toBe("snapshot");
      cluster.step("a", { kind: "snapshotProgress", to: nodeId("c") });
    }
    const seen = cluster.node("a").trace.length;
    for (let tick = 0; tick < SETTINGS.snapshotTicks; tick++) talk(cluster);
    expect(cluster.node("a").trace.slice(seen)).toContainEqual({
      kind: "progress",
      peer: "c",
      state: "probe",
    });
  });
});
