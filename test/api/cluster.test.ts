/** The interface over real nodes: backups that verify, writes passed on while the leader stops, members replaced. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type ApiServer, createApi, serveApi } from "../../src/api/index.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { readBackup } from "../../src/store/index.ts";
import { Cluster, PATIENT_MS } from "../node/machines.ts";

let cluster: Cluster | undefined;
let balancer: ApiServer | undefined;
afterEach(async () => {
  await balancer?.close(0);
  await cluster?.end();
  balancer = undefined;
  cluster = undefined;
});

describe("the interface of real nodes", () => {
  it("gives a backup that verifies, and holds what this node had counted", {
    timeout: PATIENT_MS,
  }, async () => {
    cluster = await Cluster.formed(undefined, 1);
    const node = cluster.machine("n1");
    const client = new RaftallyClient({ urls: [node.url] });
    for (let i = 0; i < 20; i++) await client.increment(`k${i % 3}`);
    const { stream, bytes, digest, index, filename } = await client.backup();
    const content = Buffer.from(await new Response(stream).arrayBuffer());
    expect(content.length).toBe(bytes);
    const file = join(cluster.directory, filename);
    writeFileSync(file, content);
    const status = node.service.status();
    expect([digest, index]).toEqual([status.digest, status.applied]);
    expect(await readBackup(file)).toMatchObject({
      clusterId: "counters",
      counters: 3,
      digest,
      meta: { index },
    });
    writeFileSync(file, content.subarray(0, content.length - 1));
    await expect(readBackup(file)).rejects.toThrow();
  });

  it("does every write that is passed on, though the leader stops meanwhile", {
    timeout: PATIENT_MS,
  }, async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    const api = createApi(follower.service, { writes: "forward", onFatal: () => undefined });
    balancer = await serveApi(api, { host: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${balancer.port}/v1/counters/hits/increment`;
    const statuses: number[] = [];
    let isOver = false;
    let sent = 0;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const headers = { "Idempotency-Key": `"write-${++sent}"` };
        statuses.push((await fetch(url, { method: "POST", headers, redirect: "manual" })).status);
      }
    });
    await expect.poll(() => statuses.length, { interval: 5, timeout: 20_000 }).toBeGreaterThan(50);
    await cluster.stop(leader.id);
    const before = statuses.length;
    await expect.poll(() => statuses.length, { interval: 5, timeout: 20_000 }).toBeGreaterThan(before + 50);
    isOver = true;
    await Promise.all(callers);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await follower.value("hits")).toBe(BigInt(statuses.length));
  });

  it("replaces a member on request, and says beforehand what that means", {
    timeout: PATIENT_MS,
  }, async () => {
    cluster = await Cluster.plan({ initial: 3, spare: 1 });
    await cluster.startAll();
    const [first] = await cluster.followers();
    // It is only told of one node, which follows: the others it finds out.
    const client = new RaftallyClient({ urls: [first.url], timeoutMs: 30_000 });
    await (await cluster.join("n4", "learner")).started;
    const change = { kind: "replace", id: first.id, by: "n4" } as const;
    const tolerance = { voters: 3, mayFail: 1, reachable: 3 };
    expect(await client.plan({ kind: "remove", id: "n4" })).toEqual({
      before: tolerance,
      after: tolerance,
      refusal: undefined,
    });
    const { voters } = await client.change(change);
    expect(voters).toEqual(["n1", "n2", "n3", "n4"].filter((id) => id !== first.id));
    const { members, seenBy, leader } = await client.members();
    expect(members.map(({ id, role }) => [id, role])).toEqual(voters.map((id) => [id, "voter"]));
    expect(seenBy).toBe(leader?.id);
  });
});
