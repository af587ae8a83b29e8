/** Brings a node up: who am I, meet the others, what do I remember, go. And down again, gracefully. */

import { randomBytes } from "node:crypto";
import { type NodeId, nodeId, type RaftSettings, type Term } from "../raft/index.ts";
import {
  type DataDirectory,
  LOST_ADVICE,
  type NodeStore,
  openDirectory,
  StorageFailure,
} from "../store/index.ts";
import { openTransport, type Packet, type Transport } from "../transport/index.ts";
import { NodeDriver } from "./driver.ts";
import { NODE_SETTINGS, type NodeSettings, type NodeTrace } from "./events.ts";
import { Formation } from "./formation.ts";
import { NodeReducer } from "./reducer.ts";
import { Service } from "./service.ts";
import type { NodeService } from "./types.ts";

/** Length of a tick, ms; all times of the core are counted in these. */
export const TICK_MS = 10;

/** 300 to 600 ms without a leader before an election; a heartbeat every 50 ms. */
export const RAFT_SETTINGS: RaftSettings = {
  electionTicks: 30,
  heartbeatTicks: 5,
  commitNewsTicks: 1,
  messageBytesMax: 4_194_304,
  inflightMessagesMax: 256,
  inflightBytesMax: 16_777_216,
  uncommittedBytesMax: 67_108_864,
  trailingEntriesMax: 10_000,
  trailingBytesMax: 8_388_608,
  retainedBytesMax: 67_108_864,
  snapshotTicks: 6_000,
};

/** A line for the log of the process. */
export interface NodeNotice {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly detail: string;
  readonly term?: Term;
}

/** A member as it is named on a command line. */
export interface MemberAddress {
  /** 1 to 32 of `a-z 0-9 -`. */
  readonly id: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

/** How a fresh node finds the cluster that it is to become a member of. */
export interface JoinOptions {
  /** host:port of peers to ask; called before each round, so that what a name stands for may change. */
  readonly seeds: () => Promise<readonly string[]>;
  /**
   * `wait`: only look whether somebody has added this node. `learner`: ask to be added, without a vote. `voter`:
   * ask to be added, and for a vote once it has caught up.
   */
  readonly as: "wait" | "learner" | "voter";
}

export interface NodeOptions {
  readonly id: string;
  /** Undefined only with `join`: a node that joins learns it, and is refused by another cluster if it is given. */
  readonly clusterId: string | undefined;
  /**
   * This node included. A new cluster: all initial members, the same on every node. With `join`, and on a node that
   * belongs to a cluster already, its own row counts; where that differs from what the cluster knows, it moves.
   */
  readonly members: readonly MemberAddress[];
  /** On an empty data directory: become a member of a cluster that runs already. Without effect afterwards. */
  readonly join?: JoinOptions;
  /** While this node leads: removes a member that was not heard of for this long, ms. Never, by default. */
  readonly autoremoveMs?: number;
  /** Voters that the cluster is to have: it is never made smaller than this by itself. 3 by default. */
  readonly wantedVoters?: number;
  readonly directory: string;
  readonly listenPeer: { readonly host: string; readonly port: number };
  /** Shared by all nodes; may be empty only if every peer address is loopback. */
  readonly secret: string;
  readonly version: string;
  readonly settings?: { readonly raft?: Partial<RaftSettings>; readonly node?: Partial<NodeSettings> };
  readonly onNotice: (notice: NodeNotice) => void;
  /** Every transition of the core and the node, for metrics and events. */
  readonly onTrace?: (trace: NodeTrace) => void;
  /** Something broke that is final; the process has to exit with an error. Called at most once. */
  readonly onFatal: (error: Error) => void;
  /** Stops a start that still waits for the other members. */
  readonly signal?: AbortSignal;
}

export interface RunningNode {
  readonly service: NodeService;
  readonly incarnation: string;
  /** Not ready any more: hands leadership over and waits for what is in flight, at most `graceMs`. */
  drain(graceMs: number): Promise<void>;
  /** Closes links, files and workers. Call it after {@link drain} and after the HTTP server has closed. */
  close(): Promise<void>;
}

/** This node is not wanted by a member of its cluster: its data directory is not the one they know. */
export class RefusedByPeer extends Error {
  override readonly name: string = "RefusedByPeer";
}

/** This node was removed from its cluster, for good. The message says what to do. */
export class RemovedFromCluster extends Error {
  override readonly name: string = "RemovedFromCluster";
}

/**
 * Starts one node on its data directory. Resolves when it takes part in the cluster: on the first start of a
 * cluster only once all initial members have met.
 * @throws {IdentityError | CorruptionError | NewerFormatError | StorageFailure} the data directory does not fit.
 * @throws {TransportError} the peer port cannot be listened on, or a secret is missing.
 * @throws {RefusedByPeer} a member knows this node under another incarnation.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const self = nodeId(options.id);
  const { clusterId } = options;
  if (clusterId === undefined) throw new RangeError("clusterId may be left out only by a node that joins");
  const directory = await openDirectory({
    directory: options.directory,
    clusterId,
    id: self,
    members: options.members.map((member) => ({ ...member, id: nodeId(member.id) })),
  });
  let transport: Transport | undefined;
  try {
    const start = new Start(options, directory, self);
    transport = await start.listen();
    return await start.run(transport);
  } catch (error) {
    await transport?.close();
    directory.close();
    throw error;
  }
}

class Start {
  readonly #options: NodeOptions;
  readonly #directory: DataDirectory;
  readonly #self: NodeId;
  readonly #formation: Formation;
  #driver: NodeDriver | undefined;
  /** Peers whose link stood before there was a driver to tell. */
  readonly #linked = new Set<NodeId>();
  /** What peers said of their states before there was a driver to tell: the latest of each. */
  readonly #earlyDigests = new Map<NodeId, Packet>();

