/** Whole nodes in this process: real disks, real sockets, the real HTTP interface. Only their processes are missing. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePortRange } from "../../chaos/index.ts";
import { type ApiServer, createApi, serveApi } from "../../src/api/index.ts";
import type { Operation } from "../../src/counter/index.ts";
import {
  type MemberAddress,
  type MembershipRequest,
  type MembershipResult,
  type NodeNotice,
  type NodeOptions,
  type NodeService,
  type NodeTrace,
  type RunningNode,
  StartingService,
  startNode,
  type WriteResult,
} from "../../src/node/index.ts";

/** For tests of whole clusters: what takes a few seconds alone takes many beside others, ms. */
export const PATIENT_MS = 180_000;
/** How long one thing may take to come about, ms. */
const PATIENCE_MS = 60_000;

/** Resolves with the first value that is not undefined or false; looks every 5 ms. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await sleep(5);
  }
}

/** One node from the moment it is started, whether it takes part already or not. */
export class Machine {
  readonly id: string;
  readonly url: string;
  readonly notices: NodeNotice[] = [];
  readonly trace: NodeTrace[] = [];
  /** What `onFatal` was told. */
  readonly fatal: Error[] = [];
  /** Rejects as `startNode` does. */
  readonly started: Promise<RunningNode>;
  readonly service: NodeService;
  readonly #api: ApiServer;
  readonly #stop = new AbortController();

  private constructor(
    options: Omit<NodeOptions, "onNotice" | "onFatal">,
    url: string,
    api: ApiServer,
    service: StartingService,
  ) {
    this.id = options.id;
    this.url = url;
    this.service = service;
    this.#api = api;
    this.started = startNode({
      ...options,
      onNotice: (notice) => this.notices.push(notice),
      onTrace: (trace) => this.trace.push(trace),
      onFatal: (error) => this.fatal.push(error),
      onBeginning: (beginning) => service.began(beginning),
      live: service.early,
      signal: this.#stop.signal,
    }).then((node) => {
      service.become(node.service);
      return node;
    });
    // Whoever cares awaits it.
    this.started.catch(() => undefined);
  }

  static async start(options: Omit<NodeOptions, "onNotice" | "onFatal">, url: string): Promise<Machine> {
    const service = new StartingService(options);
    const port = Number(new URL(url).port);
    const api = await serveApi(createApi(service, { onFatal: () => undefined }), { host: "127.0.0.1", port });
    return new Machine(options, url, api, service);
  }

  /** Hands over, finishes what is in flight, closes: as the program does on SIGTERM. */
  async stop(): Promise<void> {
    const node = await this.started;
    await node.drain(3_000);
    await this.#api.close(1_000);
    await node.close();
  }

  /** Closes everything at once and hands nothing over: as near to a killed process as one process gets. */
  async crash(): Promise<void> {
    this.#stop.abort();
    const node = await this.started.catch(() => undefined);
    await node?.close();
    await this.#api.close(0);
  }

  /** The detail of the first notice of this kind. */
  async noticed(event: string, detail: RegExp): Promise<string> {
    const found = await until(
      () => this.notices.find((notice) => notice.event === event && detail.test(notice.detail)),
      `${this.id} says ${event}: ${detail}`,
    );
    return found.detail;
  }

  traces<K extends NodeTrace["kind"]>(kind: K): readonly Extract<NodeTrace, { kind: K }>[] {
    return this.trace.filter((trace): trace is Extract<NodeTrace, { kind: K }> => trace.kind === kind);
  }

  /** Adds 1 at this node, and nowhere else. */
  increment(key: string): Promise<WriteResult> {
    return this.service.write({ operation: { kind: "add", key, by: 1n } });
  }

  /** A linearizable read at this node. */
  async value(key: string): Promise<bigint | undefined> {
    const result = await this.service.read({ kind: "get", key }, "linearizable");
    if (result.kind === "failed") throw new Error(`${this.id}: ${result.code}: ${result.detail}`);
    return result.answer.kind === "get" ? result.answer.row?.value : undefined;
  }
}

