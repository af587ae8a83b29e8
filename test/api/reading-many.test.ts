import { beforeEach, describe, expect, it } from "vitest";
import { type Bench, bodyOf, expectRefusal, get, makeBench } from "./kit.ts";

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

async function set(values: Readonly<Record<string, number | bigint>>): Promise<void> {
  for (const [key, value] of Object.entries(values)) {
    const result = await bench.service.write({ operation: { kind: "set", key, value: BigInt(value) } });
    expect(result.kind).toBe("applied");
  }
}

async function keysOf(path: string): Promise<string[]> {
  const response = await get(bench, path);
  expect(response.status).toBe(200);
  return ((await bodyOf(response)).counters ?? []).map(({ key }) => key);
}

/** All pages, one after the other. */
async function follow(path: string): Promise<string[]> {
  const keys: string[] = [];
  for (let next: string | undefined = ""; next !== undefined; ) {
    const cursor: string = next === "" ? "" : `&cursor=${next}`;
    const page = await bodyOf(await get(bench, `${path}${cursor}`));
    keys.push(...(page.counters ?? []).map(({ key }) => key));
    next = page.next;
  }
  return keys;
}

const READS = [
  "/v1/counters/a",
  "/v1/counters",
  "/v1/counters?match=*",
  "/v1/sum",
  "/v1/query?expression=a",
] as const;

describe("every read", () => {
  it.each(READS)("passes on how fresh its answer has to be: %s", async (path) => {
    await set({ a: 1 });
    const and = path.includes("?") ? "&" : "?";
    const response = await get(bench, `${path}${and}minIndex=17&consistency=stale`);
    expect(response.status).toBe(200);
    expect(response.headers.get("raftally-age-ms")).toBe("42");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(await response.text()).toMatch(/"index":1,"term":3,"ageMs":42\}$/);
    expect(bench.service.reads.at(-1)).toMatchObject({ consistency: "stale", minIndex: 17 });
    expect((await get(bench, `${path}${and}minIndex=0`)).headers.get("raftally-age-ms")).toBeNull();
    expect(bench.service.reads.at(-1)).toMatchObject({ consistency: "linearizable", minIndex: 0 });
  });

  it.each(READS)("is refused as the node refuses it, and for an index that is none: %s", async (path) => {
    const and = path.includes("?") ? "&" : "?";
    for (const index of ["-1", "1.5", "", "9007199254740992", "x"]) {
      const wanted = `minIndex must be a whole number from 0 to 9007199254740991; got "${index}"`;
      await expectRefusal(await get(bench, `${path}${and}minIndex=${index}`), "INVALID_QUERY", wanted);
    }
    bench.service.refuseReads = {
      kind: "failed",
      code: "READ_TIMEOUT",
      detail: "not yet",
      retryAfterMs: 2_500,
    };
    const late = await get(bench, path);
    expect(late.headers.get("retry-after")).toBe("3");
    await expectRefusal(late, "READ_TIMEOUT", "not yet");
  });

  it.each(READS.slice(2))("of many is refused if it takes too much: %s", async (path) => {
    bench.service.insteadOfAnswers = { kind: "tooMuch", detail: "it took longer than 2,000 ms" };
    const response = await get(bench, path);
    expect(response.status).toBe(422);
    await expectRefusal(response, "QUERY_TOO_LARGE", "it took longer than 2,000 ms");
    bench.service.insteadOfAnswers = { kind: "tooMuch", detail: "many wait", busy: true };
    await expectRefusal(await get(bench, "/v1/sum"), "OVERLOADED", "many wait");
  });
});

