/** `raftally cluster --chaos` and `raftally local` from end to end: real processes, killed, paused, wiped and cut off. */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import type { LocalView } from "../../src/cli/local/words.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { requires } from "../support/capability.ts";
import { eventually, isAlive, type Running, run, start } from "./processes.ts";
import { type Ran, raftally } from "./terminal.ts";

/** Several processes are started, on a machine that may have other things to do. */
const PROCESS_MS = 120_000;

let data = "";
let port = 0;
const launchers: Running[] = [];

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "raftally-local-"));
  port = await freePortRange(3);
});

afterEach(async () => {
  for (const { child } of launchers.splice(0)) child.kill("SIGKILL");
  await eventually(() => !pidsOf().some(isAlive), "all nodes are gone");
  rmSync(data, { recursive: true, maxRetries: 5 });
});

/** Of every process that a node ever had, as the logs say. */
function pidsOf(): number[] {
  const logs = ["n1", "n2", "n3", "n4", "n5"]
    .map((id) => join(data, `${id}.log`))
    .filter((path) => existsSync(path));
  return logs.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/ready .*pid=(\d+)/g)].map(([, pid]) => Number(pid)),
  );
}

function urls(): readonly string[] {
  return [0, 1, 2].map((at) => `http://127.0.0.1:${port + at}`);
}

async function launch(...flags: readonly string[]): Promise<Running> {
  const running = start(["cluster", "--chaos", "--data", data, "--port", String(port), ...flags]);
  launchers.push(running);
  await running.until(/Stop: {2}Ctrl-C/);
  return running;
}

/** Ends as Ctrl-C does: all within 3 s, and no process left. */
async function stop(launcher: Running): Promise<void> {
  const asked = performance.now();
  launcher.child.kill("SIGINT");
  expect((await launcher.ended).exitCode).toBe(0);
  expect(performance.now() - asked).toBeLessThan(3_000);
  expect(pidsOf().filter(isAlive)).toEqual([]);
}

function local(...words: readonly string[]): Promise<Ran> {
  return raftally(["local", ...words, "--data", data]);
}

async function view(): Promise<LocalView> {
  const { out } = await local("status", "--json");
  return JSON.parse(out) as LocalView;
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await view()).nodes.find((node) => node.id === id)?.state;
}

async function leader(): Promise<string> {
  return (await new RaftallyClient({ urls: urls() }).status()).leader?.id ?? "";
}

function client(at: number): RaftallyClient {
  return new RaftallyClient({ urls: urls().slice(at, at + 1), discoverMs: 0, timeoutMs: 20_000 });
}

/** Bytes that one node has said to another. */
async function passed(from: string, to: string): Promise<number> {
  return (await view()).links.passed.find((link) => link.from === from && link.to === to)?.bytes ?? -1;
}

interface Door {
  readonly url: string;
  readonly token: string;
}

function door(): Door {
  const { local: found } = JSON.parse(readFileSync(join(data, "control.json"), "utf8")) as { local: Door };
  return found;
}

