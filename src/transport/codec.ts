/**
 * Packets as bytes. A payload is one MessagePack list whose first element says what it is:
 *
 *     [0, n]                                        ping; answered by [1, n] on the same connection
 *     [2, kind, from, to, term, …]                  a message of the core, see MESSAGE_CODES
 *     [3, index, digest]                            the digest of the state at an index
 *     [4, meta, bytes, sha256, digest, token]       "fetch this snapshot from me"
 *     [5, meta, ok]                                 how that went
 *     [6]                                           it goes on: the fetch of your snapshot is alive
 *     [7, member, wantsVote]                        what the configuration should say of the sender
 *
 *     entry          [index, term, chain, 0] | [index, term, chain, 1, data, crc] | [index, term, chain, 2, configuration]
 *     entry id       [index, term]
 *     meta           [index, term, chain, configuration, configurationIndex]
 *     configuration  [voters, outgoing, learners, [member, …], [[id, incarnation], …]]
 *     member         [id, incarnation, peer, api]
 *
 * Lists without names, because names would be most of a heartbeat. Each frame decodes by itself: msgpackr's
 * shared structures are off, since a table that both ends must keep in step would tie a frame to those before it.
 *
 * Compatibility. Both sides of a link say in the handshake which versions of the protocol they speak, and speak the
 * newest common one. A program speaks its own version and the one before, so that a cluster is upgraded one node
 * after the other. The versions so far:
 *
 *     1   a cluster whose members never change
 *     2   packet 7; the removed nodes of a configuration; the address in a hello; joining (join-words.ts)
 *
 * - A list that has fields may grow at its end in any version. Who does not know a field ignores it; who misses one
 *   that an older version did not have takes the default: a configuration without removed nodes has none.
 * - Numbers of kinds, and the meaning of a field, never change. There are no optional fields in the middle.
 * - A packet, or a message, of an unknown kind from a peer that speaks a newer version is passed over, with one
 *   notice for each link. From any other peer it is garbage, which closes the link, and so is an unknown kind of
 *   entry from anyone: a log with a gap would be a lie.
 * - Ignoring is only right for what nobody has to pass on. The data of a command are bytes to everyone here and
 *   survive nodes of any version; a configuration is read and written again, and its hash covers all of it. So what
 *   an older peer would only half understand is not sent to it (`versionOf`): it waits for its upgrade, which a
 *   notice asks for, and a new kind of entry must get a new version there.
 * - The gate (plain.ts) lets lists, numbers, texts, bytes and booleans pass, nested up to 8 deep. That is no matter of
 *   versions: it holds for all that will ever come.
 */

import { Packr, RESERVE_START_SPACE, Unpackr } from "msgpackr";
import { assertNever } from "../base/index.ts";
import { decodeMember, decodeMeta, encodeMember, encodeMeta } from "./entry-codec.ts";
import { Fields, Malformed, UnknownKind } from "./fields.ts";
import { FRAME_HEADER_BYTES, sealFrame } from "./frame.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { plainFault } from "./plain.ts";
import type { Packet } from "./types.ts";

/** What a frame can carry: a packet, or a probe that the link itself sends and answers. */
export type Content =
  | Packet
  | { readonly kind: "ping"; readonly sequence: number }
  | { readonly kind: "pong"; readonly sequence: number };

/** Bytes that are no packet, and the reason. */
export interface Undecodable {
  readonly kind: "undecodable";
  readonly why: string;
  /** Whether only its kind, which may be one of a newer version, is not known. */
  readonly unknownKind?: true;
}

const PING = 0;
const PONG = 1;
const RAFT = 2;
const DIGEST = 3;
const SNAPSHOT_OFFER = 4;
const SNAPSHOT_RESULT = 5;
const SNAPSHOT_PROGRESS = 6;
const ANNOUNCE = 7;

/** From this version of the protocol on the members of a cluster can change. */
export const MEMBERSHIP_VERSION: number = 2;

const packr = new Packr({ useRecords: false });
// copyBuffers: an entry lives long in the log and must not keep the whole chunk alive that it came in.
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

