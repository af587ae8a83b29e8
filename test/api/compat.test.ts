import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createApi, serveApi } from "../../src/api/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { deadUrl } from "./fake-peer.ts";
import { type Bench, get, type Headers, makeBench, post } from "./kit.ts";

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

function storedValue(key: string): bigint | undefined {
  return bench.service.counter(key)?.value;
}

/** Status and body as they came. */
async function send(
  path: string,
  body: string | undefined,
  headers: Headers = {},
): Promise<readonly [number, string]> {
  const response = await post(bench, path, body === undefined ? { headers } : { body, headers });
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("x-request-id")).not.toBeNull();
  return [response.status, await response.text()];
}

async function read(path: string, headers: Headers = {}): Promise<readonly [number, string]> {
  const response = await get(bench, path, headers);
  expect(response.headers.get("content-type")).toBe("application/json");
  return [response.status, await response.text()];
}

const ROUTES = [
  ["/increment", '{"key":"a","value":1}'],
  ["/api/v1/increment", '{"key":"a","value":1}'],
  ["/items", '[{"id":"x","tenant":"a"}]'],
  ["/metrics", '{"labels":["a"],"increment":1}'],
] as const;

describe("each of the forms of writing", () => {
  it.each(ROUTES)("counts once under an idempotency key: %s", async (path, body) => {
    const headers = { "Idempotency-Key": "k" };
    const first = await post(bench, path, { body, headers });
    const { revision } = bench.service.status();
    const again = await post(bench, path, { body, headers });
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(bench.service.status().revision).toBe(revision);
  });

  it.each(ROUTES)(
    "takes JSON as curl -d sends it, and with fields that are not known: %s",
    async (path, body) => {
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      expect((await post(bench, path, { body, headers })).status).toBe(200);
      const more = body.replaceAll("}", ',"at":"2026-11-21"}');
      expect(
        (await post(bench, path, { body: more, headers: { "Content-Type": "text/plain" } })).status,
      ).toBe(200);
    },
  );

  it.each(ROUTES)("is passed on to the leader by a follower, unasked: %s", async (path, body) => {
    const leader = makeBench();
    const server = await serveApi(leader.api, { host: "127.0.0.1", port: 0 });
    onTestFinished(() => server.close(0));
    const url = `http://127.0.0.1:${server.port}`;
    bench.service.instead = { kind: "redirect", leader: nodeId("n2"), url };
    const response = await post(bench, path, { body });
    expect([response.status, response.headers.get("raftally-forwarded-by")]).toEqual([200, "n1"]);
    expect([leader.service.index, bench.service.index]).toEqual([1, 0]);
    const other = await post(bench, "/v1/counters/a/increment");
    expect([other.status, other.headers.get("location")]).toEqual([307, `${url}/v1/counters/a/increment`]);
  });

  it.each(ROUTES)(
    "sends whoever asks a follower to the leader that only callers can reach: %s",
    async (path, body) => {
      const url = await deadUrl();
      bench.service.instead = { kind: "redirect", leader: nodeId("n2"), url };
      const response = await post(bench, path, { body });
      expect([response.status, response.headers.get("location")]).toEqual([307, url + path]);
    },
  );

  it("is sent to the leader whose URL leads back here, as within a container, and not round in circles", async () => {
    const server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
    onTestFinished(() => server.close(0));
    const url = `http://127.0.0.1:${server.port}`;
    bench.service.instead = { kind: "redirect", leader: nodeId("n2"), url };
    const response = await post(bench, "/increment", { body: '{"key":"a","value":1}' });
    expect([response.status, response.headers.get("location")]).toEqual([307, `${url}/increment`]);
  });

  it.each(ROUTES)("says whether it may be tried again when there is no leader: %s", async (path, body) => {
    bench.service.instead = {
      kind: "failed",
      code: "NO_LEADER",
      detail: "no leader is known",
      retryAfterMs: 500,
    };
    const response = await post(bench, path, { body });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ code: "NO_LEADER", outcome: "not-applied" });
  });

  it.each(ROUTES)("is refused for parameters and conditions it cannot keep: %s", async (path, body) => {
    expect((await post(bench, `${path}?x=1`, { body })).status).toBe(400);
    expect((await post(bench, path, { body, headers: { "If-Match": '"1"' } })).status).toBe(400);
    expect((await post(bench, path, { body, headers: { "Content-Type": "text/csv" } })).status).toBeOneOf([
      400, 415,
    ]);
    expect((await post(bench, path, { body, headers: { Origin: "https://evil.example" } })).status).toBe(403);
    expect(bench.service.index).toBe(0);
  });
});

