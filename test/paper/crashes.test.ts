import { describe, expect } from "vitest";
import { Cluster, SETTINGS } from "../raft/kit.ts";
import { entryId } from "../raft/words.ts";
import { applied, logOf, onWire, rule } from "./rule.ts";

const THREE = { voters: ["a", "b", "c"] };

function led(): Cluster {
  const cluster = new Cluster(THREE);
  cluster.elect("a");
  cluster.heartbeat("a");
  return cluster;
}

describe("crashes", () => {
  rule(
    "5.5",
    "Raft handles these failures by retrying indefinitely; if the crashed server restarts, then the RPC will complete successfully.",
    () => {
      const cluster = led();
      cluster.crash("b");
      cluster.crash("c");
      const id = cluster.propose("a", "x");
      cluster.heartbeat("a");
      expect(cluster.node("a").outcomes).toEqual([]);
      cluster.start("b");
      cluster.heartbeat("a");
      cluster.heartbeat("a");
      expect(cluster.node("a").outcomes).toEqual([{ id, kind: "committed", at: entryId(2, 1) }]);
    },
  );

  rule(
    "5.5",
    "If a server crashes after completing an RPC but before responding, then it will receive the same RPC again after it restarts.",
    () => {
      const cluster = led();
      cluster.propose("a", "x");
      cluster.persist("a");
      cluster.deliverAll({ to: "b" });
      cluster.drop();
      cluster.crash("b", 1);
      expect(logOf(cluster, "b")).toEqual([1, 1]);
      cluster.start("b");
      cluster.heartbeat("a", ["c"]);
      cluster.heartbeat("a", ["c"]);
      expect(cluster.status("a").committed).toBe(2);
    },
  );

  rule(
    "5.5",
    "If a follower receives an AppendEntries request that includes log entries already present in its log, it ignores those entries in the new request.",
    () => {
      const cluster = led();
      cluster.propose("a", "x");
      cluster.propose("a", "y");
      const [first] = cluster.packets({ to: "b", kind: "append" });
      cluster.deliverAll({ to: "b" });
      cluster.persist("b");
      if (first !== undefined) for (let time = 0; time < 3; time++) cluster.receive(first.message);
      expect(cluster.node("b").writes).toEqual([]);
      expect(cluster.status("b").last).toBe(3);
      const matches = onWire(cluster, "appendResponse", { from: "b" }).map(
        (answer) => answer.ok && answer.match,
      );
      expect(matches).toEqual([2, 3, 2, 2, 2]);
    },
  );

  rule(
    "5.6",
    "Safety must not depend on timing: the system must not produce incorrect results just because some event happens more quickly or slowly than expected.",
    () => {
      // An hour passes for one node and none for the others; nothing but leadership may change for that.
      const cluster = led();
      const id = cluster.propose("a", "x");
      cluster.tick("b", 10 * SETTINGS.electionTicks);
      cluster.tick("c", 100 * SETTINGS.electionTicks);
      cluster.settle();
      for (let round = 0; round < 100 && cluster.leader === undefined; round++) {
        cluster.tick("b");
        cluster.settle();
      }
      cluster.heartbeat(cluster.leader ?? "");
      cluster.heartbeat(cluster.leader ?? "");
      cluster.checks.converged();
      const ended = cluster.node("a").outcomes.find((outcome) => outcome.id === id);
      expect(applied(cluster, "b").includes("x")).toBe(ended?.kind === "committed");
    },
  );
});
