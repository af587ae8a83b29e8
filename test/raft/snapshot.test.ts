/** Snapshots between core, disk and state machine: what may happen between the steps of an install. */

import { describe, expect, it } from "vitest";
import { Cluster } from "./kit.ts";

/** Leader a with everything compacted; c has been cut off since the beginning. */
function behind(): Cluster {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.elect("a", ["c"]);
  for (const text of ["one", "two", "three"]) cluster.propose("a", text);
  cluster.settle(["c"]);
  cluster.snapshot("a");
  cluster.settle(["c"]);
  return cluster;
}

describe("the install of a snapshot", () => {
  it("leaves the state machine behind the log until it is restored", () => {
    const cluster = behind();
    // Two rounds: the first answer shows that c lives, the second that it lacks what is compacted away.
    for (let round = 0; round < 4 && cluster.transfers.length === 0; round++) {
      cluster.tick("a", 2);
      cluster.deliverAll();
      cluster.persist("c");
      cluster.deliverAll();
    }
    cluster.transfer(true, "c");
    expect(cluster.status("c")).toMatchObject({ first: 5, applied: 0, committed: 4 });
    cluster.persist("c");
    expect(cluster.node("c").work).toEqual([{ kind: "restore", meta: cluster.node("a").disk.base }]);
    cluster.apply("c");
    expect(cluster.status("c").applied).toBe(4);
    cluster.settle();
    cluster.checks.converged();
  });

  it("brings the term of its last entry to a node that has slept through it, and is finished at the next start if the node crashes before the state is restored", () => {
    const cluster = behind();
    const file = cluster.node("a").disk.files.get(4);
    cluster.receiveSnapshot(
      "c",
      file ?? cluster.node("a").disk.takeSnapshot((at) => cluster.metaAt("a", at)),
    );
    cluster.persist("c");
    cluster.restart("c");
    expect(cluster.status("c")).toMatchObject({ first: 5, applied: 4 });
    cluster.heartbeat("a");
    cluster.checks.converged();
  });
});
