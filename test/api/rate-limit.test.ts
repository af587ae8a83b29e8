import { describe, expect, it, onTestFinished } from "vitest";
import { serveApi } from "../../src/api/index.ts";
import { Clients, networkOf } from "../../src/api/rate-limit.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, expectProblem, get, INCREMENT, makeBench, post } from "./kit.ts";

const LIMIT = { requests: 3, seconds: 60 };

/** The bench behind a real socket. */
async function serve(bench: Bench): Promise<string> {
  const server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close(0));
  return `http://127.0.0.1:${server.port}`;
}

function told(response: Response): readonly (string | null)[] {
  return [response.headers.get("ratelimit-policy"), response.headers.get("ratelimit")];
}

describe("a rate limit", () => {
  it("counts each request of an address, says where it stands, and refuses those beyond", async () => {
    const bench = makeBench({ rateLimit: LIMIT });
    const url = await serve(bench);
    const increment = (): Promise<Response> => fetch(url + INCREMENT, { method: "POST" });
    const first = await increment();
    expect(told(first)).toEqual(['"default";q=3;w=60', '"default";r=2;t=60']);
    expect((await increment()).status).toBe(200);
    expect(told(await increment())[1]).toMatch(/^"default";r=0;t=(60|59)$/);
    const refused = await increment();
    expect(refused.status).toBe(429);
    expect(told(refused)).toEqual(['"default";q=3;w=60', expect.stringMatching(/^"default";r=0;t=(60|59)$/)]);
    expect(refused.headers.get("retry-after")).toMatch(/^(60|59)$/);
    const problem = expectProblem(
      await refused.json(),
      "TOO_MANY_REQUESTS",
      "more than 3 requests in 60 s with this address",
    );
    expect(problem["retryAfterMs"]).toBeGreaterThan(50_000);
    expect(bench.service.counter("hits")?.value).toBe(3n);
  });

  it("counts reads, refusals and what fits no route as well", async () => {
    const url = await serve(makeBench({ rateLimit: LIMIT }));
    const statuses: number[] = [];
    for (const path of ["/v1/counters", "/v1/counters/nope", "/nowhere", "/nowhere", "/v1/counters"]) {
      const response = await fetch(url + path);
      statuses.push(response.status);
      expect(told(response)[0]).toBe('"default";q=3;w=60');
    }
    expect(statuses).toEqual([200, 404, 404, 429, 429]);
  });

  it("lets a client go on when the time is over", async () => {
    const bench = makeBench({ rateLimit: { requests: 1, seconds: 1 } });
    const ask = async (): Promise<number> => (await get(bench, "/v1/counters")).status;
    expect(await ask()).toBe(200);
    // At once, unless this process has just stood still for a second.
    await expect.poll(ask, { interval: 1 }).toBe(429);
    await expect.poll(ask).toBe(200);
  });

  it("does not count health checks", async () => {
    const bench = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
    for (let n = 0; n < 5; n++) {
      for (const path of ["/livez", "/readyz?verbose"]) {
        const response = await get(bench, path);
        expect([response.status, ...told(response)]).toEqual([200, null, null]);
      }
    }
    expect((await get(bench, "/v1/counters")).status).toBe(200);
  });

  it("is off unless it is asked for", async () => {
    const response = await get(makeBench(), "/v1/counters");
    expect(told(response)).toEqual([null, null]);
  });
});

