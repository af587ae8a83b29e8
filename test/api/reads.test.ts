import { beforeEach, describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, bodyOf, expectRefusal, get, makeBench, post } from "./kit.ts";

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

async function write(key: string, by = 1): Promise<void> {
  const path = `/v1/counters/${encodeURIComponent(key)}/increment`;
  expect((await post(bench, path, { body: `{"by":${by}}` })).status).toBe(200);
}

describe("reading a counter", () => {
  it("gives its value, revision and the log position that answered", async () => {
    await write("hits", 5);
    const response = await get(bench, "/v1/counters/hits");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"key":"hits","value":5,"revision":1,"index":1,"term":3}');
    expect(response.headers.get("etag")).toBe('"1"');
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("vary")).toBe("Accept");
    expect(response.headers.get("raftally-age-ms")).toBeNull();
    expect(bench.service.reads).toEqual([
      { query: { kind: "get", key: "hits" }, consistency: "linearizable" },
    ]);
  });

  it("answers 404 for a counter never written", async () => {
    await expectRefusal(
      await get(bench, "/v1/counters/nope"),
      "COUNTER_NOT_FOUND",
      '"nope" has never been written, or was deleted',
    );
  });

  it("says how old a stale answer is", async () => {
    await write("hits");
    const response = await get(bench, "/v1/counters/hits?consistency=stale");
    expect(response.headers.get("raftally-age-ms")).toBe("42");
    expect(await response.json()).toEqual({
      key: "hits",
      value: 1,
      revision: 1,
      index: 1,
      term: 3,
      ageMs: 42,
    });
    expect(bench.service.reads.at(-1)?.consistency).toBe("stale");
    bench.service.ageMs = undefined;
    for (const path of ["/v1/counters/hits", "/v1/counters"]) {
      const unknown = await get(bench, `${path}?consistency=stale`);
      expect(unknown.headers.get("raftally-age-ms")).toBe("unknown");
      expect(await unknown.text()).not.toContain("ageMs");
    }
  });

  it("takes any key that is one encoded segment", async () => {
    for (const key of ["a/b", "items:acme", "ünï😀", "a b+c", "%", "...", "x?y#z", "a\\b", "__proto__"]) {
      await write(key);
      const response = await get(bench, `/v1/counters/${encodeURIComponent(key)}`);
      expect(await response.json()).toMatchObject({ key, value: 1 });
      expect(bench.service.counter(key)?.value).toBe(1n);
    }
  });

  it.each([
    ["text/plain", true],
    ["text/*", true],
    ["TEXT/PLAIN;charset=utf-8", true],
    ["text/plain, application/json;q=0.9", true],
    ["application/json;q=0.1, text/plain;q=0.2", true],
    ["*/*;q=0.1, text/plain", true],
    ["application/json;q=0, */*", true],
    ["application/json", false],
    ["*/*", false],
    ["text/html, */*;q=0.8", false],
    ["text/plain, application/json", false],
    ["text/plain;q=0.5, application/json", false],
    ["text/plain;q=0", false],
    ["text/*;q=0.3, */*;q=0.5", false],
    ["image/png", false],
    ["text/plain;q=2", false],
    ["", false],
  ])("negotiates Accept: %s", async (accept, text) => {
    await write("hits", 7);
    const response = await get(bench, "/v1/counters/hits", { Accept: accept });
    expect(response.status).toBe(200);
    if (text) expect(await response.text()).toBe("7\n");
    else expect(await response.json()).toMatchObject({ value: 7 });
  });

  it("answers 304 to whoever has this revision already", async () => {
    await write("hits");
    for (const tag of ['"1"', 'W/"1"', '"0", "1"', "*"]) {
      const response = await get(bench, "/v1/counters/hits", { "If-None-Match": tag });
      expect([response.status, await response.text()]).toEqual([304, ""]);
      expect(response.headers.get("etag")).toBe('"1"');
    }
    await write("hits");
    expect((await get(bench, "/v1/counters/hits", { "If-None-Match": '"1"' })).status).toBe(200);
  });

  it("passes on that a read could not be confirmed", async () => {
    bench.service.refuseReads = {
      kind: "failed",
      code: "READ_TIMEOUT",
      detail: "No majority.",
      retryAfterMs: 250,
    };
    for (const path of ["/v1/counters/hits", "/v1/counters"]) {
      const response = await get(bench, path);
      expect(response.headers.get("retry-after")).toBe("1");
      const problem = await expectRefusal(response, "READ_TIMEOUT", "No majority.");
      expect(problem["retryAfterMs"]).toBe(250);
    }
  });

  it("answers HEAD like GET without a body", async () => {
    await write("hits");
    const response = await bench.api.request("/v1/counters/hits", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.get("etag")).toBe('"1"');
  });
});

