import { describe, expect } from "vitest";
import { chainHash, initialMeta } from "../../src/raft/index.ts";
import { RaftLog } from "../../src/raft/log.ts";
import { Cluster, SETTINGS } from "../raft/kit.ts";
import { buildLog, configurationOf, entryId, message } from "../raft/words.ts";
import { applied, logOf, onWire, rule } from "./rule.ts";

const THREE = { voters: ["a", "b", "c"] };
const JOINT = { voters: ["a", "b", "c"], outgoing: ["c", "d", "e"] };

describe("configurations", () => {
  rule(
    "6",
    "Agreement (for elections and entry commitment) requires separate majorities from both the old and new configurations.",
    () => {
      const cluster = new Cluster(JOINT);
      cluster.checks.trustMessages();
      cluster.stand("a");
      for (const from of ["b", "c"])
        cluster.receive(message("voteResponse", { from, to: "a", term: 1 }, { granted: true }));
      expect(cluster.status("a").role).toBe("candidate");
      cluster.receive(message("voteResponse", { from: "d", to: "a", term: 1 }, { granted: true }));
      expect(cluster.status("a").role).toBe("leader");
      cluster.persist("a");
      const accept = (from: string): void =>
        cluster.receive(
          message("appendResponse", { from, to: "a", term: 1 }, { ok: true, match: entryId(1, 1).index }),
        );
      accept("b");
      accept("c");
      expect(cluster.status("a").committed).toBe(0);
      accept("e");
      expect(cluster.status("a").committed).toBe(1);
    },
  );

  rule("6", "Any server from either configuration may serve as leader.", () => {
    for (const id of ["a", "c", "d"]) {
      const cluster = new Cluster(JOINT);
      // Of those that elect, everyone else may be of the other half.
      cluster.campaign(id);
      cluster.settle();
      const office = { kind: "role", role: "leader", term: 1, why: "a majority voted for it" };
      expect(cluster.node(id).trace).toContainEqual(office);
      expect(cluster.status(id)).toMatchObject({ configuration: { outgoing: [] }, configurationIndex: 2 });
    }
  });

  rule("6", "Log entries are replicated to all servers in both configurations.", () => {
    const cluster = new Cluster(JOINT);
    cluster.stand("a");
    cluster.deliverAll({ kind: "requestVote" });
    for (const id of ["b", "c", "d", "e"]) cluster.persist(id);
    cluster.deliverAll({ kind: "voteResponse" });
    for (const id of ["b", "c", "d", "e"]) {
      cluster.deliverAll({ to: id });
      cluster.persist(id);
    }
    // Of the new half a has only itself: the configuration stays joint.
    for (const from of ["d", "e"]) cluster.deliverAll({ from });
    cluster.propose("a", "x");
    for (const id of ["d", "e"]) {
      cluster.deliverAll({ to: id });
      cluster.persist(id);
      expect(logOf(cluster, id)).toEqual([1, 1]);
    }
    cluster.settle();
    expect(cluster.node("a").outcomes).toMatchObject([{ kind: "committed", at: entryId(2, 1) }]);
    for (const id of ["a", "b", "c"]) expect(applied(cluster, id)).toEqual(["noop", "x", "configuration"]);
  });

  rule(
    "6",
    "A server always uses the latest configuration in its log, regardless of whether the entry is committed.",
    () => {
      const first = configurationOf(["a", "b", "c"]);
      const second = configurationOf(["a", "b", "d"], [], ["a", "b", "c"]);
      const log = new RaftLog(initialMeta(first), [], {
        committed: entryId(0, 0).index,
        applied: entryId(0, 0).index,
      });
      log.append(buildLog(initialMeta(first), [1, 1]));
      log.extend(entryId(0, 2).term, { kind: "configuration", configuration: second });
      expect(log.configuration).toEqual(second);
      expect(log.committedConfiguration).toEqual(first);
      log.truncateFrom(entryId(3, 0).index);
      expect(log.configuration).toEqual(first);
    },
  );

  rule(
    "6",
    "New servers join the cluster as non-voting members (the leader replicates log entries to them, but they are not considered for majorities).",
    () => {
      const cluster = new Cluster({ voters: ["a", "b"], learners: ["c"] });
      cluster.elect("a");
      cluster.propose("a", "x");
      cluster.settle(["b"]);
      expect(logOf(cluster, "c")).toEqual([1, 1]);
      expect(cluster.status("a").committed).toBe(1);
      cluster.heartbeat("a");
      cluster.heartbeat("a");
      expect(applied(cluster, "c")).toEqual(["noop", "x"]);
      cluster.tick("c", 5 * SETTINGS.electionTicks);
      expect(cluster.status("c")).toMatchObject({ role: "learner", term: 1 });
    },
  );

  rule("6", "Servers disregard RequestVote RPCs when they believe a current leader exists.", () => {
    const cluster = new Cluster(THREE);
    cluster.elect("a");
    for (const to of ["a", "b"]) {
      cluster.receive(
        message("requestVote", { from: "c", to, term: 7 }, { last: entryId(9, 6), transfer: false }),
      );
      cluster.receive(message("requestPreVote", { from: "c", to, term: 7 }, { last: entryId(9, 6) }));
      expect(cluster.status(to)).toMatchObject({ term: 1, leader: "a" });
      expect(cluster.packets({ from: to, to: "c" })).toEqual([]);
    }
    cluster.tick("b", SETTINGS.electionTicks);
    cluster.receive(
      message("requestVote", { from: "c", to: "b", term: 7 }, { last: entryId(9, 6), transfer: false }),
    );
    expect(cluster.status("b")).toMatchObject({ term: 7, vote: "c" });
  });
});

