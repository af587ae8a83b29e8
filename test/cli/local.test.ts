/** `raftally cluster --chaos` and `raftally local` from end to end: real processes, killed, wiped and cut off. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalView } from "../../src/cli/local/words.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { requires } from "../support/capability.ts";
import { LocalCluster, PROCESS_MS } from "./local-cluster.ts";
import { eventually, run } from "./processes.ts";

let cluster: LocalCluster;
beforeEach(async () => {
  cluster = await LocalCluster.make();
});
afterEach(() => cluster.discard());

describe("a local cluster with --chaos", () => {
  it(
    "kills its leader when asked, misses no count, and starts it again when asked",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos");
      expect(await cluster.stateOf("n1")).toBe("running");
      const first = await cluster.leader();
      let stopped = false;
      const load = [1, 2, 3, 4].map(async () => {
        const counting = cluster.client();
        let count = 0;
        for (; !stopped; count++) await counting.increment("visits");
        return count;
      });
      const counts = Promise.all(load);
      // A failure above must not leave another one behind.
      counts.catch(() => undefined);
      await eventually(
        async () => ((await cluster.client(0).get("visits"))?.value ?? 0n) > 20n,
        "some counts",
      );
      const killed = await cluster.local("kill", "leader");
      expect(killed).toMatchObject({ exitCode: 0, error: "" });
      expect(killed.out).toMatch(
        new RegExp(`^${first} was killed \\(process \\d+\\)\\. It is started again in 10 s`),
      );
      const down = (await cluster.view()).nodes.find(({ id }) => id === first);
      expect(down).toMatchObject({ state: "stopped", backInMs: expect.any(Number) });
      expect(down?.backInMs).toBeGreaterThan(5_000);
      const before = (await cluster.client().get("visits"))?.value ?? 0n;
      const grown = async (): Promise<boolean> =>
        ((await cluster.client().get("visits"))?.value ?? 0n) > before + 20n;
      await eventually(grown, "the others go on counting");
      expect(await cluster.leader()).not.toBe(first);

      // On a machine that has much else to do, its 10 s may be over already.
      const { out, error } = await cluster.local("start", first);
      expect([`${first} is being started.`, `raftally: ${first} runs already.`]).toContain(out + error);
      await launcher.until(new RegExp(`${first} is back\\.`));
      stopped = true;
      const counted = (await counts).reduce((sum, each) => sum + each, 0);
      for (const at of [0, 1, 2])
        expect((await cluster.client(at).get("visits"))?.value).toBe(BigInt(counted));
      expect(launcher.text()).not.toContain("died");

      // Whom somebody else kills comes back by itself, and at once.
      const pid = (await cluster.view()).nodes[0]?.pid ?? 0;
      process.kill(pid, "SIGKILL");
      await launcher.until(/n1 died \(SIGKILL\); starting it again\./);
      await eventually(async () => (await cluster.stateOf("n1")) === "running", "n1 is back");
      await cluster.stop(launcher);
      expect(existsSync(join(cluster.data, "control.json"))).toBe(false);
    },
    PROCESS_MS,
  );

  it(
    "cuts links in one direction or both, and heals them",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos");
      const lead = await cluster.leader();
      const [a = "", b = ""] = ["n1", "n2", "n3"].filter((id) => id !== lead);
      const at = ["n1", "n2", "n3"].indexOf(lead);
      await cluster.client(at).increment("k");

      const oneWay = await cluster.local("cut", lead, a, "--one-way");
      expect(oneWay.out).toMatch(
        new RegExp(`^Cut: ${lead} to ${a}\\. Heal them with: raftally local heal --data`),
      );
      expect((await cluster.view()).links).toMatchObject({ cut: [], oneWay: [[lead, a]] });
      const [silent, heard, other] = [
        await cluster.passed(lead, a),
        await cluster.passed(a, lead),
        await cluster.passed(lead, b),
      ];
      const goesOn = async (): Promise<boolean> =>
        (await cluster.passed(a, lead)) > heard && (await cluster.passed(lead, b)) > other;
      await eventually(goesOn, "the other directions still pass");
      expect(await cluster.passed(lead, a)).toBe(silent);

      const both = await cluster.local("cut", lead);
      expect(both.exitCode).toBe(0);
      expect((await cluster.view()).links.oneWay).toEqual([]);
      expect((await cluster.view()).links.cut.length).toBe(2);
      expect((await cluster.local("status")).out).toMatch(/Links that are cut: n\d and n\d, n\d and n\d\./);
      // A client still reaches the node that is cut off, and is told the truth by it: no majority, no answer.
      const others = new RaftallyClient({
        urls: cluster.urls.filter((_, place) => place !== at),
        discoverMs: 0,
      });
      expect((await others.increment("k")).value).toBe(2n);
      const alone = await cluster.client(at).status();
      expect(alone.role === "leader" && alone.leader?.id === lead && alone.applied > 1_000_000).toBe(false);
      await expect(cluster.client(at).get("k", { timeoutMs: 1_500 })).rejects.toThrow();
      const cutOff = [await cluster.passed(lead, a), await cluster.passed(a, lead)];
      expect((await others.increment("k")).value).toBe(3n);
      expect([await cluster.passed(lead, a), await cluster.passed(a, lead)]).toEqual(cutOff);

      expect((await cluster.local("heal")).out).toBe("Every link is whole.");
      expect((await cluster.client(at).get("k"))?.value).toBe(3n);
      expect((await cluster.client(at).increment("k")).value).toBe(4n);
      await cluster.stop(launcher);
    },
    PROCESS_MS,
  );

  it(
    "wipes a node and puts a new one in its place, also in the next start",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos");
      await cluster.client(0).increment("k", { by: 7n });
      const wiped = await cluster.local("wipe", "n2", "--json");
      const done = JSON.parse(wiped.out) as object;
      expect(done).toMatchObject({
        node: "n4",
        replaces: "n2",
        command: `raftally local wipe n2 --data ${cluster.data}`,
      });
      expect(existsSync(join(cluster.data, "n2"))).toBe(false);
      await launcher.until(/n4 has taken the place of n2\./);
      const nodes = (await cluster.view()).nodes;
      expect(nodes.map(({ id, state, api }) => [id, state, api])).toEqual(
        ["n1", "n4", "n3"].map((id, at) => [id, "running", cluster.urls[at]]),
      );
      const { members } = await cluster.client().members();
      expect(members.map(({ id, role, reachable }) => [id, role, reachable])).toEqual(
        ["n1", "n3", "n4"].map((id) => [id, "voter", true]),
      );
      expect((await cluster.client(1).get("k"))?.value).toBe(7n);
      expect((await cluster.local("kill", "n2")).error).toMatch(
        /There is no node n2 in this cluster: it has n1, n4, n3\./,
      );
      // Its links are those of its place.
      await cluster.local("cut", "n4");
      await expect(cluster.client(1).get("k", { timeoutMs: 1_000 })).rejects.toThrow();
      await cluster.local("heal");
      await cluster.stop(launcher);

      const again = await cluster.launch("--chaos");
      expect([...again.text().matchAll(/^ {2}(n\d) +(?:leader|follower) /gm)].map(([, id]) => id)).toEqual([
        "n1",
        "n4",
        "n3",
      ]);
      expect((await cluster.client(1).get("k"))?.value).toBe(7n);
      await cluster.stop(again);
    },
    PROCESS_MS,
  );

  it(
    "is asked over HTTP with a token that only the owner of the directory and the nodes' page can read",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos", "--nodes", "2");
      const { url, token } = cluster.door();
      expect(statSync(join(cluster.data, "control.json")).mode & 0o777).toBe(0o600);
      const headers = { Authorization: `Bearer ${token}` };
      const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
        fetch(`${url}${path}`, { headers, ...init });
      const got = (await (await ask("/v1/local")).json()) as LocalView;
      expect(got).toMatchObject({
        commands: true,
        links: { cut: [] },
        command: `raftally local status --data ${cluster.data}`,
      });
      expect(got.nodes.map(({ id, state, api }) => [id, state, api])).toEqual([
        ["n1", "running", cluster.urls[0]],
        ["n2", "running", cluster.urls[1]],
      ]);
      const problem = async (answer: Response): Promise<unknown> => [answer.status, await answer.json()];
      expect(await problem(await ask("/v1/local/nodes/n9/kill", { method: "POST" }))).toEqual([
        404,
        expect.objectContaining({
          detail: "There is no node n9 in this cluster: it has n1, n2.",
          status: 404,
        }),
      ]);
      expect((await ask("/v1/local/nodes/n1/kill")).status).toBe(405);
      expect((await ask("/v1/local/nodes/n1/burn", { method: "POST" })).status).toBe(404);
      expect((await ask("/v1/local/links", { method: "PUT", body: "[" })).status).toBe(400);
      expect(
        (await ask("/v1/local/links", { method: "PUT", body: '{"groups":[["n1"],["n7"]]}' })).status,
      ).toBe(400);
      expect(await problem(await ask("/v1/local/nodes/n1/wipe", { method: "POST" }))).toEqual([
        409,
        expect.objectContaining({
          detail: expect.stringMatching(/^n1 is not wiped: of 2 voters 2 must hold/),
        }),
      ]);

      const watching = new AbortController();
      const events = await ask("/v1/local/events", { signal: watching.signal });
      expect(events.headers.get("content-type")).toBe("text/event-stream");
      const states: string[] = [];
      const reading = (async () => {
        let text = "";
        for await (const chunk of events.body ?? []) {
          text += Buffer.from(chunk).toString();
          for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
            const line = /^event: state\ndata: (.*)$/.exec(text.slice(0, end))?.[1];
            text = text.slice(end + 2);
            if (line !== undefined)
              states.push((JSON.parse(line) as LocalView).nodes.map(({ state }) => state).join());
          }
        }
      })().catch(() => undefined);
      await eventually(() => states.at(-1) === "running,running", "the state at the start");
      const { command, detail } = (await (
        await ask("/v1/local/nodes/n2/pause", { method: "POST" })
      ).json()) as Record<string, string>;
      expect([command, detail]).toEqual([
        `raftally local pause n2 --data ${cluster.data}`,
        expect.stringMatching(/^n2 is paused/),
      ]);
      await eventually(() => states.at(-1) === "running,paused", "the change");
      await ask("/v1/local/nodes/n2/resume", { method: "POST" });
      await eventually(() => states.at(-1) === "running,running", "the change back");

      // The page of a node knows the way, if it was built; nobody who asks for a foreign name gets to know it.
      const page = await (await fetch(cluster.urls[0] ?? "", { headers: { Accept: "text/html" } })).text();
      if (page.includes("</head>")) expect(page).toContain(`content="${url}" data-token="${token}"`);
      watching.abort();
      await reading;
      await cluster.stop(launcher);
    },
    PROCESS_MS,
  );
});

describe("a local cluster without --chaos", () => {
  it(
    "has no proxies, no control server, and no page that knows of one",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--nodes", "2");
      expect(JSON.parse(readFileSync(join(cluster.data, "control.json"), "utf8"))).not.toHaveProperty(
        "local",
      );
      const refused = await cluster.local("kill", "n1");
      expect(refused).toMatchObject({ exitCode: 2, out: "" });
      expect(refused.error).toMatch(
        /runs without --chaos: stop it, and start it with raftally cluster --chaos/,
      );
      for (const pid of cluster.pids()) {
        const [command, environment] = ["cmdline", "environ"].map((file) => readProc(pid, file));
        expect(command).not.toContain("--dial");
        expect(environment).not.toContain("RAFTALLY_CONTROL");
      }
      const page = await (await fetch(cluster.urls[0] ?? "", { headers: { Accept: "text/html" } })).text();
      expect(page).not.toContain("raftally-control");
      expect(launcher.text()).not.toContain("raftally local");
      await cluster.stop(launcher);
      expect(await run(["local", "status", "--data", cluster.data])).toMatchObject({
        exitCode: 2,
        error: expect.stringMatching(/no launcher runs/),
      });
    },
    PROCESS_MS,
  );

  it("is needed at all", async () => {
    expect(await cluster.local("heal")).toMatchObject({
      exitCode: 2,
      error: expect.stringMatching(/holds no local cluster/),
    });
  });
});

/** What Linux tells of a process; elsewhere nothing. */
function readProc(pid: number, file: string): string {
  const path = `/proc/${pid}/${file}`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
