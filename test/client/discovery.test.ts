/** A client that works for long learns who belongs to its cluster. */

import { describe, expect, it } from "vitest";
import { RaftallyClient } from "../../src/client/index.ts";
import { Nodes } from "../../src/client/nodes.ts";
import { counted, type FakeNode, fakeNode, json, problem, redirect, routes } from "./fake-node.ts";

const A = "http://a:1";
const B = "http://b:1";
const C = "http://c:1";
const D = "http://d:1";

function members(apis: readonly string[], commit = 10, clusterId = "c"): Parameters<Nodes["learn"]>[1] {
  return { clusterId, commit, apis };
}

describe("the nodes to ask", () => {
  it("are those that were given, beginning with the one that served last", () => {
    const nodes = new Nodes([A, B, C]);
    expect(nodes.candidates()).toEqual([A, B, C]);
    nodes.prefer(B);
    expect(nodes.candidates()).toEqual([B, C, A]);
    nodes.failed(B, false);
    expect(nodes.candidates()).toEqual([A, B, C]);
  });

  it("come last when they gave no answer the last time", () => {
    const nodes = new Nodes([A, B, C]);
    nodes.failed(A, true);
    expect(nodes.candidates()).toEqual([B, C, A]);
    nodes.answered(A);
    expect(nodes.candidates()).toEqual([A, B, C]);
  });

  it("include those that the cluster names, in whatever form the URL is written", () => {
    const nodes = new Nodes([A]);
    nodes.learn(A, members([`${A}/`, "http://B:1/", "not a url", C]));
    expect(nodes.candidates()).toEqual([A, B, C]);
  });

  it("lose a given one that the cluster does not name once it gives no answer", () => {
    const nodes = new Nodes([A, B]);
    nodes.learn(A, members([B, C]));
    expect(nodes.candidates()).toEqual([A, B, C]);
    nodes.failed(A, true);
    expect(nodes.candidates()).toEqual([B, C]);
  });

  it("get the given ones back when nobody whom the cluster names gives an answer", () => {
    const nodes = new Nodes([A]);
    nodes.learn(A, members([B, C]));
    for (const url of [A, B, C]) nodes.failed(url, true);
    expect(nodes.candidates()).toEqual([A, B, C]);
  });

  it("lose a learnt one as soon as the cluster does not name it any more, even the preferred one", () => {
    const nodes = new Nodes([A]);
    nodes.learn(A, members([A, B, C]));
    nodes.prefer(C);
    nodes.learn(A, members([A, B], 11));
    expect(nodes.candidates()).toEqual([A, B]);
    expect([nodes.knows(A), nodes.knows(C)]).toEqual([true, false]);
  });

  it("keep a leader that only a redirect has named until it fails", () => {
    const nodes = new Nodes([A]);
    nodes.prefer(D);
    expect(nodes.candidates()).toEqual([D, A]);
    nodes.learn(D, members([A, B]));
    expect(nodes.candidates()).toEqual([D, A, B]);
    nodes.failed(D, true);
    expect(nodes.candidates()).toEqual([A, B]);
  });

  it("are not taken from old news, nor from nobody", () => {
    const nodes = new Nodes([A]);
    nodes.learn(A, members([A, B], 10));
    nodes.learn(B, members([A, C], 9));
    nodes.learn(B, members([], 11));
    expect(nodes.candidates()).toEqual([A, B]);
  });

  it("are not taken from another cluster that has got the address of a node", () => {
    const nodes = new Nodes([A]);
    nodes.learn(A, members([A, B], 10));
    nodes.learn(B, members([C], 99, "other"));
    expect(nodes.candidates()).toEqual([A, B]);
    // Where a given URL leads is for whoever gave it to say: the cluster was restored under a new id, say.
    nodes.learn(A, members([A, D], 1, "restored"));
    expect(nodes.candidates()).toEqual([A, D]);
  });
});

/** Nodes that serve increments and say who belongs to the cluster. */
class FakeCluster {
  nodes: FakeNode[] = [];
  commit = 0;

  async add(): Promise<FakeNode> {
    const node = await fakeNode(
      routes({
        "GET /v1/cluster": (asked, response) => json(200, this.#view())(asked, response),
        "POST /v1/counters": counted("1"),
      }),
    );
    this.nodes.push(node);
    this.commit += 1;
    return node;
  }

  async removeFirst(): Promise<void> {
    this.commit += 1;
    await this.nodes.shift()?.close();
  }

  #view(): string {
    const all = this.nodes.map(({ url }, at) => ({ id: `n${at}`, api: url }));
    return JSON.stringify({ clusterId: "c", commit: this.commit, configuration: { members: all } });
  }

  /** How often anybody was asked who belongs to the cluster. */
  get looks(): number {
    return this.nodes.flatMap(({ asked }) => asked).filter(({ path }) => path === "/v1/cluster").length;
  }
}

describe("a client that works", () => {
  it("still reaches a cluster whose nodes were all replaced one after the other", async () => {
    const cluster = new FakeCluster();
    for (let i = 0; i < 3; i++) await cluster.add();
    const urls = cluster.nodes.map(({ url }) => url);
    const client = new RaftallyClient({ urls, discoverMs: 1, backoffMsMin: 1, timeoutMs: 10_000 });
    for (let i = 0; i < 6; i++) {
      await cluster.add();
      // It works until it has heard of the new one: the second look that begins from here on saw it.
      const looks = cluster.looks;
      const hasLooked = async (): Promise<boolean> => {
        await client.increment("k");
        return cluster.looks > looks + 1;
      };
      await expect.poll(hasLooked, { interval: 2 }).toBe(true);
      await cluster.removeFirst();
    }
    expect(cluster.nodes.some(({ url }) => urls.includes(url))).toBe(false);
    expect((await client.increment("k")).value).toBe(1n);
  });

  it("asks who belongs to the cluster after a redirect to somebody unknown, without waiting for its turn", async () => {
    const cluster = new FakeCluster();
    const leader = await cluster.add();
    const follower = await fakeNode(routes({ "": redirect(() => leader.url) }));
    const now = performance.now();
    const client = new RaftallyClient({ urls: [follower.url], discoverMs: 3_600_000 });
    await expect.poll(async () => (await client.increment("k")) && cluster.looks, { interval: 20 }).toBe(1);
    expect(performance.now() - now).toBeGreaterThanOrEqual(1_000);
  });

  it("asks at most as often as it was told, and never if it was told so", async () => {
    const cluster = new FakeCluster();
    const { url } = await cluster.add();
    for (const discoverMs of [0, 3_600_000]) {
      const client = new RaftallyClient({ urls: [url], discoverMs });
      for (let i = 0; i < 5; i++) await client.increment("k");
    }
    expect(cluster.looks).toBe(0);
  });

  it("is not disturbed by a node that cannot say who belongs to the cluster", async () => {
    for (const answer of [
      problem("INTERNAL"),
      json(200, "<html>"),
      json(200, '{"configuration":{"members":[{}]}}'),
    ]) {
      const node = await fakeNode(routes({ "GET /v1/cluster": answer, "POST ": counted("1") }));
      const client = new RaftallyClient({ urls: [node.url], discoverMs: 1 });
      await expect
        .poll(
          async () => {
            await client.increment("k");
            return node.asked.filter(({ method }) => method === "GET").length;
          },
          { interval: 2 },
        )
        .toBeGreaterThan(1);
    }
  });

  it("refuses an interval that makes no sense", () => {
    expect(() => new RaftallyClient({ urls: [A], discoverMs: -1 })).toThrow(/^discoverMs must be/);
  });
});
