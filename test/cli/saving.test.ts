/** Backup, restore and recovery, as real processes on real directories. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { startLines, whereReached } from "../../src/cli/start-line.ts";
import { recoverDirectory } from "../../src/store/index.ts";
import { deadUrl, fakeNode, json, problem } from "../client/fake-node.ts";
import { requires } from "../support/capability.ts";
import { eventually, type Running, start } from "./processes.ts";
import { raftally } from "./terminal.ts";

/** Each starts several processes, on a machine that may have other things to do. */
const PROCESS_MS = 180_000;

let directory = "";
let port = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-saving-"));
  port = await freePortRange(3);
});
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 5 }));

const path = (name: string): string => join(directory, name);
const url = (at = 1): string => `http://127.0.0.1:${port + at - 1}`;
const peer = (at: number): string => `127.0.0.1:${port + at + 99}`;

function flags(id: string, at = 1): string[] {
  const where = ["--listen", `127.0.0.1:${port + at - 1}`, "--listen-peer", peer(at)];
  return ["--id", id, "--data", path(id), ...where];
}

async function serve(id: string, clusterId: string): Promise<Running> {
  const node = start(["serve", ...flags(id), "--cluster-id", clusterId, "--new-cluster"]);
  await node.until(/"msg":"ready"/);
  return node;
}

async function stop(node: Running): Promise<void> {
  node.child.kill("SIGTERM");
  expect((await node.ended).exitCode).toBe(0);
}

describe("raftally backup and restore", () => {
  it(
    "bring every count into a new cluster, and overwrite nothing",
    async (context) => {
      requires(context, "patience");
      const n1 = await serve("n1", "old");
      await raftally(["incr", "k", "--by", "9223372036854775807", "--url", url()]);
      const taken = await raftally(["backup", path("b"), "--url", `${await deadUrl()},${url()}`]);
      expect(taken.out).toMatch(
        /b: cluster old, index \d+ of term \d+\n1 counters, revision 1, digest \d+, verified$/,
      );
      const again = await raftally(["backup", path("b"), "--url", url()]);
      expect([again.exitCode, again.error]).toEqual([1, expect.stringContaining("b exists already.")]);
      const forPrograms = JSON.parse((await raftally(["backup", path("c"), "--json", "--url", url()])).out);
      expect(forPrograms).toMatchObject({ file: path("c"), clusterId: "old", counters: 1, revision: 1 });
      expect(readdirSync(directory).filter((name) => name.includes("part"))).toEqual([]);
      await stop(n1);

      const restored = await raftally(["restore", path("b"), ...flags("r1"), "--cluster-id", "new"]);
      expect(restored.out).toContain("cluster new, whose only member is r1\n1 counters, revision 1, digest");
      const line = /Start it: {2}raftally (.*)\n/.exec(restored.out)?.[1] ?? "";
      const r1 = start(line.split(" "));
      await r1.until(/"msg":"ready"/);
      expect((await raftally(["get", "k", "--url", url()])).out).toBe("9223372036854775807");
      await stop(r1);

      const told = await raftally(["recover", "--data", path("r1"), "--yes-lose-data", "--json"]);
      expect(told.error).toContain("THIS CAN LOSE COUNTS");
      expect(JSON.parse(told.out)).toMatchObject({ id: "r1", counters: 1, from: { clusterId: "new" } });

      const twice = await raftally(["restore", path("b"), ...flags("r1"), "--cluster-id", "new"]);
      expect([twice.exitCode, twice.error]).toEqual([2, expect.stringMatching(/^raftally: [^\n]*$/)]);
    },
    PROCESS_MS,
  );

  it(
    "refuse a damaged file, and make nothing of it",
    async () => {
      const n1 = await serve("n1", "old");
      await raftally(["backup", path("b"), "--url", url()]);
      await stop(n1);
      const bytes = readFileSync(path("b"));
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      writeFileSync(path("b"), bytes);
      const { exitCode, error } = await raftally([
        "restore",
        path("b"),
        ...flags("r1"),
        "--cluster-id",
        "new",
      ]);
      expect([exitCode, error]).toEqual([2, expect.stringMatching(/^raftally: .*b is damaged[^\n]*$/)]);
      expect(existsSync(join(path("r1"), "identity.json"))).toBe(false);
    },
    PROCESS_MS,
  );

  it(
    "leave no file behind when what arrives is no backup, or none is given",
    async () => {
      const wrong = await fakeNode(json(200, '{"hello":1}'));
      const first = await raftally(["backup", path("b"), "--url", wrong.url]);
      expect([first.exitCode, first.error]).toEqual([
        1,
        expect.stringContaining("What arrived is no whole backup, and was deleted."),
      ]);
      const ready = json(200, "ok");
      const refusing = await fakeNode(ready, problem("SHUTTING_DOWN", { detail: "it is stopping" }));
      const second = await raftally(["backup", path("b"), "--url", refusing.url]);
      expect(second.error).toContain("gave no backup.\n  why: it is stopping");
      const nowhere = await raftally(["backup", path("no/b"), "--url", refusing.url]);
      expect(nowhere.error).toContain(`There is no directory ${path("no")}.`);
      expect(readdirSync(directory)).toEqual([]);
    },
    PROCESS_MS,
  );

  it.each([
    ["restore b --id r1 --cluster-id new", "--data (or RAFTALLY_DATA) is needed"],
    ["restore b --data d --cluster-id new", "--id (or RAFTALLY_ID) is needed"],
    ["restore b --data d --id r1", "--cluster-id (or RAFTALLY_CLUSTER_ID) is needed"],
    ["recover", "--data (or RAFTALLY_DATA) is needed"],
    ["recover --data /nowhere", "/nowhere is not the data directory of a node"],
  ])(
    "say of `%s`: %s",
    async (line, sentence) => {
      const { exitCode, error } = await raftally(line.split(" "));
      expect(error).toContain(`raftally: ${sentence}`);
      expect(exitCode).toBe(2);
    },
    PROCESS_MS,
  );
});

