import { rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import type { NodeSettings } from "../../src/node/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { requires } from "../support/capability.ts";
import { Brake } from "./brake.ts";
import { Cluster, PATIENT_MS, until } from "./machines.ts";

let cluster: Cluster;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await cluster.end();
  for (const close of closing.splice(0)) await close();
});

describe("a node that joins", { timeout: PATIENT_MS }, () => {
  it("waits until somebody adds it, says who it is meanwhile, and goes on after a restart", async () => {
    cluster = await Cluster.plan({ initial: 1, spare: 1 });
    await cluster.startAll();
    const first = await cluster.join("n2", "wait");
    await first.noticed("joining", /raftally member add/);
    const { id, incarnation, peerAddress, apiUrl, state } = first.service.status();
    expect(state).toBe("joining");
    await cluster.crash("n2");
    await expect(first.started).rejects.toThrow("stopped before it had joined");

    const second = await cluster.join("n2", "wait", { clusterId: "counters" });
    await second.noticed("joining", /raftally member add/);
    expect(second.service.status().incarnation).toBe(incarnation);
    const member = { id, incarnation, peer: peerAddress, api: apiUrl };
    const added = await cluster.machine("n1").service.changeMembership({ kind: "add", member });
    expect(added).toMatchObject({ kind: "changed", configuration: { learners: ["n2"] } });
    await second.started;
    await until(() => second.service.status().role === "learner", "it is a learner");
    expect(second.service.status()).toMatchObject({ state: "running", clusterId: "counters", incarnation });
  });

  it("is told why it cannot, once and for all", async () => {
    cluster = await Cluster.plan({ initial: 1, spare: 1 });
    await cluster.startAll();
    const taken = { id: "n1", members: [{ ...cluster.site("n2").member, id: "n1" }] };
    const twice = await cluster.join("n2", "learner", taken);
    await expect(twice.started).rejects.toThrow(/never used twice.*member replace n1 NEW/);
    await cluster.forget("n2");
    rmSync(cluster.site("n2").directory, { recursive: true });
    // Not as a member of a new cluster either.
    const members = [cluster.site("n1").member, cluster.site("n2").member];
    const stranger = await cluster.start("n2", { members });
    await expect(stranger.started).rejects.toThrow(/n1 belongs to a cluster of which n2 is no member/);
    await cluster.forget("n2");
    rmSync(cluster.site("n2").directory, { recursive: true });
    const other = await cluster.join("n2", "learner", { clusterId: "another" });
    await expect(other.started).rejects.toThrow(/cluster/);
    await cluster.forget("n2");
  });

  it("catches up by snapshot, and the leader knows how far it is", async () => {
    const node: Partial<NodeSettings> = { snapshotEntries: 8 };
    const settings = { node, raft: { trailingEntriesMax: 2, retainedBytesMax: 1 } };
    cluster = await Cluster.plan({ settings, initial: 1, spare: 1 });
    const behind = await freePortRange(1);
    const brake = await Brake.open(Number(cluster.site("n1").member.peer.split(":")[1]), behind);
    closing.push(() => brake.close());
    cluster.listensAt("n1", behind);
    await cluster.startAll();
    for (let made = 0; made < 20; made++) {
      const changes = Array.from(
        { length: 100 },
        (_, at) => ({ kind: "add", key: `k${made}:${"x".repeat(100)}:${at}`, by: 1n }) as const,
      );
      await cluster.write({ kind: "batch", changes });
    }
    await cluster.write({ kind: "add", key: "k19", by: 1n });
    const leader = cluster.machine("n1");
    await until(() => leader.service.status().first > 2, "the log is compacted");
    brake.holdAfter = 60_000;
    const joined = await cluster.join("n2", "learner");
    await joined.started;
    const catchUp = await until(() => {
      const found = leader.service.members().find(({ id }) => id === "n2")?.catchUp;
      return found !== undefined && found.percent > 0 && found;
    }, "a part of the snapshot has left");
    expect(catchUp.percent).toBeLessThan(100);
    expect(await leader.service.changeMembership({ kind: "promote", id: nodeId("n2") })).toMatchObject({
      code: "NOT_CAUGHT_UP",
    });
    expect(joined.traces("install")).toEqual([]);
    const isReady = (): boolean => joined.service.checks().every(({ ok }) => ok);
    expect(isReady()).toBe(false);
    brake.release();
    await until(() => joined.traces("install").length > 0, "it installs a snapshot");
    await until(isReady, "it is ready");
    const learner = await until(() => {
      const found = leader.service.members().find(({ id }) => id === "n2");
      return found?.match === leader.service.status().last && found;
    }, "it has caught up");
    expect(learner).toMatchObject({ role: "learner", reachable: true, leads: false, catchUp: undefined });
    expect(await joined.value("k19")).toBe(1n);
  });
});

describe("a node that moved", { timeout: PATIENT_MS }, () => {
  it("announces its new addresses, and is found there", async () => {
    cluster = await Cluster.plan({ initial: 3, spare: 1 });
    await cluster.startAll();
    const [moved, other] = await cluster.followers();
    await cluster.crash(moved.id);
    const { peer, api } = cluster.site("n4").member;
    const [host = "", port = ""] = peer.split(":");
    const place = {
      members: [{ id: moved.id, peer, api }],
      listenPeer: { host, port: Number(port) },
    };
    const back = await cluster.start(moved.id, place);
    await back.started;
    await until(
      () =>
        cluster.machines.every(({ service }) =>
          service.status().configuration.members.some((one) => one.peer === peer && one.api === api),
        ),
      "all know where it is",
    );
    await until(() => {
      const status = other.service.status();
      return status.peers.some((one) => one.id === moved.id && one.reachable);
    }, "it is reached there");
    await cluster.write({ kind: "add", key: "hits", by: 1n });
    expect(await back.value("hits")).toBe(1n);
  });
});

describe("a cluster that moved", { timeout: PATIENT_MS }, () => {
  it("finds itself again although all nodes moved at once, if it is told where to", async (context) => {
    requires(context, "patience");
    cluster = await Cluster.plan({ initial: 3, spare: 3 });
    await cluster.startAll();
    await cluster.write({ kind: "add", key: "hits", by: 1n });
    await cluster.crashAll();
    const members = ["n4", "n5", "n6"].map((site, at) => ({
      ...cluster.site(site).member,
      id: `n${at + 1}`,
    }));
    await Promise.all(
      members.map(async ({ id, peer }) => {
        const [host = "", port = ""] = peer.split(":");
        await (await cluster.start(id, { members, listenPeer: { host, port: Number(port) } })).started;
      }),
    );
    await until(
      () =>
        cluster.machines.every(({ service }) =>
          service
            .status()
            .configuration.members.every((known) =>
              members.some(({ peer, api }) => known.peer === peer && known.api === api),
            ),
        ),
      "all know where all are",
    );
    expect(await cluster.machine("n2").value("hits")).toBe(1n);
  });
});
