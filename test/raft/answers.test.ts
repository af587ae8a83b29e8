/** Which answers count, and which end a wait. */

import { describe, expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryId, message } from "./words.ts";

/** a leads with a log that begins after 4; c has been away and waits for the snapshot. */
function sending(): Cluster {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.elect("a", ["c"]);
  for (const text of ["x", "y", "z"]) cluster.propose("a", text);
  cluster.settle(["c"]);
  cluster.snapshot("a");
  cluster.settle(["c"]);
  cluster.tick("a", SETTINGS.heartbeatTicks);
  for (let round = 0; round < 4 && cluster.transfers.length === 0; round++) {
    cluster.deliverAll({ to: "c" });
    cluster.persist("c");
    cluster.deliverAll({ from: "c" });
  }
  expect(cluster.status("a").progress.get(cluster.node("c").id)?.state).toBe("snapshot");
  cluster.wire = [];
  return cluster;
}

describe("a learner", () => {
  it("confirms no read, although it answers heartbeats", () => {
    const cluster = new Cluster({ voters: ["a", "b"], learners: ["z"] });
    cluster.elect("a");
    const read = cluster.read("a");
    cluster.deliverAll({ to: "z", kind: "heartbeat" });
    cluster.deliverAll({ from: "z", kind: "heartbeatResponse" });
    expect(cluster.node("a").reads).toEqual([]);
    cluster.deliverAll({ to: "b", kind: "heartbeat" });
    cluster.deliverAll({ from: "b", kind: "heartbeatResponse" });
    expect(cluster.node("a").reads.map(({ id }) => id)).toEqual([read]);
  });

  it("does not keep a leader in office that no voter answers", () => {
    const cluster = new Cluster({ voters: ["a", "b"], learners: ["y", "z"] });
    cluster.elect("a");
    for (let tick = 0; tick <= 2 * SETTINGS.electionTicks; tick++) {
      cluster.tick("a");
      cluster.settle(["b"]);
    }
    expect(cluster.status("a").role).not.toBe("leader");
  });
});

describe("a peer that waits for a snapshot", () => {
  it("goes on waiting after a late acceptance that does not reach the log, and is sent no second one", () => {
    const cluster = sending();
    const { id } = cluster.node("c");
    for (const match of [1, 3]) {
      const body = { ok: true, match: entryId(match, 1).index } as const;
      cluster.checks.trustMessages();
      cluster.receive(message("appendResponse", { from: "c", to: "a", term: 1 }, body));
      expect(cluster.status("a").progress.get(id)?.state, `match ${match}`).toBe("snapshot");
    }
    expect(cluster.transfers).toHaveLength(1);
    const body = { ok: true, match: entryId(4, 1).index } as const;
    cluster.receive(message("appendResponse", { from: "c", to: "a", term: 1 }, body));
    expect(cluster.status("a").progress.get(id)).toMatchObject({ state: "replicate", match: 4 });
  });

  it("says where it is although its log holds the snapshot already", () => {
    const cluster = sending();
    const file = cluster.node("a").disk.files.get(4);
    if (file === undefined) throw new Error("the snapshot is there");
    cluster.receiveSnapshot("c", file);
    cluster.persist("c");
    cluster.apply("c");
    cluster.wire = [];
    cluster.receiveSnapshot("c", file);
    cluster.receiveSnapshot("b", file);
    for (const from of ["b", "c"]) {
      const [answer] = cluster.packets({ from, to: "a" });
      expect(answer?.message, from).toMatchObject({ kind: "appendResponse", ok: true, match: 4 });
    }
  });

  it("says where it is although the snapshot tells it only what is committed", () => {
    const cluster = sending();
    const file = cluster.node("a").disk.files.get(4);
    if (file === undefined) throw new Error("the snapshot is there");
    const late = new Cluster({ voters: ["a", "b", "c"] });
    late.elect("a");
    for (const text of ["x", "y", "z"]) late.propose("a", text);
    // b holds all of it and has not heard that it is committed.
    late.deliverAll({ to: "b" });
    late.persist("b");
    late.wire = [];
    expect(late.status("b")).toMatchObject({ last: 4, committed: 1 });
    late.checks.trustMessages();
    late.receiveSnapshot("b", file);
    expect(late.status("b")).toMatchObject({ last: 4, committed: 4, first: 1 });
    expect(late.packets({ from: "b", to: "a" })).toMatchObject([{ message: { ok: true, match: 4 } }]);
  });
});
