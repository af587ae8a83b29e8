/** A cluster of real processes, hurt under load, and asked from the command line. One cluster for all tests. */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster, Load } from "../../chaos/index.ts";
import { run, start } from "../cli/processes.ts";
import { ask, PATIENT_MS, probe, until } from "../node/machines.ts";
import { requires } from "../support/capability.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
}, PATIENT_MS);
afterAll(() => cluster.stop(), PATIENT_MS);

/** Until the load has been served a while longer. */
function served(load: Load, increments: number): Promise<boolean> {
  const goal = load.acknowledged + increments;
  return until(() => load.acknowledged >= goal, "the load is served");
}

/** Until the node follows the one that leads in the highest term. */
function follows(id: string): Promise<boolean> {
  return until(async () => {
    const leader = await cluster.leader();
    const view = (await cluster.views()).find((candidate) => candidate.id === id);
    return view?.role === "follower" && view.leader?.id === leader;
  }, `${id} follows`);
}

describe("the command line, asking a running cluster", { timeout: PATIENT_MS }, () => {
  it("counts, reads, lists and shows, for people and for programs", async () => {
    const url = ["--url", cluster.urls.join(",")];
    expect(await run(["incr", "cli:a", "--by", "41", ...url])).toMatchObject({
      exitCode: 0,
      out: "41\n",
      error: "",
    });
    expect(JSON.parse((await run(["incr", "cli:a", "--json", ...url])).out)).toMatchObject({
      key: "cli:a",
      value: 42,
    });
    const [text, json, list, listed, missing, status, view] = await Promise.all([
      run(["get", "cli:a", ...url]),
      run(["get", "cli:a", "--json", ...url]),
      run(["list", "--prefix", "cli:", ...url]),
      run(["list", "--prefix", "cli:", "--json", ...url]),
      run(["get", "cli:none", ...url]),
      run(["status", ...url]),
      run(["status", "--json", ...url]),
    ]);
    expect(text).toMatchObject({ exitCode: 0, out: "42\n" });
    expect(JSON.parse(json.out)).toMatchObject({ key: "cli:a", value: 42 });
    expect(list.out).toMatch(/^key +value\ncli:a +42\n$/);
    expect(JSON.parse(listed.out)).toMatchObject({ key: "cli:a", value: 42 });
    expect(missing.exitCode).not.toBe(0);
    expect(missing.error).toMatch(/^There is no counter "cli:none"\./);
    const leader = await cluster.leader();
    for (const { id } of cluster.nodes)
      expect(status.out).toMatch(new RegExp(`${id} +${id === leader ? "leader" : "follower"} `));
    expect(status.exitCode).toBe(0);
    expect(view.out).toContain(`"${leader}"`);
    expect(() => JSON.parse(view.out)).not.toThrow();
  });

  it("sets, deletes, takes numbers, sums up, watches and shows the greatest", async (context) => {
    requires(context, "patience");
    const url = ["--url", cluster.urls.join(",")];
    const watching = start(["watch", "--prefix", "line:", "--limit", "4", "--json", ...url]);
    await watching.until(/"kind":"open"/);
    expect(await run(["set", "line:a", "-7", "--if-absent", ...url])).toMatchObject({
      exitCode: 0,
      out: "-7\n",
    });
    const again = await run(["set", "line:a", "1", "--if-absent", ...url]);
    expect(again).toMatchObject({ exitCode: 1, out: "" });
    expect(again.error).toContain("REVISION_MISMATCH");
    expect(await run(["allocate", "line:b:orders", "100", ...url])).toMatchObject({ out: "1 100\n" });
    const saturated = await run([
      "incr",
      "line:b:c",
      "--by",
      "9",
      "--max",
      "5",
      "--on-limit",
      "saturate",
      ...url,
    ]);
    expect(saturated).toMatchObject({ out: "5\n", error: "(only 5 of 9 could be added)\n" });
    const [sum, groups, top, list] = await Promise.all([
      run(["sum", "line:", ...url]),
      run(["sum", "line:", "--depth", "1", "--json", ...url]),
      run(["top", "--prefix", "line:", "--limit", "2", "--interval", "100ms", "--once", "--json", ...url]),
      run(["list", "--match", "line:b:*", "--order", "-value", ...url]),
    ]);
    expect(sum.out).toBe("98\n");
    expect(JSON.parse(groups.out)).toMatchObject({ sum: 98, counters: 3 });
    expect(top.out.split("\n").map((line) => line.replace(/"revision":\d+/, ""))).toEqual([
      '{"key":"line:b:orders","value":100,,"perSecond":0}',
      '{"key":"line:b:c","value":5,,"perSecond":0}',
      "",
    ]);
    expect(list.out).toMatch(/^key +value\nline:b:orders +100\nline:b:c +5\n$/);
    expect(await run(["delete", "line:a", ...url])).toMatchObject({ exitCode: 0, out: "0\n" });
    const ended = await watching.ended;
    expect(ended.exitCode).toBe(0);
    const changes = ended.out.trim().split("\n").slice(1);
    expect(changes.map((line) => JSON.parse(line))).toMatchObject([
      { kind: "change", key: "line:a", value: -7, deleted: false },
      { kind: "change", key: "line:b:orders", value: 100 },
      { kind: "change", key: "line:b:c", value: 5 },
      { kind: "change", key: "line:a", value: 0, deleted: true },
    ]);
  });
});

