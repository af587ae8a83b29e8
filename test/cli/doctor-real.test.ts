/** The doctor at real nodes and real directories, with faults that are made for it. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "../../chaos/index.ts";
import { planCluster, savePlan } from "../../src/cli/cluster-file.ts";
import { parseCommandLine } from "../../src/cli/index.ts";
import { requires } from "../support/capability.ts";
import { type Ended, run } from "./processes.ts";
import { raftally } from "./terminal.ts";

beforeEach((context) => requires(context, "patience"));

const PATIENT_MS = 180_000;

let directory = "";
let cluster: Cluster;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-doctor-"));
  cluster = await Cluster.start();
  const client = cluster.client();
  await Promise.all(Array.from({ length: 50 }, () => client.increment("visits")));
}, PATIENT_MS);
afterAll(async () => {
  await cluster?.stop();
  rmSync(directory, { recursive: true, maxRetries: 5 });
}, PATIENT_MS);

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

interface Said {
  readonly exitCode: number | undefined;
  readonly codes: readonly string[];
  readonly text: string;
}

/** Runs it twice, for people and for programs. Of a disk that others slow down nothing is held against it. */
async function doctor(...line: readonly string[]): Promise<Said> {
  const [text, asJson] = await Promise.all([
    raftally(["doctor", ...line]),
    raftally(["doctor", ...line, "--json"]),
  ]);
  const { findings } = JSON.parse(asJson.out) as { findings: { code: string; severity: string }[] };
  const busy = ["slow-fsync", "disk-nearly-full", "node-behind", "not-ready"];
  const codes = findings.map(({ code }) => code).filter((code) => !busy.includes(code));
  return { exitCode: codes.length === 0 ? 0 : text.exitCode, codes, text: flat(text.out + text.error) };
}

/** Everything in a directory: names, sizes, times of change and contents. */
function imageOf(path: string): readonly string[] {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  return names.map((name) => {
    const { size, mtimeMs, ino } = statSync(join(path, name));
    const isFile = statSync(join(path, name)).isFile();
    const content = isFile && name !== "lock" ? readFileSync(join(path, name)).toString("base64") : "";
    return `${name} ${size} ${mtimeMs} ${ino} ${content}`;
  });
}

/** The first segment of the log of a data directory. */
function segmentOf(data: string): string {
  const [name = ""] = readdirSync(join(data, "log")).filter((each) => each.endsWith(".wal"));
  return join(data, "log", name);
}

