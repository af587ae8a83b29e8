/**
 * Plays the runbooks of docs/operations.md: one cluster of several machines (all on this one, each with its own ports and
 * place on the disk) to which everything happens that the page speaks of, in an order that a cluster can live through.
 * What is typed is taken from the page, and what is printed compared with it. Each test goes on where the one before ended.
 */

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RaftallyClient } from "../../src/client/index.ts";
import { eventually } from "../cli/processes.ts";
import { requires } from "../support/capability.ts";
import { type Block, blocksOf, dedented, exchangesOf } from "./blocks.ts";
import { isPlayed, PLAYED, RUNBOOK } from "./exceptions.ts";
import { type Booted, Machines } from "./machines.ts";
import { Scene } from "./scene.ts";
import { difference } from "./tolerance.ts";
import type { Printed } from "./tools.ts";

const PATIENT_MS = 180_000;
const BLOCKS: readonly Block[] = blocksOf(RUNBOOK);
const played: Set<string> = new Set();

/** The one block that has this text. */
function block(part: string): string {
  const [found, ...more] = BLOCKS.filter((each) => isPlayed(each, part));
  if (found === undefined || more.length > 0)
    throw new Error(`${part} is in ${more.length} more blocks or none`);
  for (const listed of PLAYED) if (isPlayed(found, listed)) played.add(listed);
  return dedented(found);
}

interface Manner {
  /** Lines are broken by length. */
  readonly wrapped?: boolean;
  /** Ask again until it is as said: the nodes need a moment to notice. */
  readonly again?: boolean;
}

/** Does what a transcript says. */
async function transcript(
  part: string,
  shell: (command: string) => Promise<Printed>,
  { wrapped = false, again = false }: Manner = {},
): Promise<void> {
  for (const { command, printed } of exchangesOf(block(part))) {
    let wrong: string | undefined;
    const deadline = performance.now() + (again ? 30_000 : 0);
    do {
      wrong = difference(printed, (await shell(command)).all, wrapped);
    } while (wrong !== undefined && performance.now() < deadline);
    expect(wrong, command).toBeUndefined();
  }
}

/** What a node said is what the page says that it says: one line, or the whole block. */
function heard(part: string, booted: Booted): void {
  const said = block(part);
  const lines = booted.text().split("\n");
  const wrongs = lines.map((line) => difference(said, line));
  expect(wrongs.includes(undefined), `${said}\nis not among\n${booted.text()}`).toBe(true);
}

/** How far a node is on the way is said as often as it takes. */
function withoutProgress(text: string): string {
  return text.replaceAll(/^n\d (?:is catching up|cannot be reached at the moment).*\n/gm, "");
}

let machines: Machines;
beforeAll(async () => {
  machines = await Machines.make();
});
afterAll(() => machines.discard());

const FOUNDERS = ["n1", "n2", "n3"];
const TODAY = new Date().toISOString().slice(0, 10);

function founderLine(id: string): string {
  const host = (each: string): string => `10.0.0.${each.slice(1)}`;
  const members = FOUNDERS.map((each) => `${each}=${host(each)}:4100@http://${host(each)}:4000`).join(",");
  const own = `--id ${id} --cluster-id shop --data /var/lib/raftally --members ${members}`;
  return `raftally serve ${own} --listen ${host(id)}:4000 --listen-peer ${host(id)}:4100 --writes forward`;
}

const desk = (command: string): Promise<Printed> => machines.shell(command);

function client(): RaftallyClient {
  const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  return new RaftallyClient({ urls: hosts.map((host) => machines.here(`http://${host}:4000`, "desk")) });
}

async function listed(pattern: RegExp): Promise<void> {
  await eventually(
    async () => pattern.test((await desk("raftally member list")).out),
    `${pattern} is listed`,
  );
}

