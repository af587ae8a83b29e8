/** Transports under test, each behind a relay, with everything they say written down. */

import { vi } from "vitest";
import { type NodeId, nodeId } from "../../src/raft/index.ts";
import { VERSIONS } from "../../src/transport/handshake.ts";
import type {
  HandshakeRefusal,
  JoinAnswer,
  JoinRequest,
  ObservableTransport,
  Packet,
  Peer,
  TransportOptions,
  TransportSettings,
} from "../../src/transport/index.ts";
import { openVersioned } from "../../src/transport/transport.ts";
import { Relay } from "./relay.ts";

/** Short times, so that tests are quick; otherwise the product's own. */
export const QUICK: Partial<TransportSettings> = {
  reconnectMsMin: 5,
  reconnectMsMax: 40,
  handshakeMsMax: 2000,
  keepaliveMs: 100,
};

/** The incarnation that stands for `word`: 32 hex digits. */
export function incarnationOf(word: string): string {
  return Buffer.from(word.padEnd(16, ".")).toString("hex").slice(0, 32);
}

export interface Heard {
  readonly packets: { from: NodeId; packet: Packet }[];
  readonly links: string[];
  /** When each of the links came up, by the clock of `performance`, ms. */
  readonly upAtMs: number[];
  /** The version that was last spoken on the link to each. */
  readonly versions: Map<NodeId, number>;
  readonly contacts: { peer: NodeId; incarnation: string }[];
  readonly refusals: { peer: NodeId; refusal: HandshakeRefusal; detail: string }[];
  readonly notices: { event: string; remote: string; detail: string }[];
}

export interface OpenOptions {
  readonly secret?: string;
  readonly clusterId?: string;
  readonly incarnation?: string;
  readonly versions?: { min: number; max: number };
  readonly settings?: Partial<TransportSettings>;
  /** Incarnations that are known from the start; the others are met for the first time. */
  readonly pins?: Readonly<Record<string, string>>;
  /** Only these peers, instead of all. */
  readonly peers?: readonly string[];
  readonly onFirstContact?: (peer: NodeId, incarnation: string) => Promise<void>;
  readonly onPacket?: (from: NodeId, packet: Packet) => void;
  readonly onJoin?: (request: JoinRequest) => Promise<JoinAnswer>;
  readonly guests?: boolean;
  readonly detours?: ReadonlyMap<string, string>;
  /** Where it says that it is, instead of its relay; null says nothing. */
  readonly address?: string | null;
}

export interface TestNode {
  readonly id: NodeId;
  readonly transport: ObservableTransport;
  readonly heard: Heard;
  close(): Promise<void>;
}

/** Some nodes that can reach each other, each through its own relay. */
export class World {
  readonly relays: Map<string, Relay> = new Map();
  readonly #open = new Set<TestNode>();

  static async of(...ids: string[]): Promise<World> {
    const world = new World();
    for (const id of ids) world.relays.set(id, await Relay.open());
    return world;
  }

  relay(id: string): Relay {
    const relay = this.relays.get(id);
    if (relay === undefined) throw new Error(`no node ${id} here`);
    return relay;
  }

  /** Opens the transport of `id` behind its relay; a peer of all others. */
  async open(id: string, options: OpenOptions = {}): Promise<TestNode> {
    const heard: Heard = {
      packets: [],
      links: [],
      upAtMs: [],
      versions: new Map(),
      contacts: [],
      refusals: [],
      notices: [],
    };
    const transport = await openVersioned(this.optionsOf(id, options, heard), options.versions ?? VERSIONS);
    this.relay(id).target = transport.port;
    const node: TestNode = {
      id: nodeId(id),
      transport,
      heard,
      close: async () => {
        this.#open.delete(node);
        this.relay(id).target = undefined;
        await transport.close();
      },
    };
    this.#open.add(node);
    return node;
  }

  /** `id` as others know it, behind its relay. */
  peer(id: string, incarnation?: string): Peer {
    return { id: nodeId(id), address: this.relay(id).address, incarnation };
  }

  optionsOf(id: string, options: OpenOptions, heard: Heard): TransportOptions {
    const peers = options.peers ?? [...this.relays.keys()].filter((peer) => peer !== id);
    return {
      clusterId: options.clusterId ?? "cluster-a",
      self: {
        id: nodeId(id),
        incarnation: options.incarnation ?? incarnationOf(id),
        address: options.address === null ? undefined : (options.address ?? this.relay(id).address),
      },
      guests: options.guests ?? false,
      listen: { host: "127.0.0.1", port: 0 },
      peers: peers.map((peer) => this.peer(peer, options.pins?.[peer])),
      secret: options.secret ?? "a secret for tests",
      detours: options.detours,
      settings: { ...QUICK, ...options.settings },
      handlers: {
        onPacket: (from, packet) => {
          heard.packets.push({ from, packet });
          options.onPacket?.(from, packet);
        },
        onReachable: (peer, version) => {
          heard.links.push(`+${peer}`);
          heard.upAtMs.push(performance.now());
          heard.versions.set(peer, version);
        },
        onUnreachable: (peer) => heard.links.push(`-${peer}`),
        onFirstContact: async (peer, incarnation) => {
          heard.contacts.push({ peer, incarnation });
          await options.onFirstContact?.(peer, incarnation);
        },
        ...(options.onJoin === undefined ? {} : { onJoin: options.onJoin }),
        onRefused: (peer, refusal, detail) => heard.refusals.push({ peer, refusal, detail }),
        onNotice: (notice) => heard.notices.push(notice),
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((node) => node.close()));
    await Promise.all([...this.relays.values()].map((relay) => relay.close()));
  }
}

/** Waits until `check` no longer throws. */
export function eventually(check: () => void, timeout = 60_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 2 });
}

/** Waits until `condition` holds. */
export function until(condition: () => boolean, timeout = 60_000): Promise<void> {
  return eventually(() => {
    if (!condition()) throw new Error(`never happened: ${condition}`);
  }, timeout);
}

export function isUp(node: TestNode, peer: string): boolean {
  return node.transport.roundTrips().has(nodeId(peer));
}

/** A promise that the test resolves when it wants to. */
export function gateway(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
