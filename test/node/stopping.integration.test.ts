import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { WriteResult } from "../../src/node/index.ts";
import { ask, Cluster, PATIENT_MS, probe, until } from "./machines.ts";

let cluster: Cluster;
afterEach(() => cluster.end());

function nameOf(result: WriteResult): string {
  return result.kind === "failed" ? result.code : result.kind;
}

describe("a node that is asked to stop", { timeout: PATIENT_MS }, () => {
  it("hands leadership over, answers what is in flight, redirects what it holds, and then rests", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const { term } = leader.service.status();
    const node = await leader.started;

    // This one has been acknowledged, so that the read has to show it, whatever becomes of the others.
    const first = await leader.increment("hits");
    const before = leader.traces("entry").length;
    // Some are in the log when the node is asked to stop, and some wait for the entry before them.
    const inFlight: Promise<WriteResult>[] = [];
    while (leader.traces("entry").length < before + 2) {
      inFlight.push(leader.increment("hits"));
      await nextTurn();
    }
    const reading = leader.value("hits");
    const drained = node.drain(10_000);
    // Arrived too late to be taken here.
    const held = Array.from({ length: 20 }, () => leader.increment("hits"));
    const { status, text } = await probe(leader.url, "readyz");
    expect([status, text.includes("[-]serving failed: shutting down")]).toEqual([503, true]);
    expect((await probe(leader.url, "livez")).status).toBe(200);

    const beganAt = performance.now();
    await drained;
    // Rest came by itself, and not because the time was over.
    expect(performance.now() - beganAt).toBeLessThan(9_000);
    const answers = await Promise.all([first, ...inFlight, ...held]);
    expect(answers.filter((answer) => answer.kind === "failed")).toEqual([]);
    for (const answer of await Promise.all(held)) expect(answer.kind).toBe("redirect");
    expect(await reading).toBeGreaterThan(0n);

    const next = await cluster.leader();
    expect(next.id).not.toBe(leader.id);
    // Handed over, so in the very next term, without the wait for an election.
    expect(next.service.status().term).toBe(term + 1);
    const applied = answers.filter(({ kind }) => kind === "applied").length;
    expect(applied).toBeGreaterThan(1);
    expect(await next.value("hits")).toBe(BigInt(applied));
    const redirected = await ask(`${leader.url}/v1/counters/hits/increment`);
    expect([redirected.status, redirected.headers.get("location")]).toEqual([
      307,
      `${next.url}/v1/counters/hits/increment`,
    ]);

    await cluster.stop(leader.id);
    expect((await next.increment("hits")).kind).toBe("applied");
    expect(nameOf(await leader.increment("hits"))).toBe("SHUTTING_DOWN");
  });

  it("ends what is in flight as unknown when it stops without a majority, and the log keeps it or not", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const { last } = leader.service.status();
    for (const { id } of await cluster.followers()) await cluster.crash(id);
    const write = leader.increment("hits");
    await until(() => leader.service.status().last > last, "it is in the leader's log");
    const waiting = leader.increment("hits");
    const node = await leader.started;
    const began = performance.now();
    await node.drain(200);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(nameOf(await write)).toBe("OUTCOME_UNKNOWN");
    expect(["OUTCOME_UNKNOWN", "SHUTTING_DOWN"]).toContain(nameOf(await waiting));
    await node.close();
    expect(nameOf(await leader.increment("hits"))).toBe("SHUTTING_DOWN");
    const read = await leader.service.read({ kind: "get", key: "hits" }, "linearizable");
    expect(read).toMatchObject({ kind: "failed", code: "SHUTTING_DOWN" });
  });

  it("ends every request also when it is closed without a word", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const write = leader.increment("hits");
    const read = leader.service.read({ kind: "get", key: "hits" }, "linearizable");
    const node = await leader.started;
    await node.close();
    expect(nameOf(await write)).toBe("SHUTTING_DOWN");
    expect(await read).toMatchObject({ kind: "failed", code: "SHUTTING_DOWN" });
    await node.drain(10_000);
  });

  it("stops at once when it is the only one", async () => {
    cluster = await Cluster.formed(undefined, 1);
    const alone = await cluster.leader();
    const writes = Array.from({ length: 50 }, () => alone.increment("hits"));
    const node = await alone.started;
    const began = performance.now();
    const drained = node.drain(10_000);
    const late = alone.increment("hits");
    await drained;
    expect(performance.now() - began).toBeLessThan(9_000);
    const answers = (await Promise.all(writes)).map(nameOf);
    expect(nameOf(await late)).toBe("SHUTTING_DOWN");
    await cluster.crash(alone.id);
    await cluster.startAll();
    const applied = answers.filter((answer) => answer === "applied").length;
    expect((await (await cluster.leader()).value("hits")) ?? 0n).toBe(BigInt(applied));
    expect(answers.filter((answer) => answer !== "applied" && answer !== "SHUTTING_DOWN")).toEqual([]);
  });
});
