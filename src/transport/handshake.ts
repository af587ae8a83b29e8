/**
 * The handshake: four facts proved before the first packet.
 *
 *     acceptor → dialler   challenge   json
 *     dialler → acceptor   hello       mac ‖ json        mac = HMAC(secret, "hello", challenge, json)
 *     acceptor → dialler   answer      mac ‖ json        mac = HMAC(secret, "answer", challenge, hello, json)
 *
 * Each is the payload of one frame of at most 4 KB. HMAC-SHA256 runs over `raftally handshake <role>\n`, then for
 * each part its length in decimal, `\n`, and the part itself. A mac (32 bytes) so covers the exact bytes of
 * everything said so far, so that nothing can be replayed (both sides add a nonce), reflected (the roles
 * differ) or changed on the way, and what a stranger sends is never even parsed. JSON, because this is the one
 * conversation that versions far apart must be able to hold; fields that a side does not know are ignored, but
 * still covered by the mac, and a reason for refusing that it does not know is `malformed`, with the sentence. The answer to a hello with a wrong mac has a mac of zeros: a stranger gets nothing
 * that would help to try secrets out.
 *
 * The handshake proves who is there. It does not encrypt what follows, nor protect it from someone who can
 * rewrite the traffic between two nodes: for a network with such people in it, use a tunnel.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { type NodeId, nodeId } from "../raft/index.ts";
import { parseAddress } from "./address.ts";
import { isIncarnation, isNodeName } from "./fields.ts";
import type { Standing } from "./roster.ts";
import type { HandshakeRefusal } from "./types.ts";

/** The longest payload of a handshake frame, in bytes. */
export const HANDSHAKE_BYTES_MAX = 4096;

const MAC_BYTES = 32;
const NO_MAC: Buffer = Buffer.alloc(MAC_BYTES);
const NONCE = /^[0-9a-f]{32}$/;

/** The versions of the protocol that a side speaks, both ends included. */
export interface Versions {
  readonly min: number;
  readonly max: number;
}

/** What this program speaks: codec.ts tells the versions apart. */
export const VERSIONS: Versions = { min: 1, max: 2 };

export interface Challenge extends Versions {
  readonly nonce: string;
}

export interface Hello extends Versions {
  readonly clusterId: string;
  readonly from: NodeId;
  readonly fromIncarnation: string;
  readonly to: NodeId;
  /** Null before the first contact. */
  readonly toIncarnation: string | null;
  readonly nonce: string;
  /** How often the dialler will ping, in ms. */
  readonly keepaliveMs: number;
  /** Where the dialler can be dialled; undefined if it does not say so, as in version 1. */
  readonly address?: string | undefined;
}

export type Answer =
  | {
      readonly kind: "welcome";
      readonly version: number;
      readonly from: NodeId;
      readonly incarnation: string;
    }
  | { readonly kind: "refused"; readonly refusal: HandshakeRefusal; readonly detail: string };

/** Why a handshake is refused, with a sentence for the person who reads the log. */
export interface Refusal {
  readonly refusal: HandshakeRefusal;
  readonly detail: string;
}

/** Who seals what. A different word for each, so that nothing sealed for one purpose passes for another. */
export type Role = "hello" | "answer" | "join" | "joinAnswer";

export function encodeJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** `json` with the proof in front that its author knows `secret` and saw `transcript`. */
export function seal(secret: string, role: Role, parts: readonly Uint8Array[]): Buffer {
  const json = parts.at(-1) ?? NO_MAC;
  return Buffer.concat([macOf(secret, role, parts), json]);
}

/** An answer to someone who has proved nothing. */
export function unsealed(json: Uint8Array): Buffer {
  return Buffer.concat([NO_MAC, json]);
}

/** The JSON of a sealed payload, and whether its mac is right for what was said before. */
export function unseal(
  secret: string,
  role: Role,
  transcript: readonly Uint8Array[],
  payload: Uint8Array,
): { readonly json: Uint8Array; readonly proved: boolean } {
  const json = payload.subarray(MAC_BYTES);
  if (payload.length < MAC_BYTES) return { json, proved: false };
  const mac = macOf(secret, role, [...transcript, json]);
  return { json, proved: timingSafeEqual(mac, payload.subarray(0, MAC_BYTES)) };
}

/** Each part is preceded by its length, so that no two lists of parts have the same bytes. */
function macOf(secret: string, role: Role, parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac("sha256", secret).update(`raftally handshake ${role}\n`);
  for (const part of parts) hmac.update(`${part.length}\n`).update(part);
  return hmac.digest();
}

export function decodeChallenge(json: Uint8Array): Challenge | undefined {
  const value = parse(json);
  const versions = versionsOf(value);
  const { nonce } = value;
  if (versions === undefined || !isNonce(nonce)) return undefined;
  return { ...versions, nonce };
}

