import { beforeEach, describe, expect, it } from "vitest";
import { InvariantViolation } from "../../src/base/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, bodyOf, expectRefusal, get, INCREMENT, makeBench, post } from "./kit.ts";

const MAX = "9223372036854775807";
const MIN = "-9223372036854775808";

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

describe("an increment", () => {
  it("adds 1 without a body, and answers with the value, its revision and its place in the log", async () => {
    await post(bench, INCREMENT);
    const response = await post(bench, INCREMENT);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      '{"key":"hits","value":2,"revision":2,"changed":true,"index":2,"term":3}',
    );
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("etag")).toBe('"2"');
    expect(response.headers.get("idempotency-replayed")).toBeNull();
  });

  it.each([
    ["{}", "1"],
    [" { } ", "1"],
    ['{"by":5}', "5"],
    ['\n{ "by" : -5 }\t', "-5"],
    ['{"by":0}', "0"],
    ['{"by":-0}', "0"],
    ['{"by":999999999999999}', "999999999999999"],
    ['{"by":9007199254740993}', "9007199254740993"],
    [`{"by":${MAX}}`, MAX],
    [`{"by":${MIN}}`, MIN],
    [`{"by":${MAX},"max":${MAX},"min":${MIN}}`, MAX],
    ['{"by":7,"once":"1.5e3"}', "7"],
  ])("takes %s", async (body, value) => {
    const response = await post(bench, INCREMENT, { body });
    expect(await response.text()).toContain(`"value":${value},`);
    expect(response.status).toBe(200);
  });

  it("takes an empty body of any type as none", async () => {
    const response = await post(bench, INCREMENT, { body: "", headers: { "Content-Type": "text/csv" } });
    expect(response.status).toBe(200);
  });

  it("takes JSON with parameters and in any case as JSON", async () => {
    const headers = { "Content-Type": "Application/JSON ; charset=utf-8" };
    expect((await post(bench, INCREMENT, { body: '{"by":2}', headers })).status).toBe(200);
  });

  it("counts a member once and says so", async () => {
    const first = await (await post(bench, INCREMENT, { body: '{"once":"ann"}' })).text();
    const second = await (await post(bench, INCREMENT, { body: '{"once":"ann"}' })).text();
    expect(first).toContain('"value":1,"revision":1,"changed":true');
    expect(second).toContain('"value":1,"revision":1,"changed":false');
  });

  it("refuses a member with control characters, and counts nothing", async () => {
    const response = await post(bench, INCREMENT, { body: '{"once":"a\\u0000"}' });
    await expectRefusal(response, "INVALID_BODY", /^once must not contain control characters/);
    expect(bench.service.counter("hits")).toBeUndefined();
  });

  it("refuses to pass a bound and says where the counter is", async () => {
    await post(bench, INCREMENT, { body: '{"by":90}' });
    const response = await post(bench, INCREMENT, { body: '{"by":20,"max":100}' });
    const problem = await expectRefusal(response, "LIMIT_REACHED", /90/);
    expect(problem).not.toHaveProperty("position");
    expect(bench.service.counter("hits")?.value).toBe(90n);
  });

  it("refuses to leave the 64-bit range", async () => {
    await post(bench, INCREMENT, { body: `{"by":${MAX}}` });
    await expectRefusal(await post(bench, INCREMENT), "COUNTER_OVERFLOW", new RegExp(MAX));
    expect(bench.service.counter("hits")?.value).toBe(BigInt(MAX));
  });

  it("gives the bare number to whoever prefers plain text", async () => {
    const response = await post(bench, INCREMENT, {
      body: `{"by":${MIN}}`,
      headers: { Accept: "text/plain" },
    });
    expect(await response.text()).toBe(`${MIN}\n`);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("etag")).toBe('"1"');
  });
});