/** Leader a has compacted everything; c was down meanwhile. */
function compacted(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.heartbeat("a");
  cluster.crash("c");
  for (const text of ["x", "y", "z"]) cluster.propose("a", text);
  cluster.settle();
  cluster.snapshot("a");
  cluster.settle();
  return cluster;
}

describe("log compaction", () => {
  rule(
    "7",
    "Each server takes snapshots independently, covering just the committed entries in its log.",
    () => {
      const cluster = compacted();
      cluster.propose("a", "uncommitted");
      cluster.persist("a");
      expect(cluster.status("a")).toMatchObject({ snapshot: 4, first: 5, last: 5, committed: 4 });
      expect(cluster.status("b")).toMatchObject({ snapshot: undefined, first: 1 });
      const early = { ...cluster.metaAt("a", 5) };
      expect(() => cluster.step("a", { kind: "snapshotTaken", snapshot: early })).toThrow(
        "applied entries only",
      );
    },
  );

  rule(
    "7",
    "[The last included index and term] are preserved to support the AppendEntries consistency check for the first log entry following the snapshot, since that entry needs a previous log index and term.",
    () => {
      const cluster = compacted();
      cluster.propose("a", "next");
      expect(onWire(cluster, "append", { to: "b" })).toMatchObject([{ previous: entryId(4, 1) }]);
      cluster.settle();
      cluster.restart("a");
      cluster.elect("a");
      expect(logOf(cluster, "a")).toEqual([1, 2]);
      expect(cluster.node("a").disk.base).toMatchObject(entryId(4, 1));
    },
  );

  rule(
    "7",
    "To enable cluster membership changes, the snapshot also includes the latest configuration in the log as of last included index.",
    () => {
      const base = initialMeta(configurationOf(["a"]));
      const log = new RaftLog(base, [], { committed: base.index, applied: base.index });
      const second = configurationOf(["a", "b"]);
      log.extend(entryId(0, 1).term, { kind: "noop" });
      log.extend(entryId(0, 1).term, { kind: "configuration", configuration: second });
      log.extend(entryId(0, 1).term, { kind: "noop" });
      expect(log.metaAt(entryId(1, 1).index)).toMatchObject({
        configurationIndex: 0,
        configuration: base.configuration,
      });
      const meta = log.metaAt(entryId(3, 1).index);
      expect(meta).toMatchObject({ index: 3, configurationIndex: 2, configuration: second });
      const noop = { kind: "noop" } as const;
      const after = { ...entryId(4, 1), ...noop, chain: chainHash(meta.chain, entryId(4, 1), noop) };
      const recovered = new RaftLog(meta, [after], { committed: meta.index, applied: meta.index });
      expect(recovered.configuration).toEqual(second);
    },
  );

  rule(
    "7",
    "Once a server completes writing a snapshot, it may delete all log entries up through the last included index.",
    () => {
      const cluster = compacted();
      expect(logOf(cluster, "a")).toEqual([]);
      expect(cluster.node("a").disk.base).toMatchObject(entryId(4, 1));
      cluster.restart("a");
      expect(cluster.status("a")).toMatchObject({ first: 5, last: 4, applied: 4 });
    },
  );

  rule(
    "7",
    "The leader must occasionally send snapshots to followers that lag behind. This happens when the leader has already discarded the next log entry that it needs to send to a follower.",
    () => {
      const cluster = compacted();
      cluster.start("c");
      cluster.tick("a", SETTINGS.heartbeatTicks);
      for (let round = 0; round < 4; round++) {
        for (const id of ["a", "b", "c"]) cluster.persist(id);
        cluster.deliverAll();
      }
      expect(cluster.transfers).toMatchObject([{ from: "a", to: "c", snapshot: entryId(4, 1) }]);
      expect(cluster.status("a").progress.get(cluster.node("c").id)?.state).toBe("snapshot");
      cluster.settle();
      expect(applied(cluster, "c")).toEqual(["noop", "x", "y", "z"]);
    },
  );

  rule(
    "7",
    "Usually the snapshot will contain new information not already in the recipient's log. In this case, the follower discards its entire log; it is all superseded by the snapshot and may possibly have uncommitted entries that conflict with the snapshot.",
    () => {
      const cluster = new Cluster({
        ...THREE,
        nodes: { c: { log: [1, 1, 1, 1, 1, 1, 1, 1], term: 1 }, a: { log: [2], term: 2 } },
      });
      cluster.elect("a", ["c"]);
      cluster.propose("a", "x");
      cluster.settle(["c"]);
      cluster.snapshot("a");
      cluster.settle(["c"]);
      for (let round = 0; round < 3; round++) cluster.heartbeat("a");
      expect(cluster.node("c").disk.base).toMatchObject(entryId(3, 3));
      expect(logOf(cluster, "c")).toEqual([]);
      expect(applied(cluster, "c")).toEqual(["v1.2", "noop", "x"]);
    },
  );

  rule(
    "7",
    "If instead the follower receives a snapshot that describes a prefix of its log, then log entries covered by the snapshot are deleted but entries following the snapshot are still valid and must be retained.",
    () => {
      const cluster = compacted();
      const file = cluster.node("a").disk.files.get(4);
      if (file === undefined) throw new Error("the snapshot is there");
      cluster.propose("a", "later");
      cluster.settle();
      cluster.receiveSnapshot("b", file);
      cluster.persist("b");
      expect(logOf(cluster, "b").slice(-1)).toEqual([1]);
      expect(cluster.status("b").last).toBe(5);
      // Also where nothing of it was known to be committed yet: what the snapshot covers is.
      const other = new Cluster({
        ...THREE,
        nodes: { b: { log: [1, 1, 1] }, a: { log: [1, 1], commit: 2 } },
      });
      other.node("a").disk.apply(other.node("a").disk.entries);
      const early = other.node("a").disk.takeSnapshot((at) => other.metaAt("a", at));
      other.receiveSnapshot("b", early);
      expect(other.status("b")).toMatchObject({ last: 3, committed: 2 });
    },
  );
});

