/** One frame's payload from a peer: decodePacket. */

import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { type Content, decodePacket, encodePacket, type Packet } from "../../../src/transport/index.ts";
import { announcement, MESSAGE_KINDS, message, otherPackets } from "../../transport/samples.ts";
import { msgpack, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

/** Packets of every kind, as fast-check draws them from this seed. */
export function drawnPackets(seed: number, each: number, from?: string, to?: string): Packet[] {
  const raft = MESSAGE_KINDS.map((kind) =>
    message(kind, from, to).map((drawn): Packet => ({ kind: "raft", message: drawn })),
  );
  return [...raft, ...otherPackets, announcement(from)].flatMap((arbitrary) =>
    fc.sample(arbitrary, { numRuns: each, seed }),
  );
}

const PROBES: readonly Content[] = [
  { kind: "ping", sequence: 1 },
  { kind: "pong", sequence: Number.MAX_SAFE_INTEGER },
];

export const peerPackets: Target = {
  name: "peer-packets",
  about:
    "payloads of frames into decodePacket: a packet that comes back the same from its own bytes, or a reason",
  inputs: 260_000,
  sample: 5_000,
  msMax: 250,
  open: async (seed): Promise<Subject> => {
    const pool = new Pool([...drawnPackets(seed, 20), ...PROBES].map(encodePacket), msgpack);
    return { draw: (prng) => pool.draw(prng), feed, close: async () => undefined };
  },
};

function feed(input: Buffer): Verdict {
  const content = decodePacket(input);
  if (content.kind === "undecodable") {
    demand(
      content.why.length > 0 && content.why.length < 500,
      "refusal: without a reason, or with one that is too long",
    );
    return refused(content.why);
  }
  const bytes = encodePacket(content);
  const again = decodePacket(bytes);
  demand(
    isDeepStrictEqual(again, content),
    "round trip: a packet is another one after encoding and decoding",
  );
  // What was decoded outlives the memory that it came in.
  input.fill(0xff);
  demand(
    Buffer.compare(encodePacket(content), bytes) === 0,
    "memory: a packet changes with the bytes it was read from",
  );
  return accepted(content.kind === "raft" ? content.message.kind : content.kind);
}
