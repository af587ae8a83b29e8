import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { ApiOptions } from "../../src/api/index.ts";
import { LOOP_WATCHED_MS, LoopDelay } from "../../src/api/metrics-loop.ts";
import { LogTail } from "../../src/node/live-log.ts";
import { nodeId, term } from "../../src/raft/index.ts";
import { type Family, parseExposition, type Sample } from "./exposition.ts";
import { type Bench, get, INCREMENT, makeBench, post } from "./kit.ts";

let bench: Bench;

beforeEach(() => {
  bench = makeBench();
});

afterEach(() => bench.service.live.close());

async function scrape(of: Bench = bench): Promise<ReadonlyMap<string, Family>> {
  const response = await get(of, "/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}

function samplesOf(families: ReadonlyMap<string, Family>, name: string): readonly Sample[] {
  return families.get(name)?.samples ?? [];
}

function numberOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = JSON.stringify(labels);
  return samplesOf(families, name).find((sample) => JSON.stringify(sample.labels) === wanted)?.value;
}

function benchWith(options: Partial<ApiOptions>): Bench {
  bench.service.live.close();
  bench = makeBench(options);
  return bench;
}

it("speaks Prometheus' format, with a help and a type for everything", async () => {
  const families = await scrape();
  for (const { name, help, type } of families.values()) {
    expect(help.length, name).toBeGreaterThan(10);
    expect(type, name).toMatch(/^(?:gauge|counter|histogram|summary)$/);
    if (name.startsWith("raftally_")) expect(name.endsWith("_total"), name).toBe(type === "counter");
  }
  expect(families.size).toBeGreaterThan(50);
});

it("says who leads and how far the node is, in etcd's words", async () => {
  bench.service.about = { commit: 12, applied: 11, term: 4 };
  const families = await scrape();
  expect(numberOf(families, "raftally_has_leader")).toBe(1);
  expect(numberOf(families, "raftally_is_leader")).toBe(1);
  expect(numberOf(families, "raftally_is_learner")).toBe(0);
  expect(numberOf(families, "raftally_raft_term")).toBe(4);
  expect(numberOf(families, "raftally_proposals_committed_total")).toBe(12);
  expect(numberOf(families, "raftally_proposals_applied_total")).toBe(11);
  bench.service.about = { leader: undefined, role: "learner" };
  const later = await scrape();
  expect(numberOf(later, "raftally_has_leader")).toBe(0);
  expect(numberOf(later, "raftally_is_leader")).toBe(0);
  expect(numberOf(later, "raftally_is_learner")).toBe(1);
});

it("counts leaders and terms that it saw, each once", async () => {
  const { live } = bench.service;
  const leads = (id: string, inTerm: number): void =>
    live.trace({ kind: "leader", leader: nodeId(id), term: term(inTerm) });
  leads("n2", 5);
  leads("n2", 5);
  live.trace({ kind: "leader", leader: undefined, term: term(6) });
  leads("n2", 6);
  leads("n1", 7);
  expect(numberOf(await scrape(), "raftally_leader_changes_seen_total")).toBe(3);
});

it("shows each peer's lag and round trip, and forgets a peer that is gone", async () => {
  const peer = {
    id: nodeId("n2"),
    api: "http://127.0.0.1:4001",
    peer: "127.0.0.1:4101",
    reachable: true,
    roundTripMs: 1.5,
    match: 90,
    state: "replicate",
  } as const;
  const configuration = {
    voters: [nodeId("n1"), nodeId("n2")],
    outgoing: [],
    learners: [],
    members: [],
    removed: [],
  };
  bench.service.about = { peers: [peer], last: 100, configuration };
  const families = await scrape();
  expect(numberOf(families, "raftally_raft_follower_lag_entries", { peer: "n2" })).toBe(10);
  expect(numberOf(families, "raftally_peer_round_trip_seconds", { peer: "n2" })).toBe(0.0015);
  expect(numberOf(families, "raftally_peer_reachable", { peer: "n2" })).toBe(1);
  expect(numberOf(families, "raftally_voters")).toBe(2);
  expect(numberOf(families, "raftally_voters_reachable")).toBe(2);
  const lost = { ...peer, reachable: false, roundTripMs: undefined, match: undefined };
  bench.service.about = { peers: [lost], last: 100, configuration };
  const later = await scrape();
  expect(samplesOf(later, "raftally_raft_follower_lag_entries")).toEqual([]);
  expect(samplesOf(later, "raftally_peer_round_trip_seconds")).toEqual([]);
  expect(numberOf(later, "raftally_peer_reachable", { peer: "n2" })).toBe(0);
  expect(numberOf(later, "raftally_voters_reachable")).toBe(1);
  bench.service.about = {};
  expect(samplesOf(await scrape(), "raftally_peer_reachable")).toEqual([]);
});

it("counts how writes and reads ended", async () => {
  const { live } = bench.service;
  const done = {
    kind: "done",
    results: [{ key: "a", value: 1n, revision: 1, changed: true }],
    replayed: false,
  } as const;
  const refused = {
    kind: "refused",
    code: "LIMIT_REACHED",
    detail: "",
    position: 0,
    replayed: false,
  } as const;
  const applied = (outcome: typeof done | typeof refused | (typeof done & { replayed: never })): void =>
    live.answered({ kind: "write", id: 1, result: { kind: "applied", outcome, index: 1, term: 1 } });
  const failed = (code: "OUTCOME_UNKNOWN" | "OVERLOADED"): void =>
    live.answered({ kind: "write", id: 1, result: { kind: "failed", code, detail: "", retryAfterMs: 1 } });
  applied(done);
  applied({ ...done, replayed: true as never });
  applied(refused);
  failed("OUTCOME_UNKNOWN");
  failed("OVERLOADED");
  const families = await scrape();
  const outcomes = Object.fromEntries(
    samplesOf(families, "raftally_writes_total").map(({ labels, value }) => [labels["outcome"], value]),
  );
  expect(outcomes).toEqual({ done: 2, refused: 2, unknown: 1 });
  expect(numberOf(families, "raftally_idempotency_replays_total")).toBe(1);
  expect(numberOf(families, "raftally_changes_acknowledged_total")).toBe(1);
  expect(numberOf(families, "raftally_proposals_failed_total")).toBe(2);
});

it("counts what goes to the log and to each peer", async () => {
  const { service } = bench;
  service.live.attach({
    status: () => service.status(),
    checks: () => service.checks(),
    running: {
      raft: () => ({ role: "leader", term: 1, last: 9, committed: 9, durable: 9 }) as never,
      tickMs: 10,
      diskBytes: () => Promise.resolve(0),
      traffic: () => ({
        log: { batches: 3, entries: 8, bytes: 640 },
        peers: new Map([
          [nodeId("n2"), 700],
          [nodeId("n3"), 40],
        ]),
      }),
      directory: import.meta.dirname,
      revision: 0,
      digests: [],
      tail: new LogTail(),
    },
  });
  const families = await scrape();
  expect(numberOf(families, "raftally_wal_writes_total")).toBe(3);
  expect(numberOf(families, "raftally_wal_entries_total")).toBe(8);
  expect(numberOf(families, "raftally_wal_written_bytes_total")).toBe(640);
  expect(numberOf(families, "raftally_peer_sent_bytes_total", { peer: "n2" })).toBe(700);
  expect(numberOf(families, "raftally_peer_sent_bytes_total", { peer: "n3" })).toBe(40);
});

it("counts the time in which the event loop works, and not that in which it waits", async () => {
  const active = async (): Promise<number> =>
    numberOf(await scrape(), "raftally_event_loop_active_seconds_total") ?? -1;
  // The loop's own measure begins with its first turn.
  await new Promise((resolve) => setImmediate(resolve));
  const cpu = async (): Promise<number> =>
    numberOf(await scrape(), "raftally_event_loop_cpu_seconds_total") ?? -1;
  const [before, cpuBefore] = [await active(), await cpu()];
  const { user: from } = process.threadCpuUsage();
  while (process.threadCpuUsage().user - from < 60_000) {
    // Works.
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect((await active()) - before).toBeGreaterThanOrEqual(0.06);
  expect((await cpu()) - cpuBefore).toBeGreaterThanOrEqual(0.06);
});

describe("how late the event loop is", () => {
  const counted = (delay: LoopDelay): readonly number[] => {
    const below = new Map(delay.buckets.cumulative());
    return [0.001, 0.02, 0.1].map((bound) => below.get(bound) ?? -1);
  };

  it("counts for each stall the looks that fell into it, so that shares of looks are shares of time", () => {
    const delay = new LoopDelay();
    for (let look = 0; look < 950; look++) delay.observe(look % 2 === 0 ? 0.4 : -0.2);
    expect(counted(delay)).toEqual([950, 950, 950]);
    // 2 s without stalls, and one of 100 ms, in which 50 looks fall.
    delay.observe(100);
    expect(delay.buckets.count).toBe(950 + 51);
    expect(counted(delay)).toEqual([951, 961, 1_001]);
  });

  it("takes the sleep of a machine for a long stall, and is soon done with it", () => {
    const delay = new LoopDelay();
    delay.observe(7 * 24 * 3_600_000);
    expect(delay.buckets.count).toBe(30_001);
  });

  it("is looked at from the first scrape on, every 2 ms, and only grows", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const name = "raftally_event_loop_delay_seconds";
    const count = async (): Promise<number | undefined> =>
      samplesOf(await scrape(), name).find((sample) => sample.name === `${name}_count`)?.value;
    expect(await count()).toBe(0);
    vi.advanceTimersByTime(100);
    expect(await count()).toBe(50);
    vi.advanceTimersByTime(20);
    expect(await count()).toBe(60);
  });

  it("is looked at no more when nobody has asked for long, and again when somebody does", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const delay = new LoopDelay();
    expect(delay.looks).toBe(false);
    delay.start();
    vi.advanceTimersByTime(LOOP_WATCHED_MS / 2);
    delay.start();
    vi.advanceTimersByTime(LOOP_WATCHED_MS - 10);
    expect(delay.looks).toBe(true);
    vi.advanceTimersByTime(20);
    expect(delay.looks).toBe(false);
    const { count } = delay.buckets;
    vi.advanceTimersByTime(10_000);
    delay.start();
    // The time in between is no stall.
    expect(delay.looks).toBe(true);
    expect(delay.buckets.count).toBe(count);
    vi.advanceTimersByTime(10);
    expect(delay.buckets.count).toBe(count + 5);
  });
});

