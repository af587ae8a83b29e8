/** The machines of docs/operations.md, on this one: each has a place on the disk and ports of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePortRange, PEER_PORT_OFFSET } from "../../chaos/index.ts";
import { eventually } from "../cli/processes.ts";
import { layTools, type Printed, runIn } from "./tools.ts";

/** Where the runbook says that they are. */
const HOSTS = [
  "10.0.0.1",
  "10.0.0.2",
  "10.0.0.3",
  "10.0.0.4",
  "10.0.0.5",
  "10.0.0.6",
  "10.0.9.3",
  "10.0.0.31",
];
const API = 4000;

/** A process that goes on. */
export interface Booted {
  /** What it has printed, in the words of the document. */
  text(): string;
  /** Its exit code; undefined if a signal ended it. */
  readonly ended: Promise<number | undefined>;
}

export class Machines {
  readonly directory: string = mkdtempSync(join(tmpdir(), "raftally-runbook-"));
  readonly secret: string = "a secret that all nodes of the shop know";
  readonly #tools: Readonly<Record<string, string>>;
  readonly #running: Map<string, { readonly child: ChildProcess; readonly booted: Booted }> = new Map();
  readonly #base: number;

  private constructor(base: number) {
    this.#base = base;
    this.#tools = layTools(this.directory);
  }

  static async make(): Promise<Machines> {
    return new Machines(await freePortRange(HOSTS.length));
  }

  /** Ends what still runs. */
  async discard(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((machine) => this.end(machine, "SIGKILL")));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** What the document calls /var/lib/raftally on this machine. */
  data(machine: string): string {
    return join(this.directory, machine, "raftally");
  }

  /** The words of the document with what is meant by them here. */
  here(text: string, machine: string): string {
    return text
      .replaceAll("/var/lib/raftally", this.data(machine))
      .replaceAll("RAFTALLY_SECRET=…", `RAFTALLY_SECRET='${this.secret}'`)
      .replace(/\b(10(?:\.\d+){3}):(4[01]00)\b/g, (whole, host: string, port: string) => {
        const at = HOSTS.indexOf(host);
        if (at < 0) return whole;
        return `127.0.0.1:${this.#base + at + (Number(port) === API ? 0 : PEER_PORT_OFFSET)}`;
      });
  }

  /** The other way round. */
  there(text: string): string {
    let changed = text.replaceAll(new RegExp(`${this.directory}/[\\w-]+/raftally`, "g"), "/var/lib/raftally");
    for (const [at, host] of HOSTS.entries()) {
      changed = changed
        .replaceAll(`127.0.0.1:${this.#base + at + PEER_PORT_OFFSET}`, `${host}:4100`)
        .replaceAll(`127.0.0.1:${this.#base + at}`, `${host}:4000`);
    }
    return changed;
  }

  #surroundings(machine: string): { readonly cwd: string; readonly env: Record<string, string> } {
    const cwd = join(this.directory, machine);
    mkdirSync(cwd, { recursive: true });
    const urls = ["10.0.0.1", "10.0.0.3", "10.0.0.2"].map((host) =>
      this.here(`http://${host}:4000`, machine),
    );
    const RAFTALLY_URL = urls.join(",");
    const RAFTALLY_SECRET = this.secret;
    const RAFTALLY_LOG_FORMAT = "text";
    return { cwd, env: { ...this.#tools, RAFTALLY_URL, RAFTALLY_SECRET, RAFTALLY_LOG_FORMAT } };
  }

  /** Runs commands with `bash -e`, as somebody at that machine would type them. */
  shell(script: string, machine = "desk"): Promise<Printed> {
    const line = ["bash", "-e", "-o", "pipefail", "-c", this.here(script, machine)] as const;
    return runIn([...line], this.#surroundings(machine), (text) => this.there(text));
  }

  /** Starts what does not end by itself; one at a time on each machine. */
  boot(script: string, machine: string): Booted {
    const { cwd, env } = this.#surroundings(machine);
    const child = spawn("bash", ["-e", "-c", this.here(script, machine)], {
      cwd,
      env: { ...env, RAFTALLY_FOUNDING_WAIT: "300ms" },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that a signal reaches all of it.
      detached: true,
    });
    let printed = "";
    const hear = (chunk: Buffer): void => {
      printed += chunk.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const ended = new Promise<number | undefined>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        this.#running.delete(machine);
        resolve(code ?? undefined);
      });
    });
    const booted = { text: () => this.there(printed), ended };
    this.#running.set(machine, { child, booted });
    return booted;
  }

  /** What was started on a machine and runs. */
  running(machine: string): Booted {
    const running = this.#running.get(machine);
    if (running === undefined) throw new Error(`nothing runs on ${machine}`);
    return running.booted;
  }

  /** Starts it, and waits until it has said that. */
  async bootUntil(script: string, machine: string, pattern: RegExp): Promise<Booted> {
    const booted = this.boot(script, machine);
    let isOver = false;
    void booted.ended.then(() => {
      isOver = true;
    });
    await eventually(() => {
      if (pattern.test(booted.text())) return true;
      if (isOver) throw new Error(`it ended before it said ${pattern}:\n${booted.text()}`);
      return false;
    }, `${machine} says ${pattern}`);
    return booted;
  }

  /** Ends what was started on a machine, and waits for its end. */
  async end(machine: string, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const running = this.#running.get(machine);
    if (running?.child.pid === undefined) return;
    process.kill(-running.child.pid, signal);
    await running.booted.ended;
  }
}
