/** Increments that are added up by the client: what is sent when, and what comes of it. */

import { describe, expect, it, vi } from "vitest";
import {
  type Combined,
  type CombiningFailure,
  OutcomeUnknown,
  RaftallyClient,
  Unavailable,
} from "../../src/client/index.ts";
import {
  arrived,
  batchNode,
  INT64_MAX,
  INT64_MIN,
  incrementsOf,
  patientClient,
  sent,
  turns,
} from "./batch-node.ts";
import { problem, silence } from "./fake-node.ts";
import { clientOf, failure, keysOf } from "./kit.ts";

const PATIENT = { timeout: 60_000 };
const SAFE = Number.MAX_SAFE_INTEGER;

describe("combining", PATIENT, () => {
  it("adds up what one turn brings, and tells every caller what the whole sum did", async () => {
    const node = await batchNode();
    node.values.set("hot", 100n);
    const counting = patientClient(node).combining();
    const calls = [counting.increment("hot"), counting.increment("cold", -2), counting.increment("hot", 5n)];
    expect(counting.pending).toBe(3);
    const [first, cold, last] = await Promise.all(calls);
    expect(sent(node)).toEqual(["hot 6, cold -2"]);
    expect(first).toMatchObject({ key: "hot", value: 106n, by: 6n, calls: 2, index: 1, term: 1 });
    expect(first).toMatchObject({ revision: 1, replayed: false });
    expect(cold).toMatchObject({ key: "cold", value: -2n, by: -2n, calls: 1 });
    expect(last).toBe(first);
    expect(counting.pending).toBe(0);
  });

  it("sends at once while nothing is out, and gathers until what is out has returned", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining();
    const calls = [counting.increment("k")];
    await arrived(node, 1);
    for (let at = 0; at < 50; at++) {
      calls.push(counting.increment("k"), counting.increment(`other ${at % 2}`));
      if (at % 10 === 0) await turns();
    }
    expect(sent(node)).toEqual(["k 1"]);
    node.release();
    await arrived(node, 2);
    expect(sent(node)[1]).toBe("k 50, other 0 25, other 1 25");
    node.release("all");
    expect((await Promise.all(calls)).at(-1)).toMatchObject({ by: 25n, calls: 25 });
    expect(await counting.increment("k")).toMatchObject({ value: 52n, calls: 1 });
    expect(node.asked.length).toBe(3);
  });

  it("gathers for as long as it is told to, whether a request is out or not", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining({ lingerMs: 60 });
    const begun = performance.now();
    const calls = [counting.increment("k"), counting.increment("k")];
    await arrived(node, 1);
    // A timer may come early by what is cut off of a millisecond.
    expect((node.asked[0]?.at ?? 0) - begun).toBeGreaterThan(58);
    // The first one has not returned, and yet the next one goes.
    calls.push(counting.increment("k"));
    await arrived(node, 2);
    expect(sent(node)).toEqual(["k 2", "k 1"]);
    node.release("all");
    await Promise.all(calls);
  });

  it("with a linger of 0 waits for nothing but the end of the turn", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining({ lingerMs: 0 });
    const calls: Promise<Combined>[] = [];
    for (let request = 1; request <= 3; request++) {
      calls.push(counting.increment("k"), counting.increment("k"));
      await arrived(node, request);
    }
    expect(sent(node)).toEqual(["k 2", "k 2", "k 2"]);
    node.release("all");
    await Promise.all(calls);
  });

  it("sends full requests without waiting, so many at a time, and goes on gathering for those that wait", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining({ maxKeys: 2, maxInFlight: 2 });
    const calls = ["a", "b", "c", "d", "e", "f", "g"].map((key) => counting.increment(key));
    await arrived(node, 2);
    await turns();
    expect(sent(node).toSorted()).toEqual(["a 1, b 1", "c 1, d 1"]);
    // Those that were sent begin anew, those that wait grow.
    calls.push(...["a", "e", "g"].map((key) => counting.increment(key)));
    node.release();
    await arrived(node, 3);
    expect(sent(node)[2]).toBe("e 2, f 1");
    node.release();
    await arrived(node, 4);
    expect(sent(node)[3]).toBe("g 2, a 1");
    node.release("all");
    await Promise.all(calls);
    expect(node.values).toEqual(new Map(Object.entries({ a: 2n, b: 1n, c: 1n, d: 1n, e: 2n, f: 1n, g: 2n })));
  });

  it("puts 1,000 counters into a request, or as many as a body may hold", async () => {
    const node = await batchNode();
    const counting = patientClient(node).combining();
    await Promise.all(Array.from({ length: 2_500 }, (_, at) => counting.increment(`k${at}`)));
    expect(node.asked.map((asked) => incrementsOf(asked).length)).toEqual([1_000, 1_000, 500]);
    // In JSON each of these characters takes six.
    const long = Array.from({ length: 1_000 }, (_, at) => `${at}${"\u0001".repeat(500)}`);
    await Promise.all(long.map((key) => counting.increment(key)));
    const bodies = node.asked.slice(3).map(({ body }) => Buffer.byteLength(body));
    expect(bodies.length).toBeGreaterThan(2);
    expect(Math.max(...bodies)).toBeLessThanOrEqual(1_048_576);
    expect(Math.max(...bodies)).toBeGreaterThan(900_000);
    expect(node.values.size).toBe(3_500);
  });

  it("tells the callers of a request in the order of their counters' first calls, and requests in turn", async () => {
    const node = await batchNode();
    const counting = patientClient(node).combining();
    const told: string[] = [];
    const call = (name: string, key: string): Promise<unknown> =>
      counting.increment(key).then(() => told.push(name));
    const first = [call("b1", "b"), call("a1", "a"), call("b2", "b"), call("c1", "c")];
    await arrived(node, 1);
    await Promise.all([...first, call("c2", "c"), call("a2", "a")]);
    expect(told).toEqual(["b1", "b2", "a1", "c1", "c2", "a2"]);
  });

  it("goes through the session of a client that has one", async () => {
    const places: unknown[] = [];
    const node = await batchNode();
    const client = new RaftallyClient({
      urls: [node.url],
      exactlyOnce: "sessions",
      discoverMs: 0,
      fetch: async (input, init) => {
        if (String(input).endsWith("/v1/sessions")) {
          return Response.json({ session: 9, index: 1, term: 1 }, { status: 201 });
        }
        places.push(new Headers(init?.headers).get("raftally-session"));
        return fetch(input, init);
      },
    });
    const counting = client.combining();
    await counting.increment("k");
    await counting.increment("k");
    expect(places).toEqual(["id=9, seq=1, first=1", "id=9, seq=2, first=2"]);
    expect(keysOf(node)).toEqual([undefined, undefined]);
  });

  it("says which option is wrong", () => {
    const client = clientOf("http://127.0.0.1:4000");
    const wrong = [
      { lingerMs: -1 },
      { maxKeys: 1_001 },
      { maxKeys: 0 },
      { maxInFlight: 1.5 },
      { maxPending: 0 },
      { maxPendingBytes: Number.NaN },
      { timeoutMs: 0 },
    ];
    for (const options of wrong) {
      const [name = ""] = Object.keys(options);
      expect(() => client.combining(options), name).toThrow(new RegExp(`^${name} must be`));
      expect(() => client.combining(options), name).toThrow(RangeError);
    }
  });
});

