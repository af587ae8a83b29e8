/** Whole conversations with the peer port, in memory: the handshake of a link and what follows, and that of joining. */

import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { crc32c, type Prng } from "../../../src/base/index.ts";
import { nodeId } from "../../../src/raft/index.ts";
import { acceptLink } from "../../../src/transport/accept.ts";
import type { Context } from "../../../src/transport/context.ts";
import { FrameReader, frameOf } from "../../../src/transport/frame.ts";
import { encodeJson, type Role, seal, VERSIONS } from "../../../src/transport/handshake.ts";
import { InboundLink } from "../../../src/transport/inbound.ts";
import { DEFAULT_SETTINGS, decodePacket, encodePacket, type Packet } from "../../../src/transport/index.ts";
import { JoinAcceptor } from "../../../src/transport/join-accept.ts";
import { Roster } from "../../../src/transport/roster.ts";
import { mutateBytes } from "../bytes.ts";
import { json, msgpack, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { HELLO, REQUEST } from "./handshake-words.ts";
import { drawnPackets } from "./peer-packets.ts";

const SECRET = "a secret of the fuzzer";
const PINNED = String(HELLO["fromIncarnation"]);

/** How the first word is sent; the first byte of an input. */
const RAW = 0;
const SEALED = 1;
const FORGED = 2;
const OTHER_ROLE = 3;
const TWICE = 4;
const HALF = 5;
const OTHER_SECRET = 6;
/** Added where the conversation is that of joining. */
const JOIN = 8;

/** An input is the way, the length of the first word (2 bytes), the word, and what follows once it was answered. */
function inputOf(way: number, word: Buffer, rest: Buffer): Buffer {
  const head = Buffer.from([way, 0, 0]);
  head.writeUInt16BE(word.length, 1);
  return Buffer.concat([head, word, rest]);
}

export const conversations: Target = {
  name: "conversations",
  about:
    "a stranger, or a peer that lost its mind, on the peer port: only what a proved peer says right is heard",
  inputs: 12_000,
  sample: 150,
  msMax: 4_000,
  open: async (seed): Promise<Subject> => {
    const packets = drawnPackets(seed, 4, "n2", "n1").map((packet) => Buffer.from(encodePacket(packet)));
    const others = drawnPackets(seed, 1).map((packet) => Buffer.from(encodePacket(packet)));
    const hellos = new Pool(
      [encodeJson(HELLO), encodeJson({ ...HELLO, toIncarnation: null, from: "n3" })],
      json,
    );
    const requests = new Pool([encodeJson(REQUEST)], json);
    return {
      draw: (prng) => draw(prng, { packets, others, hellos, requests }),
      feed,
      close: async () => undefined,
    };
  },
};

interface Sources {
  readonly packets: readonly Buffer[];
  readonly others: readonly Buffer[];
  readonly hellos: Pool;
  readonly requests: Pool;
}

function draw(prng: Prng, { packets, others, hellos, requests }: Sources): Buffer {
  const isJoin = prng.chance(0.25);
  const pool = isJoin ? requests : hellos;
  const way = prng.chance(0.6) ? SEALED : prng.pick([RAW, FORGED, OTHER_ROLE, TWICE, HALF, OTHER_SECRET]);
  const word = prng.chance(0.6) ? pool.pick(prng) : pool.draw(prng);
  const frames = Array.from({ length: prng.between(0, 4) }, () => {
    const packet = prng.pick(prng.chance(0.9) ? packets : others);
    return frameOf(prng.chance(0.6) ? packet : msgpack(packet, prng, prng.pick(others)));
  });
  const stream = Buffer.concat(frames);
  const rest = prng.chance(0.6) ? stream : mutateBytes(stream, prng, prng.pick(packets));
  return inputOf(way + (isJoin ? JOIN : 0), word.subarray(0, 3_000), rest);
}

/** The node that is spoken to, n1, which knows n2 and is about to meet n3. */
interface Host {
  readonly context: Context;
  readonly heard: { packets: Packet[]; contacts: string[]; joins: number; notices: number };
}

function makeHost(): Host {
  const heard: Host["heard"] = { packets: [], contacts: [], joins: 0, notices: 0 };
  const address = "127.0.0.1:9";
  const peers = [
    { id: nodeId("n2"), address, incarnation: PINNED },
    { id: nodeId("n3"), address, incarnation: undefined },
  ];
  const handlers: Context["handlers"] = {
    onPacket: (_, packet) => void heard.packets.push(packet),
    onUnreachable: () => undefined,
    onReachable: () => undefined,
    onFirstContact: async (peer) => void heard.contacts.push(peer),
    onRefused: () => undefined,
    onJoin: async () => {
      heard.joins += 1;
      return { kind: "later", detail: "Not yet.", retryMs: 1 };
    },
    onNotice: () => {
      heard.notices += 1;
    },
  };
  const roster = new Roster(peers, (peer) => handlers.onFirstContact(peer, ""), true);
  const self = { id: nodeId("n1"), incarnation: "b".repeat(32) };
  const settings = { ...DEFAULT_SETTINGS, frameBytesMax: 100_000 };
  return {
    context: { clusterId: "c1", self, secret: SECRET, settings, versions: VERSIONS, roster, handlers },
    heard,
  };
}

/** What is sent first, in answer to the challenge. */
function opening(way: number, role: Role, challenge: Buffer, word: Buffer): Buffer {
  const other: Role = role === "hello" ? "join" : "hello";
  const sealed = seal(SECRET, role, [challenge, word]);
  switch (way) {
    case RAW:
      return word;
    case SEALED:
      return frameOf(sealed);
    case FORGED:
      return frameOf(Buffer.concat([Buffer.alloc(32, 1), word]));
    case OTHER_ROLE:
      return frameOf(seal(SECRET, other, [challenge, word]));
    case TWICE:
      return Buffer.concat([frameOf(sealed), frameOf(sealed)]);
    case HALF:
      return frameOf(sealed).subarray(0, 20);
    default:
      return frameOf(seal("another secret", role, [challenge, word]));
  }
}

/** Says its part on its end of the connection, and leaves. */
function attack(end: NodeJS.ReadWriteStream, first: (challenge: Buffer) => Buffer, rest: Buffer): void {
  const reader = new FrameReader(300_000);
  let frames = 0;
  end.on("error", () => undefined);
  end.on("data", (chunk: Buffer) => {
    reader.push(chunk, (payload) => {
      frames += 1;
      if (frames === 1) end.write(first(Buffer.from(payload)));
      if (frames === 2) end.end(rest);
      return true;
    });
    // Nobody answers to what is not whole, so whoever sent it leaves.
    if (frames === 1) setImmediate(() => frames === 1 && end.end());
  });
}

async function feed(input: Buffer): Promise<Verdict> {
  const way = (input[0] ?? 0) % JOIN;
  const isJoin = ((input[0] ?? 0) & JOIN) !== 0;
  const length = input.length < 3 ? 0 : input.readUInt16BE(1);
  const word = input.subarray(3, 3 + length);
  const rest = input.subarray(3 + length);
  const host = makeHost();
  const [ours, theirs] = duplexPair();
  ours.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => theirs.once("close", () => resolve()));
  attack(theirs, (challenge) => opening(way, isJoin ? "join" : "hello", challenge, word), rest);
  try {
    const socket = ours as unknown as Socket;
    return isJoin ? await feedJoin(host, socket, way) : await feedLink(host, { socket, way, rest });
  } finally {
    ours.destroy();
    theirs.destroy();
    await closed;
  }
}

