/** Where a document's blocks are run: a fresh local cluster of three, and a directory with the commands that they use. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePortRange, PEER_PORT_OFFSET } from "../../chaos/index.ts";
import { type Running, start } from "../cli/processes.ts";
import { ROOT } from "./blocks.ts";
import { layTools, type Printed, runIn } from "./tools.ts";

/** Ports of the documents that are translated: three nodes and two more that may join. */
const NODES = 5;
const API = 4000;
const PEER = 4100;

export class Scene {
  readonly directory: string;
  readonly #base: number;
  readonly #tools: Readonly<Record<string, string>>;
  #launcher: Running | undefined;

  private constructor(directory: string, base: number) {
    this.directory = directory;
    this.#base = base;
    this.#tools = layTools(directory);
  }

  /** Starts a local cluster, that of `npm start` with `--chaos`; it ends with the test. */
  static async open(...flags: readonly string[]): Promise<Scene> {
    const directory = mkdtempSync(join(tmpdir(), "raftally-docs-"));
    const base = await freePortRange(NODES);
    const scene = new Scene(directory, base);
    const cluster = start(["cluster", "--data", join(directory, "data"), "--port", String(base), ...flags]);
    scene.#launcher = cluster;
    onTestFinished(async () => {
      cluster.child.kill("SIGTERM");
      await cluster.ended;
      rmSync(directory, { recursive: true, force: true });
    });
    await cluster.until(/Stop: {2}Ctrl-C/);
    return scene;
  }

  /** What the launcher of the cluster has printed. */
  get launched(): string {
    return this.there(this.#launcher?.text() ?? "");
  }

  /** With the ports of this cluster instead of those of the documents. */
  here(text: string): string {
    return text.replace(/\b(127\.0\.0\.1|localhost):(4[01]0[0-4])\b/g, (_, host: string, port: string) => {
      const far = Number(port);
      return `${host}:${far < PEER ? far - API + this.#base : far - PEER + this.#base + PEER_PORT_OFFSET}`;
    });
  }

  /** The other way round. */
  there(text: string): string {
    let changed = text.replaceAll(this.directory, ".");
    for (let at = 0; at < NODES; at++) {
      changed = changed
        .replaceAll(`127.0.0.1:${this.#base + at}`, `127.0.0.1:${API + at}`)
        .replaceAll(`127.0.0.1:${this.#base + PEER_PORT_OFFSET + at}`, `127.0.0.1:${PEER + at}`);
    }
    return changed;
  }

  get env(): Record<string, string> {
    const RAFTALLY_URL = [0, 1, 2].map((at) => `http://127.0.0.1:${this.#base + at}`).join(",");
    return { ...this.#tools, RAFTALLY_URL };
  }

  /** Runs commands with `bash -e`, as a reader would type them. */
  shell(script: string): Promise<Printed> {
    return this.#run("bash", "-e", "-o", "pipefail", "-c", this.here(script));
  }

  /** Starts commands that do not end, and waits until they have said what is expected. They end with the test. */
  begin(script: string, until: RegExp): Promise<void> {
    const child = spawn("bash", ["-e", "-c", this.here(script)], {
      cwd: this.directory,
      env: { ...this.env, RAFTALLY_FOUNDING_WAIT: "0s" },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what the commands have started ends with them.
      detached: true,
    });
    onTestFinished(() => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    });
    let text = "";
    return new Promise((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        text += chunk.toString("utf8");
        if (until.test(text)) resolve();
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.once("close", () => reject(new Error(`it ended before it said ${until}:\n${text}`)));
    });
  }

  /** Runs a program in TypeScript. @param file absolute. */
  program(file: string): Promise<Printed> {
    return this.#run(process.execPath, "--disable-warning=ExperimentalWarning", file);
  }

  #run(...line: readonly [string, ...string[]]): Promise<Printed> {
    return runIn(line, { cwd: this.directory, env: this.env }, (text) => this.there(text));
  }
}

/** Where the programs of the documents are put: below the root, so that packages are found. */
export const PROGRAMS: string = join(ROOT, ".build", "docs-programs");
