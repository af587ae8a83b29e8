/** Clusters that change while they run, as real processes: join, promote, replace, move, remove. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { requires } from "../support/capability.ts";
import { eventually, type Running, start } from "./processes.ts";
import { raftally } from "./terminal.ts";

/** Each starts several processes, on a machine that may have other things to do. */
const PROCESS_MS = 180_000;

let directory = "";
let port = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-growing-"));
  port = await freePortRange(6);
});
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 5 }));

/** Where node number `at`, 1 to 6, answers clients and peers. */
const url = (at: number): string => `http://127.0.0.1:${port + at - 1}`;
const peer = (at: number): string => `127.0.0.1:${port + at + 99}`;

/** @param at which ports; @param id whose directory. */
function serve(id: string, at: number, ...more: readonly string[]): Running {
  const where = ["--listen", `127.0.0.1:${port + at - 1}`, "--listen-peer", peer(at)];
  return start(["serve", "--id", id, "--data", join(directory, id), ...where, ...more]);
}

/** A cluster of one, and what joins it. */
async function founded(): Promise<Running> {
  const node = serve("n1", 1, "--cluster-id", "c", "--new-cluster");
  await node.until(/"msg":"ready"/);
  return node;
}

async function stop(node: Running): Promise<void> {
  node.child.kill("SIGTERM");
  expect((await node.ended).exitCode).toBe(0);
}

interface Listed {
  readonly members: readonly {
    readonly id: string;
    readonly role: string;
    readonly leads: boolean;
    readonly api: string;
    readonly reachable: boolean;
  }[];
}

async function members(at: number): Promise<Listed["members"]> {
  const { out } = await raftally(["member", "list", "--json", "--url", url(at)]);
  return out === "" ? [] : (JSON.parse(out) as Listed).members;
}

async function roles(at: number): Promise<string> {
  return (await members(at)).map(({ id, role }) => `${id} ${role}`).join(", ");
}

describe("a growing cluster", () => {
  it(
    "lets a waiting node in, gives it a vote and leadership, and lets the founder go",
    async (context) => {
      requires(context, "patience");
      const n1 = await founded();
      await raftally(["incr", "k", "--by", "5", "--url", url(1)]);
      const n2 = serve("n2", 2, "--join", peer(1), "--join-as", "wait");
      await n2.until(/raftally member add/);
      expect((await raftally(["health", "--url", url(2)])).exitCode).toBe(1);

      const added = await raftally(["member", "add", url(2), "--url", url(1)]);
      expect(added.out).toContain("n2 is a learner and has caught up.");
      expect(await roles(1)).toBe("n1 voter, n2 learner");
      expect((await raftally(["member", "promote", "n2", "--url", url(1)])).out).toBe(
        "n2 votes now.\n2 voters, none may fail.",
      );
      expect((await raftally(["member", "transfer", "n2", "--url", url(1)])).out).toBe("n2 leads now.");

      const removed = await raftally(["member", "remove", "n1", "--url", url(2)]);
      expect(removed.out).toContain("n1 was removed.");
      const ended = await n1.ended;
      expect(ended.exitCode).toBe(2);
      expect(ended.error).toMatch(/^raftally: n1 was removed from its cluster[^\n]*\n$/);
      expect((await raftally(["get", "k", "--url", url(2)])).out).toBe("5");

      // Neither its directory nor its id comes back.
      expect((await serve("n1", 1, "--cluster-id", "c").ended).exitCode).toBe(2);
      rmSync(join(directory, "n1"), { recursive: true });
      const again = await serve("n1", 1, "--join", peer(2)).ended;
      expect([again.exitCode, again.error]).toEqual([2, expect.stringMatching(/^raftally: .*new id\.?\n$/)]);
      await stop(n2);
    },
    PROCESS_MS,
  );

  it(
    "replaces a node that is lost by one that joins meanwhile",
    async (context) => {
      requires(context, "patience");
      await founded();
      const others = ["n2", "n3"].map((id, at) => serve(id, at + 2, "--join", peer(1), "--join-as", "voter"));
      await eventually(async () => (await roles(1)) === "n1 voter, n2 voter, n3 voter", "three voters");
      const [n2] = others;
      n2?.child.kill("SIGKILL");
      await n2?.ended;

      const replacing = raftally(["member", "replace", "n2", "n4", "--url", `${url(3)},${url(1)}`]);
      serve("n4", 4, "--join", `${peer(2)},${peer(3)}`);
      const { exitCode, out, error } = await replacing;
      expect(error).toMatch(/^waiting for n4 to join/);
      expect(out).toContain("n4 has taken the place of n2, which may be switched off.");
      expect(out).toContain("\n3 voters, 1 may fail.");
      expect(exitCode).toBe(0);
      expect(await roles(1)).toBe("n1 voter, n3 voter, n4 voter");
    },
    PROCESS_MS,
  );

  it(
    "follows a node to a new address, and goes on where a joined node was",
    async (context) => {
      requires(context, "patience");
      await founded();
      const before = serve("n2", 2, "--join", peer(1));
      await eventually(async () => (await roles(1)) === "n1 voter, n2 learner", "a learner");
      await stop(before);
      serve("n2", 5, "--join", peer(1), "--join-as", "voter");
      const moved = async (): Promise<boolean> =>
        (await members(1)).some(({ id, api, role }) => id === "n2" && api === url(5) && role === "voter");
      await eventually(moved, "n2 at its new address, with a vote");
    },
    PROCESS_MS,
  );

  it(
    "is found by name, and passes writes on where it is told to",
    async (context) => {
      requires(context, "patience");
      await founded();
      const found = `dns:localhost:${port + 100}`;
      const forwarding = serve("n2", 2, "--discover", found, "--writes", "forward");
      await forwarding.until(/"msg":"ready"/);
      const increment = `${url(2)}/v1/counters/k/increment`;
      const answered = async (): Promise<boolean> => {
        const answer = await fetch(increment, { method: "POST", redirect: "manual" });
        return answer.status === 200 && answer.headers.get("raftally-forwarded-by") === "n2";
      };
      await eventually(answered, "an answer of the leader through n2");
    },
    PROCESS_MS,
  );
});

describe("a node that cannot join", () => {
  it(
    "says so in one sentence when its id is taken, and ends with 2",
    async () => {
      const n1 = await founded();
      const other = start([
        ...["serve", "--id", "n1", "--data", join(directory, "other"), "--join", peer(1)],
        ...["--listen", `127.0.0.1:${port + 1}`, "--listen-peer", peer(2)],
      ]);
      const { exitCode, error } = await other.ended;
      expect(error).toMatch(/^raftally: n1 cannot join: [^\n]*\n$/);
      expect(exitCode).toBe(2);
      await stop(n1);
    },
    PROCESS_MS,
  );

  it(
    "keeps trying while nobody answers, lives but is not ready, and can be stopped",
    async () => {
      const node = serve("n2", 2, "--join", peer(1));
      await node.until(/"event":"joining"/);
      expect((await raftally(["health", "--live", "--url", url(2)])).exitCode).toBe(0);
      expect((await raftally(["health", "--url", url(2)])).exitCode).toBe(1);
      const status = await raftally(["status", "--url", url(2)]);
      expect(status.out).toMatch(/^n2 +joining/m);
      await stop(node);
    },
    PROCESS_MS,
  );
});