describe("a cluster under load", { timeout: PATIENT_MS }, () => {
  it("does not let a client feel that its leader is stopped with SIGTERM", async (context) => {
    requires(context, "patience");
    const load = new Load(cluster, { prefix: "term" });
    load.start(8);
    await served(load, 200);
    const leader = await cluster.leader();
    const began = performance.now();
    expect(await cluster.terminate(leader)).toBe(0);
    // The stop timeout, at which it would have exited with an error.
    expect(performance.now() - began).toBeLessThan(8_000);
    await served(load, 200);
    await cluster.startNode(leader);
    const { problems, refused, unknown } = await load.stop();
    expect({ problems, refused, unknown }).toEqual({ problems: [], refused: 0, unknown: 0 });
    expect(await load.verify()).toEqual([]);
    const log = readFileSync(join(cluster.directory, `${leader}.log`), "utf8");
    expect(log).toContain('"msg":"stopped"');
  });

  it("replaces a paused leader, which reads nothing stale and follows when it goes on", async (context) => {
    requires(context, "patience");
    const load = new Load(cluster, { prefix: "pause" });
    load.start(8);
    await served(load, 200);
    const paused = await cluster.leader();
    const pausedAt = performance.now();
    cluster.pause(paused);
    await until(async () => {
      const views = await Promise.all(
        cluster.nodes.filter(({ id }) => id !== paused).map(({ id }) => cluster.clientOf(id).status()),
      );
      return views.some(({ role }) => role === "leader");
    }, "another one leads");
    // Half a second alone; the bound is for a machine that does other things as well.
    expect(performance.now() - pausedAt).toBeLessThan(4_000);
    await served(load, 200);
    await until(() => performance.now() - pausedAt > 2_000, "the pause has been long");
    cluster.resume(paused);
    await follows(paused);
    await served(load, 200);
    const { problems } = await load.stop();
    expect(problems).toEqual([]);
    expect(await load.verify()).toEqual([]);
  });

  it("has kept every acknowledged increment when all nodes are killed at once", async () => {
    const load = new Load(cluster, { prefix: "kill" });
    load.start(8);
    await served(load, 300);
    await cluster.kill(...cluster.nodes.map(({ id }) => id));
    await cluster.startAll();
    await served(load, 100);
    const { problems } = await load.stop();
    expect(problems).toEqual([]);
    expect(await load.verify()).toEqual([]);
  });
});

describe("what is left of a cluster", { timeout: PATIENT_MS }, () => {
  it("goes on without a node whose disk was lost, and which is refused in one sentence", async (context) => {
    requires(context, "patience");
    await cluster.kill("n3");
    rmSync(join(cluster.directory, "n3"), { recursive: true });
    const refused = await run(cluster.args("n3"));
    expect(refused.exitCode).toBe(2);
    expect(refused.error).toMatch(/^raftally: .*n3 was wiped or replaced since n[12] came to know n3 .*\n$/);
    expect((await cluster.client().increment("after")).value).toBe(1n);
    const status = await run(["status", "--url", cluster.urls.join(",")]);
    expect(status.out).toContain(`down: nothing listens there  ${cluster.node("n3").url}`);
  });

  it("lives without being ready when there is no majority, and ends on two Ctrl-C", async (context) => {
    requires(context, "patience");
    await cluster.kill("n1", "n2");
    const alone = start(cluster.args("n1"));
    const { url } = cluster.node("n1");
    await alone.until(/"msg":"ready"/);
    expect((await probe(url, "livez")).status).toBe(200);
    const { status, text } = await probe(url, "readyz");
    expect([status, text.includes("[-]leader failed: no leader is known")]).toEqual([503, true]);
    const [write, read, stale] = await Promise.all([
      ask(`${url}/v1/counters/after/increment`),
      ask(`${url}/v1/counters/after`, { method: "GET" }),
      ask(`${url}/v1/counters/after?consistency=stale`, { method: "GET" }),
    ]);
    expect([write.status, write.body.code, write.body.outcome]).toEqual([503, "NO_LEADER", "not-applied"]);
    expect([read.status, read.body.code]).toEqual([503, "READ_TIMEOUT"]);
    expect([stale.status, stale.headers.get("raftally-age-ms")]).toEqual([200, "unknown"]);

    // One that is held keeps it from resting, so that the second Ctrl-C has something to cut short.
    const held = ask(`${url}/v1/counters/after/increment`).catch(() => undefined);
    await until(async () => (await probe(url, "livez")).status === 200, "the write has arrived");
    alone.child.kill("SIGINT");
    await alone.until(/"msg":"stopping"/);
    await until(() => {
      if (alone.child.exitCode === null) alone.child.kill("SIGINT");
      return alone.child.exitCode !== null;
    }, "it ends");
    await held;
    // With an error, because the second one cut it short; unless it was quicker than that.
    const { exitCode, out } = await alone.ended;
    expect(exitCode).toBe(out.includes("asked again; exiting at once") ? 1 : 0);
  });
});
