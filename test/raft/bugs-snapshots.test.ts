/** Real bugs of other implementations around snapshots, and around how proposals end; bugs.ts lists them all. */

import { describe, expect, it } from "vitest";
import type { SnapshotFile } from "./disk.ts";
import { Cluster, SETTINGS } from "./kit.ts";
import { entryId, message } from "./words.ts";

const THREE = { voters: ["a", "b", "c"] };

/** a leads and has compacted `count` commands; c has been away since the beginning. */
function compacted(count: number, nodes: ConstructorParameters<typeof Cluster>[0]["nodes"] = {}): Cluster {
  const cluster = new Cluster({ ...THREE, nodes });
  cluster.elect("a", ["c"]);
  for (let at = 0; at < count; at++) cluster.propose("a", `x${at}`);
  cluster.settle(["c"]);
  cluster.snapshot("a");
  cluster.settle(["c"]);
  return cluster;
}

function file(cluster: Cluster, at: number): SnapshotFile {
  const found = cluster.node("a").disk.files.get(at);
  if (found === undefined) throw new Error("the snapshot is there");
  return found;
}

describe("snapshots", () => {
  it("T45: a snapshot replaces a conflicting log, also a longer one, and is sent once", () => {
    const long = Array.from({ length: 20 }, () => 1);
    const cluster = compacted(2, { a: { log: [2] }, c: { log: long } });
    let sent = 0;
    cluster.observer = (_, ready) => {
      sent += ready.sendSnapshot.length;
    };
    for (let round = 0; round < 5; round++) cluster.heartbeat("a");
    expect(sent).toBe(1);
    expect(cluster.status("c")).toMatchObject({ first: 5, last: 4, applied: 4 });
    cluster.checks.converged();
  });

  it("T46: a second snapshot may arrive while the first is on its way to the disk", () => {
    const cluster = compacted(2);
    cluster.propose("a", "more");
    cluster.settle(["c"]);
    cluster.snapshot("a");
    cluster.receiveSnapshot("c", file(cluster, 3));
    cluster.receiveSnapshot("c", file(cluster, 4));
    cluster.receiveSnapshot("c", file(cluster, 3));
    expect(cluster.node("c").writes.map(({ install }) => install?.index)).toEqual([3, 4]);
    cluster.persist("c", 1);
    cluster.crash("c");
    cluster.start("c");
    expect(cluster.status("c")).toMatchObject({ first: 4, last: 3, applied: 3 });
    cluster.receiveSnapshot("c", file(cluster, 4));
    cluster.persist("c");
    cluster.apply("c");
    expect(cluster.status("c")).toMatchObject({ first: 5, applied: 4 });
  });

  it("T47: a node that is half through an install does not campaign, and goes on once it is done", () => {
    const cluster = compacted(2, { c: { term: 5 } });
    const before = cluster.status("c").term;
    cluster.tick("c", SETTINGS.electionTicks - 1);
    cluster.receiveSnapshot("c", file(cluster, 3));
    cluster.receive(message("timeoutNow", { from: "a", to: "c", term: before }, {}));
    for (let tick = 0; tick < 4 * SETTINGS.electionTicks; tick++) {
      cluster.tick("c");
      expect(cluster.status("c"), `tick ${tick}`).toMatchObject({ role: "follower", term: before });
    }
    cluster.persist("c");
    cluster.apply("c");
    cluster.campaign("c");
  });

  it("T47: a transfer of which nothing is heard is given up and begun again", () => {
    const cluster = compacted(2);
    cluster.tick("a", SETTINGS.heartbeatTicks);
    const begun = (): boolean => cluster.transfers.length > 0;
    const talk = (): void => {
      for (let round = 0; round < 30 && !begun(); round++) {
        cluster.tick("a");
        for (const id of THREE.voters) cluster.persist(id);
        cluster.deliverAll();
      }
    };
    talk();
    expect(begun()).toBe(true);
    cluster.transfers = [];
    const seen = cluster.node("a").trace.length;
    for (let tick = 0; tick < SETTINGS.snapshotTicks; tick++) {
      expect(begun(), `tick ${tick}`).toBe(false);
      cluster.tick("a");
      for (const id of THREE.voters) cluster.persist(id);
      cluster.deliverAll();
    }
    talk();
    expect(begun()).toBe(true);
    const states = cluster.node("a").trace.slice(seen);
    expect(states).toEqual([
      { kind: "progress", peer: "c", state: "probe" },
      { kind: "progress", peer: "c", state: "snapshot" },
    ]);
    cluster.settle();
    cluster.checks.converged();
  });

  it("T49: a snapshot of another history is recognised by its chain hash and stops the node", () => {
    const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 1] } } });
    const meta = { ...cluster.metaAt("b", 2), chain: 4_711 };
    const foreign = { meta, machine: { applied: meta.index, history: ["other", "other"] } };
    expect(() => cluster.receiveSnapshot("b", foreign)).toThrow("the snapshot comes from another log");
  });

  it("T50: the answer to a snapshot goes to the leader of the day, whoever sent it", () => {
    const cluster = compacted(2);
    cluster.tick("a", SETTINGS.heartbeatTicks);
    for (let round = 0; round < 4 && cluster.transfers.length === 0; round++) {
      cluster.deliverAll();
      cluster.persist("c");
    }
    const sent = file(cluster, 3);
    cluster.drop();
    cluster.transfers = [];
    cluster.elect("b");
    expect(cluster.status("c").leader).toBe("b");
    cluster.wire = [];
    cluster.node("c").disk.files.clear();
    cluster.receiveSnapshot("c", sent);
    cluster.persist("c");
    expect(cluster.packets({ from: "c", kind: "appendResponse" })).toMatchObject([
      { message: { to: "b", ok: true } },
    ]);
  });

  it("T50: any acceptance that connects to the log ends the wait for a snapshot", () => {
    const cluster = compacted(2);
    cluster.tick("a", SETTINGS.heartbeatTicks);
    for (let round = 0; round < 6 && cluster.transfers.length === 0; round++) {
      cluster.deliverAll();
      cluster.persist("c");
    }
    expect(cluster.status("a").progress.get(cluster.node("c").id)).toMatchObject({
      state: "snapshot",
      pending: 3,
    });
    // c got it from elsewhere.
    cluster.receiveSnapshot("c", file(cluster, 3));
    cluster.persist("c");
    cluster.deliverAll({ from: "c" });
    expect(cluster.status("a").progress.get(cluster.node("c").id)).toMatchObject({
      state: "replicate",
      match: 3,
    });
  });
});