it("refuses in the same words when the leader refuses what was passed on to it", async () => {
  const leader = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => leader.close(0));
  const { service } = makeBench();
  service.instead = { kind: "redirect", leader: nodeId("n2"), url: `http://127.0.0.1:${leader.port}` };
  const follower = createApi(service, { writes: "forward", onFatal: () => undefined });
  const ask = async (path: string, body: string): Promise<readonly [number, unknown]> => {
    const response = await follower.request(path, { method: "POST", body });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("raftally-forwarded-by")).toBe("n1");
    return [response.status, await response.json()];
  };
  await bench.service.write({ operation: { kind: "set", key: "full", value: 9_223_372_036_854_775_807n } });
  const error = "The counter is at 9223372036854775807; adding 1 would leave the signed 64-bit range.";
  const about = { code: "COUNTER_OVERFLOW", outcome: "not-applied" };
  expect(await ask("/increment", '{"key":"full","value":1}')).toEqual([409, { error, ...about }]);
  expect(await ask("/api/v1/increment", '{"key":"full","value":1}')).toEqual([
    409,
    { errors: { detail: error }, ...about },
  ]);
  expect(await ask("/metrics", '{"labels":["a"],"increment":2}')).toEqual([200, { a: 2 }]);
});

describe("POST /increment", () => {
  it("adds to a counter, exactly, and answers as an increment does", async () => {
    await send("/increment", '{"key":"a b","value":9007199254740993}');
    expect(await send("/increment", '{"key":"a b","value":-3}')).toEqual([
      200,
      '{"key":"a b","value":9007199254740990,"revision":2,"changed":true,"index":2,"term":3}',
    ]);
  });

  it.each([
    [undefined, 400, "INVALID_BODY", 'this takes a body such as {"key":"visits","value":1}'],
    ["{", 400, "INVALID_JSON", /^the body is not valid JSON/],
    ["[]", 400, "INVALID_BODY", "the body must be an object; got an array"],
    ['{"value":1}', 400, "INVALID_BODY", "key is missing"],
    ['{"key":"a"}', 400, "INVALID_BODY", "value is missing"],
    ['{"key":"a","value":"1"}', 400, "INVALID_BODY", 'value must be an integer; got the string "1"'],
    ['{"key":"a","value":1.5}', 400, "INVALID_BODY", "value must be an integer; got 1.5"],
    ['{"key":7,"value":1}', 400, "INVALID_BODY", "key must be a string; got 7"],
    ['{"key":"","value":1}', 400, "INVALID_KEY", /^key must not be empty/],
  ])("refuses %s", async (body, status, code, error) => {
    const [given, text] = await send("/increment", body);
    expect(given).toBe(status);
    const answer = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(answer)).toEqual(["error", "code", "outcome"]);
    expect(answer).toMatchObject({
      error: typeof error === "string" ? error : expect.stringMatching(error),
      code,
      outcome: "not-applied",
    });
  });

  it("refuses to leave the 64-bit range", async () => {
    await send("/increment", '{"key":"a","value":9223372036854775807}');
    const [status, text] = await send("/increment", '{"key":"a","value":1}');
    expect([status, JSON.parse(text)]).toEqual([409, expect.objectContaining({ code: "COUNTER_OVERFLOW" })]);
  });
});

describe("/api/v1/increment", () => {
  it("adds, and reads", async () => {
    expect(await send("/api/v1/increment", '{"key":"a/b","value":5}')).toEqual([200, '{"data":{"value":5}}']);
    expect(await read("/api/v1/increment/a%2Fb")).toEqual([200, '{"data":{"value":5}}']);
    expect(await read("/api/v1/increment/unknown")).toEqual([200, '{"data":{"value":0}}']);
    await get(bench, "/api/v1/increment/a%2Fb?consistency=stale&minIndex=3");
    expect(bench.service.reads.at(-1)).toMatchObject({ consistency: "stale", minIndex: 3 });
  });

  it("names every field that is wrong, with 422", async () => {
    const [status, text] = await send("/api/v1/increment", '{"key":5,"value":"x"}');
    expect([status, text]).toEqual([
      422,
      '{"errors":{"key":["key must be a string; got 5"],"value":["value must be an integer; got the string \\"x\\""]}}',
    ]);
    expect(await send("/api/v1/increment", "{}")).toEqual([
      422,
      '{"errors":{"key":["key is missing"],"value":["value is missing"]}}',
    ]);
    expect(await send("/api/v1/increment", "3")).toEqual([
      422,
      '{"errors":{"body":["the body must be an object; got 3"]}}',
    ]);
    expect(bench.service.index).toBe(0);
  });

  it("has errors for everything else as well", async () => {
    const [status, text] = await send("/api/v1/increment", "{");
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ errors: { detail: expect.any(String) }, code: "INVALID_JSON" });
    expect((await read("/api/v1/increment/%ff"))[0]).toBe(400);
    expect((await get(bench, "/api/v1/increment/")).status).toBe(404);
  });
});

