/** Brings a node up: who am I, meet the others, what do I remember, go. And down again, gracefully. */

import { randomBytes } from "node:crypto";
import { type Member, memberOf, type NodeId, nodeId, type RaftSettings } from "../raft/index.ts";
import {
  type DataDirectory,
  joinDirectory,
  type NodeStore,
  openDirectory,
  StorageFailure,
} from "../store/index.ts";
import { MEMBERSHIP_VERSION, type Packet, type Peer, type Transport } from "../transport/index.ts";
import { Canvass } from "./canvass.ts";
import { NodeDriver } from "./driver.ts";
import { RefusedByPeer, RemovedFromCluster, removedSentence } from "./errors.ts";
import { NODE_SETTINGS } from "./events.ts";
import { Formation } from "./formation.ts";
import { joinCluster } from "./join.ts";
import { JoinDesk } from "./join-desk.ts";
import { Live } from "./live.ts";
import { runningParts } from "./live-parts.ts";
import { WatchedStore } from "./live-store.ts";
import { WatchedTransport } from "./live-transport.ts";
import { decidesAlone, peersOf } from "./neighbours.ts";
import { noticeOf } from "./notices.ts";
import type { MemberAddress, NodeOptions } from "./options.ts";
import { type NodeParts, REAL_PARTS } from "./parts.ts";
import { disownedSentence, refusalError } from "./peer-refusals.ts";
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

export interface RunningNode {
  readonly service: NodeService;
  readonly incarnation: string;
  /** Not ready any more: hands leadership over and waits for what is in flight, at most `graceMs`. */
  drain(graceMs: number): Promise<void>;
  /** Closes links, files and workers. Call it after {@link drain} and after the HTTP server has closed. */
  close(): Promise<void>;
}

/**
 * Starts one node on its data directory. Resolves when it takes part in the cluster: on the first start of a
 * cluster only once all initial members have met; with `join` once the cluster has taken it in.
 * @throws {IdentityError | CorruptionError | NewerFormatError | StorageFailure} the data directory does not fit.
 * @throws {TransportError} the peer port cannot be listened on, or a secret is missing.
 * @throws {RefusedByPeer} a member knows this node under another incarnation, or will not have it.
 * @throws {RemovedFromCluster} this node was removed.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const self = nodeId(options.id);
  const directory = await enter(options, self);
  const start = new Start(options, directory, self);
  try {
    return await start.run();
  } catch (error) {
    await start.abort();
    directory.close();
    throw error;
  }
}

/** The directory of a node that is a member of its cluster, or is to be one of a new cluster. */
async function enter(options: NodeOptions, self: NodeId): Promise<DataDirectory> {
  const { clusterId, join, members, onBeginning } = options;
  if (join !== undefined) return await enterJoining(options, join, self);
  if (clusterId === undefined) throw new RangeError("clusterId may be left out only by a node that joins");
  const directory = await openDirectory({
    directory: options.directory,
    clusterId,
    id: self,
    members: members.map((member) => ({ ...member, id: nodeId(member.id) })),
  });
  const { incarnation, formed } = directory.identity;
  if (!formed) onBeginning?.({ state: "forming", incarnation, clusterId });
  return directory;
}

