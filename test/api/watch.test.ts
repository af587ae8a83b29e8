import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type ApiOptions, type ApiServer, serveApi } from "../../src/api/index.ts";
import type { Change } from "../../src/counter/index.ts";
import { EventReader } from "./event-reader.ts";
import { type Bench, expectRefusal, get, makeBench } from "./kit.ts";
import { type Told, WatchReader } from "./watching.ts";

const servers: ApiServer[] = [];
const watchers: WatchReader[] = [];

afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.close();
  for (const server of servers.splice(0)) await server.close(0);
});

interface Served extends Bench {
  readonly url: string;
  readonly server: ApiServer;
}

async function serve(options: Partial<ApiOptions> = {}): Promise<Served> {
  const bench = makeBench({ watch: { flushMs: 5 }, ...options });
  const server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  servers.push(server);
  return { ...bench, server, url: `http://127.0.0.1:${server.port}` };
}

async function watch({ url }: { url: string }, query = "", after?: number): Promise<WatchReader> {
  const watcher = await WatchReader.open(url, query, after);
  watchers.push(watcher);
  return watcher;
}

async function change({ service }: Bench, operation: Change): Promise<void> {
  await service.write({ operation });
}

function add(key: string, by: bigint = 1n): Change {
  return { kind: "add", key, by };
}

/** Whether the state is asked for changes in the time of many flushes: nobody asks when nobody watches any more. */
async function hasAsked({ service, url }: Served, before: number): Promise<boolean> {
  for (let trip = 0; trip < 50; trip++) {
    if (service.reads.length > before) return true;
    await fetch(`${url}/livez`);
  }
  return false;
}

