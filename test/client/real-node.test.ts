/** The client against real nodes: what it sends is what they take, and a watch outlives the node that serves it. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster } from "../../chaos/index.ts";
import { escapeGlob, RaftallyClient, type WatchChange, type WatchEvent } from "../../src/client/index.ts";
import { eventually } from "../cli/processes.ts";
import { requires } from "../support/capability.ts";
import { failure } from "./kit.ts";

const PATIENT_MS = 180_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
}, PATIENT_MS);
afterAll(() => cluster.stop(), PATIENT_MS);

describe.each(["keys", "sessions"] as const)("a client with %s", { timeout: PATIENT_MS }, (exactlyOnce) => {
  const p = `${exactlyOnce}:`;

  it("sets, deletes and allocates under conditions", async () => {
    const client = cluster.client(0, { exactlyOnce });
    const first = await client.set(`${p}a`, 2n ** 63n - 1n, { ifAbsent: true });
    expect(first).toMatchObject({ value: 2n ** 63n - 1n, changed: true });
    expect(await failure(client.set(`${p}a`, 1, { ifAbsent: true }))).toMatchObject({
      code: "REVISION_MISMATCH",
    });
    expect(await failure(client.set(`${p}none`, 1, { ifExists: true }))).toMatchObject({
      code: "REVISION_MISMATCH",
    });
    const second = await client.set(`${p}a`, -5, { ifRevision: first.revision });
    expect(await failure(client.delete(`${p}a`, { ifRevision: first.revision }))).toMatchObject({
      code: "REVISION_MISMATCH",
    });
    expect(await client.delete(`${p}a`, { ifRevision: second.revision })).toMatchObject({ value: 0n });
    expect(await client.get(`${p}a`)).toBeUndefined();
    expect(await client.delete(`${p}a`)).toMatchObject({ changed: false });
    expect(await client.allocate(`${p}orders`, 100)).toMatchObject({ from: 1n, to: 100n, count: 100n });
    expect(await client.allocate(`${p}orders`, 5n)).toMatchObject({ from: 101n, to: 105n });
    expect(await failure(client.allocate(`${p}orders`, 5n, { max: 107 }))).toMatchObject({
      code: "LIMIT_REACHED",
    });
    const saturated = await client.increment(`${p}s`, { by: 7, max: 5, onLimit: "saturate" });
    expect(saturated).toMatchObject({ value: 5n, applied: 5n });
    await client.delete(`${p}s`);
    await client.delete(`${p}orders`);
  });

  it("counts each of many writes in flight once, and reads its own writes from any node", async () => {
    const client = cluster.client(0, { exactlyOnce, timeoutMs: 50_000, attemptTimeoutMs: 10_000 });
    const many = Array.from({ length: 600 }, () => client.increment(`${p}many`));
    const index = Math.max(...(await Promise.all(many)).map((done) => done.index));
    for (const { id } of cluster.nodes) {
      const own = await cluster.clientOf(id).get(`${p}many`, { consistency: "stale", minIndex: index });
      expect(own?.value, id).toBe(600n);
    }
  });

  it("adds increments up in requests that are durable when their callers are told", async () => {
    await using counting = cluster.client(0, { exactlyOnce, timeoutMs: 50_000 }).combining();
    const keys = Array.from({ length: 3_000 }, (_, at) => `${p}combined:${at % 300}`);
    const told = await Promise.all(keys.map((key) => counting.increment(key, 2n ** 40n)));
    const minIndex = Math.max(...told.map(({ index }) => index));
    const sum = await cluster.client(1).sum({ prefix: `${p}combined:`, consistency: "stale", minIndex });
    expect(sum).toMatchObject({ sum: 3_000n * 2n ** 40n, counters: 300 });
  });

  it("lists by value, sums by group and selects by glob", async () => {
    const client = cluster.client(0, { exactlyOnce });
    const values = { "v:a:1": 3, "v:a:2": 4, "v:b:1": 2n ** 63n - 1n, "v:*,?": 9 };
    for (const [key, value] of Object.entries(values)) await client.set(p + key, value);
    const page = await client.list({ prefix: `${p}v:`, match: "*:1", order: "-value", limit: 1 });
    expect(page.counters.map(({ key }) => key)).toEqual([`${p}v:b:1`]);
    const keys: string[] = [];
    for await (const { key } of client.counters({ prefix: `${p}v:`, order: "value", limit: 2 }))
      keys.push(key);
    expect(keys).toEqual(["v:a:1", "v:a:2", "v:*,?", "v:b:1"].map((key) => p + key));
    const sum = await client.sum({ prefix: `${p}v:`, depth: 1 });
    expect(sum).toMatchObject({ sum: 2n ** 63n + 15n, counters: 4, more: false });
    expect(sum.groups.find(({ prefix }) => prefix.startsWith(`${p}v:a`))).toMatchObject({
      sum: 7n,
      counters: 2,
    });
    const found = await client.query([`${p}v:a:*`, escapeGlob(`${p}v:*,?`), `${p}none`]);
    expect(new Set(found.counters.map(({ key }) => key))).toEqual(
      new Set([`${p}v:a:1`, `${p}v:a:2`, `${p}v:*,?`]),
    );
    expect((await client.sum({ prefix: p, consistency: "stale" })).ageMs).toBeGreaterThanOrEqual(0);
  });
});

describe("a watch", { timeout: PATIENT_MS }, () => {
  it("tiles the revisions and gives the latest value, though its nodes are killed one after the other", async (context) => {
    requires(context, "patience");
    const writer = cluster.client(0);
    const urls: string[] = [];
    const stop = new AbortController();
    const events: WatchEvent[] = [];
    const watching = (async () => {
      const watch = cluster.client(1).watch({
        prefix: "w:",
        signal: stop.signal,
        onConnection: ({ kind, url }) => void (kind === "connected" && urls.push(url)),
      });
      for await (const event of watch) events.push(event);
    })();
    await eventually(() => events.length > 0, "the watch is open");
    const last = new Map<string, bigint>();
    for (let round = 0; round < 3; round++) {
      for (let times = 0; times < 20; times++) {
        const { key, value } = await writer.increment(`w:${times % 3}`, { by: 2n ** 40n });
        last.set(key, value);
      }
      const victim = cluster.nodes.find(({ url }) => url === urls.at(-1));
      if (victim === undefined) throw new Error("the watch is at none of the nodes");
      if (round === 2) break;
      await cluster.kill(victim.id);
      await eventually(() => urls.at(-1) !== victim.url, "the watch goes on elsewhere");
      await cluster.startNode(victim.id);
    }
    const changes = (): WatchChange[] => events.filter((event) => event.kind === "change");
    await eventually(
      () => [...last].every(([key, value]) => changes().findLast((c) => c.key === key)?.value === value),
      "the last value of each counter has come",
    );
    stop.abort();
    await watching;
    expect(events.filter(({ kind }) => kind !== "change").map(({ kind }) => kind)).toEqual(["open"]);
    expect(urls.length).toBeGreaterThanOrEqual(3);
    let to = events[0]?.kind === "open" ? events[0].revision : -1;
    for (const change of changes()) {
      expect(change.from).toBe(to + 1);
      expect(change.revision).toBe(change.to);
      to = change.to;
    }
  });

  it("that is read slowly is cut off by the node, goes on by itself, and misses no counter's last value", async (context) => {
    requires(context, "patience");
    const writer = cluster.client(0);
    const kinds: string[] = [];
    const watch = cluster.client(2).watch({ prefix: "s:", onConnection: ({ kind }) => kinds.push(kind) });
    const open = (await watch.next()).value;
    if (open?.kind !== "open") throw new Error("a watch begins with an open event");
    const keys = Array.from({ length: 1_000 }, (_, at) => `s:${"long".repeat(100)}:${at}`);
    // Some 12 MB of events, more than all the buffers on the way hold; nobody reads meanwhile.
    const stop = new AbortController();
    let flushed = 0n;
    const beside = (async () => {
      for await (const event of writer.watch({ key: keys.at(-1) ?? "", signal: stop.signal }))
        if (event.kind === "change") flushed = event.value;
        else if (event.kind === "open") flushed = event.counter?.value ?? 0n;
    })();
    for (let value = 1n; value <= 20n; value++) {
      await writer.batch(keys.map((key) => ({ op: "set", key, value })));
      await eventually(() => flushed >= value, "the batch has been told, so that the next one is told anew");
    }
    stop.abort();
    await beside;
    const last = new Map<string, bigint>();
    let to = open.revision;
    for await (const event of watch) {
      if (event.kind !== "change") throw new Error(`there is no need for ${event.kind}`);
      expect(event.from).toBe(to + 1);
      to = event.to;
      last.set(event.key, event.value);
      if (last.size === keys.length && [...last.values()].every((value) => value === 20n)) break;
    }
    expect(kinds).toEqual(expect.arrayContaining(["lost"]));
    expect(kinds.at(-1)).toBe("connected");
  });

  it("of one key begins with its value, and sees it deleted", async () => {
    const client = cluster.client(0);
    await client.set("one", 5);
    const events: WatchEvent[] = [];
    for await (const event of client.watch({ key: "one" })) {
      events.push(event);
      if (event.kind === "open") await client.delete("one");
      else break;
    }
    expect(events[0]).toMatchObject({ kind: "open", counter: { value: 5n, exists: true } });
    expect(events[1]).toMatchObject({ kind: "change", key: "one", deleted: true });
  });
});

describe("events of the cluster", { timeout: PATIENT_MS }, () => {
  it("tell what happened to a node, with pictures of it", async () => {
    const { id, url } = cluster.node("n2");
    const kinds = new Set<string>();
    for await (const event of cluster.client(0).clusterEvents({ url, pictures: 100 })) {
      kinds.add(event.kind);
      if (event.kind === "event") expect(event.event.node).toBe(id);
      if (event.kind === "picture") expect(event.picture.status.id).toBe(id);
      if (kinds.has("event") && kinds.has("picture")) break;
    }
    expect([...kinds]).toContain("picture");
  });
});

describe("a browser's client", { timeout: PATIENT_MS }, () => {
  it("finds the leader although redirects are hidden from it", async () => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find(({ id }) => id !== leader);
    const browserFetch: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (init?.redirect !== "manual" || response.status !== 307) return response;
      const opaque = Response.error();
      return new Proxy(opaque, {
        get: (target, name) => (name === "type" ? "opaqueredirect" : Reflect.get(target, name, target)),
      });
    };
    const client = new RaftallyClient({ urls: [follower?.url ?? ""], fetch: browserFetch });
    expect((await client.increment("browser")).value).toBe(1n);
  });
});