/** Refusals that are over in a moment, by themselves. */
const PASSING: ReadonlySet<string> = new Set(["ALREADY_CHANGING", "NO_LEADER"]);

export interface Site {
  readonly member: MemberAddress;
  readonly directory: string;
}

/** How many of the places belong to nodes that a cluster begins with, and what all nodes are told. */
export interface Plan {
  readonly settings?: NodeOptions["settings"];
  readonly initial: number;
  /** Places for nodes that join later. */
  readonly spare: number;
}

/** Places for nodes: ports and directories. Nothing runs until it is started. */
export class Cluster {
  readonly directory: string;
  readonly sites: readonly Site[];
  readonly #initial: number;
  readonly #settings: NodeOptions["settings"];
  readonly #running = new Map<string, Machine>();
  readonly #listenPorts = new Map<string, number>();

  private constructor(directory: string, sites: readonly Site[], plan: Plan) {
    this.directory = directory;
    this.sites = sites;
    this.#initial = plan.initial;
    this.#settings = plan.settings;
  }

  static lay(settings?: NodeOptions["settings"], nodes: number = 3): Promise<Cluster> {
    return Cluster.plan({ ...(settings === undefined ? {} : { settings }), initial: nodes, spare: 0 });
  }

  static async plan(plan: Plan): Promise<Cluster> {
    const nodes = plan.initial + plan.spare;
    const directory = mkdtempSync(join(tmpdir(), "raftally-node-"));
    const port = await freePortRange(nodes);
    const sites = Array.from({ length: nodes }, (_, at) => ({
      member: {
        id: `n${at + 1}`,
        peer: `127.0.0.1:${port + 100 + at}`,
        api: `http://127.0.0.1:${port + at}`,
      },
      directory: join(directory, `n${at + 1}`),
    }));
    return new Cluster(directory, sites, plan);
  }

  /** A cluster that has formed and elected a leader. */
  static async formed(settings?: NodeOptions["settings"], nodes: number = 3): Promise<Cluster> {
    const cluster = await Cluster.lay(settings, nodes);
    await cluster.startAll();
    return cluster;
  }

