import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createApi, serveApi } from "../../src/api/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, expectRefusal, get, type Headers, INCREMENT, makeBench, post } from "./kit.ts";

const HITS = "/v1/counters/hits";
const ALLOCATE = `${HITS}/allocate`;

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

async function send(
  method: "PUT" | "DELETE",
  body: string | undefined,
  headers: Headers = {},
): Promise<Response> {
  const type: Headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const init: RequestInit = { method, headers: { ...type, ...headers } };
  if (body !== undefined) init.body = body;
  return bench.api.request(HITS, init);
}

function put(value: number | bigint, headers: Headers = {}): Promise<Response> {
  return send("PUT", `{"value":${value}}`, headers);
}

function remove(headers: Headers = {}): Promise<Response> {
  return send("DELETE", undefined, headers);
}

describe("a change that adds nothing to a counter that does not exist", () => {
  it.each(['{"by":0}', '{"by":-1,"min":0,"onLimit":"saturate"}'])(
    "has no ETag: If-Match could not name it: %s",
    async (body) => {
      const response = await post(bench, INCREMENT, { body });
      expect(await response.json()).toMatchObject({ value: 0, revision: 0, changed: false });
      expect(response.headers.get("etag")).toBeNull();
      expect(bench.service.counter("hits")).toBeUndefined();
    },
  );
});

describe("setting a counter", () => {
  it("gives it the value, exactly, and answers as an increment does", async () => {
    const response = await put(9_007_199_254_740_993n);
    expect(response.status).toBe(200);
    expect(response.headers.get("etag")).toBe('"1"');
    expect(await response.text()).toBe(
      '{"key":"hits","value":9007199254740993,"revision":1,"changed":true,"index":1,"term":3}',
    );
    expect(await (await put(9_007_199_254_740_993n)).json()).toMatchObject({ changed: false, revision: 1 });
    const text = await put(0, { Accept: "text/plain" });
    expect(await text.text()).toBe("0\n");
  });

  it.each([
    [undefined, "INVALID_BODY", 'setting a counter needs a body such as {"value":5}'],
    ["{}", "INVALID_BODY", "value is missing"],
    ['{"value":"5"}', "INVALID_BODY", 'value must be an integer; got the string "5"'],
    ['{"value":1.5}', "INVALID_BODY", "value must be an integer; got 1.5"],
    [
      '{"value":9223372036854775808}',
      "INVALID_BODY",
      "value must be between -9223372036854775808 and 9223372036854775807; got 9223372036854775808",
    ],
    ['{"value":1,"ifRevision":2}', "INVALID_BODY", 'unknown field "ifRevision"; known: value'],
    ['{"value":1,"value":2}', "INVALID_JSON", 'the field "value" is given twice'],
  ] as const)("refuses %s", async (body, code, detail) => {
    await expectRefusal(await send("PUT", body), code, detail);
    expect(bench.service.index).toBe(0);
  });

  it("is done once under an idempotency key", async () => {
    const headers = { "Idempotency-Key": "reset-1" };
    await put(5, headers);
    await post(bench, INCREMENT);
    const again = await put(5, headers);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(bench.service.counter("hits")?.value).toBe(6n);
    await expectRefusal(await put(7, headers), "IDEMPOTENCY_KEY_REUSED");
  });

  it("is done only at the revision that If-Match names, which a read gives as its ETag", async () => {
    await post(bench, INCREMENT);
    const etag = (await get(bench, HITS)).headers.get("etag") ?? "";
    await post(bench, INCREMENT);
    const late = await put(9, { "If-Match": etag });
    const detail = "The counter is at revision 2, but was expected at 1.";
    await expectRefusal(late, "REVISION_MISMATCH", detail);
    expect(late.status).toBe(412);
    expect((await put(9, { "If-Match": '"2"' })).headers.get("etag")).toBe('"3"');
  });

  it("with If-Match: * is done only if there is a counter, with If-None-Match: * only if there is none", async () => {
    const absent = await put(1, { "If-Match": "*" });
    await expectRefusal(absent, "REVISION_MISMATCH", "The counter does not exist, but was expected to.");
    expect((await put(1, { "If-None-Match": "*" })).status).toBe(200);
    await expectRefusal(await put(2, { "If-None-Match": "*" }), "REVISION_MISMATCH");
    expect((await put(3, { "If-Match": " * " })).status).toBe(200);
    expect(bench.service.counter("hits")?.value).toBe(3n);
  });
});

