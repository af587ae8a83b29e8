/** `raftally cluster` from end to end: real processes, real ports, real files. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { requires } from "../support/capability.ts";
import { eventually, isAlive, type Running, run, start } from "./processes.ts";

let data = "";
let port = 0;
/** Processes of nodes, which outlive a launcher that a failed test kills only for a moment. */
let pids: number[] = [];

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "raftally-cluster-"));
  port = await freePortRange(3);
  pids = [];
});

afterEach(async () => {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  await eventually(() => !pids.some(isAlive), "all nodes are gone");
  rmSync(data, { recursive: true, maxRetries: 5 });
});

interface Row {
  readonly id: string;
  readonly role: string;
  readonly url: string;
  readonly pid: number;
}

interface Cluster {
  readonly running: Running;
  readonly rows: readonly Row[];
}

/** Starts a cluster and waits for its table. */
async function launch(...flags: readonly string[]): Promise<Cluster> {
  const running = start(["cluster", "--data", data, ...flags]);
  await running.until(/Stop: {2}Ctrl-C/);
  const rows = [...running.text().matchAll(/^ {2}(n\d) +(\w+) +(http:\S+) +(\d+)$/gm)].map(
    ([, id = "", role = "", url = "", pid = ""]) => ({ id, role, url, pid: Number(pid) }),
  );
  pids.push(...rows.map((row) => row.pid));
  return { running, rows };
}

