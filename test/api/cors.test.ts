import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, expectProblem, expectRefusal, get, INCREMENT, makeBench, post } from "./kit.ts";

const OTHER = "http://10.0.0.2:4000";
const FOREIGN = "https://evil.example";

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
  const id = nodeId("n2");
  const member = { id, incarnation: "1".repeat(32), peer: "10.0.0.2:4100", api: `${OTHER}/` };
  bench.service.about = {
    configuration: { voters: [id], outgoing: [], learners: [], members: [member], removed: [] },
  };
});

function ask(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return Promise.resolve(bench.api.request(path, { method, headers }));
}

describe("a page of a member", () => {
  it.each([OTHER, "http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000"])(
    "may read and write, and see what it needs: %s",
    async (origin) => {
      const written = await post(bench, INCREMENT, { headers: { Origin: origin } });
      const read = await get(bench, "/v1/counters/hits", { Origin: origin });
      for (const response of [written, read]) {
        expect(response.status).toBe(200);
        expect(response.headers.get("access-control-allow-origin")).toBe(origin);
        expect(response.headers.get("vary")).toMatch(/\bOrigin$/);
        expect(response.headers.get("access-control-expose-headers")).toContain("ETag, Idempotency-Replayed");
      }
      expect(read.headers.get("vary")).toBe("Accept, Origin");
    },
  );

  it("sees refusals of every kind", async () => {
    const headers = { Origin: OTHER };
    const refusals = [
      await get(bench, "/v1/counters/nope", headers),
      await get(bench, "/v1/counters?limit=x", headers),
      await get(bench, "/nowhere", headers),
      await post(bench, "/v1/counters", { headers }),
      await post(bench, INCREMENT, { body: "{", headers }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([404, 400, 404, 405, 400]);
    for (const response of refusals) expect(response.headers.get("access-control-allow-origin")).toBe(OTHER);
  });

  it("is told before it asks what it may send", async () => {
    const response = await ask("OPTIONS", "/v1/counters/hits", {
      Origin: OTHER,
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "content-type,if-match",
    });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(response.headers.get("access-control-allow-origin")).toBe(OTHER);
    expect(response.headers.get("access-control-allow-methods")).toBe("GET, HEAD, PUT, DELETE");
    const headers = response.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
    for (const name of [
      "idempotency-key",
      "raftally-session",
      "if-match",
      "content-type",
      "last-event-id",
      "accept",
      "x-request-id",
    ]) {
      expect(headers).toContain(name);
    }
    expect(response.headers.get("x-request-id")).not.toBeNull();
    const nowhere = await ask("OPTIONS", "/nowhere", {
      Origin: OTHER,
      "Access-Control-Request-Method": "GET",
    });
    await expectRefusal(nowhere, "ROUTE_NOT_FOUND");
  });

  it("is known as soon as the node is a member, and until it is none", async () => {
    const headers = { Origin: "http://10.0.0.9:4000" };
    expect((await post(bench, INCREMENT, { headers })).status).toBe(403);
    bench.service.about = { apiUrl: "http://10.0.0.9:4000/base/" };
    await expect.poll(async () => (await post(bench, INCREMENT, { headers })).status).toBe(200);
    bench.service.about = {};
    await expect.poll(async () => (await post(bench, INCREMENT, { headers })).status).toBe(403);
  });
});

describe("a page at the address that it was asked at itself", () => {
  it.each([
    ["http://localhost:14000", "localhost:14000", 200],
    ["http://[::1]:14000", "[::1]:14000", 200],
    ["https://192.168.1.7", "192.168.1.7", 200],
    // Whoever owns a name can make it point here: that the page was served here says nothing.
    ["http://evil.example:14000", "evil.example:14000", 403],
    ["http://localhost:14000", "localhost:14001", 403],
    ["https://localhost:4000", "localhost:4001", 403],
    ["http://localhost:14000/", "localhost:14000", 403],
  ])("%s, asking %s", async (origin, host, status) => {
    const response = await post(bench, INCREMENT, { headers: { Origin: origin, Host: host } });
    expect(response.status).toBe(status);
  });
});

it("lets pages ask that whoever runs the node has named", async () => {
  const named = makeBench({ origins: ["https://shop.example/cart", "http://localhost:5173"] });
  for (const [origin, status] of [
    ["https://shop.example", 200],
    ["http://localhost:5173", 200],
    ["http://127.0.0.1:5173", 200],
    ["http://shop.example", 403],
    ["https://www.shop.example", 403],
  ] as const) {
    const response = await post(named, INCREMENT, { headers: { Origin: origin } });
    expect([origin, response.status]).toEqual([origin, status]);
    expect(response.headers.get("access-control-allow-origin")).toBe(status === 200 ? origin : null);
  }
});

describe("a page of anybody else", () => {
  it.each([
    FOREIGN,
    "null",
    "http://10.0.0.2:4001",
    "https://10.0.0.2:4000",
    `${OTHER}.evil.example`,
    "x".repeat(400),
  ])("changes nothing and may see nothing: %s", async (origin) => {
    const headers = { Origin: origin };
    for (const response of [
      await post(bench, INCREMENT, { headers }),
      await post(bench, INCREMENT, { body: "a=b", headers: { ...headers, "Content-Type": "text/plain" } }),
      await ask("PUT", "/v1/counters/hits", headers),
      await ask("DELETE", "/v1/counters/hits", headers),
      await ask("PATCH", "/v1/cluster/members/n1", headers),
      await post(bench, "/v1/cluster/transfer", { headers }),
    ]) {
      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      await expectRefusal(response, "FOREIGN_ORIGIN", /^pages of ".{4,100}" may not change anything here/);
    }
    const read = await get(bench, "/v1/counters", headers);
    expect(read.status).toBe(200);
    expect(read.headers.get("access-control-allow-origin")).toBeNull();
    expect(read.headers.get("vary")).toBe("Origin");
    expect(bench.service.index).toBe(0);
    expect(bench.service.changes).toEqual([]);
    expect(bench.service.transfers).toEqual([]);
  });

  it("is told so before it asks", async () => {
    const response = await ask("OPTIONS", INCREMENT, {
      Origin: FOREIGN,
      "Access-Control-Request-Method": "POST",
    });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("access-control-allow-methods")).toBeNull();
    await expectRefusal(response, "FOREIGN_ORIGIN");
  });
});

describe("a client that is no browser", () => {
  it("sends no Origin, and is told nothing of origins", async () => {
    const response = await post(bench, INCREMENT);
    expect(response.status).toBe(200);
    expect(response.headers.get("vary")).toBeNull();
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("that asks for OPTIONS hears what the path takes", async () => {
    const response = await ask("OPTIONS", INCREMENT, {});
    await expectRefusal(response, "METHOD_NOT_ALLOWED");
    expect(response.headers.get("allow")).toBe("POST");
  });
});

it("holds over a socket as well, where a form of a foreign page changes nothing", async () => {
  const server: ApiServer = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close(0));
  const url = `http://127.0.0.1:${server.port}`;
  const form = { Origin: FOREIGN, "Content-Type": "text/plain" };
  const refused = await fetch(url + INCREMENT, { method: "POST", headers: form, body: '{"by":1000}' });
  expectProblem(await refused.json(), "FOREIGN_ORIGIN");
  expect(bench.service.index).toBe(0);
  const done = await fetch(url + INCREMENT, { method: "POST", headers: { Origin: url } });
  expect(done.headers.get("access-control-allow-origin")).toBe(url);
  expect(bench.service.counter("hits")?.value).toBe(1n);
});

it("holds for streams as well", async () => {
  const server: ApiServer = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close(0));
  for (const path of ["/v1/watch", "/v1/cluster/events"]) {
    for (const [origin, allowed] of [
      [OTHER, OTHER],
      [FOREIGN, null],
    ] as const) {
      const leave = new AbortController();
      const url = `http://127.0.0.1:${server.port}${path}`;
      const stream = await fetch(url, { headers: { Origin: origin }, signal: leave.signal });
      expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      expect(stream.headers.get("access-control-allow-origin")).toBe(allowed);
      leave.abort();
    }
  }
});
