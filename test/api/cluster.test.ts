/** The interface over real nodes: backups that verify, writes passed on while the leader stops, members replaced. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type ApiServer, createApi, serveApi } from "../../src/api/index.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { readBackup } from "../../src/store/index.ts";
import { Cluster, PATIENT_MS } from "../node/machines.ts";

interface Allocated {
  readonly from: number;
  readonly to: number;
  readonly index: number;
}

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
    await expect.poll(() => statuses.length, { interval: 5 }).toBeGreaterThan(50);
    await cluster.stop(leader.id);
    const before = statuses.length;
    await expect.poll(() => statuses.length, { interval: 5 }).toBeGreaterThan(before + 50);
    isOver = true;
    await Promise.all(callers);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await follower.value("hits")).toBe(BigInt(statuses.length));
  });

  it("hands out every number once, and lets each caller read its own write from another node", {
    timeout: PATIENT_MS,
  }, async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const followers = await cluster.followers();
    const urls = [leader, ...followers].map(({ url }) => url);
    const headers = { "Content-Type": "application/json" };
    const allocate = async (n: number): Promise<Allocated> => {
      const count = 1 + (n % 7);
      const body = JSON.stringify({ count });
      const target = `${urls[n % 3]}/v1/counters/orders/allocate`;
      const given = (await (await fetch(target, { method: "POST", headers, body })).json()) as Allocated;
      expect(given.to - given.from + 1).toBe(count);
      // Stale, and yet not older than the write: any node may answer.
      const read = await fetch(
        `${urls[(n + 1) % 3]}/v1/counters/orders?consistency=stale&minIndex=${given.index}`,
      );
      expect(((await read.json()) as { value: number }).value).toBeGreaterThanOrEqual(given.to);
      return given;
    };
    const given = await Promise.all(Array.from({ length: 60 }, (_, n) => allocate(n)));
    // Put end to end they leave no gap and do not overlap.
    const inOrder = given.sort((a, b) => a.from - b.from);
    const nexts = inOrder.map(({ to }) => to + 1);
    expect(inOrder.map(({ from }) => from)).toEqual([1, ...nexts.slice(0, -1)]);
    const sum = await fetch(`${urls[1]}/v1/sum?prefix=ord`);
    expect(await sum.json()).toMatchObject({ sum: inOrder.at(-1)?.to, counters: 1 });
  });

  it("counts items and labels in other services' forms from any node, all or none", {
    timeout: PATIENT_MS,
  }, async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    const post = async (path: string, body: unknown): Promise<unknown> => {
      // As `curl -d` sends it to whichever node is at hand.
      const type = { "Content-Type": "application/x-www-form-urlencoded" };
      const init = { method: "POST", headers: type, body: JSON.stringify(body) };
      return (await fetch(follower.url + path, init)).json();
    };
    const items = Array.from({ length: 1_000 }, (_, n) => ({ id: `i${n % 900}`, tenant: `t${n % 2}` }));
    const first = await post("/items", items);
    expect(first).toMatchObject({ received: 1_000, counted: 900, counts: { t0: 450, t1: 450 } });
    expect(await post("/items", items)).toMatchObject({ received: 1_000, counted: 0 });
    expect(
      await post("/items", [
        { id: "new", tenant: "t2" },
        { id: 1.5, tenant: "t2" },
      ]),
    ).toMatchObject({
      code: "INVALID_BODY",
    });
    expect(await post("/metrics", { labels: ["a", "b"], increment: 5 })).toEqual({ a: 5, b: 5 });
    for (const { url } of [leader, follower]) {
      const ask = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
      expect(await ask("/items/t0/count")).toEqual({ count: 450 });
      expect(await ask("/items/t2/count")).toEqual({ count: 0 });
      expect(await ask("/metrics/query?expression=b,none,a")).toEqual({ b: 5, a: 5 });
    }
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