describe("items", () => {
  it("count once for each tenant, also within one request", async () => {
    const body =
      '[{"id":"x","tenant":"acme"},{"id":"y","tenant":"acme"},{"id":"x","tenant":"globex"},{"id":"x","tenant":"acme"}]';
    expect(await send("/items", body)).toEqual([
      200,
      '{"received":4,"counted":3,"counts":{"acme":2,"globex":1},"index":1,"term":3}',
    ]);
    expect(await send("/items", '[{"id":"y","tenant":"acme"},{"id":"z","tenant":"acme"}]')).toEqual([
      200,
      '{"received":2,"counted":1,"counts":{"acme":3},"index":2,"term":3}',
    ]);
    expect(await read("/items/acme/count")).toEqual([200, '{"count":3}']);
    expect(await read("/items/nobody/count")).toEqual([200, '{"count":0}']);
    expect(storedValue("items:acme")).toBe(3n);
    // It is the `once` of the counter's own route.
    const same = await post(bench, "/v1/counters/items:acme/increment", { body: '{"once":"x"}' });
    expect(await same.json()).toMatchObject({ changed: false, value: 3 });
  });

  it("may have a number for an id, which is the same as its digits", async () => {
    await send(
      "/items",
      '[{"id":17,"tenant":"a"},{"id":"17","tenant":"a"},{"id":9007199254740993,"tenant":"a"}]',
    );
    expect(storedValue("items:a")).toBe(2n);
    const again = await send("/items", '[{"id":"9007199254740993","tenant":"a"}]');
    expect(JSON.parse(again[1])).toMatchObject({ counted: 0 });
  });

  it("of any tenant whose counter has a key", async () => {
    await send("/items", '[{"id":"x","tenant":"a/b c:ü"},{"id":"x","tenant":"__proto__"}]');
    expect(await read("/items/a%2Fb%20c%3A%C3%BC/count")).toEqual([200, '{"count":1}']);
    expect(await read("/items/__proto__/count")).toEqual([200, '{"count":1}']);
  });

  it("are none: nothing is written, and no leader is needed", async () => {
    bench.service.instead = { kind: "failed", code: "NO_LEADER", detail: "none", retryAfterMs: 1 };
    expect(await send("/items", "[]")).toEqual([200, '{"received":0,"counted":0,"counts":{}}']);
  });

  it("count all or none", async () => {
    await bench.service.write({
      operation: { kind: "set", key: "items:full", value: 9_223_372_036_854_775_807n },
    });
    const [status, text] = await send("/items", '[{"id":"x","tenant":"a"},{"id":"x","tenant":"full"}]');
    expect(status).toBe(409);
    expect(JSON.parse(text)).toMatchObject({ code: "COUNTER_OVERFLOW", position: 1 });
    expect(storedValue("items:a")).toBeUndefined();
  });

  it("may be 1,000 and no more", async () => {
    const items = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, (_, n) => ({ id: n, tenant: `t${n % 3}` })));
    const [status, text] = await send("/items", items(1_001));
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      error: "one request takes at most 1000 items; got 1001",
      code: "INVALID_BATCH",
    });
    expect(bench.service.index).toBe(0);
    expect(JSON.parse((await send("/items", items(1_000)))[1])).toMatchObject({
      counted: 1_000,
      counts: { t0: 334, t1: 333, t2: 333 },
    });
  });

  it.each([
    ['{"id":"x","tenant":"a"}', "the body must be an array; got an object"],
    ['["x"]', '[0] must be an object; got the string "x"'],
    ['[{"id":"x","tenant":"a"},{"tenant":"a"}]', "[1].id is missing"],
    ['[{"id":1.5,"tenant":"a"}]', "[0].id must be a string or an integer; got 1.5"],
    ['[{"id":null,"tenant":"a"}]', "[0].id must be a string or an integer; got null"],
    ['[{"id":"","tenant":"a"}]', /^\[0\]\.id must not be empty/],
    ['[{"id":"x"}]', "[0].tenant is missing"],
    ['[{"id":"x","tenant":7}]', "[0].tenant must be a string; got 7"],
    ['[{"id":"x","tenant":""}]', "[0].tenant must not be empty"],
    [
      `[{"id":"x","tenant":"${"a".repeat(507)}"}]`,
      /^\[0\]\.tenant cannot be counted as items:…: a key .*512/,
    ],
  ])("are refused entirely: %s", async (body, error) => {
    const [status, text] = await send("/items", body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      error: typeof error === "string" ? error : expect.stringMatching(error),
      outcome: "not-applied",
    });
    expect(bench.service.index).toBe(0);
  });

  it("has no count for a tenant that cannot be one", async () => {
    expect((await read(`/items/${"a".repeat(507)}/count`))[0]).toBe(400);
    expect((await get(bench, "/items//count")).status).toBe(404);
    expect((await post(bench, "/items/a/count")).status).toBe(405);
  });
});

