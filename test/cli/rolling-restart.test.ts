/** `raftally rolling-restart`: a real local cluster under load, and what keeps it from being restarted. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { askLauncher, openControl } from "../../src/cli/rolling-restart-control.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { requires } from "../support/capability.ts";
import { eventually, isAlive, type Running, run, start } from "./processes.ts";

let data = "";
let port = 0;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "raftally-rolling-"));
  port = await freePortRange(4);
});

afterEach(async () => {
  await eventually(() => !pidsOf(data).some(isAlive), "all nodes are gone");
  rmSync(data, { recursive: true, maxRetries: 5 });
});

/** Of every process that a node ever had, as the logs say. */
function pidsOf(directory: string, ids: readonly string[] = ["n1", "n2", "n3"]): number[] {
  return ids.flatMap((id) => {
    const log = statSync(join(directory, `${id}.log`), { throwIfNoEntry: false });
    const text = log === undefined ? "" : readFileSync(join(directory, `${id}.log`), "utf8");
    return [...text.matchAll(/ready .*pid=(\d+)/g)].map(([, pid]) => Number(pid));
  });
}

function urls(): readonly string[] {
  return [0, 1, 2].map((at) => `http://127.0.0.1:${port + at}`);
}

async function launch(...flags: readonly string[]): Promise<Running> {
  const running = start(["cluster", "--data", data, "--port", String(port), ...flags]);
  await running.until(/Stop: {2}Ctrl-C/);
  return running;
}

async function stop(running: Running): Promise<void> {
  running.child.kill("SIGTERM");
  await running.ended;
}

/** Counts until it is told to stop; resolves with how often. Rejects as soon as one increment fails. */
function count(key: string, stopped: () => boolean): Promise<number> {
  const client = new RaftallyClient({ urls: urls() });
  const go = async (): Promise<number> => {
    let counted = 0;
    while (!stopped()) {
      await client.increment(key);
      counted++;
    }
    return counted;
  };
  return go();
}

