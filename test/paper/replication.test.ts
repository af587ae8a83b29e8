import { describe, expect } from "vitest";
import { Cluster, SETTINGS } from "../raft/kit.ts";
import { entryAfter, entryId, message } from "../raft/words.ts";
import { applied, logOf, onWire, rule } from "./rule.ts";

const THREE = { voters: ["a", "b", "c"] };

function led(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.heartbeat("a");
  return cluster;
}

describe("the way of a command", () => {
  rule(
    "5.3",
    "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other servers to replicate the entry.",
    () => {
      const cluster = led();
      cluster.propose("a", "x");
      expect(cluster.status("a").last).toBe(2);
      const sent = onWire(cluster, "append");
      expect(sent.map(({ to }) => to)).toEqual(["b", "c"]);
      for (const append of sent)
        expect(append.entries).toMatchObject([{ index: 2, term: 1, kind: "command" }]);
    },
  );

  rule(
    "5.3",
    "When the entry has been safely replicated […], the leader applies the entry to its state machine and returns the result of that execution to the client.",
    () => {
      const cluster = led();
      const id = cluster.propose("a", "x");
      cluster.persist("a");
      expect(cluster.node("a").work).toEqual([]);
      expect(cluster.node("a").outcomes).toEqual([]);
      cluster.deliverAll();
      cluster.persist("b");
      cluster.deliverAll({ from: "b" });
      expect(cluster.node("a").outcomes).toEqual([{ id, kind: "committed", at: entryId(2, 1) }]);
      cluster.apply("a");
      expect(applied(cluster, "a")).toEqual(["noop", "x"]);
    },
  );

  rule(
    "5.3",
    "If followers crash or run slowly, or if network packets are lost, the leader retries AppendEntries RPCs indefinitely (even after it has responded to the client) until all followers eventually store all log entries.",
    () => {
      const cluster = led();
      cluster.crash("c");
      cluster.propose("a", "x");
      for (let round = 0; round < 20; round++) cluster.heartbeat("a", ["c"]);
      expect(applied(cluster, "a")).toEqual(["noop", "x"]);
      cluster.start("c");
      cluster.propose("a", "y");
      expect(cluster.drop({ kind: "append", to: "c" })).toHaveLength(1);
      for (let round = 0; round < 3; round++) cluster.heartbeat("a");
      expect(applied(cluster, "c")).toEqual(["noop", "x", "y"]);
    },
  );

  rule(
    "5.3",
    "A log entry is committed once the leader that created the entry has replicated it on a majority of the servers.",
    () => {
      const cluster = new Cluster({ voters: ["a", "b", "c", "d", "e"] });
      cluster.elect("a");
      cluster.propose("a", "x");
      cluster.persist("a");
      cluster.deliverAll({ kind: "append" });
      cluster.persist("b");
      cluster.deliverAll({ from: "b" });
      expect(cluster.status("a").committed).toBe(1);
      cluster.persist("c");
      cluster.deliverAll({ from: "c" });
      expect(cluster.status("a").committed).toBe(2);
    },
  );

  rule(
    "5.3",
    "This also commits all preceding entries in the leader's log, including entries created by previous leaders.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { a: { log: [1, 1, 2] }, b: { log: [1] }, c: {} } });
      cluster.elect("a");
      cluster.heartbeat("a");
      expect(cluster.status("a").committed).toBe(4);
      expect(applied(cluster, "c")).toEqual(["v1.1", "v2.1", "v3.2", "noop"]);
    },
  );

  rule(
    "5.3",
    "The leader keeps track of the highest index it knows to be committed, and it includes that index in future AppendEntries RPCs (including heartbeats) so that the other servers eventually find out.",
    () => {
      const cluster = led();
      cluster.propose("a", "x");
      cluster.settle(["c"]);
      cluster.heartbeat("a", ["c"]);
      cluster.propose("a", "y");
      expect(onWire(cluster, "append", { to: "b" })).toMatchObject([{ commit: 2 }]);
      cluster.wire = [];
      cluster.tick("a", SETTINGS.heartbeatTicks);
      expect(onWire(cluster, "heartbeat", { to: "b" })).toMatchObject([{ commit: 2 }]);
      for (let round = 0; round < 3; round++) cluster.heartbeat("a");
      expect(cluster.status("c").committed).toBe(3);
    },
  );

  rule(
    "5.3",
    "Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order).",
    () => {
      const cluster = led();
      const texts = ["one", "two", "three", "four", "five"];
      for (const text of texts) cluster.propose("a", text);
      cluster.settle();
      cluster.heartbeat("a");
      for (const id of THREE.voters) expect(applied(cluster, id)).toEqual(["noop", ...texts]);
    },
  );
});

