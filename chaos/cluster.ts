/** A local cluster of real processes, started from the real command line, to be hurt. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientOptions, type NodeView, RaftallyClient } from "../src/client/index.ts";
import { DirectNetwork } from "./network/direct.ts";
import type { Network, Place } from "./network/types.ts";
import { type Exit, type Launch, mergedLaunch, NodeProcess, runProgram } from "./node-process.ts";
import type { Node, Target } from "./target.ts";

/** How long a node may take to answer as ready, ms. */
const READY_MS = 30_000;
/** How long a graceful stop may take before the process is killed, ms. */
const STOP_MS = 10_000;
const LAST_LINES = 4;

export interface ClusterOptions {
  /** How many nodes it begins with, 3 if left out. */
  readonly size?: number;
  /** Flags of `raftally serve`, for every node. */
  readonly flags?: readonly string[];
  /** What lies between the nodes; nothing if left out. Closed with the cluster. */
  readonly network?: Network;
  /**
   * What one node's process has that others have not; asked at each start of one.
   * @param directory that of the cluster.
   */
  readonly launch?: (id: string, directory: string) => Launch;
}

/** A node of another cluster. */
interface Stranger {
  readonly clusterId: string;
  readonly data: string;
}

export class Cluster implements Target {
  /** Everything the cluster writes: data and logs of all nodes. Removed by {@link stop}. */
  readonly directory: string;
  readonly #nodes: Node[] = [];
  /** The first members, whom each of them is started with. */
  readonly #founders: Node[] = [];
  readonly #places: Map<string, Place> = new Map();
  readonly #flags: readonly string[];
  readonly #network: Network;
  readonly #launch: (id: string, directory: string) => Launch;
  readonly #joinAs: Map<string, "learner" | "voter"> = new Map();
  readonly #strangers: Map<string, Stranger> = new Map();
  /** Those that were removed from the cluster. */
  readonly #gone: Node[] = [];
  readonly #clusterId: string;
  readonly #processes: Map<string, NodeProcess> = new Map();
  /** Every process that was ever started. */
  readonly #started: { readonly id: string; readonly process: NodeProcess }[] = [];
  /** Those whose end somebody wanted or waited for. */
  readonly #mayEnd: Set<NodeProcess> = new Set();

  #isHalted = false;

  private constructor(directory: string, options: ClusterOptions) {
    this.directory = directory;
    this.#flags = options.flags ?? [];
    this.#network = options.network ?? new DirectNetwork();
    this.#launch = options.launch ?? (() => ({}));
    this.#clusterId = `chaos-${process.pid}`;
  }

  /** Starts a new cluster in a temporary directory on free ports, and waits until every node is ready. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "raftally-"));
    const cluster = new Cluster(directory, options);
    try {
      for (let at = 1; at <= (options.size ?? 3); at++)
        cluster.#founders.push(await cluster.#place(`n${at}`));
      cluster.#nodes.push(...cluster.#founders);
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
  client(first = 0, options: Partial<ClientOptions> = {}): RaftallyClient {
    const at = first % this.nodes.length;
    return new RaftallyClient({ urls: [...this.urls.slice(at), ...this.urls.slice(0, at)], ...options });
  }

  /** A client that asks one node only. */
  clientOf(id: string, options: Partial<ClientOptions> = {}): RaftallyClient {
    return new RaftallyClient({ urls: [this.node(id).url], timeoutMs: 30_000, discoverMs: 0, ...options });
  }