describe("raftally recover", () => {
  it(
    "makes a cluster of one survivor, only when told twice, and the old ones stay out",
    async (context) => {
      requires(context, "patience");
      const n1 = await serve("n1", "old");
      const n2 = start(["serve", ...flags("n2", 2), "--join", peer(1), "--join-as", "voter"]);
      const votes = async (): Promise<boolean> =>
        (await raftally(["member", "list", "--url", url()])).out.includes("2 voters");
      await eventually(votes, "two voters");
      await raftally(["incr", "k", "--by", "7", "--url", url()]);
      const running = await raftally(["recover", "--data", path("n1")]);
      expect([running.exitCode, running.error]).toEqual([2, expect.stringContaining("a node runs on")]);
      await stop(n1);
      await stop(n2);

      const asked = await raftally(["recover", "--data", path("n1")]);
      expect(asked.exitCode).toBe(2);
      expect(asked.error).toMatch(/Its log ends in term\s\d+ at index \d+/);
      expect(asked.error.replaceAll("\n", " ")).toContain(
        "If a majority of its voters ever runs again, it serves",
      );
      expect(asked.error).toContain("THIS CAN LOSE COUNTS");
      expect(asked.error).toContain("Nothing was done: nobody can be asked here, so say --yes-lose-data.");
      const hesitant = await raftally(["recover", "--data", path("n1")], {}, "no");
      expect([hesitant.exitCode, hesitant.error]).toEqual([
        2,
        expect.stringMatching(/\nNothing was done\.$/),
      ]);

      const recovered = await raftally(["recover", "--data", path("n1"), "--cluster-id", "new"], {}, " yes ");
      expect(recovered.exitCode).toBe(0);
      expect(recovered.out).toContain("cluster new, whose only member is n1");
      expect(recovered.out).toContain("can never join: n2");
      const again = start((/Start it: {2}raftally (.*)\n/.exec(recovered.out)?.[1] ?? "").split(" "));
      await again.until(/"msg":"ready"/);
      expect((await raftally(["get", "k", "--url", url()])).out).toBe("7");
      const fresh = flags("n2", 2).map((word) => word.replace(path("n2"), path("n2b")));
      const old = await start(["serve", ...fresh, "--join", peer(1)]).ended;
      expect([old.exitCode, old.error]).toEqual([2, expect.stringMatching(/^raftally: n2 cannot join/)]);
      await stop(again);
    },
    PROCESS_MS,
  );

  it(
    "finishes what was interrupted under the name that it was begun with",
    async (context) => {
      requires(context, "patience");
      const n1 = await serve("n1", "old");
      await raftally(["incr", "k", "--by", "7", "--url", url()]);
      await stop(n1);
      // As a power failure leaves it right after the decision: everything made, and nothing in its place.
      cpSync(path("n1"), path("made"), { recursive: true });
      const made = await recoverDirectory({ directory: path("made"), clusterId: "recovered-1" });
      mkdirSync(path("n1/recovered"));
      for (const part of ["log", "snapshots", "state.db", "identity.json"]) {
        renameSync(path(`made/${part}`), path(`n1/recovered/${part}`));
      }
      writeFileSync(path("n1/recovered/report.json"), JSON.stringify(made));
      cpSync(path("n1"), path("copy"), { recursive: true });

      const forPrograms = await raftally(["recover", "--data", path("copy"), "--json"]);
      expect([forPrograms.exitCode, forPrograms.error]).toEqual([0, ""]);
      expect(JSON.parse(forPrograms.out)).toMatchObject({ clusterId: "recovered-1", id: "n1", counters: 1 });
      const { exitCode, out } = await raftally(["recover", "--data", path("n1")]);
      expect([exitCode, out]).toEqual([0, expect.stringMatching(/^Finished what was begun before\. /)]);
      const again = start((/Start it: {2}raftally (.*)\n/.exec(out)?.[1] ?? "").split(" "));
      await again.until(/"msg":"ready"/);
      expect((await raftally(["get", "k", "--url", url()])).out).toBe("7");
      await stop(again);
    },
    PROCESS_MS,
  );
});

describe("the line that starts what was made", () => {
  const line = (peer: string, api: string): string =>
    startLines(
      { data: "d", clusterId: "c", self: { id: "n1", peer, api } },
      whereReached({ id: "n1", peer, api }),
    ).join("\n");

  it("listens where the node was reached, if that is an IP address", () => {
    expect(line("10.0.0.1:4100", "http://10.0.0.1:4000")).toBe(
      "Start it:  raftally serve --data d --id n1 --cluster-id c --listen 10.0.0.1:4000 --listen-peer 10.0.0.1:4100",
    );
    expect(line("[::1]:4100", "http://[::1]:4000")).toContain("--listen [::1]:4000 --listen-peer [::1]:4100");
    expect(line("127.0.0.1:4100", "http://127.0.0.1:4000")).toMatch(/--cluster-id c$/);
  });

  it("leaves it to the operator where a node listens that was reached by a name", () => {
    const named = line("n1.example:4100", "https://count.example/n1");
    expect(named).toContain(
      "--cluster-id c --advertise https://count.example/n1 --advertise-peer n1.example:4100\nAdd --listen and",
    );
    expect(named).not.toMatch(/--listen \S+:/);
    expect(line("10.0.0.1:4100", "http://n1.example:4000")).toMatch(
      /--advertise http:\/\/n1.example:4000 --listen-peer 10.0.0.1:4100\nAdd --listen: /,
    );
  });
});
