/** Increments that are added up by the client, and do not all come through: who is told what, and what still counts. */

import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  type Combined,
  type CombiningFailure,
  OutcomeUnknown,
  RaftallyClient,
  Refused,
  Unavailable,
} from "../../src/client/index.ts";
import { arrived, batchNode, INT64_MAX, INT64_MIN, patientClient, sent, turns } from "./batch-node.ts";
import { hangUp, json, problem } from "./fake-node.ts";
import { failure, keysOf } from "./kit.ts";

const PATIENT = { timeout: 60_000 };
const POLL = { timeout: 20_000, interval: 1 };
const SAFE = Number.MAX_SAFE_INTEGER;

describe("what is refused", PATIENT, () => {
  it("because of one counter is refused for its callers only, and the rest goes out anew under another key", async () => {
    const node = await batchNode();
    node.values.set("full", INT64_MAX - 1n);
    node.values.set("empty", INT64_MIN);
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({ onFailure: (failed) => told.push(failed) });
    const calls = [
      ["a", 1],
      ["full", 1],
      ["b", 2],
      ["empty", -1],
      ["full", 1],
      ["c", 3],
    ].map(([key, by]) => failure(counting.increment(String(key), Number(by))));
    const [a, full, b, empty, fuller, c] = await Promise.all(calls);
    expect([a, b, c]).toEqual(["it resolved", "it resolved", "it resolved"]);
    expect(full).toBeInstanceOf(Refused);
    expect(full).toMatchObject({ code: "COUNTER_OVERFLOW", outcome: "not-applied", position: undefined });
    expect(String(full)).toContain("the sum of 2 calls");
    expect(fuller).toBe(full);
    expect(empty).toMatchObject({ code: "COUNTER_OVERFLOW" });
    expect(empty).not.toBe(full);
    expect(sent(node)).toEqual([
      "a 1, full 2, b 2, empty -1, c 3",
      "a 1, b 2, empty -1, c 3",
      "a 1, b 2, c 3",
    ]);
    expect(new Set(keysOf(node)).size).toBe(3);
    expect(told).toEqual([
      { error: full, sums: [{ key: "full", by: 2n, calls: 2 }] },
      { error: empty, sums: [{ key: "empty", by: -1n, calls: 1 }] },
    ]);
    expect(counting.pending).toBe(0);
  });

  it("as a whole is refused for all of its callers, and for no others", async () => {
    const node = await batchNode({
      instead: (at) => (at === 0 ? problem("BODY_TOO_LARGE") : undefined),
    });
    const counting = patientClient(node).combining();
    const [one, other] = await Promise.all(["a", "b"].map((key) => failure(counting.increment(key))));
    expect(one).toMatchObject({ name: "Refused", code: "BODY_TOO_LARGE" });
    expect(other).toBe(one);
    expect(await counting.increment("a")).toMatchObject({ value: 1n });
  });

  it("before it is sent is a key that nodes do not take, and it spoils nothing", async () => {
    const node = await batchNode();
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({ onFailure: (failed) => told.push(failed) });
    const good = counting.increment("k");
    for (const key of ["", "..", "\ud800", "k".repeat(513), "é".repeat(257)]) {
      expect(await failure(counting.increment(key, 2)), key).toMatchObject({ code: "INVALID_KEY" });
    }
    await counting.increment("é".repeat(256));
    await good;
    expect(sent(node)[0]).toBe(`k 1, ${"é".repeat(256)} 1`);
    expect(told.map(({ sums }) => sums.length)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe("a request whose answer is lost", PATIENT, () => {
  it("is sent again with the same key and the same bytes, and counts once", async () => {
    const node = await batchNode({ instead: (at) => (at === 0 ? hangUp : undefined) });
    const counting = patientClient(node).combining();
    const calls = [counting.increment("k", 3), counting.increment("é\u0001", 2n ** 62n)];
    await Promise.all(calls);
    const [first, second] = node.asked;
    expect(second?.body).toBe(first?.body);
    expect(second?.idempotencyKey).toBe(first?.idempotencyKey);
    expect(first?.idempotencyKey).toMatch(/^"[0-9a-f-]{36}"$/);
    expect(node.values.get("k")).toBe(3n);
  });

  it("tells all of its callers that the outcome is unknown, and its key finds it out", async () => {
    let isDark = true;
    const node = await batchNode({ instead: () => (isDark ? problem("OUTCOME_UNKNOWN") : undefined) });
    const client = patientClient(node);
    const told: CombiningFailure[] = [];
    const counting = client.combining({ timeoutMs: 300, onFailure: (failed) => told.push(failed) });
    const calls = [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ].map(([key, by]) => failure(counting.increment(String(key), Number(by))));
    const [first, ...others] = await Promise.all(calls);
    if (!(first instanceof OutcomeUnknown)) throw new Error("it is known");
    expect(others).toEqual([first, first]);
    expect(first.outcome).toBe("unknown");
    expect(told).toEqual([
      {
        error: first,
        sums: [
          { key: "a", by: 4n, calls: 2 },
          { key: "b", by: 2n, calls: 1 },
        ],
      },
    ]);
    isDark = false;
    const operations = (told[0]?.sums ?? []).map(({ key, by }) => ({ key, by }));
    await client.batch(operations, { idempotencyKey: first.idempotencyKey ?? "" });
    expect(new Set(keysOf(node)).size).toBe(1);
    expect(new Set(node.asked.map(({ body }) => body)).size).toBe(1);
    expect(node.values).toEqual(new Map(Object.entries({ a: 4n, b: 2n })));
    expect(await counting.increment("a")).toMatchObject({ value: 5n });
  });

  it("is unknown too if what came for an answer has not a result for each counter", async () => {
    const node = await batchNode({ instead: () => json(200, '{"results":[],"index":1,"term":1}') });
    const counting = patientClient(node).combining({ timeoutMs: 200 });
    expect(await failure(counting.increment("k"))).toBeInstanceOf(OutcomeUnknown);
  });

  it("counts once for every caller, whatever is lost on the way", async () => {
    let seed = 20_261_121;
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    const lose = ["before", "after", "no"] as const;
    const inner = await batchNode();
    const client = new RaftallyClient({
      urls: [inner.url],
      backoffMsMin: 1,
      backoffMsMax: 2,
      discoverMs: 0,
      timeoutMs: 50_000,
      fetch: async (input, init) => {
        const fate = lose[Math.floor(random() * lose.length)];
        if (fate === "before") throw new TypeError("fetch failed");
        const response = await fetch(input, init);
        if (fate === "after") throw new TypeError("fetch failed");
        return response;
      },
    });
    const counting = client.combining({ maxKeys: 3, maxInFlight: 3 });
    const expected = new Map<string, bigint>();
    const workers = Array.from({ length: 40 }, async () => {
      for (let times = 0; times < 15; times++) {
        const key = `k${Math.floor(random() * 9)}`;
        const by = random() < 0.2 ? BigInt(Math.floor(random() * SAFE)) : Math.floor(random() * 9) - 4;
        expected.set(key, (expected.get(key) ?? 0n) + BigInt(by));
        const { value, calls } = await counting.increment(key, by);
        expect(typeof value).toBe("bigint");
        expect(calls).toBeGreaterThan(0);
      }
    });
    await Promise.all(workers);
    expect(inner.values).toEqual(expected);
    expect(counting.pending).toBe(0);
  });
});

describe("when no node can serve", PATIENT, () => {
  it("nothing has changed, all callers are told so, and later ones get through", async () => {
    let isUp = false;
    const later = { retryAfterMs: 60_000 };
    const node = await batchNode({ instead: () => (isUp ? undefined : problem("NO_LEADER", later)) });
    const counting = patientClient(node).combining();
    const [one, other] = await Promise.all(["a", "b"].map((key) => failure(counting.increment(key))));
    expect(one).toBeInstanceOf(Unavailable);
    expect(other).toBe(one);
    isUp = true;
    expect(await counting.increment("a")).toMatchObject({ value: 1n });
    expect(node.values).toEqual(new Map([["a", 1n]]));
  });

  it("and then one can, requests whose time has passed meanwhile are sent all the same", async () => {
    const later = { retryAfterMs: 60_000 };
    const node = await batchNode({
      instead: (at) => (at === 0 ? problem("NO_LEADER", later) : undefined),
      hold: true,
    });
    const counting = patientClient(node).combining();
    const refused = failure(counting.increment("k"));
    await arrived(node, 1);
    node.release();
    expect(await refused).toBeInstanceOf(Unavailable);
    const [first, second] = [counting.increment("k"), arrived(node, 2).then(() => counting.increment("k"))];
    await arrived(node, 2);
    await turns();
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 60_000);
    onTestFinished(() => clock.mockRestore());
    node.release("all");
    expect(await first).toMatchObject({ value: 1n });
    expect(await second).toMatchObject({ value: 2n });
  });

  it("requests that had to wait for those before them end with them, not one after the other", async () => {
    const node = await batchNode({ instead: () => problem("NO_LEADER") });
    const counting = patientClient(node).combining({ timeoutMs: 1_000, maxKeys: 1, maxInFlight: 1 });
    const begun = performance.now();
    const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
    const [, ...errors] = await Promise.all(keys.map((key) => failure(counting.increment(key))));
    for (const error of errors) {
      expect(error).toBeInstanceOf(Unavailable);
      expect(String(error)).toContain("behind requests that no node could serve");
    }
    // One after the other would take 50 s.
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(counting.pending).toBe(0);
  });
});

describe("too much at once", PATIENT, () => {
  it("is refused as not applied beyond so many calls, also of one counter, until there is room again", async () => {
    const node = await batchNode({ hold: true });
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({
      maxPending: 3,
      onFailure: (failed) => told.push(failed),
    });
    const calls = [counting.increment("k"), counting.increment("k", 2n), counting.increment("k")];
    for (const by of [1, 1n]) {
      const error = await failure(counting.increment("k", by));
      expect(error).toBeInstanceOf(Unavailable);
      expect(error).toMatchObject({ code: "OVERLOADED", outcome: "not-applied" });
    }
    expect(told.map(({ sums }) => sums)).toEqual(Array(2).fill([{ key: "k", by: 1n, calls: 1 }]));
    node.release("all");
    await Promise.all(calls);
    expect(await counting.increment("k")).toMatchObject({ value: 5n });
  });

  it("is refused beyond so much memory, of which calls that join a sum take none", async () => {
    const node = await batchNode({ hold: true });
    const counting = patientClient(node).combining({ maxPendingBytes: 5_000 });
    const calls: Promise<Combined>[] = [];
    let error: unknown;
    for (let at = 0; at < 100 && error === undefined; at++) {
      const call = counting.increment(`key ${at}`);
      const ended = await Promise.race([failure(call), turns(1)]);
      if (ended === undefined) calls.push(call);
      else error = ended;
    }
    expect(error).toMatchObject({ code: "OVERLOADED" });
    expect(calls.length).toBeGreaterThan(5);
    expect(calls.length).toBeLessThan(15);
    for (let at = 0; at < 1_000; at++) calls.push(counting.increment(`key ${(calls.length % 5) + 1}`));
    node.release("all");
    await Promise.all(calls);
    await counting.increment("there is room again");
  });
});

describe("a program that awaits nothing", PATIENT, () => {
  it("is not ended by an unhandled rejection, and is told by onFailure", async () => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", hear);
    onTestFinished(() => void process.off("unhandledRejection", hear));
    const node = await batchNode({ instead: () => problem("OUTCOME_UNKNOWN") });
    const stop = new AbortController();
    const told: CombiningFailure[] = [];
    const counting = patientClient(node).combining({
      timeoutMs: 100,
      maxKeys: 2,
      maxPending: 5,
      signal: stop.signal,
      onFailure: (failed) => told.push(failed),
    });
    for (const key of ["a", "b", "a", "c", "d", "too many", ""]) void counting.increment(key);
    await vi.waitFor(() => expect(counting.pending).toBe(0), POLL);
    void counting.increment("aborted");
    stop.abort();
    void counting.increment("after the abort");
    const closed = counting.close();
    void counting.increment("after the close");
    await closed;
    await turns(20);
    expect(unhandled).toEqual([]);
    const failed = told.flatMap(({ sums }) => sums.map(({ key }) => key)).toSorted();
    expect(failed).toEqual(
      ["", "a", "aborted", "after the abort", "after the close", "b", "c", "d", "too many"].toSorted(),
    );
  });

  it("whose listener throws gets its own mistake to see, and the others their outcomes", async () => {
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => thrown.push(error));
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    });
    const node = await batchNode();
    node.values.set("full", INT64_MAX);
    const mistake = new Error("a mistake of the listener");
    const counting = patientClient(node).combining({
      onFailure: () => {
        throw mistake;
      },
    });
    const calls = ["full", "k"].map((key) => failure(counting.increment(key)));
    expect(await Promise.all(calls)).toMatchObject([{ code: "COUNTER_OVERFLOW" }, "it resolved"]);
    await turns();
    expect(thrown).toEqual([mistake]);
  });
});