describe("clients", () => {
  rule(
    "8",
    "If the client's first choice is not the leader, that server will reject the client's request and supply information about the most recent leader it has heard from.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      const id = cluster.propose("b", "x");
      expect(cluster.node("b").outcomes).toEqual([{ id, kind: "rejected", reason: "notLeader" }]);
      expect(cluster.status("b").leader).toBe("a");
      expect(cluster.wire).toEqual([]);
    },
  );

  rule(
    "8",
    "A leader must have the latest information on which entries are committed. […] Raft handles this by having each leader commit a blank no-op entry into the log at the start of its term.",
    () => {
      const cluster = new Cluster(THREE);
      for (const [at, id] of ["a", "b", "c"].entries()) {
        cluster.elect(id);
        expect(cluster.node(id).disk.entries.at(-1)).toMatchObject({ kind: "noop", term: at + 1 });
      }
    },
  );

  rule(
    "8",
    "A leader must check whether it has been deposed before processing a read-only request […] by having the leader exchange heartbeat messages with a majority of the cluster before responding to read-only requests.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      const read = cluster.read("a");
      expect(cluster.node("a").reads).toEqual([]);
      expect(onWire(cluster, "heartbeat").map(({ to }) => to)).toEqual(["b", "c"]);
      cluster.deliverAll({ to: "b" });
      cluster.deliverAll({ from: "b" });
      expect(cluster.node("a").reads).toEqual([{ id: read, index: 1 }]);
      // A deposed leader gets no such answers, and so gives none.
      cluster.elect("b", ["a"]);
      cluster.propose("b", "x");
      cluster.settle(["a"]);
      const stale = cluster.read("a");
      cluster.settle();
      expect(cluster.node("a").reads.map(({ id }) => id)).not.toContain(stale);
      expect(cluster.node("a").readsFailed).toContain(stale);
    },
  );
});