  site(id: string): Site {
    const found = this.sites.find(({ member }) => member.id === id);
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  options(id: string): Omit<NodeOptions, "onNotice" | "onFatal"> {
    const { member, directory } = this.site(id);
    const [host = "", port = ""] = member.peer.split(":");
    return {
      id,
      clusterId: "counters",
      members: this.sites.slice(0, this.#initial).map((site) => site.member),
      directory,
      listenPeer: { host, port: this.#listenPorts.get(id) ?? Number(port) },
      secret: "",
      version: "test",
      ...(this.#settings === undefined ? {} : { settings: this.#settings }),
    };
  }

  /** Where a node listens for its peers, if that is not where its peers call. */
  listensAt(id: string, port: number): void {
    this.#listenPorts.set(id, port);
  }

  /** Starts a node; see `started` for when, and whether, it takes part. */
  async start(id: string, differing: Partial<NodeOptions> = {}): Promise<Machine> {
    const machine = await Machine.start({ ...this.options(id), ...differing }, this.site(id).member.api);
    this.#running.set(id, machine);
    return machine;
  }

  /** Starts a fresh node that is to join those that run; see `started` for when it is one of them. */
  join(id: string, as: "wait" | "learner" | "voter", differing: Partial<NodeOptions> = {}): Promise<Machine> {
    const seeds = this.machines.map((machine) => this.site(machine.id).member.peer);
    const join = { seeds: () => Promise.resolve(seeds), as };
    return this.start(id, { clusterId: undefined, members: [this.site(id).member], join, ...differing });
  }

  /** Asks for a change of the membership at whatever node leads, again while it is only to come back later. */
  async change(request: MembershipRequest): Promise<MembershipResult> {
    for (;;) {
      const result = await (await this.leader()).service.changeMembership(request);
      const later = result.kind === "failed" && PASSING.has(result.code);
      if (result.kind !== "redirect" && !later) return result;
    }
  }

  /** Waits until all running nodes know these voters and no joint configuration, in order of id. */
  async voters(...ids: readonly string[]): Promise<void> {
    await until(
      () =>
        this.machines.every(({ service }) => {
          const { voters, outgoing } = service.status().configuration;
          return outgoing.length === 0 && voters.join() === ids.join();
        }),
      `the voters are ${ids.join(", ")}`,
    );
  }

  /** A machine that ended by itself is no part of the cluster any more. */
  async forget(id: string): Promise<void> {
    await this.crash(id);
  }

  async startAll(): Promise<void> {
    const initial = this.sites.slice(0, this.#initial);
    const missing = initial.map(({ member }) => member.id).filter((id) => !this.#running.has(id));
    const machines = await Promise.all(missing.map((id) => this.start(id)));
    await Promise.all(machines.map(({ started }) => started));
    await this.leader();
  }

  machine(id: string): Machine {
    const found = this.#running.get(id);
    if (found === undefined) throw new Error(`${id} is not running`);
    return found;
  }

  get machines(): readonly Machine[] {
    return [...this.#running.values()];
  }

  /** The running node that leads and that all running nodes follow. */
  leader(): Promise<Machine> {
    return until(() => {
      const leader = this.machines.find(({ service }) => service.status().role === "leader");
      return this.machines.every(({ service }) => service.status().leader?.id === leader?.id) && leader;
    }, "all follow one leader");
  }

  async followers(): Promise<readonly [Machine, Machine]> {
    const leader = await this.leader();
    const [first, second] = this.machines.filter((machine) => machine !== leader);
    if (first === undefined || second === undefined) throw new Error("there are no two followers");
    return [first, second];
  }

  /** Writes at whatever node leads, however often that changes meanwhile; never after an unknown outcome. */
  async write(operation: Operation): Promise<WriteResult & { kind: "applied" }> {
    for (;;) {
      const result = await (await this.leader()).service.write({ operation });
      if (result.kind === "applied") return result;
      if (result.kind === "failed" && result.code === "OUTCOME_UNKNOWN") throw new Error(result.detail);
    }
  }

  async crash(id: string): Promise<void> {
    const machine = this.machine(id);
    this.#running.delete(id);
    await machine.crash();
  }

  async stop(id: string): Promise<void> {
    const machine = this.machine(id);
    this.#running.delete(id);
    await machine.stop();
  }

  async crashAll(): Promise<void> {
    await Promise.all(this.machines.map(({ id }) => this.crash(id)));
  }

  /** Ends what runs and removes what was written. */
  async end(): Promise<void> {
    await this.crashAll();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Waits until all running nodes have applied the same, and gives their digests. */
  async digests(): Promise<readonly number[]> {
    await until(() => {
      const all = this.machines.map(({ service }) => service.status());
      return all.every(({ applied, last }) => applied === all[0]?.last && last === applied);
    }, "all nodes have applied the same log");
    return this.machines.map(({ service }) => service.status().digest);
  }
}

/** One answer over HTTP, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly value?: number;
    readonly code?: string;
    readonly outcome?: string;
    readonly detail?: string;
    readonly ageMs?: number;
    readonly session?: number;
    readonly results?: readonly { readonly key: string; readonly value: number }[];
  };
}

export interface Ask {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly redirect?: "follow" | "manual";
}

/** A request without any of the client's own retries. */
export async function ask(
  url: string,
  { method = "POST", headers = {}, body, redirect = "manual" }: Ask = {},
): Promise<Answer> {
  const typed = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(url, {
    method,
    redirect,
    headers: { ...typed, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer["body"],
  };
}

/** The text and status of a probe. */
export async function probe(
  url: string,
  name: "livez" | "readyz",
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/${name}`);
  return { status: response.status, text: await response.text() };
}