describe("an idempotency key", () => {
  it("gives the first outcome again, says so, and counts once; quoted and bare are the same key", async () => {
    const first = await post(bench, INCREMENT, { headers: { "Idempotency-Key": '"order-17"' } });
    await post(bench, INCREMENT);
    const again = await post(bench, INCREMENT, { headers: { "Idempotency-Key": "order-17" } });
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    // The first attempt was entry 1; the place in the answer is that of the retry.
    expect(await first.json()).toMatchObject({ value: 1, index: 1 });
    expect(await again.json()).toMatchObject({ value: 1, revision: 1, index: 3 });
    expect(bench.service.counter("hits")?.value).toBe(2n);
  });

  it("gives a refusal again even if the reason has gone", async () => {
    const headers = { "Idempotency-Key": "k" };
    await expectRefusal(await post(bench, INCREMENT, { body: '{"min":5}', headers }), "LIMIT_REACHED");
    await post(bench, INCREMENT, { body: '{"by":10}' });
    const again = await post(bench, INCREMENT, { body: '{"min":5}', headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    await expectRefusal(again, "LIMIT_REACHED");
  });

  it("is refused for another payload", async () => {
    const headers = { "Idempotency-Key": "k" };
    await post(bench, INCREMENT, { headers });
    const other = await post(bench, INCREMENT, { body: '{"by":2}', headers });
    await expectRefusal(other, "IDEMPOTENCY_KEY_REUSED");
    expect(bench.service.counter("hits")?.value).toBe(1n);
  });

  it("that is refused for what is wrong with itself blames no operation of its batch", async () => {
    const headers = { "Idempotency-Key": "k" };
    await post(bench, "/v1/batch", { body: '{"operations":[{"key":"a"}]}', headers });
    const other = await post(bench, "/v1/batch", { body: '{"operations":[{"key":"b"}]}', headers });
    expect(await expectRefusal(other, "IDEMPOTENCY_KEY_REUSED")).not.toHaveProperty("position");
    const lost = { "Raftally-Session": "id=9, seq=1, first=1" };
    const gone = await post(bench, "/v1/batch", { body: '{"operations":[{"key":"b"}]}', headers: lost });
    expect(await expectRefusal(gone, "SESSION_EXPIRED")).not.toHaveProperty("position");
  });

  it("works on batches and on opening sessions", async () => {
    const headers = { "Idempotency-Key": "b" };
    const body = '{"operations":[{"key":"a"},{"key":"b"}]}';
    const first = await bodyOf(await post(bench, "/v1/batch", { body, headers }));
    const again = await post(bench, "/v1/batch", { body, headers });
    expect(await again.json()).toMatchObject({ results: first.results });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const session = { headers: { "Idempotency-Key": "s" } };
    const opened = await bodyOf(await post(bench, "/v1/sessions", session));
    expect(await (await post(bench, "/v1/sessions", session)).json()).toMatchObject({
      session: opened.session,
    });
  });
});

describe("a session", () => {
  async function open(): Promise<number> {
    const response = await post(bench, "/v1/sessions");
    expect(response.status).toBe(201);
    const answer = await bodyOf(response);
    expect(answer).toEqual({ session: expect.any(Number), index: expect.any(Number), term: 3 });
    return answer.session ?? 0;
  }

  it("executes each number once", async () => {
    const id = await open();
    const place = { "Raftally-Session": `id=${id}, seq=1, first=1` };
    await post(bench, INCREMENT, { headers: place });
    const again = await post(bench, INCREMENT, { headers: place });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(bench.service.counter("hits")?.value).toBe(1n);
  });

  it("refuses what the client said it has the answer to, and sessions that never were", async () => {
    const id = await open();
    await post(bench, INCREMENT, { headers: { "Raftally-Session": `id=${id},seq=2,first=2` } });
    const late = await post(bench, INCREMENT, {
      headers: { "Raftally-Session": `first=1, seq=1, id=${id}` },
    });
    await expectRefusal(late, "SESSION_EXPIRED");
    const unknown = await post(bench, "/v1/batch", {
      body: '{"operations":[{"key":"a"}]}',
      headers: { "Raftally-Session": "id=999, seq=1, first=1" },
    });
    await expectRefusal(unknown, "SESSION_EXPIRED");
    expect(bench.service.counter("a")).toBeUndefined();
  });
});

describe("a batch", () => {
  it("does all its operations in order, the same key as often as it is named", async () => {
    await post(bench, "/v1/counters/old/increment");
    const operations = [
      { key: "a", by: 2 },
      { op: "increment", key: "a", by: 3, max: 5 },
      { op: "set", key: "b", value: 9, ifRevision: 0 },
      { op: "delete", key: "old" },
      { key: "u", once: "ann" },
      { key: "u", once: "ann" },
    ];
    const response = await post(bench, "/v1/batch", { body: JSON.stringify({ operations }) });
    expect(response.status).toBe(200);
    const answer = await bodyOf(response);
    expect(answer).toMatchObject({ index: 2, term: 3 });
    expect(answer.results?.map(({ key, value, changed }) => [key, value, changed])).toEqual([
      ["a", 2, true],
      ["a", 5, true],
      ["b", 9, true],
      ["old", 0, true],
      ["u", 1, true],
      ["u", 1, false],
    ]);
    expect(bench.service.counter("old")).toBeUndefined();
  });

  it("changes what exists, and only that, where it is asked to", async () => {
    const change = (key: string, revision: string): Promise<Response> =>
      post(bench, "/v1/batch", {
        body: `{"operations":[{"op":"set","key":"${key}","value":5,"ifRevision":${revision}},{"op":"delete","key":"${key}","ifRevision":${revision}}]}`,
      });
    await expectRefusal(await change("a", '"any"'), "REVISION_MISMATCH", /does not exist/);
    await post(bench, "/v1/counters/a/increment");
    expect((await change("a", '"any"')).status).toBe(200);
    expect(bench.service.counter("a")).toBeUndefined();
    for (const other of ['"Any"', '"*"', "null", "1.5", "9007199254740993"]) {
      await expectRefusal(
        await change("a", other),
        "INVALID_BODY",
        /ifRevision must be a revision, 0 or "any"; got /,
      );
    }
  });

  it("does nothing if one operation is refused, and says which", async () => {
    await post(bench, "/v1/counters/a/increment");
    const body = '{"operations":[{"key":"b"},{"key":"a","by":5,"max":3}]}';
    const problem = await expectRefusal(await post(bench, "/v1/batch", { body }), "LIMIT_REACHED");
    expect(problem["position"]).toBe(1);
    expect(bench.service.counter("b")).toBeUndefined();
    const stale = '{"operations":[{"op":"delete","key":"a","ifRevision":7}]}';
    await expectRefusal(await post(bench, "/v1/batch", { body: stale }), "REVISION_MISMATCH");
  });

  it("keeps every digit, in and out", async () => {
    const body = `{"operations":[{"op":"set","key":"a","value":${MIN}},{"key":"b","by":9007199254740993}]}`;
    const text = await (await post(bench, "/v1/batch", { body })).text();
    expect(text).toContain(`"value":${MIN},`);
    expect(text).toContain('"value":9007199254740993,');
  });

  it("takes 1,000 operations", async () => {
    const operations = Array.from({ length: 1_000 }, () => ({ key: "a" }));
    const response = await post(bench, "/v1/batch", { body: JSON.stringify({ operations }) });
    expect((await bodyOf(response)).results).toHaveLength(1_000);
    expect(bench.service.counter("a")?.value).toBe(1_000n);
  });
});

describe("what the node says of a write", () => {
  it("sends to the leader with the same path and query, encoded as it came", async () => {
    bench.service.instead = { kind: "redirect", leader: nodeId("n2"), url: "http://127.0.0.1:4001" };
    const response = await post(bench, "/v1/counters/a%2Fb%20c/increment");
    const problem = await expectRefusal(response, "NOT_LEADER");
    expect(response.headers.get("location")).toBe("http://127.0.0.1:4001/v1/counters/a%2Fb%20c/increment");
    expect(problem["leader"]).toEqual({ id: "n2", url: "http://127.0.0.1:4001" });
    expect(problem).not.toHaveProperty("retryAfterMs");
    expect(response.headers.get("retry-after")).toBeNull();
  });

  it.each([
    ["NO_LEADER", 503, "not-applied"],
    ["OVERLOADED", 503, "not-applied"],
    ["SHUTTING_DOWN", 503, "not-applied"],
    ["STATE_DIVERGED", 503, "not-applied"],
    ["OUTCOME_UNKNOWN", 504, "unknown"],
  ] as const)("passes on %s with the time to wait", async (code, status, outcome) => {
    bench.service.instead = { kind: "failed", code, detail: "It is so.", retryAfterMs: 1_200 };
    const response = await post(bench, INCREMENT);
    const problem = await expectRefusal(response, code, "It is so.");
    expect([response.status, problem["outcome"], problem["retryAfterMs"]]).toEqual([status, outcome, 1_200]);
    expect(response.headers.get("retry-after")).toBe("2");
  });

  it("hands a broken invariant to the fatal handler and admits that the outcome is unknown", async () => {
    bench.service.instead = async () => {
      throw new InvariantViolation("one and one are two");
    };
    const problem = await expectRefusal(await post(bench, INCREMENT), "INTERNAL");
    expect(problem["outcome"]).toBe("unknown");
    expect(bench.fatal).toEqual([new InvariantViolation("one and one are two")]);
    expect(bench.errors).toEqual([]);
  });

  it("reports any other error without showing it to the caller", async () => {
    bench.service.instead = async () => {
      throw new TypeError("secret");
    };
    const problem = await expectRefusal(await post(bench, INCREMENT), "INTERNAL");
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(bench.errors).toEqual([new TypeError("secret")]);
    expect(bench.fatal).toEqual([]);
  });
});

describe("a request id", () => {
  it("is echoed if it is harmless, else made up, and differs for each request", async () => {
    const id = "0af7651916cd43dd-8448eb211c80319c";
    const echoed = await post(bench, INCREMENT, { headers: { "X-Request-Id": id } });
    expect(echoed.headers.get("x-request-id")).toBe(id);
    const made = new Set<string | null>();
    for (const given of ["", "a b", "x".repeat(129), '"><script>']) {
      const response = await get(bench, "/livez", { "X-Request-Id": given });
      made.add(response.headers.get("x-request-id"));
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/);
    }
    expect(made.size).toBe(4);
  });
});