describe("labels", () => {
  it("are counted together and answered with their values", async () => {
    expect(await send("/metrics", '{"labels":["a","b"],"increment":5}')).toEqual([200, '{"a":5,"b":5}']);
    expect(await send("/metrics", '{"labels":["b","__proto__","b"],"increment":-2}')).toEqual([
      200,
      '{"b":1,"__proto__":-2}',
    ]);
    expect(storedValue("b")).toBe(1n);
  });

  it.each([
    undefined,
    "{",
    "[]",
    '{"labels":["a"]}',
    '{"increment":1}',
    '{"labels":[],"increment":1}',
    '{"labels":"a","increment":1}',
    '{"labels":["a",5],"increment":1}',
    '{"labels":["a",""],"increment":1}',
    '{"labels":["a"],"increment":"1"}',
    '{"labels":["a"],"increment":1.5}',
    '{"labels":["a"],"increment":9223372036854775808}',
    JSON.stringify({ labels: Array(1_001).fill("a"), increment: 1 }),
  ])("are refused as they always were: %s", async (body) => {
    expect(await send("/metrics", body)).toEqual([400, '{"error":"Invalid Request"}']);
    expect(bench.service.index).toBe(0);
  });

  it("are found by name, those that exist, in the order in which they were named", async () => {
    await send("/metrics", '{"labels":["a","b","c*"],"increment":1}');
    expect(await read("/metrics/query?expression=c*,nope,a")).toEqual([200, '{"c*":1,"a":1}']);
    // As URLSearchParams and others send it.
    expect(await read("/metrics/query?expression=a%2Cb%2Ca")).toEqual([200, '{"a":1,"b":1}']);
    expect(await read("/metrics/query?expression=nope")).toEqual([404, '{"error":"not found"}']);
    expect(await read("/metrics/query?expression=")).toEqual([404, '{"error":"not found"}']);
    expect(await read("/metrics/query")).toEqual([400, '{"error":"Invalid Request"}']);
    expect(await read("/metrics/query?expression=%ff")).toEqual([400, '{"error":"Invalid Request"}']);
  });
});

describe("GET /metrics", () => {
  const PROMETHEUS =
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4," +
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

  it.each([
    "application/json",
    "application/json, text/plain, */*",
    "text/plain;q=0.5, Application/JSON;q=0.9",
  ])("gives all labels in JSON to whoever names it: %s", async (accept) => {
    await send("/metrics", '{"labels":["b","a"],"increment":1}');
    const response = await get(bench, "/metrics?minIndex=1", { Accept: accept });
    expect(await response.text()).toBe('{"a":1,"b":1}');
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("vary")).toBe("Accept");
    expect(response.headers.get("link")).toBeNull();
  });

  it.each([undefined, "*/*", "text/plain", "text/html, */*;q=0.1", PROMETHEUS, "application/json;q=0"])(
    "gives Prometheus' text to everybody else: %s",
    async (accept) => {
      const response = await get(bench, "/metrics", accept === undefined ? {} : { Accept: accept });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
      expect(response.headers.get("vary")).toBe("Accept");
      expect(await response.text()).toMatch(/^# HELP /m);
    },
  );

  it("gives the first 1,000 and says where the others are", async () => {
    const labels = Array.from({ length: 1_001 }, (_, n) => `k${String(n).padStart(4, "0")}`);
    await send("/metrics", JSON.stringify({ labels: labels.slice(0, 1_000), increment: 1 }));
    await send("/metrics", JSON.stringify({ labels: labels.slice(1_000), increment: 1 }));
    const response = await get(bench, "/metrics", { Accept: "application/json" });
    expect(Object.keys((await response.json()) as object)).toEqual(labels.slice(0, 1_000));
    const [, next = ""] = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "") ?? [];
    expect(await (await get(bench, next)).json()).toMatchObject({ counters: [{ key: "k1000", value: 1 }] });
  });

  it("is not counted by a rate limit", async () => {
    const limited = makeBench({ rateLimit: { requests: 1, seconds: 60 } });
    for (let n = 0; n < 3; n++) expect((await get(limited, "/metrics")).status).toBe(200);
  });
});
