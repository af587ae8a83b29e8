/**
 * Frames: how a stream of bytes is cut into messages again.
 *
 *      0        4        8                    8 + length
 *      ├────────┼────────┼────────── … ───────┤
 *      │ length │ crc32c │ payload            │     both numbers are unsigned, big-endian
 *      └────────┴────────┴────────── … ───────┘
 *
 * `length` counts the payload only, 1 up to the limit in force (a small one until the peer has proved itself).
 * It comes first, so that a frame which is too long is refused after four bytes and nothing is ever allocated
 * for a claim: memory follows the bytes that really came. `crc32c` is that of the payload; TCP's own checksum
 * lets about one damaged segment in 65,536 pass, and bytes also pass through network cards and kernels
 * unguarded. There is no way to find the next frame after a bad one, so any fault ends the connection.
 */

import { crc32c } from "../base/index.ts";

/** Bytes before the payload of a frame. */
export const FRAME_HEADER_BYTES = 8;

/** A frame around `payload`. */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return sealFrame(frame);
}

/** Fills in the header of `frame`, whose payload is in place behind {@link FRAME_HEADER_BYTES} bytes of room. */
export function sealFrame(frame: Buffer): Buffer {
  frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 0);
  frame.writeUInt32BE(crc32c(frame.subarray(FRAME_HEADER_BYTES)), 4);
  return frame;
}

/** Takes a payload, which is only valid during the call; false stops the reader. */
export type OnPayload = (payload: Uint8Array) => boolean;

/** Puts the frames of one connection together again. */
export class FrameReader {
  #limit: number;
  /** The bytes of a frame that is not complete: `#partial[0 … #held)`. */
  #partial: Buffer = Buffer.alloc(0);
  #held = 0;
  #stopped = false;

  /** @param limit the longest payload that is accepted, in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The longest payload from here on. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  /** Bytes that are allocated for the frame in progress. */
  get heldBytes(): number {
    return this.#partial.length;
  }

  /**
   * Takes the next bytes and hands out every payload that they complete, in order.
   * @returns a sentence that says what is wrong with the stream, after which nothing more is read; or undefined.
   */
  push(chunk: Buffer, onPayload: OnPayload): string | undefined {
    let at = 0;
    while (!this.#stopped) {
      if (this.#held === 0) {
        // The usual case: whole frames inside one chunk are read where they lie, without a copy.
        const size = this.#sizeOf(chunk.subarray(at));
        if (typeof size === "string") return this.#stop(size);
        if (size !== undefined && chunk.length - at >= size) {
          const fault = this.#take(chunk.subarray(at, at + size), onPayload);
          if (fault !== undefined) return this.#stop(fault);
          at += size;
          continue;
        }
      }
      if (at === chunk.length) return undefined;
      at += this.#hold(chunk.subarray(at));
      const held = this.#partial.subarray(0, this.#held);
      const size = this.#sizeOf(held);
      if (typeof size === "string") return this.#stop(size);
      if (size === undefined || held.length < size) continue;
      const fault = this.#take(held, onPayload);
      if (fault !== undefined) return this.#stop(fault);
      this.#partial = Buffer.alloc(0);
      this.#held = 0;
    }
    return undefined;
  }

  /** The whole size of the frame that begins here, undefined while that is unknown, or what is wrong with it. */
  #sizeOf(bytes: Buffer): number | string | undefined {
    if (bytes.length < 4) return undefined;
    const length = bytes.readUInt32BE(0);
    if (length === 0) return "a frame without a payload";
    if (length > this.#limit) return `a frame of ${length} bytes where ${this.#limit} are allowed`;
    return FRAME_HEADER_BYTES + length;
  }

  #take(frame: Buffer, onPayload: OnPayload): string | undefined {
    const payload = frame.subarray(FRAME_HEADER_BYTES);
    if (crc32c(payload) !== frame.readUInt32BE(4)) return "a frame whose checksum is wrong";
    if (!onPayload(payload)) this.#stopped = true;
    return undefined;
  }

  /** Keeps what belongs to the frame in progress and says how many bytes that were. */
  #hold(bytes: Buffer): number {
    const known = this.#sizeOf(this.#partial.subarray(0, this.#held));
    // Until the length is known only its four bytes are taken, so that nothing of the next frame is kept.
    const goal = typeof known === "number" ? known : 4;
    const taken = Math.min(bytes.length, goal - this.#held);
    const needed = this.#held + taken;
    if (needed > this.#partial.length) {
      // Doubling keeps a frame that drips in from being copied again and again, and follows what has come.
      const grown = Buffer.alloc(
        Math.min(Math.max(needed, 2 * this.#partial.length, 64), Math.max(goal, 64)),
      );
      this.#partial.copy(grown, 0, 0, this.#held);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#held, 0, taken);
    this.#held = needed;
    return taken;
  }

  #stop(fault: string): string {
    this.#stopped = true;
    this.#partial = Buffer.alloc(0);
    this.#held = 0;
    return fault;
  }
}
