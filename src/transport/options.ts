/** What `openTransport` accepts, and the settings for whoever says nothing. */

import { isNodeId, type NodeId } from "../raft/index.ts";
import { addressFault, type Detours, type HostPort, isLoopback, parseAddress } from "./address.ts";
import { TransportError } from "./errors.ts";
import { isIncarnation } from "./fields.ts";
import type { Peer, TransportOptions, TransportSettings } from "./types.ts";

export const DEFAULT_SETTINGS: TransportSettings = {
  frameBytesMax: 16_777_216,
  queueBytesMax: 33_554_432,
  reconnectMsMin: 50,
  reconnectMsMax: 1_000,
  handshakeMsMax: 3000,
  joinMsMax: 5000,
  chunkBytes: 262_144,
  keepaliveMs: 1000,
  snapshotIdleMsMax: 10_000,
};

/** What is only a sentence long and still must fit a handshake frame. */
const CLUSTER_ID_LENGTH_MAX = 200;

/** The options, checked, with every setting given. */
export interface CheckedOptions {
  readonly settings: TransportSettings;
  readonly targets: ReadonlyMap<NodeId, HostPort>;
}

/** @throws {TransportError} with a sentence, when something is wrong with `options`. */
export function checkOptions(options: TransportOptions): CheckedOptions {
  const { clusterId, self, listen, peers, secret } = options;
  expect(
    clusterId.length > 0 && clusterId.length <= CLUSTER_ID_LENGTH_MAX,
    `The cluster id must have 1 to ${CLUSTER_ID_LENGTH_MAX} characters.`,
  );
  expect(isNodeId(self.id), `"${self.id}" cannot be the id of a node.`);
  expect(isIncarnation(self.incarnation), "The incarnation of this node must be 32 hex digits.");
  expect(
    Number.isInteger(listen.port) && listen.port >= 0 && listen.port <= 65_535,
    `${listen.port} is not a port.`,
  );
  const ids = new Set<string>([self.id]);
  const targets = new Map<NodeId, HostPort>();
  for (const peer of peers) {
    expect(!ids.has(peer.id), `Node ${peer.id} is named twice.`);
    ids.add(peer.id);
    targets.set(peer.id, targetOf(peer));
  }
  const own = self.address === undefined ? [] : [checkAddress("this node", self.address).host];
  const detours = checkDetours(options.detours);
  checkSecret(secret, [listen.host, ...own, ...[...targets.values()].map(({ host }) => host), ...detours]);
  return { settings: checkSettings(options.settings), targets };
}

/** @throws {TransportError} with a sentence, when a setting is out of its range. */
export function checkSettings(given: Partial<TransportSettings> | undefined): TransportSettings {
  const settings = { ...DEFAULT_SETTINGS, ...given };
  for (const [name, value] of Object.entries(settings)) {
    expect(Number.isSafeInteger(value) && value > 0, `The setting ${name} must be a whole number above 0.`);
  }
  expect(
    settings.reconnectMsMax >= settings.reconnectMsMin,
    "The setting reconnectMsMax must be at least reconnectMsMin.",
  );
  expect(settings.keepaliveMs <= 600_000, "The setting keepaliveMs must be at most 600,000.");
  return settings;
}

/** Peers as a configuration names them, with what is wrong with some of them. */
export interface JudgedPeers {
  readonly peers: readonly Peer[];
  /** Undefined if the peer cannot be dialled. */
  readonly targets: ReadonlyMap<NodeId, HostPort | undefined>;
  /** Sentences. */
  readonly faults: readonly string[];
}

/** Never throws: what a log says is in force, and a bad address in it must not stop a node. */
export function judgePeers(peers: readonly Peer[], self: NodeId, secret: string): JudgedPeers {
  const judged = new Map<NodeId, Peer>();
  const targets = new Map<NodeId, HostPort | undefined>();
  const faults: string[] = [];
  for (const peer of peers) {
    if (peer.id === self || judged.has(peer.id)) continue;
    judged.set(peer.id, peer);
    const fault = addressFault(peer.address, secret);
    if (fault !== undefined)
      faults.push(`${peer.id} is not dialled: its address "${peer.address}" ${fault}.`);
    targets.set(peer.id, fault === undefined ? parseAddress(peer.address) : undefined);
  }
  return { peers: [...judged.values()], targets, faults };
}

function targetOf(peer: Peer): HostPort {
  expect(isNodeId(peer.id), `"${peer.id}" cannot be the id of a node.`);
  expect(
    peer.incarnation === undefined || isIncarnation(peer.incarnation),
    `The incarnation of ${peer.id} must be 32 hex digits.`,
  );
  return checkAddress(peer.id, peer.address);
}

/** @throws {TransportError} unless `address` is one. */
export function checkAddress(whose: string, address: string): HostPort {
  const parts = parseAddress(address);
  expect(parts !== undefined, `The address of ${whose}, "${address}", is not host:port.`);
  return parts;
}

/**
 * The hosts to which detours lead.
 * @throws {TransportError} unless both sides of each are addresses.
 */
export function checkDetours(detours: Detours = new Map()): readonly string[] {
  return [...detours].map(([address, way]) => {
    checkAddress("a peer that is reached elsewhere", address);
    return checkAddress(`the way to ${address}`, way).host;
  });
}

/**
 * Without a secret anyone who reaches the port is a peer, so nobody else may be able to reach it.
 * @throws {TransportError} if one of `hosts` needs a secret that is not there.
 */
export function checkSecret(secret: string, hosts: readonly string[]): void {
  const exposed = hosts.find((host) => !isLoopback(host));
  if (secret !== "" || exposed === undefined) return;
  throw new TransportError(
    "secretRequired",
    `A cluster secret is required, because "${exposed}" is not a loopback address: without one anybody on the network could take part in the cluster.`,
  );
}

/** @throws {TransportError} with this sentence unless `condition` holds. */
export function expect(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new TransportError("invalidOptions", sentence);
}