describe("sums", PATIENT, () => {
  it("are exact beyond what a number holds, from numbers and from bigints", async () => {
    const node = await batchNode();
    const counting = patientClient(node).combining();
    const increments = [SAFE, SAFE, 1, 3n, 2n ** 60n, -7, 1n, SAFE - 1];
    const [combined] = await Promise.all(increments.map((by) => counting.increment("k", by)));
    const exact = increments.reduce<bigint>((sum, by) => sum + BigInt(by), 0n);
    expect(sent(node)).toEqual([`k ${exact}`]);
    expect(combined).toMatchObject({ value: exact, by: exact, calls: increments.length });
    const back = await Promise.all(increments.map((by) => counting.increment("k", -by)));
    expect(back[0]).toMatchObject({ value: 0n, by: -exact });
  });

  it("that would leave 64 bits are split, and both parts count", async () => {
    const node = await batchNode();
    node.values.set("up", INT64_MIN);
    node.values.set("down", INT64_MAX);
    const counting = patientClient(node).combining();
    const ups = [INT64_MAX, 1, INT64_MAX - 1n].map((by) => counting.increment("up", by));
    const downs = [INT64_MIN, -1n].map((by) => counting.increment("down", by));
    const [first, second, third] = await Promise.all(ups);
    expect(first).toMatchObject({ by: INT64_MAX, calls: 1, value: -1n });
    expect(second).toMatchObject({ by: INT64_MAX, calls: 2, value: INT64_MAX - 1n });
    expect(third).toBe(second);
    const [low, lower] = await Promise.all(downs);
    expect([low?.by, low?.value, lower?.by, lower?.value]).toEqual([INT64_MIN, -1n, -1n, -2n]);
    expect(sent(node)).toEqual([`up ${INT64_MAX}, up ${INT64_MAX}, down ${INT64_MIN}, down -1`]);
  });

  it("of what is no 64-bit integer are not begun: the caller is told, and nobody else", async () => {
    const node = await batchNode();
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({ onFailure: (failed) => told.push(failed) });
    const good = counting.increment("k");
    const wrong: unknown[] = [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 2n ** 63n, INT64_MIN - 1n];
    for (const by of [...wrong, -0.25]) {
      expect(await failure(counting.increment("k", by as number)), String(by)).toMatchObject({
        code: "INVALID_BODY",
      });
    }
    expect(await good).toMatchObject({ by: 1n, calls: 1 });
    expect(told).toEqual([]);
  });
});