describe("a local cluster with --chaos", () => {
  it(
    "kills its leader when asked, misses no count, and starts it again when asked",
    async () => {
      const launcher = await launch();
      expect(await stateOf("n1")).toBe("running");
      const first = await leader();
      let stopped = false;
      const load = [1, 2, 3, 4].map(async () => {
        const counting = new RaftallyClient({ urls: urls() });
        let count = 0;
        for (; !stopped; count++) await counting.increment("visits");
        return count;
      });
      const counts = Promise.all(load);
      // A failure above must not leave another one behind.
      counts.catch(() => undefined);
      await eventually(async () => ((await client(0).get("visits"))?.value ?? 0n) > 20n, "some counts");
      const killed = await local("kill", "leader");
      expect(killed).toMatchObject({ exitCode: 0, error: "" });
      expect(killed.out).toMatch(
        new RegExp(`^${first} was killed \\(process \\d+\\)\\. It is started again in 10 s`),
      );
      const down = (await view()).nodes.find(({ id }) => id === first);
      expect(down).toMatchObject({ state: "stopped", backInMs: expect.any(Number) });
      expect(down?.backInMs).toBeGreaterThan(5_000);
      const before = (await new RaftallyClient({ urls: urls() }).get("visits"))?.value ?? 0n;
      const grown = async (): Promise<boolean> =>
        ((await new RaftallyClient({ urls: urls() }).get("visits"))?.value ?? 0n) > before + 20n;
      await eventually(grown, "the others go on counting");
      expect(await leader()).not.toBe(first);
      expect(await stateOf(first)).toBe("stopped");

      expect((await local("start", first)).out).toBe(`${first} is being started.`);
      await launcher.until(new RegExp(`${first} is back\\.`));
      stopped = true;
      const counted = (await counts).reduce((sum, each) => sum + each, 0);
      for (const at of [0, 1, 2]) expect((await client(at).get("visits"))?.value).toBe(BigInt(counted));
      expect(launcher.text()).not.toContain("died");

      // Whom somebody else kills comes back by itself, and at once.
      const pid = (await view()).nodes[0]?.pid ?? 0;
      process.kill(pid, "SIGKILL");
      await launcher.until(/n1 died \(SIGKILL\); starting it again\./);
      await eventually(async () => (await stateOf("n1")) === "running", "n1 is back");
      await stop(launcher);
      expect(existsSync(join(data, "control.json"))).toBe(false);
    },
    PROCESS_MS,
  );

  it(
    "cuts links in one direction or both, and heals them",
    async () => {
      const launcher = await launch();
      const lead = await leader();
      const [a = "", b = ""] = ["n1", "n2", "n3"].filter((id) => id !== lead);
      const at = ["n1", "n2", "n3"].indexOf(lead);
      await client(at).increment("k");

      const oneWay = await local("cut", lead, a, "--one-way");
      expect(oneWay.out).toMatch(
        new RegExp(`^Cut: ${lead} to ${a}\\. Heal them with: raftally local heal --data`),
      );
      expect((await view()).links).toMatchObject({ cut: [], oneWay: [[lead, a]] });
      const [silent, heard, other] = [await passed(lead, a), await passed(a, lead), await passed(lead, b)];
      const goesOn = async (): Promise<boolean> =>
        (await passed(a, lead)) > heard && (await passed(lead, b)) > other;
      await eventually(goesOn, "the other directions still pass");
      expect(await passed(lead, a)).toBe(silent);

      const both = await local("cut", lead);
      expect(both.exitCode).toBe(0);
      expect((await view()).links.oneWay).toEqual([]);
      expect((await view()).links.cut.length).toBe(2);
      expect((await local("status")).out).toMatch(/Links that are cut: n\d and n\d, n\d and n\d\./);
      // A client still reaches the node that is cut off, and is told the truth by it: no majority, no answer.
      const others = new RaftallyClient({ urls: urls().filter((_, place) => place !== at), discoverMs: 0 });
      expect((await others.increment("k")).value).toBe(2n);
      const alone = await client(at).status();
      expect(alone.role === "leader" && alone.leader?.id === lead && alone.applied > 1_000_000).toBe(false);
      await expect(client(at).get("k", { timeoutMs: 1_500 })).rejects.toThrow();
      const cutOff = [await passed(lead, a), await passed(a, lead)];
      expect((await others.increment("k")).value).toBe(3n);
      expect([await passed(lead, a), await passed(a, lead)]).toEqual(cutOff);

      expect((await local("heal")).out).toBe("Every link is whole.");
      expect((await client(at).get("k"))?.value).toBe(3n);
      expect((await client(at).increment("k")).value).toBe(4n);
      await stop(launcher);
    },
    PROCESS_MS,
  );

  it(
    "wipes a node and puts a new one in its place, also in the next start",
    async () => {
      const launcher = await launch();
      await client(0).increment("k", { by: 7n });
      const wiped = await local("wipe", "n2", "--json");
      const done = JSON.parse(wiped.out) as object;
      expect(done).toMatchObject({
        node: "n4",
        replaces: "n2",
        command: `raftally local wipe n2 --data ${data}`,
      });
      expect(existsSync(join(data, "n2"))).toBe(false);
      await launcher.until(/n4 has taken the place of n2\./);
      const nodes = (await view()).nodes;
      expect(nodes.map(({ id, state, api }) => [id, state, api])).toEqual(
        ["n1", "n4", "n3"].map((id, at) => [id, "running", urls()[at]]),
      );
      const { members } = await new RaftallyClient({ urls: urls() }).members();
      expect(members.map(({ id, role, reachable }) => [id, role, reachable])).toEqual(
        ["n1", "n3", "n4"].map((id) => [id, "voter", true]),
      );
      expect((await client(1).get("k"))?.value).toBe(7n);
      expect((await local("kill", "n2")).error).toMatch(
        /There is no node n2 in this cluster: it has n1, n4, n3\./,
      );
      // Its links are those of its place.
      await local("cut", "n4");
      await expect(client(1).get("k", { timeoutMs: 1_000 })).rejects.toThrow();
      await local("heal");
      await stop(launcher);

      const again = await launch();
      expect([...again.text().matchAll(/^ {2}(n\d) +(?:leader|follower) /gm)].map(([, id]) => id)).toEqual([
        "n1",
        "n4",
        "n3",
      ]);
      expect((await client(1).get("k"))?.value).toBe(7n);
      await stop(again);
    },
    PROCESS_MS,
  );

  it(
    "pauses and resumes, restarts, and refuses what makes no sense now",
    async (context) => {
      requires(context, "patience");
      const launcher = await launch();
      const lead = await leader();
      const [pausedPid] = (await view()).nodes.flatMap(({ id, pid }) => (id === lead ? [pid] : []));
      expect((await local("pause", lead)).exitCode).toBe(0);
      expect(await stateOf(lead)).toBe("paused");
      expect((await local("pause", lead)).error).toBe(`raftally: ${lead} is paused already.`);
      const elsewhere = new RaftallyClient({ urls: urls() });
      expect((await elsewhere.increment("k")).value).toBe(1n);
      // Two of three: the third must not lose its data now.
      const [a = "", b = ""] = ["n1", "n2", "n3"].filter((id) => id !== lead);
      const wipe = await local("wipe", a);
      expect(wipe).toMatchObject({ exitCode: 1, out: "" });
      expect(wipe.error).toMatch(`raftally: ${a} is not wiped: of 3 voters 2 must hold every count`);
      expect(wipe.error).toMatch(new RegExp(`: ${b}\\.$`));
      expect(existsSync(join(data, a))).toBe(true);

      expect((await local("resume", lead)).out).toBe(`${lead} goes on.`);
      expect((await local("resume", lead)).error).toBe(`raftally: ${lead} is not paused.`);
      expect((await local("start", lead)).error).toBe(`raftally: ${lead} runs already.`);
      await eventually(
        async () => (await elsewhere.increment("j")).value > 0n && (await stateOf(lead)) === "running",
        "up",
      );
      expect((await view()).nodes.find(({ id }) => id === lead)?.pid).toBe(pausedPid);

      // Also one that is paused, which would never hear of a plain signal.
      await local("pause", a);
      expect((await local("restart", a)).exitCode).toBe(0);
      const isNew = async (): Promise<boolean> => (await stateOf(a)) === "running" && pidsOf().length === 4;
      await eventually(isNew, "it runs again");
      await local("kill", a);
      await eventually(async () => (await stateOf(a)) === "stopped", "down");
      expect((await local("pause", a)).error).toMatch(`raftally: ${a} is down: raftally local start ${a}`);
      expect((await local("restart", a)).out).toBe(`${a} was down, and is being started.`);
      await eventually(async () => (await stateOf(a)) === "running", "back");
      // What was killed comes back by itself in the end.
      await local("kill", b);
      const asked = performance.now();
      await eventually(async () => (await stateOf(b)) === "running", "back by itself");
      expect(performance.now() - asked).toBeGreaterThan(8_000);
      await stop(launcher);
    },
    PROCESS_MS,
  );

  it(
    "stops within 3 s with a node paused, another killed, and with a wipe under way, which the next start ends",
    async (context) => {
      requires(context, "patience");
      const first = await launch();
      await client(0).increment("k");
      await local("pause", "n1");
      await local("kill", "n3");
      await stop(first);

      const second = await launch();
      // Cut off, the newcomer cannot get in before the launcher is stopped.
      expect((await local("wipe", "n3")).exitCode).toBe(0);
      await stop(second);
      expect(second.text()).not.toContain("n4 has taken");

      const third = await launch();
      await eventually(async () => {
        const { members } = await new RaftallyClient({ urls: urls() }).members();
        return members.map(({ id, role }) => `${id} ${role}`).join() === "n1 voter,n2 voter,n4 voter";
      }, "the exchange is made");
      await eventually(
        async () => (await view()).nodes.every(({ replaces }) => replaces === undefined),
        "and known",
      );
      expect((await client(2).get("k"))?.value).toBe(1n);
      await stop(third);
    },
    PROCESS_MS,
  );

  it(
    "leaves no paused node behind when the launcher itself is killed",
    async (context) => {
      requires(context, "patience");
      const launcher = await launch();
      await local("pause", "n2");
      const pids = (await view()).nodes.map(({ pid = 0 }) => pid);
      launcher.child.kill("SIGKILL");
      await launcher.ended;
      await eventually(() => !pids.some(isAlive), "every node is gone");
      expect(readFileSync(join(data, "n2.log"), "utf8")).toMatch(/stopping .*why="the launcher is gone"/);
      expect(await local("status")).toMatchObject({
        exitCode: 2,
        error: expect.stringMatching(/no launcher runs/),
      });
    },
    PROCESS_MS,
  );

  it(
    "is asked over HTTP with a token that only the owner of the directory and the nodes' page can read",
    async () => {
      const launcher = await launch("--nodes", "2");
      const { url, token } = door();
      expect(statSync(join(data, "control.json")).mode & 0o777).toBe(0o600);
      const headers = { Authorization: `Bearer ${token}` };
      const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
        fetch(`${url}${path}`, { headers, ...init });
      const got = (await (await ask("/v1/local")).json()) as LocalView;
      expect(got).toMatchObject({
        commands: true,
        links: { cut: [] },
        command: `raftally local status --data ${data}`,
      });
      expect(got.nodes.map(({ id, state, api }) => [id, state, api])).toEqual([
        ["n1", "running", urls()[0]],
        ["n2", "running", urls()[1]],
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
        `raftally local pause n2 --data ${data}`,
        expect.stringMatching(/^n2 is paused/),
      ]);
      await eventually(() => states.at(-1) === "running,paused", "the change");
      await ask("/v1/local/nodes/n2/resume", { method: "POST" });
      await eventually(() => states.at(-1) === "running,running", "the change back");

      // The page of a node knows the way, if it was built; nobody who asks for a foreign name gets to know it.
      const page = await (await fetch(urls()[0] ?? "", { headers: { Accept: "text/html" } })).text();
      if (page.includes("</head>")) expect(page).toContain(`content="${url}" data-token="${token}"`);
      watching.abort();
      await reading;
      await stop(launcher);
    },
    PROCESS_MS,
  );
});

