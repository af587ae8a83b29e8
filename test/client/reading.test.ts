import { describe, expect, it } from "vitest";
import { RaftallyClient, Unavailable } from "../../src/client/index.ts";
import { fakeNode, json, problem, silence } from "./fake-node.ts";
import { clientOf, failure } from "./kit.ts";

describe("reading", () => {
  it("asks for linearizable by default and for stale when told", async () => {
    const row = '{"key":"k","value":4,"revision":2,"index":9,"term":1,"ageMs":12}';
    const node = await fakeNode(json(200, row));
    const client = clientOf(node);
    expect(await client.get("k", { consistency: "stale" })).toEqual({
      key: "k",
      value: 4n,
      revision: 2,
      index: 9,
      term: 1,
      ageMs: 12,
    });
    await client.get("k");
    expect(node.asked.map(({ path }) => path)).toEqual([
      "/v1/counters/k?consistency=stale",
      "/v1/counters/k",
    ]);
  });

  it("is of no known age where the node has not heard from a leader since it started, and never young", async () => {
    const headers = { "raftally-age-ms": "unknown" };
    const row = '"key":"k","value":4,"revision":2';
    const node = await fakeNode(
      json(200, `{${row},"index":9,"term":1}`, headers),
      json(200, `{"counters":[{${row}}],"index":9,"term":1}`, headers),
    );
    const client = clientOf(node);
    const stale = { consistency: "stale" } as const;
    const ages = [await client.get("k", stale), await client.list(stale), await client.query(["k"], stale)];
    expect(ages.map((answer) => answer?.ageMs)).toEqual([Infinity, Infinity, Infinity]);
  });

  it("says how old a page is", async () => {
    const node = await fakeNode(json(200, '{"counters":[],"index":9,"term":1,"ageMs":12}'));
    expect((await clientOf(node).list({ consistency: "stale" })).ageMs).toBe(12);
  });

  it("gives undefined for a counter that was never written", async () => {
    const node = await fakeNode(problem("COUNTER_NOT_FOUND"));
    expect(await clientOf(node).get("k")).toBeUndefined();
  });

  it("is Unavailable, never OutcomeUnknown, without an answer", async () => {
    const node = await fakeNode(silence);
    expect(await failure(clientOf(node).get("k", { timeoutMs: 400 }))).toBeInstanceOf(Unavailable);
  });

  it("walks all pages of a list", async () => {
    const node = await fakeNode(
      json(200, '{"counters":[{"key":"a","value":1,"revision":1}],"next":"c 1","index":3,"term":1}'),
      json(200, '{"counters":[{"key":"b","value":2,"revision":2}],"index":3,"term":1}'),
    );
    const found = [];
    for await (const counter of clientOf(node).counters({ prefix: "p:", limit: 1 })) found.push(counter.key);
    expect(found).toEqual(["a", "b"]);
    expect(node.asked.map(({ path }) => path)).toEqual([
      "/v1/counters?prefix=p%3A&limit=1",
      "/v1/counters?prefix=p%3A&limit=1&cursor=c+1",
    ]);
  });
});

describe("a batch", () => {
  it("sends every kind of operation as the API takes it", async () => {
    const node = await fakeNode(json(200, '{"results":[],"index":3,"term":1}'));
    await clientOf(node).batch([
      { key: "a", by: 2 },
      { op: "increment", key: "b", once: "m" },
      { op: "set", key: "c", value: 2n ** 62n, ifRevision: 7 },
      { op: "delete", key: "d" },
    ]);
    expect(node.asked[0]?.path).toBe("/v1/batch");
    expect(node.asked[0]?.body).toBe(
      '{"operations":[{"key":"a","by":2},{"key":"b","once":"m"},' +
        '{"op":"set","key":"c","value":4611686018427387904,"ifRevision":7},{"op":"delete","key":"d"}]}',
    );
  });

  it("says which operation was refused", async () => {
    const node = await fakeNode(problem("LIMIT_REACHED", { position: 1 }));
    const error = await failure(clientOf(node).batch([{ key: "a" }, { key: "b", max: 0 }]));
    expect(error).toMatchObject({ code: "LIMIT_REACHED", position: 1 });
  });
});

describe("the options of a client", () => {
  it.each([[[]], [["nowhere"]], [["ftp://host"]], [["http://host/?q=1"]]])("refuse the URLs %j", (urls) => {
    expect(() => new RaftallyClient({ urls })).toThrow(RangeError);
  });

  it("refuse a timeout of nothing", () => {
    expect(() => new RaftallyClient({ urls: ["http://127.0.0.1:1"], timeoutMs: 0 })).toThrow(
      /timeoutMs must be/,
    );
  });
});