describe("a watch", () => {
  it("begins with where it begins, and goes on with every change", async () => {
    const bench = await serve();
    await change(bench, add("before"));
    const watcher = await watch(bench);
    expect(watcher.opened).toEqual({ revision: 1, index: 1, term: 3 });
    expect(watcher.stream.retryMs).toBe(1_000);
    expect(watcher.stream.header("content-type")).toBe("text/event-stream");
    expect(watcher.stream.header("cache-control")).toBe("no-store");
    expect(watcher.stream.header("x-accel-buffering")).toBe("no");
    await change(bench, add("a", 5n));
    await watcher.until(({ changes }) => changes.length === 1);
    await change(bench, { kind: "delete", key: "a" });
    await watcher.until(({ changes }) => changes.length === 2);
    expect(watcher.changes).toEqual([
      { key: "a", value: 5, revision: 2, from: 2, to: 2, deleted: false },
      { key: "a", value: 0, revision: 3, from: 3, to: 3, deleted: true },
    ]);
  });

  it("says what the counter is that it watches, exact beyond what a double holds", async () => {
    const bench = await serve();
    await change(bench, add("a", 2n ** 62n + 1n));
    const [opened] = (await watch(bench, "?key=a")).stream.events;
    expect(opened?.data).toContain(`"value":${2n ** 62n + 1n},"exists":true`);
    expect((await watch(bench, "?key=none")).opened).toMatchObject({ value: 0, exists: false, revision: 1 });
  });

  it("tells of one key only, or of those of a prefix, in ranges that cover the others", async () => {
    const bench = await serve();
    const [key, prefix] = [await watch(bench, "?key=a:1"), await watch(bench, "?prefix=a:")];
    for (const name of ["b", "a:2", "b"]) await change(bench, add(name));
    // A flush in which the other one is told nothing.
    await prefix.until(({ at }) => at === 2);
    await change(bench, add("a:1"));
    const [one] = await key.until(({ changes }) => changes.length === 1 && changes);
    expect(one).toMatchObject({ key: "a:1", from: 1, to: 4 });
    await prefix.until(({ at }) => at === 4);
    expect(prefix.changes.map((told) => told.key)).toEqual(["a:2", "a:1"]);
  });

  it("combines a burst on one counter into its latest value, with the range that it covers", async () => {
    const bench = await serve({ watch: { flushMs: 200 } });
    const watcher = await watch(bench);
    for (let time = 0; time < 100; time++) await change(bench, add("hot"));
    await change(bench, add("cold"));
    await watcher.until(({ at }) => at === 101);
    expect(watcher.changes).toEqual([
      { key: "hot", value: 100, revision: 100, from: 1, to: 100, deleted: false },
      { key: "cold", value: 1, revision: 101, from: 101, to: 101, deleted: false },
    ]);
  });

  it("goes on where another connection ended, wherever that was, without gap or duplicate", async () => {
    const bench = await serve({ watch: { flushMs: 1 } });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), reconnect: fc.boolean() }), {
          maxLength: 30,
        }),
        async (steps) => {
          let watcher = await watch(bench);
          const seen = new Map<string, number>();
          const first = watcher.at;
          let told: Told[] = [];
          for (const { key, reconnect } of steps) {
            await change(bench, add(key));
            const value = bench.service.counter(key)?.value ?? 0n;
            seen.set(key, Number(value));
            if (!reconnect) continue;
            told = [...told, ...watcher.changes];
            watcher.close();
            watcher = await watch(bench, "?after=0", watcher.at);
          }
          const { revision } = bench.service.status();
          if (steps.length > 0) await watcher.until(({ at }) => at === revision);
          told = [...told, ...watcher.changes];
          // What was told last of each counter is what it is, and the ranges cover everything once.
          const latest = new Map(told.map(({ key, value }) => [key, value]));
          expect(latest).toEqual(seen);
          let at = first;
          for (const { from, to } of told) {
            expect(from).toBe(at + 1);
            at = to;
          }
          expect(at).toBe(revision);
          watcher.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it("says so where what changed is not remembered, and goes on from there", async () => {
    const bench = await serve();
    await change(bench, add("a"));
    await change(bench, add("a"));
    bench.service.forgetChanges();
    const watcher = await watch(bench, "", 1);
    await watcher.until(({ resyncs }) => resyncs.length === 1);
    expect(watcher.resyncs).toEqual([
      { revision: 2, index: 2, term: 3, reason: expect.stringMatching(/not remembered/) },
    ]);
    await change(bench, add("a"));
    await watcher.until(({ changes }) => changes.length === 1);
    expect(watcher.changes).toMatchObject([{ from: 3, to: 3 }]);
    // Whoever has been told of everything misses nothing.
    const other = await watch(bench, "", 3);
    await change(bench, add("a"));
    await other.until(({ changes }) => changes.length === 1);
    expect(other.resyncs).toEqual([]);
  });

  it("waits on a node that is behind, and is sent back from a revision that never was", async () => {
    const bench = await serve();
    await change(bench, add("a"));
    const watcher = await watch(bench, "", 1_000);
    await watcher.until(({ resyncs }) => resyncs.length === 1);
    expect(watcher.resyncs).toMatchObject([{ revision: 1, reason: expect.stringMatching(/never/) }]);

    const behind = await serve();
    behind.service.refuseReads = { kind: "failed", code: "READ_TIMEOUT", detail: "no", retryAfterMs: 1 };
    await change(behind, add("a"));
    const patient = await watch(behind, "", 2);
    behind.service.refuseReads = undefined;
    for (let time = 0; time < 3; time++) await change(behind, add("a"));
    await patient.until(({ changes }) => changes.length > 0 && patient.at === 4);
    expect(patient.changes[0]?.from).toBe(3);
    expect(patient.resyncs).toEqual([]);
  });

  it("is sent back from a revision that never was also where nobody could say so at first", async () => {
    const bench = await serve();
    await change(bench, add("a"));
    bench.service.refuseReads = { kind: "failed", code: "READ_TIMEOUT", detail: "", retryAfterMs: 1 };
    const before = bench.service.reads.length;
    const watcher = await watch(bench, "", 9);
    expect(await hasAsked(bench, before)).toBe(true);
    bench.service.refuseReads = undefined;
    await watcher.until(({ resyncs }) => resyncs.length === 1);
    await change(bench, add("a"));
    await watcher.until(({ changes }) => changes.length === 1);
    expect(watcher.changes[0]).toMatchObject({ from: 2, to: 2, value: 2 });
  });

  it("is caught up piece by piece when it is far behind, while others stay up to date", async () => {
    const bench = await serve({ watch: { flushMs: 20, changesMax: 10 } });
    const live = await watch(bench);
    for (let at = 0; at < 200; at++) await change(bench, add(`k${at}`));
    const late = await watch(bench, "", 0);
    await change(bench, add("last"));
    await live.until(({ at }) => at === 201);
    await late.until(({ at }) => at === 201);
    expect(late.changes.map(({ key }) => key)).toEqual([
      ...Array.from({ length: 200 }, (_, at) => `k${at}`),
      "last",
    ]);
  });

  it("shows that it lives when nothing happens", async () => {
    const bench = await serve({ watch: { flushMs: 5, heartbeatMs: 10 } });
    const watcher = await watch(bench);
    await watcher.stream.until(({ comments }) => comments.length >= 2);
  });

  it("asks the state nothing while nothing changes or nobody is there, and once for all who watch", async () => {
    const bench = await serve();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) => watch(bench, at % 2 ? "" : "?key=a")),
    );
    bench.service.reads.length = 0;
    await change(bench, add("a"));
    for (const watcher of all) await watcher.until(({ at }) => at === 1);
    expect(bench.service.reads).toHaveLength(1);
    for (const watcher of all) watcher.close();
    await change(bench, add("a"));
    const again = await watch(bench);
    await change(bench, add("b"));
    await again.until(({ at }) => at === 3);
  });

  it("cuts off a reader that does not read, which can go on later", async () => {
    const bench = await serve({ watch: { flushMs: 1, bufferBytesMax: 20_000 } });
    const watcher = await watch(bench);
    watcher.stream.pause();
    const key = "k".repeat(500);
    // The system's buffers take megabytes before this process has to hold anything.
    let rounds = 0;
    for (let isThere = true; isThere && rounds < 200; rounds++) {
      const asked = bench.service.reads.length;
      for (let at = 0; at < 400; at++) await change(bench, add(`${key}${at}`));
      isThere = await hasAsked(bench, asked);
    }
    expect(rounds).toBeLessThan(200);
    watcher.stream.resume();
    await watcher.stream.untilOver();
    expect(watcher.stream.isWhole).toBe(false);
  });

  it("ends with the server, and when the node says that it stops or is wrong", async () => {
    const bench = await serve();
    const watcher = await watch(bench);
    await bench.server.close(10_000);
    await watcher.stream.untilOver();
    expect(watcher.stream.isWhole).toBe(true);

    const other = await serve();
    const last = await watch(other);
    other.service.refuseReads = { kind: "failed", code: "STATE_DIVERGED", detail: "no", retryAfterMs: 1 };
    await change(other, add("a"));
    await last.stream.untilOver();
    expect(last.stream.isWhole).toBe(true);
  });

  it("is refused where it makes no sense, or where there are too many", async () => {
    const bench = makeBench({ watch: { watchersMax: 1 } });
    await expectRefusal(await get(bench, "/v1/watch?key=a&prefix=b"), "INVALID_QUERY", /not both/);
    await expectRefusal(await get(bench, "/v1/watch?key="), "INVALID_KEY");
    await expectRefusal(await get(bench, "/v1/watch?after=-1"), "INVALID_QUERY", /after/);
    await expectRefusal(await get(bench, "/v1/watch?from=1"), "INVALID_QUERY");
    await expectRefusal(
      await get(bench, "/v1/watch", { "Last-Event-ID": "x" }),
      "INVALID_HEADER",
      /id of an event/,
    );
    const head = await bench.api.request("/v1/watch", { method: "HEAD" });
    expect(head.status).toBe(405);
    expect(head.headers.get("allow")).toBe("GET");
    const one = await get(bench, "/v1/watch");
    expect(one.status).toBe(200);
    await expectRefusal(await get(bench, "/v1/watch"), "OVERLOADED", /1 watchers/);
    await one.body?.cancel();
    expect((await get(bench, "/v1/watch")).status).toBe(200);
    bench.service.refuseReads = { kind: "failed", code: "READ_TIMEOUT", detail: "no", retryAfterMs: 1 };
    const refused = makeBench();
    refused.service.refuseReads = { kind: "failed", code: "READ_TIMEOUT", detail: "no", retryAfterMs: 1 };
    await expectRefusal(await get(refused, "/v1/watch"), "READ_TIMEOUT");
  });

  it("forgets a reader that left", async () => {
    const bench = await serve({ watch: { flushMs: 5, watchersMax: 2 } });
    for (let time = 0; time < 10; time++) {
      const reader = await EventReader.open(`${bench.url}/v1/watch`);
      expect(reader.status).toBe(200);
      reader.close();
      // The node hears of it a moment later.
      for (let probe = await EventReader.open(`${bench.url}/v1/watch`); ; ) {
        const { status } = probe;
        probe.close();
        if (status === 200) break;
        probe = await EventReader.open(`${bench.url}/v1/watch`);
      }
    }
  });
});