describe("a local cluster without --chaos", () => {
  it(
    "has no proxies, no control server, and no page that knows of one",
    async () => {
      const launcher = start(["cluster", "--data", data, "--port", String(port), "--nodes", "2"]);
      await launcher.until(/Stop: {2}Ctrl-C/);
      expect(JSON.parse(readFileSync(join(data, "control.json"), "utf8"))).not.toHaveProperty("local");
      const refused = await local("kill", "n1");
      expect(refused).toMatchObject({ exitCode: 2, out: "" });
      expect(refused.error).toMatch(
        /runs without --chaos: stop it, and start it with raftally cluster --chaos/,
      );
      for (const pid of pidsOf()) {
        const [command, environment] = ["cmdline", "environ"].map((file) => readProc(pid, file));
        expect(command).not.toContain("--dial");
        expect(environment).not.toContain("RAFTALLY_CONTROL");
      }
      const page = await (await fetch(urls()[0] ?? "", { headers: { Accept: "text/html" } })).text();
      expect(page).not.toContain("raftally-control");
      expect(launcher.text()).not.toContain("raftally local");
      await stop(launcher);
      expect(await run(["local", "status", "--data", data])).toMatchObject({
        exitCode: 2,
        error: expect.stringMatching(/no launcher runs/),
      });
    },
    PROCESS_MS,
  );

  it("is needed at all", async () => {
    expect(await local("heal")).toMatchObject({
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