  node(id: string): Node {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`there is no node ${id}`);
    return { id, url: `http://${place.listen}`, peer: place.peer };
  }

  async #place(id: string): Promise<Node> {
    this.#places.set(id, await this.#network.place(id));
    return this.node(id);
  }

  /** Starts every node that is not running, and waits until all are ready. */
  async startAll(): Promise<void> {
    for (const { id } of this.nodes) if (!this.isRunning(id)) this.spawn(id);
    await Promise.all(this.nodes.map(({ id }) => this.ready(id)));
  }

  /** Starts a node that was killed, and waits until it is ready. */
  async startNode(id: string): Promise<void> {
    this.spawn(id);
    await this.ready(id);
  }

  /** Adds a fresh node to the running cluster, and waits until it is ready. */
  async addNode(id: string, joinAs: "learner" | "voter" = "voter"): Promise<Node> {
    const node = await this.#place(id);
    this.#joinAs.set(id, joinAs);
    this.#nodes.push(node);
    await this.startNode(id);
    return node;
  }

  /** Forgets a node that was removed from the cluster and does not run. */
  forget(id: string): void {
    const at = this.#nodes.findIndex((node) => node.id === id);
    if (at < 0) throw new Error(`there is no node ${id}`);
    this.#gone.push(...this.#nodes.splice(at, 1));
    this.#processes.delete(id);
  }

  /** Waits until a node that was removed from the cluster has ended by itself, and forgets it. */
  async gone(id: string): Promise<number | undefined> {
    const process = this.#process(id);
    this.#mayEnd.add(process);
    const late = setTimeout(() => process.signal("SIGKILL"), STOP_MS);
    const { exitCode } = await process.ended;
    clearTimeout(late);
    this.forget(id);
    return exitCode;
  }

  /** Starts a node that is gone once more, on the data it had. Resolves with its exit code when it gives up. */
  async haunt(id: string): Promise<number | undefined> {
    const node = this.#gone.find((one) => one.id === id);
    if (node === undefined) throw new Error(`${id} is not gone`);
    this.#nodes.push(node);
    this.spawn(id);
    return await this.gone(id);
  }

  /** The directory that holds what a node remembers. */
  data(id: string): string {
    return this.#strangers.get(id)?.data ?? this.#launch(id, this.directory).data ?? join(this.directory, id);
  }

  /** The file with everything that a node has printed. */
  log(id: string): string {
    return join(this.directory, `${id}.log`);
  }

  /** The command line of a node, without the program. */
  args(id: string): readonly string[] {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`there is no node ${id}`);
    const own = ["--id", id, "--data", this.data(id)];
    const listens = ["--listen", place.listen, "--listen-peer", place.listenPeer];
    const stranger = this.#strangers.get(id);
    if (stranger !== undefined) return ["serve", ...own, "--cluster-id", stranger.clusterId, ...listens];
    const founds = this.#founders.some((node) => node.id === id);
    const members = this.#founders.map((node) => `${node.id}=${node.peer}@${node.url}`).join(",");
    const seeds = this.nodes.flatMap((node) => (node.id === id ? [] : [node.peer])).join(",");
    const joins = [
      "--join",
      seeds,
      "--join-as",
      this.#joinAs.get(id) ?? "voter",
      "--advertise-peer",
      place.peer,
    ];
    const flags = [...this.#flags, ...this.#fullLaunch(id).flags];
    // The cluster's id was drawn for it: there is no older one to look for.
    const finds = founds ? ["--members", members, "--founding-wait", "0s"] : joins;
    return ["serve", ...own, "--cluster-id", this.#clusterId, ...listens, ...finds, ...flags];
  }

  #fullLaunch(id: string): Launch & Required<Pick<Launch, "flags">> {
    return { flags: [], ...mergedLaunch(this.#network.launch(id), this.#launch(id, this.directory)) };
  }

  /** Starts the process of a node, and waits for nothing. */
  spawn(id: string): void {
    if (this.#isHalted) throw new Error("the cluster has been stopped");
    const process = new NodeProcess(this.args(id), this.#fullLaunch(id), this.log(id));
    this.#processes.set(id, process);
    this.#started.push({ id, process });
    if (process.pid !== undefined) this.#network.started(id, process.pid);
  }

  /**
   * Waits until a node answers as ready.
   * @throws {Error} if it ends before, or takes too long.
   */
  async ready(id: string): Promise<void> {
    const until = performance.now() + READY_MS;
    while (performance.now() < until) {
      if (!this.isRunning(id)) throw new Error(`${id} ended while starting: ${lastLines(this.log(id))}`);
      const answer = await fetch(`${this.node(id).url}/readyz`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.status === 200) return;
      await sleep(20);
    }
    throw new Error(`${id} was not ready within ${READY_MS} ms`);
  }

  #process(id: string): NodeProcess {
    const process = this.#processes.get(id);
    if (process === undefined) throw new Error(`${id} is not running`);
    return process;
  }

  /** The process of a node that is to end, or has. */
  #ending(id: string): NodeProcess {
    const process = this.#process(id);
    if (process.isRunning) this.#mayEnd.add(process);
    return process;
  }

  /** Processes that have ended though nobody wanted it: one sentence each. */
  get crashes(): readonly string[] {
    return this.#started.flatMap(({ id, process: { exit }, process }) => {
      if (exit === undefined || this.#mayEnd.has(process)) return [];
      return [`${id} ended by itself, with ${exit.signal ?? `exit code ${exit.exitCode}`}`];
    });
  }

  isRunning(id: string): boolean {
    return this.#processes.get(id)?.isRunning === true;
  }

  /** Waits until the process of a node has ended, for whatever reason; {@link spawn} starts another. */
  async ended(id: string): Promise<Exit> {
    const process = this.#process(id);
    this.#mayEnd.add(process);
    return await process.ended;
  }

  /** The process id of a node that was started. */
  pid(id: string): number | undefined {
    return this.#process(id).pid;
  }

  /** Ends processes with SIGKILL, at once: nothing of them runs any more once this resolves. */
  async kill(...ids: readonly string[]): Promise<void> {
    const processes = ids.map((id) => this.#ending(id));
    for (const process of processes) process.signal("SIGKILL");
    await Promise.all(processes.map((process) => process.ended));
  }

  /** Asks a process to stop (SIGTERM); resolves with its exit code, or undefined if a signal ended it. */
  async terminate(id: string): Promise<number | undefined> {
    const process = this.#ending(id);
    process.signal("SIGTERM");
    return (await process.ended).exitCode;
  }

  /** Stops a process where it is (SIGSTOP), until {@link resume}. */
  pause(id: string): void {
    this.#process(id).signal("SIGSTOP");
  }

  resume(id: string): void {
    this.#process(id).signal("SIGCONT");
  }

  /**
   * Runs a command of the program, and gives what it printed, as JSON.
   * @throws {Error} if it ended with another code than 0.
   */
  async run(...args: readonly string[]): Promise<unknown> {
    return await runProgram(args);
  }

  /** Starts a node of another cluster on a directory that is there already. */
  async startStranger(id: string, clusterId: string, data: string): Promise<Node> {
    this.#strangers.set(id, { clusterId, data });
    const node = await this.#place(id);
    await this.startNode(id);
    return node;
  }

  /** What every node that answers says of itself. */
  async views(): Promise<readonly NodeView[]> {
    const asked = this.nodes.map(({ url }) =>
      new RaftallyClient({ urls: [url], discoverMs: 0 }).status({ timeoutMs: 1_000 }).catch(() => undefined),
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

  /** Ends all processes, gracefully where they let themselves be; what they wrote stays. */
  async halt(): Promise<void> {
    this.#isHalted = true;
    const running = [...this.#processes.values()].filter((process) => process.isRunning);
    for (const process of running) this.#mayEnd.add(process);
    await Promise.all(running.map((process) => process.stop(STOP_MS)));
    this.#processes.clear();
    await this.#network.close();
  }

  /** Ends all processes and removes the directory. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What a process said last. */
function lastLines(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LAST_LINES).join(" | ");
  } catch {
    return "it has said nothing";
  }
}