async function enterJoining(
  options: NodeOptions,
  join: NonNullable<NodeOptions["join"]>,
  self: NodeId,
): Promise<DataDirectory> {
  const { clusterId, secret, detours, signal, onNotice } = options;
  const own = rowOf(options);
  if (own === undefined) throw new RangeError("members must include the node itself");
  const directory = await joinDirectory({
    directory: options.directory,
    id: self,
    ...(clusterId === undefined ? {} : { clusterId }),
  });
  if (directory.kind === "member") return directory.data;
  const { incarnation } = directory.identity;
  options.onBeginning?.({ state: "joining", incarnation, clusterId });
  try {
    return await joinCluster({
      directory,
      self,
      own,
      clusterId,
      secret,
      detours,
      join,
      signal: signal ?? new AbortController().signal,
      onNotice,
    });
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** This node's own row. */
function rowOf({ id, members }: NodeOptions): MemberAddress | undefined {
  return members.find((member) => member.id === id);
}

class Start {
  readonly #options: NodeOptions;
  readonly #directory: DataDirectory;
  readonly #self: NodeId;
  readonly #parts: NodeParts;
  readonly #live: Live;
  readonly #formation: Formation;
  #transport: Transport | undefined;
  #store: NodeStore | undefined;
  #reducer: NodeReducer | undefined;
  #driver: NodeDriver | undefined;
  #desk: JoinDesk | undefined;
  /** Peers whose link stood before there was a driver to tell, and whether they are outdated. */
  readonly #linked = new Map<NodeId, boolean>();
  /** What peers said of their states before there was a driver to tell: the latest of each. */
  readonly #earlyDigests = new Map<NodeId, Packet>();

  constructor(options: NodeOptions, directory: DataDirectory, self: NodeId) {
    this.#options = options;
    this.#directory = directory;
    this.#self = self;
    this.#parts = options.parts ?? REAL_PARTS;
    this.#live = options.live ?? new Live(self);
    const others = directory.identity.members.map(({ id }) => id).filter((id) => id !== self);
    this.#formation = directory.identity.formed
      ? new Formation([])
      : new Formation(others, options.foundingMs);
  }

  async run(): Promise<RunningNode> {
    const { identity } = this.#directory;
    if (!identity.formed) {
      this.#transport = await this.#listen(this.#knownPeers());
      await this.#form();
    }
    const opened = await this.#parts.openStore(this.#directory, (error) => this.#driver?.fail(error));
    const store = new WatchedStore(opened, this.#live);
    this.#store = store;
    const reducer = this.#makeReducer(store);
    this.#reducer = reducer;
    const { incarnation } = identity;
    if (reducer.committedConfiguration.removed.some((gone) => gone.incarnation === incarnation)) {
      throw new RemovedFromCluster(removedSentence(this.#self));
    }
    const [totals, digests] = await Promise.all([store.totals(), store.digests()]);
    this.#transport ??= await this.#listen(this.#peersAtStart(reducer));
    return this.#drive(reducer, { store, transport: this.#transport, totals, digests });
  }

  /** Lets go of everything after a start that came to nothing. */
  async abort(): Promise<void> {
    this.#live.close();
    this.#driver?.close();
    await this.#transport?.close();
    await this.#store?.close();
  }

  /** Those that the data directory names. */
  #knownPeers(): readonly Peer[] {
    return this.#directory.identity.members
      .filter(({ id }) => id !== this.#self)
      .map(({ id, peer, incarnation }) => ({ id, address: peer, incarnation }));
  }

  /** Those that the log names, or else the data directory. What can still be taken back must not bind for ever. */
  #peersAtStart(reducer: NodeReducer): readonly Peer[] {
    const certain = [...reducer.committedConfiguration.members, ...this.#directory.identity.members];
    return (peersOf(reducer, this.#self) ?? this.#knownPeers()).map((peer) => ({
      ...peer,
      met: certain.some(({ id, incarnation }) => id === peer.id && incarnation === peer.incarnation),
    }));
  }

  async #listen(peers: readonly Peer[]): Promise<Transport> {
    const { identity } = this.#directory;
    const { listenPeer, secret, detours } = this.#options;
    const transport = await this.#parts.openTransport({
      clusterId: identity.clusterId,
      self: { id: this.#self, incarnation: identity.incarnation, address: rowOf(this.#options)?.peer },
      // A cluster that exists may have changed while this node was down.
      guests: identity.formed,
      listen: listenPeer,
      peers,
      secret,
      detours,
      handlers: {
        onPacket: (from, packet) => this.#receive(from, packet),
        onReachable: (peer, version) => this.#reachable(peer, version < MEMBERSHIP_VERSION),
        onUnreachable: (peer) => this.#unreachable(peer),
        onFirstContact: (peer, incarnation) => this.#firstContact(peer, incarnation),
        onRefused: (peer, refusal, detail) => this.#refused(peer, refusal, detail),
        onDisowned: (peer) => this.#disowned(peer),
        onJoin: (request) =>
          this.#desk?.answer(request) ??
          Promise.resolve({ kind: "later", detail: "this member is still starting", retryMs: 500 }),
        onNotice: ({ event, remote, detail }) =>
          this.#options.onNotice({ level: "warn", event, detail: `${remote}: ${detail}` }),
      },
    });
    return new WatchedTransport(transport, (packet) => this.#live.sent(packet));
  }

  #receive(from: NodeId, packet: Packet): void {
    this.#live.received(from, packet);
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

  #reachable(peer: NodeId, outdated: boolean): void {
    this.#options.onNotice({ level: "info", event: "linked", detail: `${peer} is reachable` });
    this.#live.linked(peer);
    this.#linked.set(peer, outdated);
    this.#formation.met(peer);
    this.#driver?.linked(peer, outdated);
  }

  #unreachable(peer: NodeId): void {
    this.#options.onNotice({ level: "warn", event: "unlinked", detail: `${peer} is not reachable` });
    this.#live.unlinked(peer);
    this.#linked.delete(peer);
    this.#driver?.unlinked(peer);
  }

  #refused(peer: NodeId, refusal: string, detail: string): void {
    this.#options.onNotice({
      level: "error",
      event: "refused",
      detail: `${peer} refused the link: ${detail}`,
    });
    this.#live.refused(peer, detail);
    const { directory } = this.#options;
    const error = refusalError({ peer, refusal, detail, directory, self: this.#self });
    if (error === undefined) return;
    this.#formation.fail(error);
    if (error instanceof RemovedFromCluster) this.#driver?.fail(error);
    if (refusal === "incarnation") this.#disowned(peer);
  }

  /**
   * A peer of this cluster knows this node's id with another data directory. A node that forms the cluster, or decides
   * alone in it, is then a wiped one that founds it a second time. One that needs other voters goes on: they have its
   * pin, and it is the peer that is wrong.
   */
  #disowned(peer: NodeId): void {
    const error = new RefusedByPeer(disownedSentence(this.#options.directory, this.#self, peer));
    this.#formation.fail(error);
    if (this.#reducer !== undefined && decidesAlone(this.#reducer, this.#self)) this.#driver?.fail(error);
  }

  async #form(): Promise<void> {
    const { onNotice, signal = new AbortController().signal } = this.#options;
    const names = this.#formation.awaited.join(", ");
    if (names !== "")
      onNotice({ level: "info", event: "forming", detail: `first start: waiting for ${names}` });
    await this.#formation.complete(signal, (detail) => onNotice({ level: "warn", event: "forming", detail }));
  }

  #makeReducer({ recovered }: NodeStore): NodeReducer {
    const { settings, autoremoveMs, wantedVoters } = this.#options;
    return new NodeReducer({
      raft: {
        self: this.#self,
        seed: randomBytes(6).readUIntBE(0, 6),
        ...recovered,
        settings: { ...RAFT_SETTINGS, ...settings?.raft },
      },
      settings: {
        ...NODE_SETTINGS,
        ...settings?.node,
        ...(autoremoveMs === undefined ? {} : { autoremoveMs }),
        ...(wantedVoters === undefined ? {} : { wantedVoters }),
      },
    });
  }

  /** This node as it should stand in the configuration: where it was told that it is, or else where it was. */
  #ownMember(reducer: NodeReducer): Member {
    const { incarnation, members } = this.#directory.identity;
    const id = this.#self;
    const { peer, api } = rowOf(this.#options) ??
      memberOf(reducer.configuration, id) ??
      members.find((member) => member.id === id) ?? { peer: "", api: "" };
    return { id, incarnation, peer, api };
  }

  #drive(
    reducer: NodeReducer,
    parts: Pick<ConstructorParameters<typeof NodeDriver>[0], "store" | "transport" | "totals" | "digests">,
  ): RunningNode {
    const { join, members, onNotice, onTrace, onFatal, version } = this.#options;
    const { clusterId, incarnation } = this.#directory.identity;
    const { store, transport } = parts;
    const own = this.#ownMember(reducer);
    const canvass = new Canvass();
    const driver = new NodeDriver({
      ...parts,
      clusterId,
      own,
      wantsVote: join?.as === "voter",
      hints: new Map(members.map(({ id, peer }) => [nodeId(id), peer])),
      reducer,
      tickMs: TICK_MS,
      onTrace: (trace) => {
        this.#live.trace(trace);
        const notice = canvass.isNews(trace, performance.now()) ? noticeOf(trace) : undefined;
        if (notice !== undefined) onNotice(notice);
        onTrace?.(trace);
      },
      onResponse: (response) => this.#live.answered(response),
      onFatal,
    });
    this.#driver = driver;
    this.#desk = new JoinDesk({
      clusterId,
      self: this.#self,
      known: () => ({
        committedConfiguration: reducer.committedConfiguration,
        configuration: reducer.configuration,
        leader: reducer.status().leader,
      }),
      change: (request) => driver.changeMembership(request),
    });
    const live = this.#live;
    const service = new Service({ driver, reducer, transport, clusterId, own, version, live });
    live.attach(
      runningParts({ ...parts, service, driver, directory: this.#options.directory, tickMs: TICK_MS }),
    );
    driver.start();
    for (const [peer, outdated] of this.#linked) driver.linked(peer, outdated);
    for (const [from, packet] of this.#earlyDigests) driver.receive(from, packet);
    return {
      service,
      incarnation,
      drain: async (graceMs) => {
        live.stopping();
        await driver.drain(graceMs);
      },
      close: async () => {
        live.close();
        driver.close();
        await transport.close();
        await store.close();
      },
    };
  }
}
