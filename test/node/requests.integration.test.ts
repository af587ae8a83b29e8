import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WriteResult } from "../../src/node/index.ts";
import { type Answer, ask, Cluster, type Machine, PATIENT_MS, until } from "./machines.ts";

/** Of commands that wait: enough for the tests, and soon reached. A waiting increment counts as a little over 200. */
const PENDING_BYTES_MAX = 100_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.formed({ node: { pendingBytesMax: PENDING_BYTES_MAX } });
}, PATIENT_MS);
afterAll(() => cluster.end());

function increment(
  at: Machine,
  key: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return ask(`${at.url}/v1/counters/${key}/increment`, { headers });
}

function read(at: Machine, key: string, query = ""): Promise<Answer> {
  return ask(`${at.url}/v1/counters/${key}${query}`, { method: "GET" });
}

function counted(result: WriteResult): bigint | undefined {
  if (result.kind !== "applied" || result.outcome.kind !== "done") return undefined;
  return result.outcome.results[0]?.value;
}

describe("writes and reads", { timeout: PATIENT_MS }, () => {
  it("are taken by the leader, redirected by followers, and seen everywhere at once", async () => {
    const leader = await cluster.leader();
    expect(await increment(leader, "hits")).toMatchObject({ status: 200, body: { value: 1 } });
    for (const follower of await cluster.followers()) {
      const redirected = await increment(follower, "hits");
      expect([redirected.status, redirected.body.code]).toEqual([307, "NOT_LEADER"]);
      expect(redirected.headers.get("location")).toBe(`${leader.url}/v1/counters/hits/increment`);
    }
    // A read that begins after a write was acknowledged sees it, at every node, without a pause between.
    for (let value = 2; value <= 20; value++) {
      expect((await increment(leader, "hits")).body.value).toBe(value);
      const seen = await Promise.all(cluster.machines.map((machine) => read(machine, "hits")));
      expect(seen.map(({ body }) => body.value)).toEqual([value, value, value]);
    }
  });

  it("gives a stale read with its age", async () => {
    await increment(await cluster.leader(), "stale");
    for (const machine of cluster.machines) {
      const answer = await until(async () => {
        const got = await read(machine, "stale", "?consistency=stale");
        // Heartbeats come every 50 ms. A process that has just stood still says how old its answer is, too.
        return got.status === 200 && (got.body.ageMs ?? 0) < 2_000 && got;
      }, `${machine.id} has applied the write, and hears its leader`);
      const age = answer.body.ageMs;
      expect(age).toBeGreaterThanOrEqual(0);
      expect(answer.headers.get("raftally-age-ms")).toBe(String(age));
    }
  });

  it("gives 200 concurrent increments of one key 200 values, in fewer entries", async () => {
    const leader = await cluster.leader();
    const before = leader.traces("entry").length;
    const results = await Promise.all(Array.from({ length: 200 }, () => leader.increment("hot")));
    const values = results.map((result) => Number(counted(result))).sort((a, b) => a - b);
    expect(values).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    const entries = leader.traces("entry").slice(before);
    expect(entries.reduce((sum, { commands }) => sum + commands, 0)).toBe(200);
    expect(entries.length).toBeLessThan(20);
    expect(await Promise.all(cluster.machines.map((machine) => machine.value("hot")))).toEqual([
      200n,
      200n,
      200n,
    ]);
  });

  it("does the same when they come one by one over HTTP", async () => {
    const leader = await cluster.leader();
    const before = leader.traces("entry").length;
    const answers = await Promise.all(Array.from({ length: 200 }, () => increment(leader, "warm")));
    expect(new Set(answers.map(({ body }) => body.value)).size).toBe(200);
    expect(Math.max(...answers.map(({ body }) => body.value ?? 0))).toBe(200);
    expect(leader.traces("entry").length - before).toBeLessThan(200);
  });

  it("does a batch entirely or not at all", async () => {
    const { url } = await cluster.leader();
    const batch = (operations: readonly unknown[]): Promise<Answer> =>
      ask(`${url}/v1/batch`, { body: { operations } });
    const done = await batch([{ key: "x", by: 2 }, { key: "y", by: 3 }, { key: "x" }]);
    expect(done.body.results?.map(({ value }) => value)).toEqual([2, 3, 3]);
    const refused = await batch([{ key: "x" }, { key: "y", max: 3 }]);
    expect(refused).toMatchObject({
      status: 409,
      body: { code: "LIMIT_REACHED", outcome: "not-applied", position: 1 },
    });
    for (const machine of cluster.machines) {
      expect([await machine.value("x"), await machine.value("y")]).toEqual([3n, 3n]);
    }
  });
});