describe("flush", PATIENT, () => {
  it("sends what was gathered without waiting for more, and resolves when it is durable", async () => {
    const node = await batchNode();
    const counting = patientClient(node).combining({ lingerMs: 3_600_000 });
    await counting.flush();
    expect(node.asked).toEqual([]);
    for (let at = 0; at < 10; at++) void counting.increment("k");
    await counting.flush();
    expect(node.values.get("k")).toBe(10n);
    expect(node.asked.length).toBe(1);
    expect(counting.pending).toBe(0);
  });

  it("ends within the time of a call, however long it would have been gathered", async () => {
    const node = await batchNode({ instead: () => silence });
    const counting = patientClient(node).combining({ lingerMs: 3_600_000, timeoutMs: 200 });
    void counting.increment("k");
    expect(await failure(counting.flush())).toBeInstanceOf(OutcomeUnknown);
  });

  it("rejects with the first failure of what was waiting, also of what is out, and only of that", async () => {
    const node = await batchNode({
      instead: (at) => (at === 0 ? problem("BODY_TOO_LARGE") : undefined),
      hold: true,
    });
    const counting = patientClient(node).combining();
    void counting.increment("out");
    await arrived(node, 1);
    void counting.increment("waiting");
    const flushed = failure(counting.flush());
    node.release("all");
    expect(await flushed).toMatchObject({ code: "BODY_TOO_LARGE" });
    await counting.flush();
    expect(node.values).toEqual(new Map([["waiting", 1n]]));
  });
});

describe("close", PATIENT, () => {
  it("sends and waits for all that was asked for, and takes no more", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining({ lingerMs: 3_600_000, maxKeys: 2 });
    const calls = ["a", "b", "c"].map((key) => counting.increment(key));
    const closed = counting.close();
    // Not even what would only join a sum that waits.
    expect(await failure(counting.increment("c"))).toMatchObject({ code: "SHUTTING_DOWN" });
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    await arrived(node, 2);
    const late = await failure(counting.increment("a"));
    expect(late).toBeInstanceOf(Unavailable);
    expect(late).toMatchObject({ code: "SHUTTING_DOWN", outcome: "not-applied" });
    node.release();
    await Promise.race(calls);
    await turns();
    expect(isClosed).toBe(false);
    node.release("all");
    await closed;
    await Promise.all(calls);
    expect(counting.close()).toBe(closed);
    expect(node.values.size).toBe(3);
  });

  it("happens at the end of a block, and tells of what failed", async () => {
    const node = await batchNode({
      instead: (_, { body }) => (body.includes("bad") ? problem("BODY_TOO_LARGE") : undefined),
    });
    const count = async (key: string): Promise<void> => {
      await using counting = patientClient(node).combining({ lingerMs: 3_600_000 });
      void counting.increment(key);
    };
    await count("good");
    expect(node.values.get("good")).toBe(1n);
    expect(await failure(count("bad"))).toMatchObject({ code: "BODY_TOO_LARGE" });
  });
});

describe("an abort", PATIENT, () => {
  it("rejects what was not sent with its reason, what is out with an unknown outcome, and takes no more", async () => {
    const node = await batchNode({ instead: () => silence });
    const stop = new AbortController();
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({
      signal: stop.signal,
      onFailure: (failed) => told.push(failed),
    });
    const out = failure(counting.increment("out"));
    await arrived(node, 1);
    const waiting = failure(counting.increment("waiting", 5));
    const flushed = failure(counting.flush());
    const reason = new Error("the user has gone");
    stop.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await out).toBeInstanceOf(OutcomeUnknown);
    expect(await out).toMatchObject({ cause: reason });
    expect(await flushed).toBeInstanceOf(OutcomeUnknown);
    expect(await failure(counting.increment("later"))).toBe(reason);
    expect(told.map(({ sums }) => sums[0]?.key)).toEqual(["waiting", "out", "later"]);
    expect(counting.pending).toBe(0);
    await counting.close();
    expect(node.asked.length).toBe(1);
  });

  it("that came before means that nothing is sent; one that comes after the close changes nothing", async () => {
    const node = await batchNode();
    const gone = patientClient(node).combining({ signal: AbortSignal.abort(new Error("before")) });
    expect(await failure(gone.increment("k"))).toMatchObject({ message: "before" });
    const stop = new AbortController();
    const counting = patientClient(node).combining({ signal: stop.signal });
    await counting.increment("k");
    const remove = vi.spyOn(stop.signal, "removeEventListener");
    await counting.close();
    expect(remove).toHaveBeenCalled();
    stop.abort();
    expect(node.asked.length).toBe(1);
  });
});