describe("the runbook, played on several machines", { timeout: PATIENT_MS }, () => {
  it("looks at a cluster that is well, and asks a node that passes a write on", async (context) => {
    requires(context, "patience", "curl");
    await Promise.all(FOUNDERS.map((id) => machines.bootUntil(founderLine(id), id, /ready/)));
    await desk("raftally member transfer n1");
    await listed(/n1 +voter, leads/);
    await transcript("$ curl -s -D - -X POST http://10.0.0.2:4000", desk);
    // 40,000 counters, as the page has them.
    const keys = Array.from({ length: 39_999 }, (_, at) => `shop:${at}`);
    while (keys.length > 0)
      await client().batch(keys.splice(0, 1_000).map((key) => ({ op: "increment", key })));
    await transcript("n1      voter         yes         10", desk, { again: true });
    await transcript("$ raftally status\n", desk, { again: true });
  });

  it("asks the doctor", async (context) => {
    requires(context, "patience");
    const [cluster = "", directory = ""] = block("raftally doctor --url http://10.0.0.1:4000\n").split("\n");
    // A disk that others use is slow now and then, and the doctor says so.
    for (const line of [cluster, directory]) {
      const { exitCode, all } = await machines.shell(line, "n1");
      expect([0, 1]).toContain(exitCode);
      expect(all).not.toContain("FAULT");
    }
    await machines.end("n1", "SIGKILL");
    await transcript("$ raftally doctor --url http://10.0.0.2:4000", desk, { wrapped: true, again: true });
    await machines.bootUntil(founderLine("n1"), "n1", /ready/);
  });

  it("adds two nodes", async (context) => {
    requires(context, "patience");
    const line = block("raftally serve --id n4 --join 10.0.0.1:4100");
    const waits = line.replace("--join-as voter", "--join-as wait");
    const n4 = await machines.bootUntil(waits, "n4", /waits until somebody adds it/);
    heard("info  n4 waits until somebody adds it", n4);
    await transcript("$ raftally member add http://10.0.0.4:4000", async (command) => {
      const { all, ...ran } = await desk(command);
      return { ...ran, all: withoutProgress(all) };
    });
    await transcript("$ raftally member promote n4 --dry-run", desk);
    const fifth = line.replace("--id n4", "--id n5").replaceAll("10.0.0.4:", "10.0.0.5:");
    await machines.bootUntil(fifth, "n5", /ready/);
    await transcript("5 voters, 2 may fail.", desk, { again: true });
  });

  it("removes nodes, for good, and none that would be missed", async (context) => {
    requires(context, "patience");
    await desk("raftally member transfer n1");
    const n5 = machines.running("n5");
    await transcript("$ raftally member remove n5", desk);
    expect(await n5.ended).toBe(2);
    heard("raftally: n5 was removed from its cluster", n5);
    expect((await desk("raftally member remove n4")).exitCode).toBe(0);
    await machines.end("n4", "SIGKILL");
    rmSync(machines.data("n4"), { recursive: true });
    const again = machines.boot(block("raftally serve --id n4 --join 10.0.0.1:4100"), "n4");
    expect(await again.ended).toBe(2);
    heard("raftally: n4 cannot join", again);
    await machines.end("n2", "SIGKILL");
    await listed(/^n2 +voter +no/m);
    await transcript("$ raftally member remove n3", desk);
  });

  it("replaces a lost disk, and refuses those that forgot", async (context) => {
    requires(context, "patience");
    damageLog("n2");
    const damaged = machines.boot(founderLine("n2"), "n2");
    expect(await damaged.ended).toBeGreaterThan(0);
    heard("raftally: log/00000000000000000001.wal", damaged);

    const [serve = "", replace = ""] = block("\nraftally serve --id n6").split("\n");
    const replacing = machines.boot(replace, "operator");
    await eventually(() => replacing.text().includes("waiting for n6"), "it waits for n6");
    await machines.bootUntil(serve, "n6", /ready/);
    expect(await replacing.ended).toBe(0);
    expect(difference(block("waiting for n6 to join"), withoutProgress(replacing.text()))).toBeUndefined();

    await machines.end("n1", "SIGKILL");
    renameSync(machines.data("n1"), `${machines.data("n1")}-kept`);
    const wiped = machines.boot(founderLine("n1"), "n1");
    expect(await wiped.ended).toBe(2);
    heard("raftally: /var/lib/raftally was wiped", wiped);
    rmSync(machines.data("n1"), { recursive: true, force: true });
    renameSync(`${machines.data("n1")}-kept`, machines.data("n1"));
    await machines.bootUntil(founderLine("n1"), "n1", /ready/);

    const alone =
      "--id r1 --cluster-id x --data /var/lib/raftally --listen 10.0.0.31:4000 --listen-peer 10.0.0.31:4100";
    const founder = machines.boot(
      `raftally serve ${alone} --members r1=10.0.0.31:4100@http://10.0.0.31:4000`,
      "r1",
    );
    expect(await founder.ended).toBe(2);
    heard("raftally: the data directory /var/lib/raftally holds no node", founder);
  });

  it("moves a node to another address", async (context) => {
    requires(context, "patience");
    await machines.end("n3", "SIGTERM");
    const members = /--members (\S+)/.exec(founderLine("n3"))?.[1] ?? "";
    const line = block("raftally serve --id n3 --cluster-id shop").replace(
      "--members …",
      `--members ${members}`,
    );
    await machines.bootUntil(line, "n3", /ready/);
    await transcript("n3      voter         yes         25", desk, { again: true });
  });

  it("backs up and restores", async (context) => {
    requires(context, "patience");
    const { exitCode } = await desk(block("\nraftally backup counts-$(date +%F).backup"));
    expect(exitCode).toBe(0);
    const file = join(machines.directory, "desk", `counts-${TODAY}.backup`);
    rmSync(file);
    await transcript("$ raftally backup counts-$(date +%F).backup", desk);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(machines.directory, "desk", "bad.backup"), bytes);
    const bad = await desk("raftally restore bad.backup --data elsewhere --id r9 --cluster-id bad");
    expect(bad.exitCode).not.toBe(0);
    expect(difference(block("raftally: bad.backup is damaged"), bad.all)).toBeUndefined();

    let start = "";
    await transcript("$ raftally restore", async (command) => {
      const ran = await machines.shell(command.replace("counts-2026-11-21", `../desk/counts-${TODAY}`), "r2");
      start = /^Start it: +(.*)$/m.exec(ran.out)?.[1] ?? "";
      return ran;
    });
    const restored = await machines.bootUntil(start, "r2", /leads/);
    expect(restored.text()).toContain("ready");
    const counters = await desk("raftally sum --url http://10.0.0.31:4000 ''");
    expect(counters.out.trim()).toBe("40000");
    await machines.end("r2", "SIGTERM");
  });

  it("goes on from one survivor when a majority is lost for good", async (context) => {
    requires(context, "patience");
    await Promise.all(["n1", "n6"].map((id) => machines.end(id, "SIGKILL")));
    await transcript("$ raftally status --url http://10.0.9.3:4000", desk, { again: true });
    await machines.end("n3", "SIGTERM");
    const line = block("raftally recover --data /var/lib/raftally");
    // Nobody can be asked here: it says what it would do, and does nothing.
    const unasked = await machines.shell(line, "n3");
    expect(unasked.exitCode).not.toBe(0);
    const warning = block("/var/lib/raftally is the data directory of n3").replace(/Type "yes".*/, "");
    const refusal = "Nothing was done: nobody can be asked here, so say --yes-lose-data.";
    expect(difference(`${warning}${refusal}`, unasked.error, true)).toBeUndefined();
    const done = await machines.shell(`${line} --yes-lose-data`, "n3");
    expect(difference(warning, done.error, true)).toBeUndefined();
    expect(difference(block("/var/lib/raftally: cluster recovered-"), done.out, true)).toBeUndefined();
    const start = /^Start it: +(.*)$/m.exec(done.out)?.[1] ?? "";
    await machines.bootUntil(start, "n3", /n3 leads/);
    const counters = await desk("raftally sum --url http://10.0.9.3:4000 ''");
    expect(counters.out.trim()).toBe("40000");
  });
});