describe("listing by pattern and order", () => {
  beforeEach(() => set({ "a:1": 5, "a:2": -3, "a:x:1": 5, b: 9_007_199_254_740_993n, "c*": 0 }));

  it("takes the keys that match a glob, below a prefix if one is given", async () => {
    expect(await keysOf("/v1/counters?match=a:*")).toEqual(["a:1", "a:2", "a:x:1"]);
    expect(await keysOf("/v1/counters?match=*:[^1]")).toEqual(["a:2"]);
    expect(await keysOf("/v1/counters?prefix=a:x&match=*1")).toEqual(["a:x:1"]);
    expect(await keysOf("/v1/counters?match=c%5C*")).toEqual(["c*"]);
    expect(await keysOf("/v1/counters?match=z*")).toEqual([]);
  });

  it("goes by value upwards and downwards, equal ones by key", async () => {
    expect(await keysOf("/v1/counters?order=value")).toEqual(["a:2", "c*", "a:1", "a:x:1", "b"]);
    expect(await keysOf("/v1/counters?order=-value&limit=2")).toEqual(["b", "a:1"]);
    expect(await keysOf("/v1/counters?order=key")).toEqual(["a:1", "a:2", "a:x:1", "b", "c*"]);
  });

  it.each(["order=value", "order=-value", "order=key&match=*", "match=a*", "order=-value&prefix=a:"])(
    "gives every counter once over its pages: %s",
    async (query) => {
      const whole = await keysOf(`/v1/counters?${query}`);
      expect(await follow(`/v1/counters?${query}&limit=1`)).toEqual(whole);
      expect(await follow(`/v1/counters?${query}&limit=2`)).toEqual(whole);
    },
  );

  it("asks the index of keys where that is enough", async () => {
    await keysOf("/v1/counters?order=key&prefix=a");
    expect(bench.service.reads.at(-1)?.query.kind).toBe("list");
  });

  it("refuses a cursor of another order or prefix", async () => {
    const { next = "" } = await bodyOf(await get(bench, "/v1/counters?order=value&limit=1"));
    const wanted = "cursor must be the `next` of a page that was listed with the same prefix and order";
    for (const query of ["order=-value", "order=key", "match=*", "order=value&prefix=b"]) {
      const response = await get(bench, `/v1/counters?${query}&cursor=${next}`);
      await expectRefusal(response, "INVALID_QUERY", wanted);
    }
    const forged = Buffer.from("205 a:1").toString("base64url");
    await expectRefusal(
      await get(bench, `/v1/counters?order=value&cursor=${forged}`),
      "INVALID_QUERY",
      wanted,
    );
    const beyond = Buffer.from("29223372036854775808 a:1").toString("base64url");
    await expectRefusal(
      await get(bench, `/v1/counters?order=value&cursor=${beyond}`),
      "INVALID_QUERY",
      wanted,
    );
  });

  it.each([
    ["order=size", 'order must be key, value or -value; got "size"'],
    ["match=", "match must not be empty: no key is"],
    [`match=${"a".repeat(1_025)}`, "match must take at most 1024 bytes of UTF-8"],
    ["limit=0", 'limit must be a whole number from 1 to 1000; got "0"'],
    [
      "sort=key",
      /^unknown query parameter "sort"; known: prefix, match, order, limit, cursor, consistency, minIndex$/,
    ],
  ])("refuses %s", async (query, detail) => {
    await expectRefusal(await get(bench, `/v1/counters?${query}`), "INVALID_QUERY", detail);
  });
});

describe("a sum", () => {
  it("is exact beyond 64 bits, with the number of counters", async () => {
    const max = 9_223_372_036_854_775_807n;
    await set({ "a:1": max, "a:2": max, "b:1": -1 });
    expect(await (await get(bench, "/v1/sum?prefix=a:")).text()).toBe(
      '{"prefix":"a:","sum":18446744073709551614,"counters":2,"groups":[],"more":false,"index":3,"term":3}',
    );
    expect(await (await get(bench, "/v1/sum")).json()).toMatchObject({ prefix: "", counters: 3 });
    expect(await (await get(bench, "/v1/sum?prefix=zzz")).json()).toMatchObject({ sum: 0, counters: 0 });
  });

  it("is grouped by the next segments", async () => {
    await set({ "items:acme:1": 2, "items:acme:2": 5, "items:globex": 7, other: 100 });
    expect(await (await get(bench, "/v1/sum?prefix=items:&depth=1")).json()).toEqual({
      prefix: "items:",
      sum: 14,
      counters: 3,
      groups: [
        { prefix: "items:acme:", sum: 7, counters: 2 },
        { prefix: "items:globex", sum: 7, counters: 1 },
      ],
      more: false,
      index: 4,
      term: 3,
    });
    expect(bench.service.reads.at(-1)?.query).toEqual({
      kind: "sum",
      prefix: "items:",
      depth: 1,
      limit: 1_000,
    });
  });

  it.each(["9", "-1", "1.0", "", "x"])("refuses depth=%s", async (depth) => {
    const detail = `depth must be a whole number from 0 to 8; got "${depth}"`;
    await expectRefusal(await get(bench, `/v1/sum?depth=${depth}`), "INVALID_QUERY", detail);
  });
});