describe("a rolling restart", () => {
  it("replaces every process, the leader's last, while no request fails and no count is lost", async (context) => {
    requires(context, "patience");
    const launcher = await launch();
    const before = pidsOf(data);
    const [, leader = ""] = await launcher.until(/(n\d) +leader/);
    let stopped = false;
    const load = Promise.all(Array.from({ length: 8 }, () => count("visits", () => stopped)));
    const ended = await run(["rolling-restart", "--data", data]);
    stopped = true;
    const counted = (await load).reduce((sum, each) => sum + each, 0);

    expect(ended).toMatchObject({ exitCode: 0, error: "" });
    const lines = ended.out.trim().split("\n");
    const restarted = lines.flatMap(
      (line) => /^(n\d) \((leader|follower)\): stopped in .+\.$/.exec(line) ?? [],
    );
    expect(lines.length).toBe(4);
    expect(lines[2]).toMatch(new RegExp(`^${leader} \\(leader\\): .+; n\\d leads now\\.$`));
    expect(restarted.filter((word) => word === "follower").length).toBe(2);
    expect(lines[3]).toMatch(/^All 3 nodes were restarted, one after the other, in \d+\.\d\d s\.$/);

    expect(before.length).toBe(3);
    expect(before.some(isAlive)).toBe(false);
    expect(pidsOf(data).filter(isAlive).length).toBe(3);
    expect(counted).toBeGreaterThan(50);
    for (const url of urls()) {
      expect((await new RaftallyClient({ urls: [url] }).get("visits"))?.value).toBe(BigInt(counted));
    }
    expect(launcher.text()).not.toContain("died");
    await stop(launcher);
  }, 120_000);

  it("is refused while a node is down, and stops none", async (context) => {
    requires(context, "patience");
    const launcher = await launch();
    const [n1 = 0, n2 = 0, n3 = 0] = pidsOf(data);
    process.kill(n2, "SIGSTOP");
    const ended = await run(["rolling-restart", "--data", data]);
    process.kill(n2, "SIGCONT");
    expect(ended).toMatchObject({ exitCode: 1, out: "" });
    expect(ended.error).toMatch(
      /^raftally: n2 does not answer \(.+\)\. No node is stopped while another is missing: see raftally status/,
    );
    expect([n1, n2, n3].every(isAlive)).toBe(true);
    expect(pidsOf(data).length).toBe(3);
    await stop(launcher);
  }, 120_000);

  it("ends at the first node that does not come back, and leaves the others alone", async (context) => {
    requires(context, "patience");
    const launcher = await launch();
    const [, follower = ""] = await launcher.until(/(n\d) +follower/);
    const path = join(data, follower, "identity.json");
    const identity = readFileSync(path, "utf8");
    writeFileSync(path, identity.replace(/"format": *\d+/, '"format":99'));
    const ended = await run(["rolling-restart", "--data", data]);
    expect(ended.exitCode).toBe(1);
    expect(ended.error).toMatch(
      new RegExp(`^raftally: ${follower}: it refuses to start again: .+ It ends here: 0 of 3 nodes were`),
    );
    expect(pidsOf(data).filter(isAlive).length).toBe(2);
    expect((await new RaftallyClient({ urls: urls() }).increment("visits")).value).toBe(1n);
    await stop(launcher);
  }, 120_000);

  it("ends after the node under way when whoever asked goes away, and with the cluster when that is stopped", async (context) => {
    requires(context, "patience");
    const launcher = await launch();
    const first = start(["rolling-restart", "--data", data]);
    await first.until(/^n\d \(follower\)/m);
    first.child.kill("SIGINT");
    await launcher.until(/rolling restart: stopped as asked: [12] of 3 nodes were restarted\./);

    const second = start(["rolling-restart", "--data", data]);
    await second.until(/^n\d \(follower\)/m);
    const asked = performance.now();
    launcher.child.kill("SIGINT");
    expect((await launcher.ended).exitCode).toBe(0);
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect((await second.ended).exitCode).toBe(1);
  }, 120_000);

  it("leaves out a node that was removed from the cluster, which does not hold up the next start either", async (context) => {
    requires(context, "patience");
    const launcher = await launch();
    const [, follower = ""] = await launcher.until(/(n\d) +follower/);
    const removed = await run(["member", "remove", follower, "--url", urls().join(",")]);
    expect(removed.exitCode).toBe(0);
    await launcher.until(
      new RegExp(`${follower} refuses to start again, and the others go on without it: .*removed`),
    );
    const ended = await run(["rolling-restart", "--data", data]);
    expect(ended).toMatchObject({ exitCode: 0, error: "" });
    const [first = "", second = "", ...lines] = ended.out.trim().split("\n");
    expect(first).toBe(`${follower} is no member any more.`);
    expect(second).toBe("A cluster of 2 cannot spare a node: requests wait while each restarts.");
    expect(lines.at(-1)).toMatch(/^All 2 nodes were restarted/);
    await stop(launcher);

    const again = await launch();
    expect(again.text()).toMatch(new RegExp(`^ {2}${follower} +stopped +http`, "m"));

    // Members that others run count too: three can spare one.
    const { secret } = JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")) as { secret: string };
    const joining = [`127.0.0.1:${port + 100}`, `127.0.0.1:${port + 101}`, `127.0.0.1:${port + 102}`].join(
      ",",
    );
    const listens = ["--listen", `127.0.0.1:${port + 3}`, "--listen-peer", `127.0.0.1:${port + 103}`];
    const n4 = start(
      [
        "serve",
        "--id",
        "n4",
        "--data",
        join(data, "n4"),
        "--join",
        joining,
        "--join-as",
        "voter",
        ...listens,
      ],
      { env: { RAFTALLY_SECRET: secret } },
    );
    const voters = async (): Promise<string> =>
      (await run(["member", "list", "--url", urls().join(",")])).out;
    await eventually(async () => /^n4 +voter/m.test(await voters()), "n4 votes");
    const spared = await run(["rolling-restart", "--data", data]);
    expect(spared.out).toMatch(/^n4 was started elsewhere, and is not restarted\.$/m);
    expect(spared.out).not.toContain("cannot spare");
    expect(spared.out).toMatch(/^All 2 nodes were restarted/m);
    n4.child.kill("SIGTERM");
    await n4.ended;
    await stop(again);
  }, 120_000);

  it("is refused where no launcher runs: none ever did, it was stopped, or it was killed", async (context) => {
    requires(context, "patience");
    const none = await run(["rolling-restart", "--data", data]);
    expect(none).toMatchObject({ exitCode: 2, out: "" });
    expect(none.error).toBe(
      `raftally: ${data} holds no local cluster: name the directory of one with --data.\n`,
    );

    const refused = new RegExp(`^raftally: no launcher runs the cluster in ${data}: raftally cluster --data`);
    await stop(await launch("--nodes", "1"));
    const stopped = await run(["rolling-restart", "--data", data]);
    expect(stopped).toMatchObject({ exitCode: 2, error: expect.stringMatching(refused) });

    const launcher = await launch("--nodes", "1");
    launcher.child.kill("SIGKILL");
    await launcher.ended;
    expect(statSync(join(data, "control.json")).isFile()).toBe(true);
    const killed = await run(["rolling-restart", "--data", data]);
    expect(killed).toMatchObject({ exitCode: 2, error: expect.stringMatching(refused) });
  }, 120_000);
});