  constructor(options: NodeOptions, directory: DataDirectory, self: NodeId) {
    this.#options = options;
    this.#directory = directory;
    this.#self = self;
    const others = directory.identity.members.map(({ id }) => id).filter((id) => id !== self);
    this.#formation = new Formation(directory.identity.formed ? [] : others);
  }

  listen(): Promise<Transport> {
    const { identity } = this.#directory;
    const { listenPeer, secret } = this.#options;
    return openTransport({
      clusterId: identity.clusterId,
      self: { id: this.#self, incarnation: identity.incarnation },
      listen: listenPeer,
      peers: identity.members
        .filter(({ id }) => id !== this.#self)
        .map(({ id, peer, incarnation }) => ({ id, address: peer, incarnation })),
      secret,
      handlers: {
        onPacket: (from, packet) => this.#receive(from, packet),
        onReachable: (peer) => this.#reachable(peer),
        onUnreachable: (peer) => this.#unreachable(peer),
        onFirstContact: (peer, incarnation) => this.#firstContact(peer, incarnation),
        onRefused: (peer, refusal, detail) => this.#refused(peer, refusal, detail),
        onNotice: ({ event, remote, detail }) =>
          this.#options.onNotice({ level: "warn", event, detail: `${remote}: ${detail}` }),
      },
    });
  }

  #receive(from: NodeId, packet: Packet): void {
    if (this.#driver !== undefined) this.#driver.receive(from, packet);
    // Raft says everything again. A digest is told once to whoever comes up, and it counts.
    else if (packet.kind === "digest") this.#earlyDigests.set(from, packet);
  }

  /** A disk that fails here ends the node like any other failed write (P12). */
  async #firstContact(peer: NodeId, incarnation: string): Promise<void> {
    try {
      await this.#directory.pinMember(peer, incarnation);
    } catch (error) {
      if (error instanceof StorageFailure) this.#options.onFatal(error);
      throw error;
    }
  }

  #reachable(peer: NodeId): void {
    this.#options.onNotice({ level: "info", event: "linked", detail: `${peer} is reachable` });
    this.#linked.add(peer);
    this.#formation.met(peer);
    this.#driver?.linked(peer);
  }

