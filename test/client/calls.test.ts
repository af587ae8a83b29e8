/** What else there is to ask of counters: how it is sent, and how the answer is read. */

import { describe, expect, it } from "vitest";
import { escapeGlob, Refused } from "../../src/client/index.ts";
import { counted, fakeNode, hangUp, json, problem } from "./fake-node.ts";
import { clientOf, failure, keysOf } from "./kit.ts";

const HUGE = 2n ** 80n;

describe("a set", () => {
  it.each([
    [{}, undefined, undefined],
    [{ ifRevision: 12 }, '"12"', undefined],
    [{ ifExists: true }, "*", undefined],
    [{ ifAbsent: true }, undefined, "*"],
    [{ ifRevision: 0 }, undefined, "*"],
  ])("with %j says so in the headers of conditions", async (options, ifMatch, ifNoneMatch) => {
    const node = await fakeNode(counted("-9223372036854775808"));
    const result = await clientOf(node).set("a b", -(2n ** 63n), options);
    const [asked] = node.asked;
    expect(asked).toMatchObject({
      method: "PUT",
      path: "/v1/counters/a%20b",
      body: '{"value":-9223372036854775808}',
    });
    expect(asked?.headers["if-match"]).toBe(ifMatch);
    expect(asked?.headers["if-none-match"]).toBe(ifNoneMatch);
    expect(asked?.idempotencyKey).toMatch(/^"[0-9a-f-]{36}"$/);
    expect(result.value).toBe(-(2n ** 63n));
  });

  it("refuses two conditions at once, and a revision that is none, before anything is sent", async () => {
    const node = await fakeNode(counted("1"));
    const client = clientOf(node);
    expect(await failure(client.set("k", 1, { ifAbsent: true, ifExists: true }))).toBeInstanceOf(Refused);
    expect(await failure(client.set("k", 1, { ifRevision: 1.5 }))).toBeInstanceOf(Refused);
    expect(node.asked).toEqual([]);
  });

  it("is refused when the revision is another one", async () => {
    const node = await fakeNode(problem("REVISION_MISMATCH"));
    const error = await failure(clientOf(node).set("k", 1, { ifRevision: 3 }));
    expect(error).toMatchObject({ code: "REVISION_MISMATCH", outcome: "not-applied" });
  });
});

describe("a delete", () => {
  it("has no body, and is tried again with the same key", async () => {
    const node = await fakeNode(hangUp, counted("0"));
    const result = await clientOf(node).delete("k", { ifRevision: 7 });
    expect(node.asked.map(({ method, body, headers }) => [method, body, headers["if-match"]])).toEqual([
      ["DELETE", "", '"7"'],
      ["DELETE", "", '"7"'],
    ]);
    expect(new Set(keysOf(node)).size).toBe(1);
    expect(result.value).toBe(0n);
  });
});

describe("an increment that saturates", () => {
  it("says so, and tells how much was added", async () => {
    const text =
      '{"key":"k","value":10,"revision":3,"changed":true,"applied":9007199254740993,"index":7,"term":2}';
    const node = await fakeNode(json(200, text));
    const result = await clientOf(node).increment("k", { by: 5, max: 10, onLimit: "saturate" });
    expect(node.asked[0]?.body).toBe('{"by":5,"max":10,"onLimit":"saturate"}');
    expect(result.applied).toBe(9007199254740993n);
  });

  it("has no such field where it was not asked to", async () => {
    const node = await fakeNode(counted("1"));
    expect("applied" in (await clientOf(node).increment("k"))).toBe(false);
  });
});

describe("an allocation", () => {
  it("gives a range without losing a digit", async () => {
    const text =
      '{"key":"orders","from":9223372036854775708,"to":9223372036854775807,"count":100,' +
      '"value":9223372036854775807,"revision":4,"index":7,"term":2}';
    const node = await fakeNode(json(200, text));
    const result = await clientOf(node).allocate("orders", 100, { max: 2n ** 63n - 1n });
    expect(node.asked[0]).toMatchObject({
      path: "/v1/counters/orders/allocate",
      body: '{"count":100,"max":9223372036854775807}',
    });
    expect(result).toEqual({
      key: "orders",
      from: 2n ** 63n - 100n,
      to: 2n ** 63n - 1n,
      count: 100n,
      value: 2n ** 63n - 1n,
      revision: 4,
      index: 7,
      term: 2,
      replayed: false,
    });
  });
});

describe("reading many", () => {
  const page = '{"counters":[{"key":"a","value":5,"revision":1}],"index":3,"term":1}';

  it("carries the glob, the order and the entry that has to be there", async () => {
    const node = await fakeNode(json(200, page));
    await clientOf(node).list({ prefix: "p:", match: "p:*[ab]", order: "-value", minIndex: 17 });
    expect(node.asked[0]?.path).toBe("/v1/counters?prefix=p%3A&match=p%3A*%5Bab%5D&order=-value&minIndex=17");
  });

  it("refuses an index that is none before anything is sent", async () => {
    const node = await fakeNode(json(200, page));
    for (const minIndex of [-1, 1.5, Number.NaN])
      expect(await failure(clientOf(node).get("k", { minIndex }))).toMatchObject({ code: "INVALID_QUERY" });
    expect(node.asked).toEqual([]);
  });

  it("gives sums beyond 64 bits exactly, group by group", async () => {
    const node = await fakeNode(
      json(
        200,
        `{"prefix":"v:","sum":${HUGE},"counters":3,"groups":[{"prefix":"v:a:","sum":${HUGE},"counters":2},` +
          '{"prefix":"v:b:","sum":0,"counters":1}],"more":true,"index":3,"term":1}',
        { "raftally-age-ms": "12" },
      ),
    );
    const sum = await clientOf(node).sum({ prefix: "v:", depth: 1, consistency: "stale" });
    expect(node.asked[0]?.path).toBe("/v1/sum?prefix=v%3A&depth=1&consistency=stale");
    expect(sum).toEqual({
      prefix: "v:",
      sum: HUGE,
      counters: 3,
      groups: [
        { prefix: "v:a:", sum: HUGE, counters: 2 },
        { prefix: "v:b:", sum: 0n, counters: 1 },
      ],
      more: true,
      index: 3,
      term: 1,
      ageMs: 12,
    });
  });

  it("asks for several names at once, and encodes the commas within them", async () => {
    const node = await fakeNode(json(200, page));
    const found = await clientOf(node).query(["a,b", "items:*", escapeGlob("50% [*]?\\")], { minIndex: 4 });
    expect(node.asked[0]?.path).toBe(
      "/v1/query?expression=a%2Cb,items%3A*,50%25%20%5C%5B%5C*%5C%5D%5C%3F%5C%5C&minIndex=4",
    );
    expect(found).toEqual({
      counters: [{ key: "a", value: 5n, revision: 1 }],
      more: false,
      index: 3,
      term: 1,
      ageMs: 0,
    });
  });
});