/** One byte of the first batch of a log, with others behind it. */
function damageLog(machine: string): void {
  const file = join(machines.data(machine), "log", "00000000000000000001.wal");
  const bytes = readFileSync(file);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

describe("the runbook, played on a local cluster", { timeout: PATIENT_MS }, () => {
  it("restarts nodes in turn, hands leadership over, and breaks them on purpose", async (context) => {
    requires(context, "patience");
    const scene = await Scene.open("--chaos");
    const shell = (command: string): Promise<Printed> => scene.shell(command);
    // The first thing that a user sees.
    const [start] = blocksOf("README.md").filter(({ text }) =>
      text.startsWith("raftally 0.1.0: made a cluster"),
    );
    // By npm the command is said with npx before it; here npm does not run.
    const plain = (text: string): string => text.replaceAll(/^ +/gm, "").replace("npx ", "");
    expect(difference(plain(start?.text ?? ""), plain(withoutDirectory(scene.launched)))).toBeUndefined();
    await transcript("$ raftally rolling-restart", shell);
    await transcript("$ raftally member transfer", shell);
    await shell("raftally member transfer n3");
    await transcript("$ raftally local", patient(shell));
  });
});

/** The launcher of this test was told a directory, that of the pages was not. */
function withoutDirectory(text: string): string {
  return text.replaceAll(" --data ./data", "");
}

/**
 * A shell in which a wipe waits until the election is over that the death of the leader began, and, once the node that was
 * missing has been started, until it is up.
 */
function patient(shell: (command: string) => Promise<Printed>): (command: string) => Promise<Printed> {
  let isStarted = false;
  return async (command) => {
    let ran = await shell(command);
    const deadline = performance.now() + 30_000;
    const mayPass = (): boolean => (isStarted ? ran.exitCode !== 0 : ran.all.includes("no node leads"));
    while (mayPass() && performance.now() < deadline) ran = await shell(command);
    isStarted ||= command.startsWith("raftally local start");
    return { ...ran, all: withoutDirectory(ran.all) };
  };
}

it("has played everything that is listed as played", (context) => {
  requires(context, "patience", "curl");
  expect(PLAYED.filter((part) => !played.has(part))).toEqual([]);
});
