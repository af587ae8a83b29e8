import { describe, expect, it } from "vitest";
import { OutcomeUnknown, RaftallyClient, Refused, Unavailable } from "../../src/client/index.ts";
import { counted, deadUrl, fakeNode, hangUp, json, problem, redirect, routes, silence } from "./fake-node.ts";
import { clientOf, failure, keysOf } from "./kit.ts";

describe("an increment", () => {
  it("sends and returns 64-bit integers without losing a digit", async () => {
    const node = await fakeNode(counted("9223372036854775807"));
    const result = await clientOf(node).increment("k", { by: 9007199254740993n, min: -(2n ** 63n) });
    expect(node.asked[0]?.body).toBe('{"by":9007199254740993,"min":-9223372036854775808}');
    expect(result).toEqual({
      key: "k",
      value: 9223372036854775807n,
      revision: 3,
      changed: true,
      index: 7,
      term: 2,
      replayed: false,
    });
  });

  it("carries an idempotency key of its own each time", async () => {
    const node = await fakeNode(counted("1"));
    const client = clientOf(node);
    await client.increment("k");
    await client.increment("k");
    const [first, second] = keysOf(node);
    expect(first).toMatch(/^"[0-9a-f-]{36}"$/);
    expect(second).not.toBe(first);
  });

  it("uses the idempotency key that it is given, quoted as RFC 8941 has it", async () => {
    const node = await fakeNode(counted("1", { "idempotency-replayed": "true" }));
    const result = await clientOf(node).increment("k", {}, { idempotencyKey: 'a"b\\c' });
    expect(keysOf(node)).toEqual(['"a\\"b\\\\c"']);
    expect(result.replayed).toBe(true);
  });

  it("encodes the key as one segment of the path", async () => {
    const node = await fakeNode(counted("1"));
    await clientOf(node).increment("a/b c%?#é");
    expect(node.asked[0]?.path).toBe("/v1/counters/a%2Fb%20c%25%3F%23%C3%A9/increment");
  });

  it.each([[""], ["."], [".."], ["x".repeat(513)], ["\ud800"]])(
    "refuses the key %j before anything is sent",
    async (key) => {
      const node = await fakeNode(counted("1"));
      expect(await failure(clientOf(node).increment(key))).toMatchObject({ code: "INVALID_KEY" });
      expect(node.asked).toEqual([]);
    },
  );

  it.each([[1.5], [2 ** 53], [2n ** 63n], [Number.NaN]])(
    "refuses to add %s before anything is sent",
    async (by) => {
      const node = await fakeNode(counted("1"));
      expect(await failure(clientOf(node).increment("k", { by }))).toBeInstanceOf(Refused);
      expect(node.asked).toEqual([]);
    },
  );
});

