/** A local cluster of real processes, started from the real command line, to be hurt. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type NodeView, RaftallyClient } from "../src/client/index.ts";
import { freePorts } from "./ports.ts";
import type { Node, Target } from "./target.ts";

const EXECUTABLE = fileURLToPath(new URL("../bin/raftally.js", import.meta.url));

/** How long a node may take to answer as ready, ms. */
const READY_MS = 20_000;
/** How long a graceful stop may take before the process is killed, ms. */
const STOP_MS = 10_000;

/** A node of another cluster. */
interface Stranger extends Node {
  readonly clusterId: string;
  readonly data: string;
}

export class Cluster implements Target {
  /** Everything the cluster writes: data and logs of all nodes. Removed by {@link stop}. */
  readonly directory: string;
  readonly #nodes: Node[];
  /** The first members, whom each of them is started with. */
  readonly #founders: readonly Node[];
  readonly #flags: readonly string[];
  readonly #joinAs: Map<string, "learner" | "voter"> = new Map();
  readonly #strangers: Map<string, Stranger> = new Map();
  /** Those that were removed from the cluster. */
  readonly #gone: Node[] = [];
  readonly #clusterId: string;
  readonly #processes: Map<string, ChildProcess> = new Map();

  private constructor(directory: string, nodes: readonly Node[], flags: readonly string[]) {
    this.directory = directory;
    this.#nodes = [...nodes];
    this.#founders = nodes;
    this.#flags = flags;
    this.#clusterId = `chaos-${process.pid}`;
  }