describe("an expression", () => {
  beforeEach(() => set({ a: 1, b: 2, "items:x": 3, "items:y": 4, "q,r": 5, "w*": 6, "s t": 7 }));

  it("names keys and globs, and gives each counter that exists once", async () => {
    expect(await (await get(bench, "/v1/query?expression=b,nope,items:*,items:y,a")).text()).toBe(
      '{"counters":[{"key":"a","value":1,"revision":1},{"key":"b","value":2,"revision":2},' +
        '{"key":"items:x","value":3,"revision":3},{"key":"items:y","value":4,"revision":4}],"index":7,"term":3}',
    );
    expect(await keysOf("/v1/query?expression=nope")).toEqual([]);
  });

  it("takes encoded commas and escaped wildcards as parts of a key", async () => {
    expect(await keysOf("/v1/query?expression=q%2Cr,a")).toEqual(["a", "q,r"]);
    expect(await keysOf("/v1/query?expression=w%5C*")).toEqual(["w*"]);
    expect(bench.service.reads.at(-1)?.query).toMatchObject({ keys: ["w*"], globs: [] });
    expect(await keysOf("/v1/query?expression=s+t,s%20t")).toEqual(["s t"]);
    expect(await keysOf("/v1/query?expression=%5Bab%5D")).toEqual(["a", "b"]);
  });

  it("says if there are more counters than it gives", async () => {
    const row = { key: "a", value: 1n, revision: 1 };
    bench.service.insteadOfAnswers = { kind: "select", rows: [row], more: true };
    expect(await (await get(bench, "/v1/query?expression=*")).json()).toMatchObject({ more: true });
    expect(bench.service.reads.at(-1)?.query).toMatchObject({ limit: 1_000 });
  });

  it("takes 100 names and no more", async () => {
    const names = (count: number): string => Array.from({ length: count }, (_, n) => `k${n}`).join(",");
    expect((await get(bench, `/v1/query?expression=${names(100)}`)).status).toBe(200);
    const detail = "expression must hold at most 100 names";
    await expectRefusal(await get(bench, `/v1/query?expression=${names(101)}`), "INVALID_QUERY", detail);
  });

  it.each([
    ["", "INVALID_QUERY", "expression is missing: name counters, such as expression=a,b,items:*"],
    ["?expression=", "INVALID_QUERY", "expression is missing: name counters, such as expression=a,b,items:*"],
    ["?expression=a,,b", "INVALID_QUERY", "expression holds an empty name"],
    ["?expression=a,", "INVALID_QUERY", "expression holds an empty name"],
    ["?expression=a&expression=b", "INVALID_QUERY", "expression is given more than once"],
    ["?expression=%ff", "INVALID_QUERY", "expression is not valid UTF-8 after percent-decoding"],
    ["?expression=..", "INVALID_KEY", /^the key "\.\." in expression must not be/],
    ["?expression=a%0A", "INVALID_KEY", /control characters/],
    [`?expression=${"a".repeat(513)}`, "INVALID_KEY", /512/],
    [`?expression=*${"a".repeat(1_024)}`, "INVALID_QUERY", /at most 1024 bytes/],
  ] as const)("is refused: %s", async (query, code, detail) => {
    await expectRefusal(await get(bench, `/v1/query${query}`), code, detail);
  });
});