/** As `curl -L -X POST` does. */
async function increment(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/v1/counters/${key}/increment`, { method: "POST", redirect: "follow" });
  expect(response.status).toBe(200);
  return ((await response.json()) as { value: number }).value;
}

function firstPort(): readonly string[] {
  return ["--port", String(port)];
}

describe("a local cluster", () => {
  it("counts on, through a killed leader, Ctrl-C and a second start, and leaves no process behind", async () => {
    const first = await launch(...firstPort());
    expect(first.rows.map(({ id, url }) => [id, url])).toEqual([
      ["n1", `http://127.0.0.1:${port}`],
      ["n2", `http://127.0.0.1:${port + 1}`],
      ["n3", `http://127.0.0.1:${port + 2}`],
    ]);
    const leader = first.rows.find(({ role }) => role === "leader");
    expect(first.rows.filter(({ role }) => role === "follower").length).toBe(2);
    for (const [at, { url }] of first.rows.entries()) expect(await increment(url, "visits")).toBe(at + 1);

    // The command line, with every node named: the death of one must not be seen.
    const urls = first.rows.map(({ url }) => url).join(",");
    process.kill(leader?.pid ?? 0, "SIGKILL");
    const counted = await run(["incr", "visits", "--url", urls, "--timeout", "30s"]);
    expect(counted).toMatchObject({ exitCode: 0, out: "4\n" });
    await first.running.until(new RegExp(`${leader?.id} died \\(SIGKILL\\); starting it again\\.`));
    await first.running.until(new RegExp(`${leader?.id} is back\\.`));
    expect(await run(["get", "visits", "--url", leader?.url ?? ""])).toMatchObject({
      exitCode: 0,
      out: "4\n",
    });
    expect((await run(["list", "--url", urls])).out).toBe("key     value\nvisits      4\n");
    const log = readFileSync(join(data, `${leader?.id}.log`), "utf8");
    pids.push(...[...log.matchAll(/ready .*pid=(\d+)/g)].map(([, pid]) => Number(pid)));
    expect(new Set(pids).size).toBe(4);

    const asked = performance.now();
    first.running.child.kill("SIGINT");
    const ended = await first.running.ended;
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect(ended).toMatchObject({ exitCode: 0, signal: undefined });
    expect(pids.filter(isAlive)).toEqual([]);

    const second = await launch();
    expect(await increment(second.rows[1]?.url ?? "", "visits")).toBe(5);
    second.running.child.kill("SIGTERM");
    expect((await second.running.ended).exitCode).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    // A dozen processes are started one after the other: on a busy machine each can take a second.
  }, 180_000);

  it("is not started a second time, and says that it runs already", async () => {
    await launch("--nodes", "1", ...firstPort());
    const second = await run(["cluster", "--data", data]);
    expect(second).toMatchObject({ exitCode: 2, out: "" });
    expect(second.error).toBe(
      `raftally: the cluster in ${data} is already running: use that one ` +
        `(raftally status --url http://127.0.0.1:${port} shows it), ` +
        "stop it with Ctrl-C where it was started, or choose another --data and --port.\n",
    );
    expect(pids.every(isAlive)).toBe(true);
  });

  it("leaves no node behind when the launcher itself is killed", async (context) => {
    requires(context, "patience");
    const { running } = await launch("--nodes", "1", ...firstPort());
    running.child.kill("SIGKILL");
    await running.ended;
    await eventually(() => !pids.some(isAlive), "the node noticed that its launcher is gone");
    expect(readFileSync(join(data, "n1.log"), "utf8")).toMatch(/stopping .*why="the launcher is gone"/);
  });

  it("ends when its last node refuses to start again", async (context) => {
    requires(context, "patience");
    const { running, rows } = await launch("--nodes", "1", ...firstPort());
    const path = join(data, "n1", "identity.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"format": *1/, '"format":99'));
    process.kill(rows[0]?.pid ?? 0, "SIGKILL");
    const ended = await running.ended;
    expect(ended.exitCode).toBe(2);
    expect(ended.error).toMatch(
      /^n1 died \(SIGKILL\); starting it again\.\nn1 refuses to start again, and .*newer/,
    );
  });

  it("goes on without a node whose disk is lost, and says so", async (context) => {
    requires(context, "patience");
    const first = await launch(...firstPort());
    expect(await increment(first.rows[0]?.url ?? "", "visits")).toBe(1);
    first.running.child.kill("SIGTERM");
    await first.running.ended;
    rmSync(join(data, "n2"), { recursive: true });
    const second = await launch();
    expect(second.running.text()).toMatch(/^ {2}n2 +stopped /m);
    expect(second.running.text()).toMatch(
      /^n2 does not start, and the others go on without it: \S+ was wiped or replaced/m,
    );
    expect(await increment(second.rows[0]?.url ?? "", "visits")).toBe(2);
    second.running.child.kill("SIGTERM");
    expect((await second.running.ended).exitCode).toBe(0);
  }, 180_000);

  it("of one begins once only, also if that was interrupted, and never anew in an empty directory", async (context) => {
    requires(context, "patience");
    const made = await launch("--nodes", "1", ...firstPort());
    made.running.child.kill("SIGTERM");
    await made.running.ended;
    const path = join(data, "cluster.json");
    const plan = JSON.parse(readFileSync(path, "utf8")) as object;
    rmSync(join(data, "n1"), { recursive: true });
    const lost = await run(["cluster", "--data", data]);
    expect(lost).toMatchObject({ exitCode: 2, error: expect.stringMatching(/n1: no node of .* any more\./) });

    writeFileSync(path, JSON.stringify({ ...plan, founding: true }));
    const { running, rows } = await launch();
    rmSync(join(data, "n1"), { recursive: true });
    process.kill(rows[0]?.pid ?? 0, "SIGKILL");
    const ended = await running.ended;
    expect(ended.exitCode).toBe(2);
    expect(ended.error).toMatch(/n1 refuses to start again, and .* holds no node/);
  }, 180_000);

  it("kills a node that does not stop when it is asked to", async (context) => {
    requires(context, "patience");
    const { running, rows } = await launch("--nodes", "1", ...firstPort());
    process.kill(rows[0]?.pid ?? 0, "SIGSTOP");
    const asked = performance.now();
    running.child.kill("SIGINT");
    expect((await running.ended).exitCode).toBe(0);
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  describe("refuses a data directory", () => {
    /** One sentence about the node, exit code 2, no stack trace, and no process left. */
    async function refused(): Promise<string> {
      const ended = await run(["cluster", "--data", data]);
      expect(ended.error).not.toMatch(/^\s+at /m);
      expect(ended.exitCode).toBe(2);
      expect(ended.error.trim().split("\n").length).toBe(1);
      return ended.error;
    }

    /** Makes a cluster, and stops it again. */
    async function made(nodes: number): Promise<void> {
      const { running } = await launch("--nodes", String(nodes), ...firstPort());
      running.child.kill("SIGTERM");
      await running.ended;
    }

    /** Replaces a field of a node's identity. */
    function change(field: string, value: unknown): void {
      const path = join(data, "n1", "identity.json");
      const identity = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      writeFileSync(path, JSON.stringify({ ...identity, [field]: value }));
    }

    it("of another cluster, and of a newer format", async (context) => {
      requires(context, "patience");
      await made(1);
      const plan = readFileSync(join(data, "cluster.json"), "utf8");
      const { clusterId } = JSON.parse(plan) as { clusterId: string };
      writeFileSync(join(data, "cluster.json"), plan.replace(clusterId, "another"));
      expect(await refused()).toMatch(new RegExp(`^raftally: n1: .*${clusterId}`));
      writeFileSync(join(data, "cluster.json"), plan);
      change("format", 99);
      expect(await refused()).toMatch(/^raftally: n1: .*newer version/);
    });

    it("in which no node is left", async () => {
      const members = [0, 1, 2].map((at) => ({
        id: `n${at + 1}`,
        peer: `127.0.0.1:${port + 100 + at}`,
        api: `http://127.0.0.1:${port + at}`,
      }));
      const plan = { format: 1, clusterId: "c", secret: "0123456789abcdef0123456789abcdef", members };
      writeFileSync(join(data, "cluster.json"), JSON.stringify(plan));
      expect(await refused()).toMatch(/^raftally: .*n1, .*n2, .*n3: no node of the cluster in .* any more\./);
    });

    it("of another incarnation: that of a node whose disk was lost", async (context) => {
      requires(context, "patience");
      await made(2);
      rmSync(join(data, "n1"), { recursive: true });
      expect(await refused()).toMatch(/^raftally: n1: .*incarnation/);
    });
  });
});