describe("deleting a counter", () => {
  it("removes it and its members, and answers with the revision of the deletion and no ETag", async () => {
    await post(bench, INCREMENT, { body: '{"once":"ann"}' });
    const response = await remove();
    expect(response.headers.get("etag")).toBeNull();
    expect(await response.text()).toBe(
      '{"key":"hits","value":0,"revision":2,"changed":true,"index":2,"term":3}',
    );
    expect((await get(bench, HITS)).status).toBe(404);
    expect(await (await post(bench, INCREMENT, { body: '{"once":"ann"}' })).json()).toMatchObject({
      value: 1,
    });
  });

  it("of none changes nothing, unless If-Match says that there must be one", async () => {
    expect(await (await remove()).json()).toMatchObject({ changed: false, revision: 0 });
    await expectRefusal(await remove({ "If-Match": "*" }), "REVISION_MISMATCH");
    await post(bench, INCREMENT);
    await expectRefusal(await remove({ "If-Match": '"7"' }), "REVISION_MISMATCH");
    expect((await remove({ "If-Match": '"1"' })).status).toBe(200);
  });

  it("takes no body, and no If-None-Match", async () => {
    await post(bench, INCREMENT);
    await expectRefusal(await send("DELETE", "{}"), "INVALID_BODY", "deleting a counter takes no body");
    const none = await remove({ "If-None-Match": "*" });
    await expectRefusal(none, "INVALID_HEADER", "If-None-Match does not apply to deleting");
    expect(bench.service.counter("hits")?.value).toBe(1n);
  });
});

describe("a condition", () => {
  it.each(['W/"2"', '"1", "2"', "2", '"0"', '"02"', '"abc"', "", '"9007199254740992"', '"1" , *'])(
    "that cannot be checked exactly is refused: If-Match: %s",
    async (value) => {
      await post(bench, INCREMENT);
      const wanted = /^If-Match must be \* or one revision as ETag gives it, such as "12"; got /;
      await expectRefusal(await put(5, { "If-Match": value }), "INVALID_HEADER", wanted);
      expect(bench.service.counter("hits")?.value).toBe(1n);
    },
  );

  it("of both kinds, or on a revision that must not be, is refused", async () => {
    const both = await put(5, { "If-Match": '"1"', "If-None-Match": "*" });
    await expectRefusal(both, "INVALID_HEADER", "give either If-Match or If-None-Match, not both");
    const tag = await put(5, { "If-None-Match": '"1"' });
    await expectRefusal(tag, "INVALID_HEADER", /^If-None-Match can only be \*/);
  });

  it.each([INCREMENT, ALLOCATE, "/v1/batch", "/v1/sessions"])("is refused on %s", async (path) => {
    const response = await post(bench, path, { headers: { "If-Match": '"1"' } });
    await expectRefusal(
      response,
      "INVALID_HEADER",
      "if-match does not apply to this route, which cannot check it",
    );
  });
});

it("takes its condition along when it is passed on to the leader", async () => {
  const leader = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => leader.close(0));
  const { service } = makeBench();
  service.instead = { kind: "redirect", leader: nodeId("n2"), url: `http://127.0.0.1:${leader.port}` };
  const follower = createApi(service, { writes: "forward", onFatal: () => undefined });
  const ask = async (method: string, headers: Headers): Promise<number> => {
    const body = method === "PUT" ? '{"value":1}' : null;
    const type: Headers = body === null ? {} : { "Content-Type": "application/json" };
    return (await follower.request(HITS, { method, headers: { ...type, ...headers }, body })).status;
  };
  expect(await ask("PUT", { "If-Match": "*" })).toBe(412);
  expect(await ask("PUT", { "If-None-Match": "*" })).toBe(200);
  expect(await ask("PUT", { "If-None-Match": "*" })).toBe(412);
  expect(await ask("DELETE", { "If-Match": '"7"' })).toBe(412);
  expect(await ask("DELETE", { "If-Match": '"1"' })).toBe(200);
});