describe("listing counters", () => {
  it("goes through all pages in order of the keys' bytes, each counter once", async () => {
    const keys = ["a", "a:1", "a/2", "b", "é", "\uffff", "😀", "Z"];
    for (const key of keys) await write(key);
    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; ; pages++) {
      expect(pages).toBeLessThan(4);
      const page = await bodyOf(await get(bench, `/v1/counters?limit=3${cursor}`));
      expect(page).toMatchObject({ index: 8, term: 3 });
      seen.push(...(page.counters ?? []).map((row) => row.key));
      if (page.next === undefined) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(seen).toEqual(["Z", "a", "a/2", "a:1", "b", "é", "\uffff", "😀"]);
  });

  it("gives only keys that begin with the prefix, and keeps to it on the next page", async () => {
    for (const key of ["items:a", "items:b", "items:b c", "other"]) await write(key);
    const first = await bodyOf(await get(bench, "/v1/counters?prefix=items%3A&limit=2"));
    expect(first.counters).toEqual([
      { key: "items:a", value: 1, revision: 1 },
      { key: "items:b", value: 1, revision: 2 },
    ]);
    const second = await get(bench, `/v1/counters?prefix=items:&limit=2&cursor=${first.next}`);
    expect(await second.text()).toBe(
      '{"counters":[{"key":"items:b c","value":1,"revision":3}],"index":4,"term":3}',
    );
    const spaced = await bodyOf(await get(bench, "/v1/counters?prefix=items:b+c"));
    expect(spaced.counters).toHaveLength(1);
  });

  it("lists nothing, 100 by default, and stale if asked", async () => {
    const response = await get(bench, "/v1/counters?consistency=stale");
    expect(await response.text()).toBe('{"counters":[],"index":0,"term":3,"ageMs":42}');
    expect(bench.service.reads).toEqual([
      { query: { kind: "list", prefix: "", after: undefined, limit: 100 }, consistency: "stale" },
    ]);
  });
});

describe("the other routes", () => {
  it("show the node's state, with what is not known left out", async () => {
    const response = await get(bench, "/v1/cluster");
    const status = await response.json();
    expect(status).toMatchObject({
      id: "n1",
      role: "leader",
      leader: { id: "n1" },
      idempotencyWindowMs: 600_000,
    });
    expect(status).toMatchObject({
      incarnation: "0".repeat(32),
      peerAddress: "127.0.0.1:4100",
      apiUrl: "http://127.0.0.1:4000",
      state: "running",
    });
    expect(status).not.toHaveProperty("alarm");
    expect(response.headers.get("content-type")).toBe("application/json");
  });

  it("say that the process lives whatever the cluster does", async () => {
    bench.service.readiness = [{ name: "leader", ok: false, detail: "none known" }];
    const response = await get(bench, "/livez");
    expect([response.status, await response.text()]).toEqual([200, "ok\n"]);
    expect(await (await get(bench, "/livez?verbose")).text()).toBe("[+]process ok\nlivez check passed\n");
  });

  it("say whether the node is ready, check by check", async () => {
    expect(await (await get(bench, "/readyz")).text()).toBe("ok\n");
    expect(await (await get(bench, "/readyz?verbose=1")).text()).toBe(
      "[+]leader ok\n[+]applied ok: 0 entries behind\nreadyz check passed\n",
    );
    bench.service.readiness = [
      { name: "leader", ok: false, detail: "none known" },
      { name: "disk", ok: true, detail: "" },
    ];
    const response = await get(bench, "/readyz");
    expect(response.status).toBe(503);
    expect(await response.text()).toBe("[-]leader failed: none known\n[+]disk ok\nreadyz check failed\n");
  });

  it("say whether the node leads, to whoever sends writes to the leader only", async () => {
    expect(await (await get(bench, "/readyz?leader")).text()).toBe("ok\n");
    const other = { id: nodeId("n2"), url: "http://127.0.0.1:4001" };
    bench.service.about = { role: "follower", leader: other };
    expect((await get(bench, "/readyz")).status).toBe(200);
    const follower = await get(bench, "/readyz?leader");
    expect([follower.status, await follower.text()]).toEqual([
      503,
      "[+]leader ok\n[+]applied ok: 0 entries behind\n[-]leads failed: n2 leads\nreadyz check failed\n",
    ]);
    bench.service.about = { role: "candidate", leader: undefined };
    expect((await get(bench, "/readyz?leader")).status).toBe(503);
    bench.service.about = {};
    bench.service.readiness = [{ name: "serving", ok: false, detail: "shutting down" }];
    expect((await get(bench, "/readyz?leader")).status).toBe(503);
  });

  it("answer HEAD by status alone, as load balancers ask", async () => {
    for (const path of ["/livez", "/readyz", "/readyz?leader"]) {
      const response = await bench.api.request(path, { method: "HEAD" });
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    bench.service.about = { role: "follower" };
    bench.service.readiness = [{ name: "leader", ok: false, detail: "none known" }];
    for (const path of ["/readyz", "/readyz?leader"]) {
      expect((await bench.api.request(path, { method: "HEAD" })).status).toBe(503);
    }
    expect((await bench.api.request("/livez", { method: "HEAD" })).status).toBe(200);
  });

  it("help people, with this node's own address", async () => {
    const response = await get(bench, "/", { Host: "127.0.0.1:4000" });
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toContain(
      "curl -L -X POST http://127.0.0.1:4000/v1/counters/hits/increment",
    );
  });
});
