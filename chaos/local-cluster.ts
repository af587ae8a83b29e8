/** A cluster that `raftally cluster` runs, to be tended as a person would: by command lines. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type ClientOptions, RaftallyClient } from "../src/client/index.ts";
import { freePortRange, PEER_PORT_OFFSET } from "./ports.ts";
import type { Node, Target } from "./target.ts";

const EXECUTABLE = fileURLToPath(new URL("../bin/raftally.js", import.meta.url));

export class LocalCluster implements Target {
  /** Everything the cluster writes. Removed by {@link stop}. */
  readonly directory: string;
  readonly nodes: readonly Node[];
  readonly #launcher: ChildProcess;

  private constructor(directory: string, nodes: readonly Node[], launcher: ChildProcess) {
    this.directory = directory;
    this.nodes = nodes;
    this.#launcher = launcher;
  }

  /** Starts a new cluster in a temporary directory on free ports, and waits until the launcher says that it runs. */
  static async start(size = 3): Promise<LocalCluster> {
    const directory = await mkdtemp(join(tmpdir(), "raftally-"));
    const port = await freePortRange(size);
    const nodes = Array.from({ length: size }, (_, at) => ({
      id: `n${at + 1}`,
      url: `http://127.0.0.1:${port + at}`,
      peer: `127.0.0.1:${port + PEER_PORT_OFFSET + at}`,
    }));
    const flags = ["--nodes", String(size), "--data", directory, "--port", String(port)];
    const log = openSync(join(directory, "launcher.log"), "a");
    const launcher = spawn(process.execPath, [EXECUTABLE, "cluster", ...flags], {
      stdio: ["ignore", "pipe", log],
    });
    closeSync(log);
    const cluster = new LocalCluster(directory, nodes, launcher);
    const { stdout } = launcher;
    if (stdout === null) throw new Error("a piped stream is there");
    for await (const line of createInterface({ input: stdout })) {
      if (!line.startsWith("Stop:")) continue;
      stdout.resume();
      return cluster;
    }
    const said = await readFile(join(directory, "launcher.log"), "utf8");
    await cluster.stop();
    throw new Error(`the launcher ended before the cluster ran: ${said}`);
  }

  client(first = 0, options: Partial<ClientOptions> = {}): RaftallyClient {
    const urls = this.nodes.map(({ url }) => url);
    const at = first % urls.length;
    return new RaftallyClient({ urls: [...urls.slice(at), ...urls.slice(0, at)], ...options });
  }

  clientOf(id: string, options: Partial<ClientOptions> = {}): RaftallyClient {
    const node = this.nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return new RaftallyClient({ urls: [node.url], timeoutMs: 30_000, discoverMs: 0, ...options });
  }

  /**
   * Runs `raftally rolling-restart` to its end, and passes on every line that it prints.
   * @throws {Error} if it does not end with exit code 0.
   */
  async rollingRestart(say: (line: string) => void): Promise<void> {
    const child = spawn(process.execPath, [EXECUTABLE, "rolling-restart", "--data", this.directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit") as Promise<[number | null]>;
    for await (const line of createInterface({ input: child.stdout })) say(line);
    const [exitCode] = await ended;
    if (exitCode !== 0) throw new Error(`raftally rolling-restart ended with exit code ${exitCode}`);
  }

  /** Stops the launcher and with it every node; what they wrote stays. */
  async halt(): Promise<void> {
    const launcher = this.#launcher;
    if (launcher.exitCode !== null || launcher.signalCode !== null) return;
    const exit = once(launcher, "exit");
    launcher.kill("SIGTERM");
    await exit;
  }

  /** Stops the launcher and with it every node, and removes the directory. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(this.directory, { recursive: true, force: true });
  }
}