  /**
   * Starts a new cluster in a temporary directory on free ports, and waits until every node is ready.
   * @param flags of `raftally serve`, for every node.
   */
  static async start(size = 3, flags: readonly string[] = []): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "raftally-"));
    const ports = await freePorts(2 * size);
    const nodes = Array.from({ length: size }, (_, at) => ({
      id: `n${at + 1}`,
      url: `http://127.0.0.1:${ports[at]}`,
      peer: `127.0.0.1:${ports[size + at]}`,
    }));
    const cluster = new Cluster(directory, nodes, flags);
    try {
      await cluster.startAll();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Those that were there from the start or were added, and are not gone. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** A client that asks `first` first, and the others if it does not answer. */
  client(first = 0): RaftallyClient {
    const at = first % this.nodes.length;
    return new RaftallyClient({ urls: [...this.urls.slice(at), ...this.urls.slice(0, at)] });
  }

  /** A client that asks one node only. */
  clientOf(id: string): RaftallyClient {
    return new RaftallyClient({ urls: [this.node(id).url], timeoutMs: 30_000, discoverMs: 0 });
  }

  node(id: string): Node {
    const found = this.nodes.find((node) => node.id === id) ?? this.#strangers.get(id);
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  /** Starts every node that is not running, and waits until all are ready. */
  async startAll(): Promise<void> {
    for (const { id } of this.nodes) if (!this.#processes.has(id)) this.#spawn(id);
    await Promise.all(this.nodes.map(({ id }) => this.#ready(id)));
  }

  /** Starts a node that was killed, and waits until it is ready. */
  async startNode(id: string): Promise<void> {
    this.#spawn(id);
    await this.#ready(id);
  }

  /** Adds a fresh node to the running cluster, and waits until it is ready. */
  async addNode(id: string, joinAs: "learner" | "voter" = "voter"): Promise<Node> {
    const [port, peerPort] = await freePorts(2);
    const node = { id, url: `http://127.0.0.1:${port}`, peer: `127.0.0.1:${peerPort}` };
    this.#joinAs.set(id, joinAs);
    this.#nodes.push(node);
    await this.startNode(id);
    return node;
  }

  /** Waits until a node that was removed from the cluster has ended by itself, and forgets it. */
  async gone(id: string): Promise<number | undefined> {
    const child = this.#process(id);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    clearTimeout(late);
    this.#processes.delete(id);
    this.#gone.push(this.node(id));
    this.#nodes.splice(this.#nodes.indexOf(this.node(id)), 1);
    return child.exitCode ?? undefined;
  }

  /** Starts a node that is gone once more, on the data it had. Resolves with its exit code when it gives up. */
  async haunt(id: string): Promise<number | undefined> {
    const node = this.#gone.find((one) => one.id === id);
    if (node === undefined) throw new Error(`${id} is not gone`);
    this.#nodes.push(node);
    this.#spawn(id);
    return await this.gone(id);
  }

  /** The command line of a node, without the program. */
  args(id: string): readonly string[] {
    const { url, peer } = this.node(id);
    const listens = ["--listen", new URL(url).host, "--listen-peer", peer];
    const stranger = this.#strangers.get(id);
    if (stranger !== undefined) {
      const { clusterId, data } = stranger;
      return ["serve", "--id", id, "--cluster-id", clusterId, "--data", data, ...listens];
    }
    const founds = this.#founders.some((node) => node.id === id);
    const members = this.#founders.map((node) => `${node.id}=${node.peer}@${node.url}`).join(",");
    const seeds = this.nodes.flatMap((node) => (node.id === id ? [] : [node.peer])).join(",");
    return [
      ...["serve", "--id", id, "--cluster-id", this.#clusterId, ...this.#flags],
      ...(founds ? ["--members", members] : ["--join", seeds, "--join-as", this.#joinAs.get(id) ?? "voter"]),
      ...["--data", join(this.directory, id), ...listens],
    ];
  }

  #spawn(id: string): void {
    const child = spawn(process.execPath, [EXECUTABLE, ...this.args(id)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(join(this.directory, `${id}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    // Not at its exit: what it wrote last may still be on its way.
    child.once("close", () => log.end());
    log.on("error", (error) => process.emitWarning(`the log of ${id} cannot be written: ${error.message}`));
    this.#processes.set(id, child);
  }

  async #ready(id: string): Promise<void> {
    const until = performance.now() + READY_MS;
    while (performance.now() < until) {
      const child = this.#processes.get(id);
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${id} ended while starting; its log is ${join(this.directory, `${id}.log`)}`);
      }
      const answer = await fetch(`${this.node(id).url}/readyz`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.status === 200) return;
      await sleep(20);
    }
    throw new Error(`${id} was not ready within ${READY_MS} ms`);
  }

  #process(id: string): ChildProcess {
    const child = this.#processes.get(id);
    if (child === undefined) throw new Error(`${id} is not running`);
    return child;
  }

  /** Ends a process with SIGKILL: nothing of it runs any more once this resolves. */
  async kill(...ids: readonly string[]): Promise<void> {
    const ended = ids.map((id) => {
      const child = this.#process(id);
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      this.#processes.delete(id);
      return exit;
    });
    await Promise.all(ended);
  }

  /** Asks a process to stop (SIGTERM); resolves with its exit code, or undefined if a signal ended it. */
  async terminate(id: string): Promise<number | undefined> {
    const child = this.#process(id);
    const exit = once(child, "exit") as Promise<[number | null]>;
    child.kill("SIGTERM");
    const [exitCode] = await exit;
    this.#processes.delete(id);
    return exitCode ?? undefined;
  }

  /** Stops a process where it is (SIGSTOP), until {@link resume}. */
  pause(id: string): void {
    this.#process(id).kill("SIGSTOP");
  }

  resume(id: string): void {
    this.#process(id).kill("SIGCONT");
  }

  /**
   * Runs a command of the program, and gives what it printed, as JSON.
   * @throws {Error} if it ended with another code than 0.
   */
  async run(...args: readonly string[]): Promise<unknown> {
    const child = spawn(process.execPath, [EXECUTABLE, ...args, "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [printed, complained] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      printed += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      complained += chunk;
    });
    const [exitCode] = (await once(child, "close")) as [number | null];
    if (exitCode !== 0)
      throw new Error(`raftally ${args[0]} ended with exit code ${exitCode}: ${complained}`);
    return JSON.parse(printed);
  }

  /** Starts a node of another cluster on a directory that is there already. */
  async startStranger(id: string, clusterId: string, data: string): Promise<Node> {
    const [port, peerPort] = await freePorts(2);
    const node = { id, url: `http://127.0.0.1:${port}`, peer: `127.0.0.1:${peerPort}` };
    this.#strangers.set(id, { ...node, clusterId, data });
    this.#spawn(id);
    await this.#ready(id);
    return node;
  }

  /** What every node that answers says of itself. */
  async views(): Promise<readonly NodeView[]> {
    const asked = this.nodes.map(({ id }) =>
      new RaftallyClient({ urls: [this.node(id).url] }).status({ timeoutMs: 1_000 }).catch(() => undefined),
    );
    return (await Promise.all(asked)).filter((view) => view !== undefined);
  }

  /** The node that leads, as the node with the highest term sees it; waits until one does. */
  async leader(): Promise<string> {
    for (;;) {
      const views = [...(await this.views())].sort((a, b) => b.term - a.term);
      const leader = views.find((view) => view.role === "leader" && view.term === views[0]?.term);
      if (leader !== undefined) return leader.id;
      await sleep(20);
    }
  }

  /** Ends all processes, gracefully where they let themselves be, and removes the directory. */
  async stop(): Promise<void> {
    const running = [...this.#processes.values()].filter((child) => child.exitCode === null);
    this.#processes.clear();
    await Promise.all(
      running.map(async (child) => {
        const exit = once(child, "exit");
        child.kill("SIGCONT");
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
        if (child.exitCode === null && child.signalCode === null) await exit;
        clearTimeout(late);
      }),
    );
    await rm(this.directory, { recursive: true, force: true });
  }
}
