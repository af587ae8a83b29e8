import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_HEADER_BYTES, FrameReader, frameOf } from "../../src/transport/frame.ts";

const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });

/** Cuts `bytes` at positions that `cuts` gives, in any order. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => Buffer.from(bytes.subarray(at[i], end)));
}

function read(reader: FrameReader, chunks: readonly Buffer[]): { got: Buffer[]; fault: string | undefined } {
  const got: Buffer[] = [];
  for (const chunk of chunks) {
    const fault = reader.push(chunk, (payload) => {
      got.push(Buffer.from(payload));
      return true;
    });
    if (fault !== undefined) return { got, fault };
  }
  return { got, fault: undefined };
}

describe("the frame reader", () => {
  it("finds the same frames however the stream is cut into chunks", () => {
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 30 }), (list, cuts) => {
        const stream = Buffer.concat(list.map(frameOf));
        const { got, fault } = read(new FrameReader(300), pieces(stream, cuts));
        expect(fault).toBeUndefined();
        expect(got.map((payload) => Uint8Array.from(payload))).toEqual(list);
      }),
      { numRuns: 300 },
    );
  });

  it("hands out nothing after any flipped bit, but what came before it", () => {
    fc.assert(
      fc.property(
        payloads.filter((list) => list.length > 0),
        fc.nat(),
        (list, at) => {
          const stream = Buffer.concat(list.map(frameOf));
          const bit = at % (stream.length * 8);
          stream[bit >>> 3] = (stream[bit >>> 3] as number) ^ (1 << (bit & 7));
          const { got } = read(new FrameReader(300), [stream]);
          let intact = 0;
          for (let end = 0; intact < list.length; intact++) {
            end += FRAME_HEADER_BYTES + (list[intact] as Uint8Array).length;
            if (end * 8 > bit) break;
          }
          expect(got.map((payload) => Uint8Array.from(payload))).toEqual(list.slice(0, intact));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("refuses a frame that is too long after its first four bytes, and an empty one", () => {
    const reader = new FrameReader(1000);
    expect(read(reader, [Buffer.from([0, 0, 3, 0xe9])]).fault).toMatch(/1001 bytes where 1000 are allowed/);
    expect(read(new FrameReader(1000), [frameOf(Buffer.alloc(1000))]).fault).toBeUndefined();
    expect(read(new FrameReader(1000), [Buffer.alloc(8)]).fault).toMatch(/without a payload/);
  });

  it("allocates for what came, not for what is claimed", () => {
    const reader = new FrameReader(1_000_000_000);
    const claim = Buffer.alloc(8);
    claim.writeUInt32BE(1_000_000_000, 0);
    expect(read(reader, [claim, Buffer.alloc(1000)]).fault).toBeUndefined();
    expect(reader.heldBytes).toBeLessThan(4096);
  });

  it("takes a frame that drips in byte by byte in time that grows with its length only", () => {
    const frame = frameOf(Buffer.alloc(200_000, 7));
    const { got, fault } = read(
      new FrameReader(200_000),
      Array.from(frame, (byte) => Buffer.from([byte])),
    );
    expect(fault).toBeUndefined();
    expect(got[0]?.equals(Buffer.alloc(200_000, 7))).toBe(true);
  });

  it("reads nothing more after a fault or when told to stop", () => {
    const reader = new FrameReader(100);
    expect(read(reader, [Buffer.alloc(8)]).fault).toBeDefined();
    expect(read(reader, [frameOf(Buffer.from("x"))]).got).toEqual([]);
    const stopped = new FrameReader(100);
    let calls = 0;
    stopped.push(Buffer.concat([frameOf(Buffer.from("a")), frameOf(Buffer.from("b"))]), () => {
      calls++;
      return false;
    });
    expect(calls).toBe(1);
  });

  it("keeps the beginning of a frame when its limit is changed", () => {
    const reader = new FrameReader(10);
    const frame = frameOf(Buffer.alloc(500, 1));
    expect(read(reader, [frame.subarray(0, 3)]).fault).toBeUndefined();
    reader.setLimit(500);
    expect(read(reader, [frame.subarray(3)]).got).toHaveLength(1);
  });
});