describe("the log matching property", () => {
  rule(
    "5.3",
    "If two entries in different logs have the same index and term, then they store the same command.",
    () => {
      // Two leaders in turn try to fill the same places; every write of everyone is compared by the kit's checks.
      const cluster = led();
      cluster.propose("a", "lost");
      cluster.persist("a");
      cluster.drop();
      cluster.elect("b", ["a"]);
      cluster.propose("b", "kept");
      cluster.settle(["a"]);
      cluster.heartbeat("b");
      cluster.heartbeat("b");
      cluster.checks.converged();
      expect(applied(cluster, "a")).toEqual(["noop", "noop", "kept"]);
    },
  );

  rule(
    "5.3",
    "If two entries in different logs have the same index and term, then the logs are identical in all preceding entries.",
    () => {
      // A log that lies (same index and term, another past) is recognised by its chain hash and never followed.
      const cluster = led();
      const past = cluster.node("a").disk.entries[0];
      const lie = { ...past, index: past?.index ?? entryId(1, 1).index, chain: 4_711 };
      const next = entryAfter({ ...entryId(1, 1), chain: lie.chain }, 1);
      const append = message(
        "append",
        { from: "a", to: "b", term: 1 },
        {
          previous: entryId(1, 1),
          previousChain: lie.chain,
          entries: [next],
          commit: entryId(0, 0).index,
        },
      );
      expect(() => cluster.receive(append)).toThrow("another log behind it");
    },
  );

  rule(
    "5.3",
    "A leader creates at most one entry with a given log index in a given term, and log entries never change their position in the log.",
    () => {
      const cluster = led();
      for (const text of ["x", "y", "z"]) cluster.propose("a", text);
      cluster.settle();
      const places = cluster.node("a").disk.entries.map((entry) => entry.index);
      expect(places).toEqual([1, 2, 3, 4]);
      expect(new Set(places).size).toBe(places.length);
      expect(logOf(cluster, "c")).toEqual([1, 1, 1, 1]);
    },
  );

  rule(
    "5.3",
    "When sending an AppendEntries RPC, the leader includes the index and term of the entry in its log that immediately precedes the new entries.",
    () => {
      const cluster = led();
      cluster.propose("a", "x");
      cluster.propose("a", "y");
      const sent = onWire(cluster, "append", { to: "b" });
      expect(sent.map(({ previous }) => previous)).toEqual([entryId(1, 1), entryId(2, 1)]);
    },
  );

  rule(
    "5.3",
    "If the follower does not find an entry in its log with the same index and term, then it refuses the new entries.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 2] } } });
      for (const previous of [entryId(4, 2), entryId(3, 1), entryId(9, 9)]) {
        cluster.receive(
          message(
            "append",
            { from: "a", to: "b", term: 9 },
            {
              previous,
              previousChain: 0,
              entries: [],
              commit: entryId(3, 2).index,
            },
          ),
        );
      }
      cluster.persist("b");
      const answers = onWire(cluster, "appendResponse");
      expect(answers.map((answer) => answer.ok)).toEqual([false, false, false]);
      expect(cluster.status("b")).toMatchObject({ last: 3, committed: 0 });
    },
  );
});