  #unreachable(peer: NodeId): void {
    this.#options.onNotice({ level: "warn", event: "unlinked", detail: `${peer} is not reachable` });
    this.#linked.delete(peer);
    this.#driver?.unlinked(peer);
  }

  #refused(peer: NodeId, refusal: string, detail: string): void {
    this.#options.onNotice({
      level: "error",
      event: "refused",
      detail: `${peer} refused the link: ${detail}`,
    });
    if (refusal !== "incarnation" && refusal !== "cluster") return;
    const { directory } = this.#options;
    const sentence =
      refusal === "cluster"
        ? `${peer} refuses the node in ${directory}: ${detail}`
        : `${directory} was wiped or replaced since ${peer} came to know ${this.#self} (it holds another incarnation): ${LOST_ADVICE}.`;
    this.#formation.fail(new RefusedByPeer(sentence));
  }

  async run(transport: Transport): Promise<RunningNode> {
    const { onNotice, signal } = this.#options;
    if (!this.#directory.identity.formed) {
      const names = this.#formation.awaited.join(", ");
      if (names !== "")
        onNotice({ level: "info", event: "forming", detail: `first start: waiting for ${names}` });
      await this.#formation.complete(signal ?? new AbortController().signal);
    }
    const store = await this.#directory.openStore({ onFailure: (error) => this.#driver?.fail(error) });
    try {
      return await this.#drive(transport, store);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async #drive(transport: Transport, store: NodeStore): Promise<RunningNode> {
    const { settings, onTrace, onFatal, version } = this.#options;
    const { clusterId, incarnation } = this.#directory.identity;
    const { recovered } = store;
    const reducer = new NodeReducer({
      raft: {
        self: this.#self,
        seed: randomBytes(6).readUIntBE(0, 6),
        ...recovered,
        settings: { ...RAFT_SETTINGS, ...settings?.raft },
      },
      settings: { ...NODE_SETTINGS, ...settings?.node },
    });
    const [totals, digests] = await Promise.all([store.totals(), store.digests()]);
    const driver = new NodeDriver({
      clusterId,
      reducer,
      store,
      transport,
      totals,
      digests,
      tickMs: TICK_MS,
      onTrace: (trace) => {
        this.#report(trace);
        onTrace?.(trace);
      },
      onFatal,
    });
    this.#driver = driver;
    driver.start();
    for (const peer of this.#linked) driver.linked(peer);
    for (const [from, packet] of this.#earlyDigests) driver.receive(from, packet);
    const own = this.#options.members.find(({ id }) => id === this.#self);
    const service = new Service({ driver, reducer, transport, clusterId, incarnation, own, version });
    return {
      service,
      incarnation,
      drain: (graceMs) => driver.drain(graceMs),
      close: async () => {
        driver.close();
        await transport.close();
        await store.close();
      },
    };
  }

  /** What a person wants to read in the log of a node. */
  #report(trace: NodeTrace): void {
    const { onNotice } = this.#options;
    switch (trace.kind) {
      case "role":
        return onNotice({ level: "info", event: trace.role, detail: trace.why, term: trace.term });
      case "leader":
        if (trace.leader === undefined) return;
        return onNotice({
          level: "info",
          event: "leader",
          detail: `${trace.leader} leads`,
          term: trace.term,
        });
      case "install":
        return onNotice({
          level: "info",
          event: "install",
          detail: `snapshot at ${trace.index} replaces the log`,
        });
      case "compact":
        return onNotice({ level: "info", event: "compact", detail: `the log begins after ${trace.index}` });
      case "alarm":
        return onNotice({ level: "error", event: "alarm", detail: trace.text });
      default:
    }
  }
}
