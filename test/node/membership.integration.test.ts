import { rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { Cluster, PATIENT_MS, until } from "./machines.ts";

let cluster: Cluster;
afterEach(() => cluster.end());

/** Adds 1 to `hits` without a pause until it is told to stop; gives how often that was acknowledged. */
function count(): { stop(): Promise<number> } {
  let running = true;
  let acknowledged = 0;
  const done = (async () => {
    while (running) {
      await cluster.write({ kind: "add", key: "hits", by: 1n });
      acknowledged++;
    }
  })();
  // Whoever stops it sees why it ended.
  done.catch(() => undefined);
  return {
    stop: async () => {
      running = false;
      await done;
      return acknowledged;
    },
  };
}

describe("a cluster that changes while it counts", { timeout: PATIENT_MS }, () => {
  it("grows from one node to three and five by joining, and shrinks to three, without losing a count", async () => {
    cluster = await Cluster.plan({ initial: 1, spare: 4 });
    await cluster.startAll();
    const counting = count();
    for (const id of ["n2", "n3"]) await (await cluster.join(id, "voter")).started;
    await cluster.voters("n1", "n2", "n3");
    await Promise.all(
      ["n4", "n5"].map(async (id) => {
        await (await cluster.join(id, "voter")).started;
      }),
    );
    await cluster.voters("n1", "n2", "n3", "n4", "n5");

    for (const id of ["n2", "n4"]) {
      expect(await cluster.change({ kind: "remove", id: nodeId(id) })).toMatchObject({ kind: "changed" });
      const [end] = await until(
        () => cluster.machine(id).fatal.length > 0 && cluster.machine(id).fatal,
        `${id} ends`,
      );
      expect(end).toMatchObject({ name: "RemovedFromCluster" });
      expect(end?.message).toContain(`${id} was removed from its cluster`);
      await cluster.forget(id);
    }
    await cluster.voters("n1", "n3", "n5");
    const acknowledged = await counting.stop();
    expect(acknowledged).toBeGreaterThan(0);
    for (const machine of cluster.machines) expect(await machine.value("hits")).toBe(BigInt(acknowledged));
    expect(new Set(await cluster.digests()).size).toBe(1);

    // What was removed cannot come back, and disturbs nobody.
    const term = (await cluster.leader()).service.status().term;
    const back = await cluster.join("n2", "voter");
    await until(() => back.fatal.length > 0, "it ends again");
    expect(back.fatal[0]).toMatchObject({ name: "RemovedFromCluster" });
    await cluster.forget("n2");
    expect((await cluster.leader()).service.status().term).toBe(term);
  });

  it("replaces a node that lost its disk by one under a new id, at the same place", async () => {
    cluster = await Cluster.plan({ initial: 3, spare: 1 });
    await cluster.startAll();
    await cluster.write({ kind: "add", key: "hits", by: 1n });
    const [lost] = await cluster.followers();
    await cluster.crash(lost.id);
    const { directory, member } = cluster.site(lost.id);
    rmSync(directory, { recursive: true });
    const refused = await cluster.start(lost.id);
    await expect(refused.started).rejects.toThrow(/member replace/);
    await cluster.forget(lost.id);

    const place = { members: [{ ...member, id: "n4" }], listenPeer: cluster.options(lost.id).listenPeer };
    const fresh = await cluster.join("n4", "learner", place);
    await fresh.started;
    const by = nodeId("n4");
    const replaced = await until(async () => {
      const result = await cluster.change({ kind: "replace", id: nodeId(lost.id), by });
      if (result.kind === "failed") expect(result.code).toBe("NOT_CAUGHT_UP");
      return result.kind === "changed" && result;
    }, "n4 takes its place");
    const { voters, removed } = replaced.configuration;
    expect(voters).toContain("n4");
    expect(removed.map(({ id }) => id)).toEqual([lost.id]);
    expect(await fresh.value("hits")).toBe(1n);
  });

  it("removes its leader, who hands over, answers first and ends", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const result = await leader.service.changeMembership({ kind: "remove", id: nodeId(leader.id) });
    expect(result).toMatchObject({ kind: "changed", configuration: { removed: [{ id: leader.id }] } });
    await until(() => leader.fatal.length > 0, "it ends");
    expect(leader.fatal[0]).toMatchObject({ name: "RemovedFromCluster" });
    await cluster.forget(leader.id);
    const next = await cluster.leader();
    expect(next.id).not.toBe(leader.id);
    expect(await cluster.write({ kind: "add", key: "hits", by: 1n })).toMatchObject({ kind: "applied" });
  });
});

describe("a node that does not come back", { timeout: PATIENT_MS }, () => {
  it("is removed by a leader that was told to, which says so", async () => {
    cluster = await Cluster.plan({ initial: 1, spare: 1 });
    const leader = await cluster.start("n1", { autoremoveMs: 500, wantedVoters: 1 });
    await leader.started;
    await cluster.leader();
    await (await cluster.join("n2", "learner")).started;
    await cluster.crash("n2");
    await leader.noticed("autoremove", /^n2 was not heard of for 1 s/);
    await until(() => leader.service.status().configuration.removed[0]?.id === "n2", "it is removed");
  });
});

describe("handing over, and copying", { timeout: PATIENT_MS }, () => {
  it("makes the node lead that is named, and gives a backup of what it holds", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    expect(await leader.service.transferLeadership(nodeId(follower.id))).toEqual({
      kind: "transferred",
      leader: follower.id,
      url: follower.url,
    });
    await cluster.write({ kind: "add", key: "hits", by: 1n });
    await cluster.digests();
    const backup = await leader.service.backup();
    if (backup.kind === "failed") throw new Error(backup.detail);
    const { applied, digest } = leader.service.status();
    expect([backup.manifest.meta.index, backup.manifest.digest]).toEqual([applied, digest]);
    backup.release();
    backup.release();
  });
});