describe("a bearer token", () => {
  const bearer = (token: string): Readonly<Record<string, string>> => ({ Authorization: `Bearer ${token}` });

  it("has an account of its own", async () => {
    const bench = makeBench({ rateLimit: { requests: 2, seconds: 60 } });
    const ask = async (token: string): Promise<number> =>
      (await get(bench, "/v1/counters", bearer(token))).status;
    expect([await ask("a"), await ask("a"), await ask("a")]).toEqual([200, 200, 429]);
    expect([await ask("b"), await ask("b"), await ask("b")]).toEqual([200, 200, 429]);
  });

  it("that is new costs its address one, so that making tokens up does not help", async () => {
    const bench = makeBench({ rateLimit: LIMIT });
    const statuses: number[] = [];
    for (const token of ["a", "b", "c", "d", "e"]) {
      statuses.push((await get(bench, "/v1/counters", bearer(token))).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect((await get(bench, "/v1/counters", bearer("a"))).status).toBe(200);
  });

  it("of another kind is none", async () => {
    const bench = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
    await get(bench, "/v1/counters", { Authorization: "Basic abc" });
    expect((await get(bench, "/v1/counters", { Authorization: "Basic def" })).status).toBe(429);
  });
});

describe("what a member passes on", () => {
  const passedOn = { "Raftally-Forwarded-By": "n2" };

  async function withMemberAt(peer: string): Promise<string> {
    const bench = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
    const member = { id: nodeId("n2"), incarnation: "1".repeat(32), peer, api: "http://10.0.0.9:4000" };
    bench.service.about = {
      configuration: { voters: [], outgoing: [], learners: [], members: [member], removed: [] },
    };
    return serve(bench);
  }

  it.each(["127.0.0.1:4100", "localhost:4100"])("from %s is not counted", async (peer) => {
    const url = await withMemberAt(peer);
    for (let n = 0; n < 3; n++) {
      const response = await fetch(url + INCREMENT, { method: "POST", headers: passedOn });
      expect([response.status, ...told(response)]).toEqual([200, null, null]);
    }
  });

  it("is counted when anybody else says so", async () => {
    const url = await withMemberAt("10.0.0.2:4100");
    await fetch(url + INCREMENT, { method: "POST", headers: passedOn });
    expect((await fetch(url + INCREMENT, { method: "POST", headers: passedOn })).status).toBe(429);
  });
});

describe("the memory of clients", () => {
  it("keeps accounts apart up to a number, and lets the others share", () => {
    let now = 0;
    const clients = new Clients(1_000, 10, () => now);
    const names = Array.from({ length: 10_000 }, (_, n) => `c${n}`);
    const accounts = new Set(names.map((name) => clients.accountOf(name)));
    expect(accounts.size).toBeLessThanOrEqual(10 + 1_024);
    expect(clients.accountOf("c9")).toBe("c9");
    expect(clients.accountOf("c10")).toMatch(/^shared \d+$/);
    expect(clients.accountOf("c10")).toBe(clients.accountOf("c10"));
    // Still known in the window after the one in which they were seen, and gone when two have passed.
    now = 1_500;
    expect(clients.accountOf("c10")).toMatch(/^shared/);
    now = 4_000;
    expect(clients.accountOf("c10")).toBe("c10");
  });

  it.each([
    [undefined, "unknown"],
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ])("takes %s for %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

it("does not count a browser's question whether it may ask: a token that has a share could not be shown in it", async () => {
  const bench = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
  const Authorization = "Bearer of-the-page";
  const headers = { Origin: "http://127.0.0.1:4000" };
  expect((await post(bench, INCREMENT, { headers: { ...headers, Authorization } })).status).toBe(200);
  expect((await post(bench, INCREMENT, { headers })).status).toBe(429);
  const asked = { ...headers, "Access-Control-Request-Method": "POST" };
  for (let time = 0; time < 3; time++) {
    const response = await bench.api.request(INCREMENT, { method: "OPTIONS", headers: asked });
    expect([response.status, told(response)]).toEqual([204, [null, null]]);
  }
  expect((await bench.api.request(INCREMENT, { method: "OPTIONS", headers })).status).toBe(429);
});

it("refuses a page's request with a word that the page may read", async () => {
  const bench = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
  const headers = { Origin: "http://127.0.0.1:4000" };
  await post(bench, INCREMENT, { headers });
  const refused = await post(bench, INCREMENT, { headers });
  expect(refused.status).toBe(429);
  expect(refused.headers.get("access-control-allow-origin")).toBe("http://127.0.0.1:4000");
  expect(refused.headers.get("access-control-expose-headers")).toContain(
    "RateLimit, RateLimit-Policy, Retry-After",
  );
});