describe("the repair of logs", () => {
  rule(
    "5.3",
    "Conflicting entries in follower logs will be overwritten with entries from the leader's log.",
    () => {
      const cluster = new Cluster({
        ...THREE,
        nodes: { a: { log: [1, 2, 4] }, b: { log: [1, 3, 3, 3] }, c: { log: [1] } },
      });
      cluster.elect("a");
      cluster.heartbeat("a");
      for (const id of THREE.voters) expect(logOf(cluster, id)).toEqual([1, 2, 4, 5]);
    },
  );

  rule(
    "5.3",
    "When a leader first comes to power, it initializes all nextIndex values to the index just after the last one in its log.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { a: { log: [1, 1, 1, 1] } } });
      cluster.stand("a");
      cluster.deliverAll({ kind: "requestVote" });
      for (const id of ["b", "c"]) cluster.persist(id);
      cluster.deliverAll({ kind: "voteResponse" });
      expect(onWire(cluster, "append").map(({ previous }) => previous.index)).toEqual([4, 4]);
    },
  );

  rule("5.3", "After a rejection, the leader decrements nextIndex and retries the AppendEntries RPC.", () => {
    const cluster = new Cluster({ voters: ["a", "b"], nodes: { a: { log: [1, 2] }, b: { log: [1] } } });
    cluster.stand("a");
    cluster.deliverAll({ kind: "requestVote" });
    cluster.persist("b");
    cluster.deliverAll({ kind: "voteResponse" });
    cluster.deliverAll({ kind: "append" });
    cluster.deliverAll({ kind: "appendResponse" });
    expect(onWire(cluster, "append")).toMatchObject([{ previous: entryId(1, 1) }]);
    cluster.settle();
    expect(logOf(cluster, "b")).toEqual([1, 2, 3]);
  });

  rule(
    "5.3",
    "One AppendEntries RPC will be required for each term with conflicting entries, rather than one RPC per entry.",
    () => {
      const long = Array.from({ length: 60 }, (_, at) => (at < 20 ? 2 : 3));
      const nodes = { a: { log: [1, ...Array.from({ length: 50 }, () => 4)] }, b: { log: [1, ...long] } };
      const cluster = new Cluster({ voters: ["a", "b"], nodes });
      let refusals = 0;
      cluster.observer = (node, ready) => {
        for (const one of [...ready.send, ...ready.sendAfter.flatMap(({ messages }) => messages)]) {
          if (node.id === "b" && one.kind === "appendResponse" && !one.ok) refusals++;
        }
      };
      cluster.node("b").disk.hardState = { ...cluster.node("b").disk.hardState };
      cluster.elect("a");
      cluster.heartbeat("a");
      expect(logOf(cluster, "b")).toEqual(logOf(cluster, "a"));
      expect(refusals).toBeLessThanOrEqual(3);
    },
  );

  rule("5.3", "A leader never overwrites or deletes entries in its own log.", () => {
    const cluster = new Cluster({
      ...THREE,
      nodes: { a: { log: [1, 2, 2] }, b: { log: [1, 1, 1, 1] }, c: { log: [1, 1] } },
    });
    cluster.elect("a");
    const before = cluster.node("a").disk.entries.slice();
    cluster.propose("a", "x");
    cluster.settle();
    expect(cluster.node("a").disk.entries.slice(0, before.length)).toEqual(before);
    expect(cluster.node("a").trace.filter((event) => event.kind === "truncate")).toEqual([]);
  });

  rule(
    "5.3",
    "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry).",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { b: { log: [1, 1, 1, 1, 1] } } });
      const base = cluster.node("b").disk.entries[1];
      const append = (commit: number): void =>
        cluster.receive(
          message(
            "append",
            { from: "a", to: "b", term: 2 },
            {
              previous: entryId(2, 1),
              previousChain: base?.chain ?? 0,
              entries: cluster.node("b").disk.entries.slice(2, 3),
              commit: entryId(commit, 1).index,
            },
          ),
        );
      append(1);
      expect(cluster.status("b").committed).toBe(1);
      append(5);
      expect(cluster.status("b").committed).toBe(3);
      append(2);
      expect(cluster.status("b").committed).toBe(3);
    },
  );
});