describe("the way to a launcher", () => {
  interface Written {
    readonly port: number;
    readonly token: string;
  }

  function written(): Written {
    return JSON.parse(readFileSync(join(data, "control.json"), "utf8")) as Written;
  }

  function status(path: string, token: string, method = "POST"): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` };
      const asked = request({ host: "127.0.0.1", port: written().port, path, method, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.once("error", reject).end();
    });
  }

  it("passes lines on as they are said, and the sentence at the end", async () => {
    const control = await openControl(data, (say) => {
      say("one");
      say("two");
      return Promise.resolve("n2 is down.");
    });
    const lines: string[] = [];
    expect(await askLauncher(data, (line) => lines.push(line))).toBe("n2 is down.");
    expect(lines).toEqual(["one", "two"]);
    await control.close();
    await expect(askLauncher(data, () => {})).rejects.toThrow("no launcher runs");
  });

  it("is open to whoever can read the file, which is its owner only", async () => {
    let asked = 0;
    const control = await openControl(data, () => {
      asked++;
      return Promise.resolve(undefined);
    });
    const { token } = written();
    expect(statSync(join(data, "control.json")).mode & 0o777).toBe(0o600);
    expect(await status("/rolling-restart", "")).toBe(403);
    expect(await status("/rolling-restart", token.replace(/.$/, "!"))).toBe(403);
    expect(await status("/rolling-restart", token, "GET")).toBe(405);
    expect(await status("/", token)).toBe(404);
    expect(asked).toBe(0);
    expect(await askLauncher(data, () => {})).toBeUndefined();
    expect(asked).toBe(1);
    await control.close();
  });

  it("takes one wish at a time, and notices when whoever asked hangs up", async () => {
    const heard: AbortSignal[] = [];
    const control = await openControl(data, (_say, signal) => {
      heard.push(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve("given up")));
    });
    const headers = { Authorization: `Bearer ${written().token}` };
    const first = request({
      host: "127.0.0.1",
      port: written().port,
      path: "/rolling-restart",
      method: "POST",
      headers,
    });
    first.on("error", () => {});
    first.end();
    await eventually(() => heard.length === 1, "the first wish is heard");
    expect(await askLauncher(data, () => {})).toBe("a rolling restart of this cluster is under way already.");
    first.destroy();
    await eventually(() => heard[0]?.aborted === true, "the launcher notices");
    await control.close();
  });

  it("refuses a damaged file", async () => {
    writeFileSync(join(data, "control.json"), '{"port":1}');
    await expect(askLauncher(data, () => {})).rejects.toThrow(
      /control\.json is damaged: start the cluster again/,
    );
  });
});
