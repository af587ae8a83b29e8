/** What `openTransport` accepts, and the settings for whoever says nothing. */

import { isNodeId } from "../raft/index.ts";
import { isLoopback, parseAddress } from "./address.ts";
import type { Target } from "./dial.ts";
import { TransportError } from "./errors.ts";
import { isIncarnation } from "./fields.ts";
import type { Peer, TransportOptions, TransportSettings } from "./types.ts";

export const DEFAULT_SETTINGS: TransportSettings = {
  frameBytesMax: 16_777_216,
  queueBytesMax: 33_554_432,
  reconnectMsMin: 50,
  reconnectMsMax: 2000,
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
  readonly targets: readonly Target[];
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
  const targets = peers.map((peer) => {
    expect(!ids.has(peer.id), `Node ${peer.id} is named twice.`);
    ids.add(peer.id);
    return targetOf(peer);
  });
  checkSecret(secret, [listen.host, ...targets.map((target) => target.host)]);
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  for (const [name, value] of Object.entries(settings)) {
    expect(Number.isSafeInteger(value) && value > 0, `The setting ${name} must be a whole number above 0.`);
  }
  expect(
    settings.reconnectMsMax >= settings.reconnectMsMin,
    "The setting reconnectMsMax must be at least reconnectMsMin.",
  );
  expect(settings.keepaliveMs <= 600_000, "The setting keepaliveMs must be at most 600,000.");
  return { settings, targets };
}

function targetOf(peer: Peer): Target {
  expect(isNodeId(peer.id), `"${peer.id}" cannot be the id of a node.`);
  expect(
    peer.incarnation === undefined || isIncarnation(peer.incarnation),
    `The incarnation of ${peer.id} must be 32 hex digits.`,
  );
  const parts = parseAddress(peer.address);
  expect(parts !== undefined, `The address of ${peer.id}, "${peer.address}", is not host:port.`);
  return { id: peer.id, ...parts };
}

/** Without a secret anyone who reaches the port is a peer, so nobody else may be able to reach it. */
function checkSecret(secret: string, hosts: readonly string[]): void {
  const exposed = hosts.find((host) => !isLoopback(host));
  if (secret !== "" || exposed === undefined) return;
  throw new TransportError(
    "secretRequired",
    `A cluster secret is required, because "${exposed}" is not a loopback address: without one anybody on the network could take part in the cluster.`,
  );
}

function expect(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new TransportError("invalidOptions", sentence);
}