describe("a retry", { timeout: PATIENT_MS }, () => {
  const keyed = { "Idempotency-Key": "order-17" };

  function inSession(session: number | undefined, seq: number): Readonly<Record<string, string>> {
    return { "Raftally-Session": `id=${session}, seq=${seq}, first=1` };
  }

  /** Both kinds of retry give what the first attempts gave, and nothing counts again. */
  async function expectReplays(session: number | undefined): Promise<void> {
    const leader = await cluster.leader();
    const retries = [
      await increment(leader, "once", keyed),
      await increment(leader, "once", inSession(session, 1)),
    ];
    expect(retries.map(({ status, body }) => [status, body.value])).toEqual([
      [200, 1],
      [200, 2],
    ]);
    for (const { headers } of retries) expect(headers.get("idempotency-replayed")).toBe("true");
    for (const machine of cluster.machines) expect(await machine.value("once")).toBe(2n);
    const reused = await increment(leader, "another", keyed);
    expect([reused.status, reused.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
  }

  it("counts once: across a change of leader, and a crash of all nodes", async () => {
    const first = await cluster.leader();
    const { session } = (await ask(`${first.url}/v1/sessions`)).body;
    const attempts = [
      await increment(first, "once", keyed),
      await increment(first, "once", inSession(session, 1)),
    ];
    expect(attempts.map(({ body }) => body.value)).toEqual([1, 2]);
    for (const { headers } of attempts) expect(headers.get("idempotency-replayed")).toBeNull();
    await expectReplays(session);

    await cluster.crash(first.id);
    expect((await cluster.leader()).id).not.toBe(first.id);
    await expectReplays(session);

    await cluster.crashAll();
    await cluster.startAll();
    await expectReplays(session);

    // The session goes on from there, and what its client has not asked for again is forgotten.
    const next = await increment(await cluster.leader(), "once", {
      "Raftally-Session": `id=${session}, seq=2, first=2`,
    });
    expect(next.body.value).toBe(3);
    const unknown = await increment(await cluster.leader(), "once", inSession(999_999, 1));
    expect([unknown.status, unknown.body.code]).toEqual([410, "SESSION_EXPIRED"]);
  });
});

describe("more than a node takes", { timeout: PATIENT_MS }, () => {
  it("is refused at once, with when to come back, and fits again later", async () => {
    // Without a majority nothing gets done, and writes pile up.
    const leader = await cluster.leader();
    const followers = await cluster.followers();
    for (const { id } of followers) await cluster.crash(id);
    const flood = Array.from({ length: PENDING_BYTES_MAX / 200 }, () => leader.increment("flood"));
    const refused = await increment(leader, "flood");
    expect([refused.status, refused.body.code, refused.body.outcome]).toEqual([
      503,
      "OVERLOADED",
      "not-applied",
    ]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    // Reading what is here takes no room.
    expect((await read(leader, "hits", "?consistency=stale")).status).toBe(200);

    for (const { id } of followers) await cluster.start(id);
    const ends = (await Promise.all(flood)).map((result) =>
      result.kind === "failed" ? result.code : result.kind,
    );
    expect(ends).toContain("OVERLOADED");
    const later = await increment(await cluster.leader(), "flood", { "Idempotency-Key": "later" });
    expect(later.status).toBe(200);
    // Whatever was acknowledged has counted.
    const acknowledged = ends.filter((end) => end === "applied").length;
    expect(later.body.value).toBeGreaterThan(acknowledged);
  });
});