describe("handing out numbers", () => {
  it("gives a range that begins after the counter, at 1 for a fresh one", async () => {
    const first = await post(bench, ALLOCATE, { body: '{"count":100}' });
    expect(first.headers.get("etag")).toBe('"1"');
    expect(await first.text()).toBe(
      '{"key":"hits","from":1,"to":100,"count":100,"value":100,"revision":1,"index":1,"term":3}',
    );
    const second = await post(bench, ALLOCATE, { body: '{"count":1}' });
    expect(await second.json()).toMatchObject({ from: 101, to: 101, value: 101 });
  });

  it("gives the same range to the same idempotency key, and no number twice", async () => {
    const headers = { "Idempotency-Key": "k" };
    const first = await (await post(bench, ALLOCATE, { body: '{"count":3}', headers })).json();
    await post(bench, ALLOCATE, { body: '{"count":3}' });
    const again = await post(bench, ALLOCATE, { body: '{"count":3}', headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(first).toMatchObject({ from: 1, to: 3 });
    expect(await again.json()).toMatchObject({ from: 1, to: 3, value: 3 });
  });

  it("goes on below zero, and up to the last number there is", async () => {
    await put(-5);
    expect(await (await post(bench, ALLOCATE, { body: '{"count":10}' })).json()).toMatchObject({
      from: -4,
      to: 5,
    });
    await put(9_223_372_036_854_775_805n);
    const last = await post(bench, ALLOCATE, { body: '{"count":2}' });
    expect(await last.text()).toContain('"from":9223372036854775806,"to":9223372036854775807,');
    await expectRefusal(await post(bench, ALLOCATE, { body: '{"count":1}' }), "COUNTER_OVERFLOW");
  });

  it("hands out all that were asked for below max, or none", async () => {
    await post(bench, ALLOCATE, { body: '{"count":8,"max":10}' });
    await expectRefusal(await post(bench, ALLOCATE, { body: '{"count":3,"max":10}' }), "LIMIT_REACHED");
    expect((await post(bench, ALLOCATE, { body: '{"count":2,"max":10}' })).status).toBe(200);
  });

  it.each([
    [undefined, 'handing out numbers needs a body such as {"count":100}'],
    ["{}", "count is missing"],
    ['{"count":0}', "count must be between 1 and 1000000000; got 0"],
    ['{"count":1000000001}', "count must be between 1 and 1000000000; got 1000000001"],
    ['{"count":-1}', "count must be between 1 and 1000000000; got -1"],
    ['{"count":1,"by":1}', 'unknown field "by"; known: count, max'],
  ])("refuses %s", async (body, detail) => {
    const response = await post(bench, ALLOCATE, body === undefined ? {} : { body });
    await expectRefusal(response, "INVALID_BODY", detail);
  });
});

describe("a bound with onLimit", () => {
  it("saturate adds what fits, and says how much that was", async () => {
    await put(8);
    const some = await post(bench, INCREMENT, { body: '{"by":5,"max":10,"onLimit":"saturate"}' });
    expect(await some.text()).toBe(
      '{"key":"hits","value":10,"revision":2,"changed":true,"applied":2,"index":2,"term":3}',
    );
    const none = await post(bench, INCREMENT, { body: '{"by":5,"max":10,"onLimit":"saturate"}' });
    expect(await none.json()).toMatchObject({ value: 10, changed: false, applied: 0 });
  });

  it("reject refuses, as without it, and is the same request under an idempotency key", async () => {
    const headers = { "Idempotency-Key": "k" };
    const given = await post(bench, INCREMENT, { body: '{"by":5,"max":1,"onLimit":"reject"}', headers });
    await expectRefusal(given, "LIMIT_REACHED");
    const left = await post(bench, INCREMENT, { body: '{"by":5,"max":1}', headers });
    expect(left.headers.get("idempotency-replayed")).toBe("true");
    expect((await post(bench, INCREMENT, { body: '{"onLimit":"reject"}' })).status).toBe(200);
  });

  it("works in a batch, each operation for itself", async () => {
    const operations = '[{"key":"a","by":7,"max":5,"onLimit":"saturate"},{"key":"b"}]';
    const response = await post(bench, "/v1/batch", { body: `{"operations":${operations}}` });
    expect(await response.text()).toContain(
      '"results":[{"key":"a","value":5,"revision":1,"changed":true,"applied":5},{"key":"b","value":1,',
    );
  });

  it.each([
    ['{"onLimit":"saturate"}', "onLimit saturate needs a bound: give min, max or both"],
    ['{"max":1,"onLimit":"clamp"}', 'onLimit must be "reject" or "saturate"; got the string "clamp"'],
    ['{"max":1,"onLimit":true}', 'onLimit must be "reject" or "saturate"; got true'],
    ['{"min":2,"max":1,"onLimit":"saturate"}', "min must not be above max; got 2"],
  ])("is refused: %s", async (body, detail) => {
    await expectRefusal(await post(bench, INCREMENT, { body }), "INVALID_BODY", detail);
    const batch = `{"operations":[{"key":"a"},{"key":"a",${body.slice(1)}]}`;
    const within = await post(bench, "/v1/batch", { body: batch });
    const problem = await expectRefusal(within, "INVALID_BODY", `operations[1].${detail}`);
    expect(problem["position"]).toBe(1);
  });
});
