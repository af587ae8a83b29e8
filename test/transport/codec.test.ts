import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { decodePacket, encodeFrame } from "../../src/transport/codec.ts";
import { FRAME_HEADER_BYTES } from "../../src/transport/frame.ts";
import { encodePacket, type Packet } from "../../src/transport/index.ts";
import { MESSAGE_CODES } from "../../src/transport/message-codec.ts";
import { announcement, MESSAGE_KINDS, message, onePacketOfEachKind, otherPackets } from "./samples.ts";

const packr = new Packr({ useRecords: false });
const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  ...MESSAGE_KINDS.map((kind) => message(kind).map((drawn): Packet => ({ kind: "raft", message: drawn }))),
  ...otherPackets,
  announcement(),
);

function why(value: unknown): string {
  const decoded = decodePacket(packr.pack(value));
  return decoded.kind === "undecodable" ? decoded.why : `decoded as ${decoded.kind}`;
}

describe("the codec", () => {
  it.each(MESSAGE_KINDS)("gives back every %s as it was", (kind) => {
    fc.assert(
      fc.property(message(kind), (drawn) => {
        const packet: Packet = { kind: "raft", message: drawn };
        expect(decodePacket(encodePacket(packet))).toEqual(packet);
      }),
      { numRuns: 60 },
    );
  });

  it.each([...otherPackets, announcement()])("gives back every other packet as it was (%#)", (arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (packet) => {
        expect(decodePacket(encodePacket(packet))).toEqual(packet);
      }),
      { numRuns: 60 },
    );
  });

  it("puts the same payload into a frame as it gives without one", () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        const frame = encodeFrame(packet);
        const payload = frame.subarray(FRAME_HEADER_BYTES);
        expect(Buffer.compare(payload, encodePacket(packet))).toBe(0);
        expect(frame.readUInt32BE(0)).toBe(payload.length);
        expect(frame.readUInt32BE(4)).toBe(crc32c(payload));
      }),
      { numRuns: 100 },
    );
  });

  it("never throws, whatever the bytes, and what it finds sense in has the right form", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        // Three bytes can happen to be a ping.
        const decoded = decodePacket(bytes);
        if (decoded.kind !== "undecodable") expect(decodePacket(encodePacket(decoded))).toEqual(decoded);
      }),
      { numRuns: 2000, examples: [[new Uint8Array()], [new Uint8Array([0x90])], [new Uint8Array([0xc1])]] },
    );
  });

  it("survives any flipped bit of a real payload: what still decodes has the right form", () => {
    const payloads = onePacketOfEachKind("n1", "n2").map(encodePacket);
    fc.assert(
      fc.property(fc.constantFrom(...payloads), fc.nat(), (payload, at) => {
        const flipped = Uint8Array.from(payload);
        const bit = at % (flipped.length * 8);
        flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7));
        const decoded = decodePacket(flipped);
        // A form that is right survives being sent on; anything lenient would not come back equal.
        if (decoded.kind !== "undecodable") expect(decodePacket(encodePacket(decoded))).toEqual(decoded);
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses every payload that is cut off anywhere, and every one with a byte too many", () => {
    for (const packet of onePacketOfEachKind("n1", "n2")) {
      const payload = encodePacket(packet);
      for (let length = 0; length < payload.length; length++) {
        expect(decodePacket(payload.subarray(0, length)).kind).toBe("undecodable");
      }
      expect(decodePacket(Buffer.concat([payload, Buffer.from([0])])).kind).toBe("undecodable");
    }
  });

  it("refuses a command whose data does not have its checksum", () => {
    const data = new Uint8Array([1, 2, 3]);
    const entry = [1, 1, 5, 1, data, crc32c(data)];
    const append = [2, MESSAGE_CODES.append, "n1", "n2", 1, [0, 0], 0, 0];
    expect(why([...append, [entry]])).toBe("decoded as raft");
    expect(why([...append, [[1, 1, 5, 1, new Uint8Array([1, 2, 4]), crc32c(data)]]])).toMatch(/checksum/);
  });

  it("refuses each field that is not what it should be, and names it", () => {
    const heartbeat = [2, MESSAGE_CODES.heartbeat, "n1", "n2", 3, 4, 4, 5];
    expect(why(heartbeat)).toBe("decoded as raft");
    const cases: [number, unknown, RegExp][] = [
      [0, 99, /kind/],
      [0, "2", /kind/],
      [1, 0, /kind/],
      [1, 200, /kind/],
      [2, "N1", /from/],
      [2, null, /from/],
      [3, "", /to/],
      [3, "n".repeat(33), /to/],
      [4, -1, /term/],
      [4, 1.5, /term/],
      [4, 2 ** 53, /term/],
      [4, Number.NaN, /term/],
      [5, "4", /commit/],
      [6, -4, /leaderCommit/],
      [7, true, /round/],
      [7, [5], /round/],
    ];
    for (const [at, value, expected] of cases) {
      expect(why(heartbeat.with(at, value as never))).toMatch(expected);
    }
    for (let length = 0; length < heartbeat.length; length++) {
      expect(why(heartbeat.slice(0, length))).not.toMatch(/decoded/);
    }
  });

  it("refuses what is no list, what is not plain, and what is nested without end", () => {
    expect(why(5)).toMatch(/not a list/);
    expect(why({ kind: "raft" })).toMatch(/not plain/);
    expect(why([2, new Date()])).toMatch(/not plain/);
    const rich = new Packr({ useRecords: false, moreTypes: true });
    for (const value of [new Set([1]), /x/, new Error("x"), new Map([[1, 2]])]) {
      expect(decodePacket(rich.pack([2, value]))).toEqual({
        kind: "undecodable",
        why: "a value that is not plain",
      });
    }
    expect(why([2, 5n])).not.toMatch(/decoded/);
    // A record definition, for which msgpackr would compile a function.
    expect(decodePacket(new Packr({ useRecords: true }).pack({ a: 1 })).kind).toBe("undecodable");
    const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0])]);
    expect(decodePacket(deep)).toEqual({ kind: "undecodable", why: "lists nested too deeply" });
    // A list that claims four thousand million elements.
    expect(decodePacket(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0]))).toEqual({
      kind: "undecodable",
      why: "a value that ends early",
    });
  });

  it("ignores what a newer node adds at the end of any list that has fields", () => {
    const data = new Uint8Array([1, 2, 3]);
    const incarnation = "0".repeat(32);
    /** Every list with fields passes through `list`, those that only repeat one thing do not. */
    const packets = (list: (...fields: unknown[]) => unknown): unknown[] => {
      const member = list("n1", incarnation, "127.0.0.1:1", "http://127.0.0.1:2");
      const configuration = list(["n1"], [], [], [member], [list("n3", incarnation)]);
      const entries = [
        list(1, 1, 5, 0),
        list(2, 1, 5, 1, data, crc32c(data)),
        list(3, 1, 5, 2, configuration),
      ];
      const meta = list(3, 1, 5, configuration, 3);
      return [
        list(0, 1),
        list(2, MESSAGE_CODES.heartbeat, "n1", "n2", 3, 4, 4, 5),
        list(2, MESSAGE_CODES.requestVote, "n1", "n2", 3, list(4, 4), false),
        list(2, MESSAGE_CODES.append, "n1", "n2", 1, list(0, 0), 0, 0, entries),
        list(4, meta, 10, "0".repeat(64), 5, "t".repeat(22)),
        list(5, meta, true),
        list(7, member, true),
      ];
    };
    const plain = packets((...fields) => fields).map((packet) => decodePacket(packr.pack(packet)));
    expect(plain.map(({ kind }) => kind)).not.toContain("undecodable");
    const longer = packets((...fields) => [...fields, "more", [1]]);
    expect(longer.map((packet) => decodePacket(packr.pack(packet)))).toEqual(plain);
  });

  it("reads a configuration from before nodes could be removed", () => {
    const meta = [3, 1, 5, [["n1"], [], [], []], 0];
    const decoded = decodePacket(packr.pack([5, meta, true]));
    expect(decoded).toMatchObject({ meta: { configuration: { voters: ["n1"], removed: [] } } });
    expect(why([5, [3, 1, 5, [["n1"], [], [], [], 7], 0], true])).toMatch(/removed is not a list/);
  });

  it("tells a packet of a kind that is not known from one that is wrong", () => {
    const heartbeat = [2, MESSAGE_CODES.heartbeat, "n1", "n2", 3, 4, 4, 5];
    for (const [value, isUnknown] of [
      [heartbeat.with(0, 99), true],
      [heartbeat.with(1, 99), true],
      [heartbeat.with(0, -1), false],
      [heartbeat.with(4, -1), false],
      [[2, MESSAGE_CODES.append, "n1", "n2", 1, [0, 0], 0, 0, [[1, 1, 5, 9]]], false],
    ] as const) {
      const decoded = decodePacket(packr.pack(value));
      expect(decoded.kind).toBe("undecodable");
      expect("unknownKind" in decoded).toBe(isUnknown);
    }
  });

  it("keeps no memory of the payload alive in an entry's data", () => {
    const data = new Uint8Array([1, 2, 3]);
    const packet: Packet = {
      kind: "raft",
      message: {
        kind: "append",
        from: nodeId("n1"),
        to: nodeId("n2"),
        term: term(1),
        previous: { index: index(0), term: term(0) },
        previousChain: 0,
        commit: index(0),
        entries: [{ kind: "command", index: index(1), term: term(1), chain: 1, data, crc: crc32c(data) }],
      },
    };
    const payload = Uint8Array.from(encodePacket(packet));
    const decoded = decodePacket(payload);
    payload.fill(0xff);
    expect(decoded).toEqual(packet);
  });

  it("decodes each frame by itself: any order, any subset, any other connection", () => {
    const packets = onePacketOfEachKind("n1", "n2");
    const payloads = packets.map(encodePacket);
    for (let at = payloads.length - 1; at >= 0; at--) {
      expect(decodePacket(payloads[at] as Uint8Array)).toEqual(packets[at]);
    }
  });
});
