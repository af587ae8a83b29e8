import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createApi, serveApi } from "../../src/api/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, expectRefusal, get, makeBench } from "./kit.ts";

let bench: Bench;
beforeEach(() => {
  bench = makeBench({ badges: true });
});

function stored(key = "home"): bigint | undefined {
  return bench.service.counter(key)?.value;
}

describe("a badge", () => {
  it("counts the request and shows the number", async () => {
    await get(bench, "/hit/home.svg");
    const response = await get(bench, "/hit/home.svg");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/svg+xml; charset=utf-8");
    expect(response.headers.get("cache-control")).toContain("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'.*sandbox$/);
    const picture = await response.text();
    expect(picture).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="\d+" height="20" role="img" aria-label="visits: 2">/,
    );
    expect(picture).toContain(">visits</text>");
    expect(picture).toContain(">2</text>");
    expect(stored()).toBe(2n);
  });

  it("is of the counter that the other routes know", async () => {
    await bench.service.write({ operation: { kind: "set", key: "a/b.svg", value: 9_007_199_254_740_992n } });
    expect(await (await get(bench, "/hit/a%2Fb.svg.svg")).text()).toContain(">9007199254740993</text>");
  });

  it("does not count what only looks: HEAD, and a browser that fetches ahead", async () => {
    await get(bench, "/hit/home.svg");
    const head = await bench.api.request("/hit/home.svg", { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "image/svg+xml; charset=utf-8"]);
    for (const headers of [{ "Sec-Purpose": "prefetch;prerender" }, { Purpose: "prefetch" }]) {
      expect(await (await get(bench, "/hit/home.svg", headers)).text()).toContain(">1</text>");
    }
    expect((await bench.api.request("/hit/new.svg", { method: "HEAD" })).status).toBe(200);
    expect([stored(), stored("new")]).toEqual([1n, undefined]);
  });

  it("counts once under an idempotency key", async () => {
    const headers = { "Idempotency-Key": "view-1" };
    const first = await get(bench, "/hit/home.svg", headers);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const again = await get(bench, "/hit/home.svg", headers);
    expect(await again.text()).toContain(">1</text>");
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(stored()).toBe(1n);
  });

  it("has any label and colour, and nothing of them becomes markup", async () => {
    const label = encodeURIComponent(`<script>"'&é日`);
    const picture = await (await get(bench, `/hit/home.svg?label=${label}&color=1a2B3c`)).text();
    expect(picture).toContain(">&lt;script&gt;&quot;&#39;&amp;é日</text>");
    expect(picture).toContain('aria-label="&lt;script&gt;&quot;&#39;&amp;é日: 1"');
    expect(picture).toContain('fill="#1a2B3c"');
    expect(picture).not.toContain("<script");
    const bare = await (await get(bench, "/hit/home.svg?label=&color=green")).text();
    expect(bare).toContain('aria-label="2"');
    expect(bare.match(/<text/g)).toHaveLength(1);
  });

  it.each([
    [
      "/hit/home.svg?color=url(x)",
      "INVALID_QUERY",
      /^color must be 3 or 6 hex digits, or one of blue, green, /,
    ],
    ["/hit/home.svg?color=constructor", "INVALID_QUERY", /^color must be/],
    ["/hit/home.svg?color=12345", "INVALID_QUERY", /^color must be/],
    [`/hit/home.svg?label=${"a".repeat(65)}`, "INVALID_QUERY", /^label must have at most 64 characters/],
    ["/hit/home.svg?label=a%0Ab", "INVALID_QUERY", /^label must have/],
    ["/hit/home.svg?size=1", "INVALID_QUERY", 'unknown query parameter "size"; known: label, color'],
    ["/hit/.svg", "INVALID_KEY", /empty/],
    ["/hit/..svg", "INVALID_KEY", /^the key must not be "\."/],
    ["/hit/%ff.svg", "INVALID_KEY", /UTF-8/],
    ["/hit/home.png", "ROUTE_NOT_FOUND", "there is no /hit/home.png; badges are at /hit/{key}.svg"],
  ] as const)("refuses %s, and counts nothing", async (path, code, detail) => {
    await expectRefusal(await get(bench, path), code, detail);
    expect(bench.service.index).toBe(0);
  });

  it("is counted by the leader, to which a picture's reader is sent like everybody else", async () => {
    const leader = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
    onTestFinished(() => leader.close(0));
    const follower = makeBench({ badges: true });
    const url = `http://127.0.0.1:${leader.port}`;
    follower.service.instead = { kind: "redirect", leader: nodeId("n2"), url };
    const server = await serveApi(follower.api, { host: "127.0.0.1", port: 0 });
    onTestFinished(() => server.close(0));
    // As browsers do it for an <img>.
    const picture = await fetch(`http://127.0.0.1:${server.port}/hit/home.svg?label=views`);
    expect(picture.url).toBe(`${url}/hit/home.svg?label=views`);
    expect(await picture.text()).toContain('aria-label="views: 1"');
    expect([stored(), follower.service.counter("home")]).toEqual([1n, undefined]);
  });

  it("is passed on to the leader where writes are", async () => {
    const leader = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
    onTestFinished(() => leader.close(0));
    const { service } = makeBench();
    service.instead = { kind: "redirect", leader: nodeId("n2"), url: `http://127.0.0.1:${leader.port}` };
    const api = createApi(service, { badges: true, writes: "forward", onFatal: () => undefined });
    const picture = await api.request("/hit/home.svg");
    expect(picture.status).toBe(200);
    expect(picture.headers.get("raftally-forwarded-by")).toBe("n1");
    expect(await picture.text()).toContain(">1</text>");
    expect(stored()).toBe(1n);
  });
});

it("without the flag there is no such route, and no GET changes anything", async () => {
  const plain = makeBench();
  await expectRefusal(await get(plain, "/hit/home.svg"), "ROUTE_NOT_FOUND");
  expect(plain.service.index).toBe(0);
});