describe("finding the leader", () => {
  it("follows a redirect and goes straight to the leader the next time", async () => {
    const leader = await fakeNode(counted("1"));
    const follower = await fakeNode(redirect(() => leader.url));
    const client = clientOf(follower, leader);
    await client.increment("k");
    await client.increment("k");
    expect(follower.asked.length).toBe(1);
    expect(leader.asked.length).toBe(2);
    expect(new Set(keysOf(follower, leader)).size).toBe(2);
  });

  it("follows a redirect to a node that it was not told of", async () => {
    const leader = await fakeNode(counted("5"));
    const follower = await fakeNode(redirect(() => leader.url));
    expect((await clientOf(follower).increment("k")).value).toBe(5n);
  });

  it("goes on to the next node when one is down", async () => {
    const node = await fakeNode(counted("1"));
    const client = clientOf(await deadUrl(), node);
    expect((await client.increment("k")).value).toBe(1n);
  });

  it("finds the new leader when the one that it remembers is gone", async () => {
    const first = await fakeNode(counted("1"));
    const second = await fakeNode(counted("2"));
    const client = clientOf(first, second);
    await client.increment("k");
    await first.close();
    expect((await client.increment("k")).value).toBe(2n);
  });

  it("does not wait out its deadline for a node that is paused", async () => {
    const paused = await fakeNode(silence);
    const node = await fakeNode(counted("1"));
    const began = performance.now();
    await clientOf(paused, node).increment("k");
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(new Set(keysOf(paused, node)).size).toBe(1);
  });

  it("tries again after a pause while followers still point to a dead leader", async () => {
    const dead = await deadUrl();
    const follower = await fakeNode(
      redirect(() => dead),
      redirect(() => dead),
      counted("1"),
    );
    expect((await clientOf(follower, dead).increment("k")).value).toBe(1n);
    expect(follower.asked.length).toBe(3);
  });

  it("gives up at its deadline when two nodes point at each other", async () => {
    const urls: string[] = [];
    const a = await fakeNode(redirect(() => urls[1] ?? ""));
    const b = await fakeNode(redirect(() => urls[0] ?? ""));
    urls.push(a.url, b.url);
    const error = await failure(clientOf(a, b).get("k", { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(Unavailable);
    // Were there no pauses, it would be hundreds.
    expect(a.asked.length).toBeLessThan(150);
  });

  it("asks who leads where a redirect leads nowhere to be seen, as in a browser", async () => {
    const leader = await fakeNode(counted("1"));
    const follower = await fakeNode(
      routes({
        "GET /v1/cluster": (asked, response) =>
          json(200, JSON.stringify({ leader: { id: "n2", url: `${leader.url}/` } }))(asked, response),
        POST: redirect(() => leader.url),
      }),
    );
    const client = new RaftallyClient({ urls: [follower.url], fetch: browserFetch, discoverMs: 0 });
    await client.increment("k");
    await client.increment("k");
    expect(follower.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v1/counters/k/increment",
      "GET /v1/cluster",
    ]);
    expect(leader.asked.length).toBe(2);
    expect(new Set(keysOf(follower, leader)).size).toBe(3);
  });

  it("knows in a browser that a node which redirects has done nothing, though nobody says who leads", async () => {
    const node = await fakeNode(
      routes({ "GET /v1/cluster": json(200, "{}"), POST: redirect(() => "http://127.0.0.1:1") }),
    );
    const client = new RaftallyClient({ urls: [node.url], fetch: browserFetch, timeoutMs: 300 });
    const error = await failure(client.increment("k"));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ code: "NO_LEADER", outcome: "not-applied" });
  });
});

/** A browser's fetch: it shows nothing of a redirect that it was told not to follow. */
const browserFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (init?.redirect !== "manual" || response.status !== 307) return response;
  const opaque = Response.error();
  return new Proxy(opaque, {
    get: (target, name) => (name === "type" ? "opaqueredirect" : Reflect.get(target, name, target)),
  });
};