export function decodeHello(json: Uint8Array): Hello | undefined {
  const value = parse(json);
  const versions = versionsOf(value);
  if (versions === undefined) return undefined;
  const { clusterId, from, fromIncarnation, to, toIncarnation, nonce, keepaliveMs, address } = value;
  if (typeof clusterId !== "string" || !isNodeName(from) || !isNodeName(to)) return undefined;
  if (!isIncarnation(fromIncarnation) || !isNonce(nonce)) return undefined;
  if (toIncarnation !== null && !isIncarnation(toIncarnation)) return undefined;
  if (typeof keepaliveMs !== "number" || !(keepaliveMs >= 1 && keepaliveMs <= 600_000)) return undefined;
  const said = { clusterId, from: nodeId(from), fromIncarnation, to: nodeId(to), toIncarnation, nonce };
  // An address that cannot be used is as good as none.
  const usable = typeof address === "string" && parseAddress(address) !== undefined;
  return { ...versions, ...said, keepaliveMs, ...(usable ? { address } : {}) };
}

const REFUSALS: Readonly<Record<HandshakeRefusal, true>> = {
  version: true,
  cluster: true,
  incarnation: true,
  unknownNode: true,
  removed: true,
  wrongNode: true,
  secret: true,
  malformed: true,
};

export function decodeAnswer(json: Uint8Array): Answer | undefined {
  const value = parse(json);
  const { kind, version, from, incarnation, refusal, detail } = value;
  if (kind === "welcome") {
    if (!isVersion(version) || !isNodeName(from) || !isIncarnation(incarnation)) return undefined;
    return { kind, version, from: nodeId(from), incarnation };
  }
  if (kind !== "refused" || typeof refusal !== "string" || typeof detail !== "string") return undefined;
  // A reason that only a newer node knows is still a refusal; its sentence says the rest.
  return { kind, refusal: isRefusal(refusal) ? refusal : "malformed", detail };
}

/** The newest version that both sides speak, or undefined if there is none. */
export function commonVersion(a: Versions, b: Versions): number | undefined {
  const newest = Math.min(a.max, b.max);
  return newest >= Math.max(a.min, b.min) ? newest : undefined;
}

/** What an acceptor knows when it judges a hello. */
export interface Acceptor {
  readonly clusterId: string;
  readonly id: NodeId;
  readonly incarnation: string;
  readonly versions: Versions;
  /** What this node knows of the dialler. */
  standingOf(id: NodeId, incarnation: string): Standing;
}

/**
 * Why a proved hello is refused, or undefined. The dialler's own incarnation is judged afterwards, against the
 * pins. `wrongNode` is the dialler looking for another than this node (or for an earlier life of it);
 * `incarnation` is the dialler not being the one that this node knows.
 */
export function judgeHello(hello: Hello, self: Acceptor): Refusal | undefined {
  if (commonVersion(hello, self.versions) === undefined) {
    return {
      refusal: "version",
      detail: `${self.id} speaks protocol versions ${self.versions.min} to ${self.versions.max}, and ${hello.from} ${hello.min} to ${hello.max}.`,
    };
  }
  if (hello.clusterId !== self.clusterId) {
    const detail = `${self.id} belongs to cluster ${self.clusterId}, and ${hello.from} to cluster ${hello.clusterId}.`;
    return { refusal: "cluster", detail };
  }
  if (hello.to !== self.id) {
    return { refusal: "wrongNode", detail: `This is node ${self.id}, not ${hello.to}.` };
  }
  if (hello.toIncarnation !== null && hello.toIncarnation !== self.incarnation) {
    const detail = `This is node ${self.id} with incarnation ${self.incarnation}, not ${hello.toIncarnation}: its data directory is not the one that ${hello.from} knows.`;
    return { refusal: "wrongNode", detail };
  }
  const standing = self.standingOf(hello.from, hello.fromIncarnation);
  if (standing === "removed") {
    return { refusal: "removed", detail: `${hello.from} was removed from cluster ${self.clusterId}.` };
  }
  if (standing === "unknown" || (standing === "mayVisit" && !mayBeGuest(hello))) {
    return { refusal: "unknownNode", detail: `${self.id} knows no node ${hello.from}.` };
  }
  return undefined;
}

/** The other incarnation with which a proved dialler of this cluster knows this node's id; undefined if it does not. */
export function otherLife({ clusterId, to, toIncarnation }: Hello, self: Acceptor): string | undefined {
  const meansThis = clusterId === self.clusterId && to === self.id;
  return meansThis && toIncarnation !== self.incarnation ? (toIncarnation ?? undefined) : undefined;
}

/**
 * Who says no address cannot be answered, and a guest's address is nowhere else. And who does not know this node's
 * incarnation has no log that names it: it is about to form a cluster, and must not count a member of another one.
 */
function mayBeGuest({ address, toIncarnation }: Hello): boolean {
  return address !== undefined && toIncarnation !== null;
}

/** The fields in `json`; none if it is no object, which the checks of the fields then say. */
export function parse(json: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString());
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && typeof value === "number" && value >= 1;
}

export function isNonce(value: unknown): value is string {
  return typeof value === "string" && NONCE.test(value);
}

function isRefusal(value: string): value is HandshakeRefusal {
  return Object.hasOwn(REFUSALS, value);
}

export function versionsOf({ min, max }: Record<string, unknown>): Versions | undefined {
  return isVersion(min) && isVersion(max) && min <= max ? { min, max } : undefined;
}
