/** The stream of one connection, cut into pieces anywhere: FrameReader, against a reader that has all bytes at once. */

import { crc32c, Prng } from "../../../src/base/index.ts";
import { FrameReader, frameOf } from "../../../src/transport/frame.ts";
import { decodePacket, encodePacket } from "../../../src/transport/index.ts";
import { mutateBytes } from "../bytes.ts";
import { msgpack } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { drawnPackets } from "./peer-packets.ts";

const LIMIT = 20_000;

export const peerStream: Target = {
  name: "peer-stream",
  about:
    "streams of frames, in pieces, into FrameReader: the same payloads as read at once, and memory for what came",
  inputs: 90_000,
  sample: 800,
  msMax: 250,
  open: async (seed): Promise<Subject> => {
    const payloads = drawnPackets(seed, 6).map((packet) => Buffer.from(encodePacket(packet)));
    return { draw: (prng) => draw(prng, payloads), feed, close: async () => undefined };
  },
};

function draw(prng: Prng, payloads: readonly Buffer[]): Buffer {
  const frames = Array.from({ length: prng.between(1, 6) }, () => {
    const payload = prng.pick(payloads);
    if (prng.chance(0.7)) return frameOf(payload);
    return frameOf(msgpack(payload, prng, prng.pick(payloads)));
  });
  const stream = Buffer.concat(frames);
  return prng.chance(0.35) ? stream : mutateBytes(stream, prng, Buffer.concat([...frames].reverse()));
}

/** Everything as section "frames" says it, read from the whole stream. */
function readAtOnce(stream: Buffer): { readonly payloads: Buffer[]; readonly isBroken: boolean } {
  const payloads: Buffer[] = [];
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = stream.readUInt32BE(at);
    if (length === 0 || length > LIMIT) return { payloads, isBroken: true };
    const end = at + 8 + length;
    if (end > stream.length) break;
    const payload = stream.subarray(at + 8, end);
    if (crc32c(payload) !== stream.readUInt32BE(at + 4)) return { payloads, isBroken: true };
    payloads.push(payload);
    at = end;
  }
  return { payloads, isBroken: false };
}

function feed(input: Buffer): Verdict {
  const expected = readAtOnce(input);
  const reader = new FrameReader(LIMIT);
  const found: Buffer[] = [];
  let fault: string | undefined;
  const cuts = new Prng(crc32c(input));
  const pieceMax = cuts.pick([1, 3, 9, 100, 70_000]);
  for (let at = 0; at < input.length && fault === undefined; ) {
    const piece = Buffer.from(input.subarray(at, at + cuts.between(1, pieceMax)));
    at += piece.length;
    fault = reader.push(piece, (payload) => {
      found.push(Buffer.from(payload));
      const content = decodePacket(payload);
      return content.kind !== "undecodable" || content.why.length > 0;
    });
    piece.fill(0);
    demand(
      reader.heldBytes <= Math.max(64, 2 * at),
      "memory: more is held for a frame than twice what came of it",
    );
    demand(reader.heldBytes <= LIMIT + 8, "memory: more is held than the longest frame has");
  }
  demand(
    (fault !== undefined) === expected.isBroken,
    "stream: pieces and the whole differ in whether it is broken",
  );
  demand(
    found.length === expected.payloads.length,
    "stream: pieces and the whole hold another number of frames",
  );
  const same = found.every((payload, at) => expected.payloads[at]?.equals(payload) === true);
  demand(same, "stream: a payload depends on how the stream was cut");
  return fault === undefined ? accepted("stream") : refused(fault);
}