describe("how proposals end", () => {
  it("T55: each proposal ends exactly once: committed, rejected or unknown", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.heartbeat("a");
    const kept = cluster.propose("a", "kept");
    cluster.settle();
    const open = ["lost", "lost too", "lost as well"].map((text) => cluster.propose("a", text));
    const refused = cluster.propose("b", "refused");
    cluster.persist("a");
    cluster.drop();
    expect(cluster.node("b").outcomes).toEqual([{ id: refused, kind: "rejected", reason: "notLeader" }]);
    cluster.elect("b", ["a"]);
    // a steps down and its entries are replaced; they end as soon as anything of the later term is committed.
    for (let round = 0; round < 3; round++) cluster.heartbeat("b");
    expect(cluster.status("a")).toMatchObject({ role: "follower", last: 3, committed: 3 });
    expect(cluster.node("a").outcomes).toEqual([
      { id: kept, kind: "committed", at: entryId(2, 1) },
      ...open.map((id) => ({ id, kind: "rejected", reason: "superseded" })),
    ]);
    cluster.propose("b", "next");
    cluster.settle();
    expect(cluster.node("a").outcomes).toHaveLength(4);
  });

  it("T55: a proposal that another leader commits is committed, though its author lost office", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    cluster.heartbeat("a");
    const id = cluster.propose("a", "x");
    cluster.deliverAll({ to: "b" });
    cluster.persist("b");
    cluster.drop();
    cluster.elect("b", ["a"]);
    for (let round = 0; round < 3; round++) cluster.heartbeat("b");
    expect(cluster.node("a").outcomes).toEqual([{ id, kind: "committed", at: entryId(2, 1) }]);
  });

  it("T55: what a snapshot hides ends as unknown", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("c");
    cluster.heartbeat("c");
    const id = cluster.propose("c", "x");
    cluster.drop();
    cluster.persist("c");
    cluster.elect("a", ["c"]);
    for (const text of ["y", "z"]) cluster.propose("a", text);
    cluster.settle(["c"]);
    cluster.snapshot("a");
    cluster.tick("c", 2 * SETTINGS.electionTicks);
    expect(cluster.status("c").role).toBe("follower");
    cluster.receiveSnapshot("c", file(cluster, 4));
    expect(cluster.node("c").outcomes).toEqual([{ id, kind: "unknown" }]);
  });
});