describe("raftally doctor, with real nodes", { timeout: PATIENT_MS }, () => {
  it("finds nothing wrong with a cluster that is well, nor with the directory of a running node", async () => {
    const data = cluster.data("n1");
    const said = await doctor("--url", cluster.urls.join(","), "--data", data);
    expect(said).toMatchObject({ exitCode: 0, codes: [] });
    expect(said.text).toMatch(
      /Asked 3 nodes; n1, n2 and n3 of cluster "[^"]+" answered, and n\d leads term \d+\./,
    );
    expect(said.text).toContain("the directory of n1, which is running");
    expect(said.text).toContain("state.db was not read, because its node is running");
  });

  it("names the node that is down, and later the majority that is missing", async (context) => {
    requires(context, "patience");
    const leader = await cluster.leader();
    const [first = "", second = ""] = cluster.nodes.map(({ id }) => id).filter((id) => id !== leader);
    await cluster.kill(first);
    const one = await doctor("--url", cluster.node(leader).url);
    expect(one.exitCode).toBe(1);
    await expect
      .poll(async () => (await doctor("--url", cluster.node(leader).url)).codes, { timeout: 20_000 })
      .toEqual(["unreachable-peer"]);
    await cluster.kill(second);
    const url = cluster.node(leader).url;
    await expect
      .poll(async () => (await doctor("--url", url)).codes[0], { timeout: 20_000 })
      .toBe("no-quorum");
    const none = await doctor("--url", url);
    expect(none.text).toContain("There is no majority: 1 of 3 voters answer, and 2 are needed.");
    expect(none.text).toContain(`${first} (nothing listens there)`);
    await cluster.startAll();
  });

  it("tells a directory of another cluster from that of a member", async (context) => {
    requires(context, "patience");
    const other = join(directory, "other");
    const { exitCode } = await raftally([
      ...["restore", await backupOf(cluster), "--data", other, "--id", "r1", "--cluster-id", "another"],
    ]);
    expect(exitCode).toBe(0);
    const said = await doctor("--url", cluster.urls.join(","), "--data", other);
    expect(said.exitCode).toBe(1);
    expect(said.codes).toEqual(["wrong-cluster"]);
    expect(said.text).toContain('belongs to node r1 of cluster "another"');
  });

  it("reads the directory of a stopped node whole, and changes nothing in it", async (context) => {
    requires(context, "patience");
    const data = copyOfStopped();
    const before = imageOf(data);
    const said = await doctor("--data", data);
    expect(said).toMatchObject({ exitCode: 0, codes: [] });
    expect(said.text).toContain("which is stopped");
    expect(said.text).toMatch(/1 counter as of \d+, each verified/);
    expect(imageOf(data)).toEqual(before);
    // With the cluster at hand it is held against that too: it is one of its members.
    expect((await doctor("--data", data, "--url", cluster.urls.join(","))).codes).toEqual([]);
  });

  it("finds damage in the log, in state.db and between them", async (context) => {
    requires(context, "patience");
    const log = copyOfStopped();
    const segment = segmentOf(log);
    const bytes = readFileSync(segment);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(segment, bytes);
    const damaged = await doctor("--data", log);
    expect(damaged).toMatchObject({ exitCode: 1, codes: ["corruption"] });
    expect(damaged.text).toMatch(/: log\/\d+\.wal at byte \d+: batch \d+ is damaged/);
    expect(damaged.text).toContain('see: docs/operations.md, "Replace a lost disk"');

    const state = copyOfStopped();
    const file = join(state, "state.db");
    const rows = readFileSync(file);
    const at = rows.indexOf("visits");
    rows[at] = (rows[at] ?? 0) ^ 1;
    writeFileSync(file, rows);
    expect(await doctor("--data", state)).toMatchObject({ exitCode: 1, codes: ["corruption"] });

    const shorter = copyOfStopped();
    cpSync(join(copyOfFresh, "log"), join(shorter, "log"), { recursive: true, force: true });
    const contradiction = await doctor("--data", shorter);
    expect(contradiction).toMatchObject({ exitCode: 1, codes: ["corruption"] });
  });

  it("looks at every node of a local cluster's directory, as npm start makes it", async (context) => {
    requires(context, "patience");
    const local = mkdtempSync(join(directory, "local-"));
    const request = parseCommandLine(["cluster", "--data", local], {});
    if (request.kind !== "run") throw new Error("expected a command to run");
    savePlan(local, planCluster(request.parsed));
    cpSync(stopped, join(local, "n1"), { recursive: true });
    cpSync(stopped, join(local, "n3"), { recursive: true });
    const said = await doctor("--data", local);
    expect(said).toMatchObject({ exitCode: 0, codes: [] });
    expect(said.text).toContain(`${local} holds a local cluster: n1 and n3.`);
    expect(said.text).toContain(`Looked at ${join(local, "n1")}, the directory of n3, which is stopped`);
    const segment = segmentOf(join(local, "n3"));
    const bytes = readFileSync(segment);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(segment, bytes);
    const damaged = await doctor("--data", local);
    expect(damaged).toMatchObject({ exitCode: 1, codes: ["corruption"] });
    expect(damaged.text).toContain(`FAULT (${join(local, "n3")}): log/`);
  });

  it("says when there is no directory, or no node in it", async () => {
    const none = await raftally(["doctor", "--data", join(directory, "none")]);
    expect(none.exitCode).toBe(2);
    expect(none.error).toContain("There is no directory");
    const empty = mkdtempSync(join(directory, "empty-"));
    expect(await doctor("--data", empty)).toMatchObject({ exitCode: 1, codes: ["no-node"] });
  });

  it("warns of a disk that is nearly full (needs a tmpfs)", async (context) => {
    requires(context, "tmpfs");
    const mount = mkdtempSync(join(directory, "mount-"));
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", mount]).status).toBe(0);
    try {
      cpSync(copyOfStopped(), mount, { recursive: true });
      const ran = await raftally(["doctor", "--data", mount]);
      expect(ran.exitCode).toBe(1);
      expect(flat(ran.out)).toMatch(/The disk of \S+ is nearly full: 6\d MiB of 64 MiB are free\./);
    } finally {
      spawnSync("umount", [mount]);
    }
  });

  it("measures that a disk is slow to sync (needs strace)", async (context) => {
    requires(context, "strace");
    const calls = "fsync,fdatasync";
    const slow = ["-e", `trace=${calls}`, "-e", `inject=${calls}:delay_exit=60000`];
    const ran: Ended = await run(["doctor", "--data", copyOfStopped()], {
      under: ["strace", "-f", "-qq", "-o", "/dev/null", ...slow],
    });
    expect(ran.exitCode).toBe(1);
    expect(flat(ran.out)).toMatch(/is slow to sync: half of \d+ syncs took (?:[6-9]\d|\d{3,}) ms or more/);
  });
});

let stopped = "";
/** The log as it was early in the life of the node, in a copy of its directory. */
let copyOfFresh = "";

beforeAll(async () => {
  await cluster.terminate("n3");
  copyOfFresh = copyOf(cluster.data("n3"));
  await cluster.startNode("n3");
  const client = cluster.client();
  await Promise.all(Array.from({ length: 50 }, () => client.increment("visits")));
  const { index } = await client.increment("visits");
  await cluster.clientOf("n3").get("visits", { consistency: "stale", minIndex: index });
  await cluster.terminate("n3");
  stopped = copyOf(cluster.data("n3"));
  await cluster.startNode("n3");
}, PATIENT_MS);

function copyOf(data: string): string {
  const copy = join(directory, `copy-${readdirSync(directory).length}`);
  cpSync(data, copy, { recursive: true });
  return copy;
}

/** Another copy of the directory of n3 as it was when it was stopped. */
function copyOfStopped(): string {
  return copyOf(stopped);
}

async function backupOf({ urls }: Cluster): Promise<string> {
  const file = join(directory, "whole.backup");
  const { exitCode } = await raftally(["backup", file, "--url", urls.join(","), "--timeout", "30s"]);
  expect(exitCode).toBe(0);
  return file;
}