describe("trying again", () => {
  it("sends the same key when the answer was lost after the write was done", async () => {
    const outcomes = new Map<string | undefined, number>();
    let value = 0;
    const node = await fakeNode(
      (asked, response) => {
        outcomes.set(asked.idempotencyKey, ++value);
        hangUp(asked, response);
      },
      (asked, response) => {
        const known = outcomes.get(asked.idempotencyKey);
        if (known === undefined) outcomes.set(asked.idempotencyKey, ++value);
        counted(String(known ?? value), { "idempotency-replayed": String(known !== undefined) })(
          asked,
          response,
        );
      },
    );
    const result = await clientOf(node).increment("k");
    expect(result).toMatchObject({ value: 1n, replayed: true });
    expect(value).toBe(1);
  });

  it("waits as long as Retry-After asks", async () => {
    const node = await fakeNode(problem("OVERLOADED", {}, { "retry-after": "1" }), counted("1"));
    await clientOf(node).increment("k");
    const [first, second] = node.asked;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it("prefers the exact wait of the problem document to the whole seconds of the header", async () => {
    const node = await fakeNode(
      problem("NO_LEADER", { retryAfterMs: 60 }, { "retry-after": "8" }),
      counted("1"),
    );
    await clientOf(node).increment("k");
    const [first, second] = node.asked;
    const waited = (second?.at ?? 0) - (first?.at ?? 0);
    expect(waited).toBeGreaterThanOrEqual(59);
    expect(waited).toBeLessThan(7_990);
  });

  it("asks another node at once when one is shutting down", async () => {
    const leaving = await fakeNode(problem("SHUTTING_DOWN", {}, { "retry-after": "8" }));
    const node = await fakeNode(counted("1"));
    const began = performance.now();
    await clientOf(leaving, node).increment("k");
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("never repeats a definite refusal", async () => {
    const node = await fakeNode(problem("LIMIT_REACHED"));
    const error = await failure(clientOf(node).increment("k", { max: 1 }));
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({
      code: "LIMIT_REACHED",
      message: "because of LIMIT_REACHED",
      outcome: "not-applied",
    });
    expect(node.asked.length).toBe(1);
  });
});

describe("how a write ends without an answer", () => {
  it("is Unavailable when no attempt can have reached a node", async () => {
    const error = await failure(clientOf(await deadUrl()).increment("k", {}, { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ code: "UNREACHABLE", outcome: "not-applied" });
  });

  it("is Unavailable when every node said that it did nothing", async () => {
    const node = await fakeNode(problem("NO_LEADER", { retryAfterMs: 10_000 }));
    const error = await failure(clientOf(node).increment("k", {}, { timeoutMs: 5_000 }));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ code: "NO_LEADER" });
  });

  it("is OutcomeUnknown, with the key to ask again, when an attempt was taken and not answered", async () => {
    const node = await fakeNode(silence);
    const error = await failure(clientOf(node).increment("k", {}, { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(`"${(error as OutcomeUnknown).idempotencyKey}"`).toBe(keysOf(node)[0]);
  });

  it("stays OutcomeUnknown when later attempts found nobody who leads", async () => {
    const node = await fakeNode(hangUp, problem("NO_LEADER"));
    const error = await failure(clientOf(node).increment("k", {}, { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
  });

  it("is Refused when the counters themselves refused a later attempt: that holds for the key", async () => {
    const node = await fakeNode(hangUp, problem("LIMIT_REACHED"));
    expect(await failure(clientOf(node).increment("k"))).toBeInstanceOf(Refused);
  });

  it("is OutcomeUnknown when a later attempt was refused before it reached the counters", async () => {
    const node = await fakeNode(hangUp, problem("INVALID_BODY"));
    expect(await failure(clientOf(node).increment("k"))).toBeInstanceOf(OutcomeUnknown);
  });

  it("is OutcomeUnknown when the cluster says so until the deadline", async () => {
    const node = await fakeNode(problem("OUTCOME_UNKNOWN"));
    const error = await failure(clientOf(node).increment("k", {}, { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(node.asked.length).toBeGreaterThan(1);
    expect(new Set(keysOf(node)).size).toBe(1);
  });

  it("is found out soon when something else than a node answers", async () => {
    const node = await fakeNode(json(404, "<html>"));
    const began = performance.now();
    const error = await failure(clientOf(node).increment("k"));
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(String(error)).toContain("without a Raftally problem document");
  });

  it("is OutcomeUnknown when the answer is not what a node gives", async () => {
    const node = await fakeNode(json(200, '{"value":1.5}'));
    expect(await failure(clientOf(node).increment("k"))).toBeInstanceOf(OutcomeUnknown);
  });
});

describe("aborting", () => {
  it("rejects with the signal's reason when nothing was sent", async () => {
    const node = await fakeNode(counted("1"));
    const signal = AbortSignal.abort(new Error("enough"));
    expect(await failure(clientOf(node).increment("k", {}, { signal }))).toEqual(new Error("enough"));
    expect(node.asked).toEqual([]);
  });

  it("is honest about a write that was under way", async () => {
    const stop = new AbortController();
    const node = await fakeNode(() => stop.abort(new Error("enough")));
    const error = await failure(clientOf(node).increment("k", {}, { signal: stop.signal }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect((error as Error).cause).toEqual(new Error("enough"));
    expect(node.asked.length).toBe(1);
  });

  it("ends a read with the signal's reason", async () => {
    const stop = new AbortController();
    const node = await fakeNode(() => stop.abort(new Error("enough")));
    expect(await failure(clientOf(node).get("k", { signal: stop.signal }))).toEqual(new Error("enough"));
  });

  it("ends a pause between attempts at once", async () => {
    const node = await fakeNode(problem("NO_LEADER", { retryAfterMs: 8_000 }));
    const began = performance.now();
    const error = await failure(clientOf(node).increment("k", {}, { signal: AbortSignal.timeout(400) }));
    expect(error).toMatchObject({ name: "TimeoutError" });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(node.asked.length).toBe(1);
  });
});