async function feedJoin({ context, heard }: Host, socket: Socket, way: number): Promise<Verdict> {
  await new JoinAcceptor(context).accept(socket, Buffer.alloc(0));
  demand(
    way === SEALED || way === TWICE || heard.joins === 0,
    "join: somebody without the secret was listened to",
  );
  return heard.joins > 0 ? accepted("join") : refused("join");
}

async function feedLink(
  { context, heard }: Host,
  { socket, way, rest }: { readonly socket: Socket; readonly way: number; readonly rest: Buffer },
): Promise<Verdict> {
  const proof = await acceptLink(socket, Buffer.alloc(0), context);
  demand(
    way === SEALED || way === TWICE || proof === undefined,
    "link: somebody without the secret is welcome",
  );
  demand(
    context.roster.pins.of(nodeId("n2")) === PINNED,
    "link: the incarnation that was known of a peer has changed",
  );
  if (proof === undefined) {
    demand(heard.packets.length === 0, "link: somebody who was refused is heard");
    demand(
      heard.contacts.length === 0 || way === SEALED || way === TWICE,
      "link: a stranger was met for the first time",
    );
    return refused(`way ${way}`);
  }
  demand(context.roster.admit(proof.peer, proof.incarnation), "link: one that is welcome is not let in");
  await new Promise<void>((resolve) => new InboundLink(socket, proof, context, () => resolve()));
  const expected = heardOf(rest, proof);
  demand(isDeepStrictEqual(heard.packets, expected), "link: other packets are heard than were said");
  return accepted(`link with ${Math.min(expected.length, 3)} packets`);
}

/** What of a stream a node hears from this peer: everything up to the first thing that must not be said. */
function heardOf(
  stream: Buffer,
  { peer, incarnation, newer }: { peer: string; incarnation: string; newer: boolean },
): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at + 8 <= stream.length; ) {
    const length = stream.readUInt32BE(at);
    const payload = stream.subarray(at + 8, at + 8 + length);
    const isWhole = length > 0 && length <= 100_000 && payload.length === length;
    if (!isWhole || crc32c(payload) !== stream.readUInt32BE(at + 4)) break;
    at += 8 + length;
    const content = decodePacket(payload);
    if (content.kind === "ping") continue;
    if (content.kind === "undecodable" && content.unknownKind === true && newer) continue;
    if (content.kind === "undecodable" || content.kind === "pong") break;
    if (content.kind === "raft" && (content.message.from !== peer || content.message.to !== "n1")) break;
    const isOther =
      content.kind === "announce" &&
      (content.member.id !== peer || content.member.incarnation !== incarnation);
    if (isOther) break;
    packets.push(content);
  }
  return packets;
}