describe("durations", () => {
  it("of requests are told by route and class of status, never by key", async () => {
    await post(bench, INCREMENT);
    await post(bench, "/v1/counters/another/increment");
    await post(bench, INCREMENT, { body: "{" });
    await get(bench, "/v1/counters/nobody");
    await get(bench, "/nothing/here");
    const families = await scrape();
    const counts = samplesOf(families, "raftally_http_request_duration_seconds")
      .filter(({ name }) => name.endsWith("_count"))
      .map(({ labels, value }) => [labels["method"], labels["route"], labels["status"], value]);
    expect(counts).toContainEqual(["POST", "/v1/counters/:key/increment", "2xx", 2]);
    expect(counts).toContainEqual(["POST", "/v1/counters/:key/increment", "4xx", 1]);
    expect(counts).toContainEqual(["GET", "/v1/counters/:key", "4xx", 1]);
    expect(counts).toContainEqual(["any", "none", "4xx", 1]);
    expect(JSON.stringify(counts)).not.toMatch(/another|nobody|nothing/);
  });

  it("of entries on their way are counted in classes", async () => {
    const { live } = bench.service;
    const applied = { index: 1, outcomes: [], digests: [], totals: { revision: 1 } } as never;
    for (const ms of [0.05, 0.3, 3, 9_000]) live.applied(applied, 1, ms);
    const families = await scrape();
    const name = "raftally_apply_duration_seconds";
    const below = (le: string): number | undefined =>
      samplesOf(families, name).find(({ labels }) => labels["le"] === le)?.value;
    expect([below("0.0001"), below("0.0005"), below("0.004"), below("4.096"), below("+Inf")]).toEqual([
      1, 2, 3, 3, 4,
    ]);
    const sum = samplesOf(families, name).find((sample) => sample.name === `${name}_sum`);
    expect(sum?.value).toBeCloseTo(9.003_35, 5);
  });
});

describe("the values of counters", () => {
  it("are not told unasked", async () => {
    await post(bench, INCREMENT);
    expect((await scrape()).has("raftally_counter")).toBe(false);
  });

  it("are told exactly, of the first 1,000 counters, whatever their names", async () => {
    benchWith({ exportCounters: true });
    const name = 'a"b\\c d{}=, \u{1F600}';
    await post(bench, `/v1/counters/${encodeURIComponent(name)}/increment`, {
      body: '{"by":9007199254740993}',
    });
    for (let at = 0; at < 1_100; at += 100) {
      const operations = Array.from({ length: 100 }, (_, n) => ({
        key: `k${String(at + n).padStart(5, "0")}`,
      }));
      await post(bench, "/v1/batch", { body: JSON.stringify({ operations }) });
    }
    const samples = samplesOf(await scrape(), "raftally_counter");
    expect(samples).toHaveLength(1_000);
    expect(samples[0]).toMatchObject({ labels: { key: name }, text: "9007199254740993" });
    expect(samples.at(-1)?.labels["key"]).toBe("k00998");
  });
});
