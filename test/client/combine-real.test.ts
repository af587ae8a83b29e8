/** Combining against real nodes: what they count is what was acknowledged, whatever happens to them meanwhile. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "../../chaos/index.ts";
import { type CombiningFailure, OutcomeUnknown } from "../../src/client/index.ts";
import { eventually } from "../cli/processes.ts";
import { CAPABILITIES, requires } from "../support/capability.ts";
import { INT64_MAX, INT64_MIN } from "./batch-node.ts";
import { failure } from "./kit.ts";

const PATIENT_MS = 180_000;

// A cluster of its own takes long to start; real-node.test.ts asks the first of these things of the one that it has.
let cluster: Cluster;
beforeAll(async () => {
  if (CAPABILITIES.patience.probe() === "present") cluster = await Cluster.start();
}, PATIENT_MS);
afterAll(() => cluster?.stop(), PATIENT_MS);
beforeEach((context) => requires(context, "patience"));

describe.each(["keys", "sessions"] as const)("combining by %s", { timeout: PATIENT_MS }, (exactlyOnce) => {
  const p = `${exactlyOnce}:`;

  it("gives each counter the sum of its calls, durable and readable when they are told", async () => {
    const client = cluster.client(0, { exactlyOnce, timeoutMs: 50_000, attemptTimeoutMs: 10_000 });
    await using counting = client.combining();
    const keys = Array.from({ length: 1_200 }, (_, at) => `${p}many:${at}`);
    const calls = keys.flatMap((key, at) => [counting.increment(key, at), counting.increment(key, 1n)]);
    const index = Math.max(...(await Promise.all(calls)).map((combined) => combined.index));
    const sum = await cluster.client(1).sum({ prefix: `${p}many:`, minIndex: index });
    expect(sum).toMatchObject({ sum: (1_199n * 1_200n) / 2n + 1_200n, counters: 1_200 });
  });

  it("is exact to the ends of the range, and splits what would leave it", async () => {
    const client = cluster.client(0, { exactlyOnce });
    await client.set(`${p}low`, INT64_MIN);
    await using counting = client.combining();
    const calls = [INT64_MAX, INT64_MAX, 1, Number.MAX_SAFE_INTEGER].map((by) =>
      failure(counting.increment(`${p}low`, by)),
    );
    expect(await Promise.all(calls)).toEqual([
      "it resolved",
      "it resolved",
      // These two are one sum, and together they are too much.
      expect.objectContaining({ code: "COUNTER_OVERFLOW" }),
      expect.objectContaining({ code: "COUNTER_OVERFLOW" }),
    ]);
    expect((await client.get(`${p}low`))?.value).toBe(INT64_MAX - 1n);
    expect(await counting.increment(`${p}low`)).toMatchObject({ value: INT64_MAX, by: 1n });
  });

  it("refuses one counter's callers when it is full, and counts all others", async () => {
    const client = cluster.client(0, { exactlyOnce });
    await client.set(`${p}full`, INT64_MAX);
    await client.delete(`${p}beside`);
    await using counting = client.combining();
    const keys = [`${p}beside`, `${p}full`, `${p}\u0007`, `${p}beside`];
    const results = await Promise.all(keys.map((key) => failure(counting.increment(key))));
    expect(results).toMatchObject([
      "it resolved",
      { code: "COUNTER_OVERFLOW", outcome: "not-applied" },
      { code: "INVALID_KEY", outcome: "not-applied" },
      "it resolved",
    ]);
    expect((await client.get(`${p}beside`))?.value).toBe(2n);
  });

  it("counts every acknowledged call once while leaders are killed", async () => {
    const client = cluster.client(0, { exactlyOnce, timeoutMs: 50_000 });
    const counting = client.combining({ maxKeys: 5 });
    const key = (at: number): string => `${p}killed:${at % 12}`;
    let acknowledged = 0n;
    let isOver = false;
    const callers = Array.from({ length: 200 }, async (_, at) => {
      for (let times = 0; !isOver; times++) {
        await counting.increment(key(at + times));
        acknowledged += 1n;
      }
    });
    for (let kill = 0; kill < 2; kill++) {
      const before = acknowledged;
      await eventually(() => acknowledged > before + 2_000n, "calls are acknowledged");
      const leader = await cluster.leader();
      await cluster.kill(leader);
      const during = acknowledged;
      await eventually(() => acknowledged > during + 2_000n, "they are again, by another leader");
      await cluster.startNode(leader);
    }
    isOver = true;
    await Promise.all(callers);
    await counting.close();
    expect((await client.sum({ prefix: `${p}killed:` })).sum).toBe(acknowledged);
  });
});

describe("a request of which nobody knows what came of it", { timeout: PATIENT_MS }, () => {
  it("is found out with its key and its sums, and has counted once", async () => {
    const loses: typeof fetch = async (input, init) => {
      await fetch(input, init);
      throw new TypeError("the answer got lost");
    };
    const lost: CombiningFailure[] = [];
    const client = cluster.client(0, { fetch: loses, timeoutMs: 1_500, discoverMs: 0 });
    const counting = client.combining({ onFailure: (failed) => lost.push(failed) });
    const keys = ["found:out", "found:too", "found:out"];
    const errors = await Promise.all(keys.map((key) => failure(counting.increment(key, 2n ** 60n))));
    const [error] = errors;
    if (!(error instanceof OutcomeUnknown)) throw new Error("it is known");
    expect(errors).toEqual([error, error, error]);
    const operations = (lost[0]?.sums ?? []).map(({ key, by }) => ({ key, by }));
    const done = await cluster.client(1).batch(operations, { idempotencyKey: error.idempotencyKey ?? "" });
    expect(done.replayed).toBe(true);
    expect(done.results.map(({ value }) => value)).toEqual([2n ** 61n, 2n ** 60n]);
  });
});