/** A whole frame around `content`, ready to be written. */
export function encodeFrame(content: Content): Buffer {
  return sealFrame(packr.pack(listOf(content), RESERVE_START_SPACE + FRAME_HEADER_BYTES));
}

/** The payload of a frame around `content`, without the frame's header. */
export function encodePacket(content: Content): Uint8Array {
  return packr.pack(listOf(content));
}

/** What `payload` says, with every field checked. Shares no memory with `payload`. Never throws on any bytes. */
export function decodePacket(payload: Uint8Array): Content | Undecodable {
  const fault = plainFault(payload);
  if (fault !== undefined) return { kind: "undecodable", why: fault };
  try {
    // As a plain view: copied out of a Buffer, the data of an entry would be Buffers too.
    const plain = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    return contentOf(unpackr.unpack(plain));
  } catch (error) {
    // Besides Malformed this can only be msgpackr's own word on bytes that the gate let pass, such as bad UTF-8.
    const why = error instanceof Malformed ? error.message : `msgpackr: ${String(error)}`;
    return { kind: "undecodable", why, ...(error instanceof UnknownKind ? { unknownKind: true } : {}) };
  }
}

/**
 * The version of the protocol from which on a node understands all of `packet`. What an older one would half
 * understand is worse than nothing: the hash of a configuration covers the removed nodes too.
 */
export function versionOf(packet: Packet): number {
  switch (packet.kind) {
    case "announce":
      return MEMBERSHIP_VERSION;
    case "raft": {
      const { message } = packet;
      const changes =
        message.kind === "append" && message.entries.some(({ kind }) => kind === "configuration");
      return changes ? MEMBERSHIP_VERSION : 1;
    }
    case "snapshotOffer":
      return packet.offer.meta.configurationIndex > 0 ? MEMBERSHIP_VERSION : 1;
    case "snapshotResult":
      return packet.meta.configurationIndex > 0 ? MEMBERSHIP_VERSION : 1;
    case "digest":
    case "snapshotProgress":
      return 1;
    default:
      return assertNever(packet);
  }
}

function listOf(content: Content): unknown[] {
  switch (content.kind) {
    case "ping":
      return [PING, content.sequence];
    case "pong":
      return [PONG, content.sequence];
    case "raft":
      return [RAFT, ...encodeMessage(content.message)];
    case "digest":
      return [DIGEST, content.index, content.digest];
    case "snapshotOffer": {
      const { meta, bytes, sha256, digest, token } = content.offer;
      return [SNAPSHOT_OFFER, encodeMeta(meta), bytes, sha256, digest, token];
    }
    case "snapshotResult":
      return [SNAPSHOT_RESULT, encodeMeta(content.meta), content.ok];
    case "snapshotProgress":
      return [SNAPSHOT_PROGRESS];
    case "announce":
      return [ANNOUNCE, encodeMember(content.member), content.wantsVote];
    default:
      return assertNever(content);
  }
}

function contentOf(value: unknown): Content {
  const fields = new Fields(value, "packet");
  const code = fields.whole("kind");
  switch (code) {
    case PING:
      return { kind: "ping", sequence: fields.whole("sequence") };
    case PONG:
      return { kind: "pong", sequence: fields.whole("sequence") };
    case RAFT:
      return { kind: "raft", message: decodeMessage(fields) };
    case DIGEST:
      return { kind: "digest", index: fields.whole("index"), digest: fields.hash("digest") };
    case SNAPSHOT_OFFER: {
      const offer = {
        meta: decodeMeta(fields.raw()),
        bytes: fields.whole("bytes"),
        sha256: fields.sha256("sha256"),
        digest: fields.hash("digest"),
        token: fields.token("token"),
      };
      return { kind: "snapshotOffer", offer };
    }
    case SNAPSHOT_RESULT:
      return { kind: "snapshotResult", meta: decodeMeta(fields.raw()), ok: fields.flag("ok") };
    case SNAPSHOT_PROGRESS:
      return { kind: "snapshotProgress" };
    case ANNOUNCE:
      return { kind: "announce", member: decodeMember(fields.raw()), wantsVote: fields.flag("wantsVote") };
    default:
      throw new UnknownKind(`packet: no kind has the number ${code}`);
  }
}
