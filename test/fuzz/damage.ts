/**
 * Damage to a file that is too long to be an input itself: a list of what befell it, 8 bytes for each.
 *
 *     what (1) │ where (4) │ value (1) │ length (2)
 */

import type { Prng } from "../../src/base/index.ts";

const DAMAGE_BYTES = 8;
const SECTOR_BYTES = 512;
const PAGE_BYTES = 4_096;

const SET = 0;
const FLIP = 1;
const CUT = 2;
/** A sector that was never written. */
const LOST = 3;
/** A page that was written in the place of another. */
const MISPLACED = 4;
const GROWN = 5;

/** One to six of them. Most hit the first bytes of a page, which say where everything else in it is. */
export function drawDamage(prng: Prng, length: number): Buffer {
  const list = Array.from({ length: prng.between(1, 6) }, () => {
    const one = Buffer.alloc(
      DAMAGE_BYTES,
      prng.pick([SET, SET, SET, FLIP, FLIP, FLIP, CUT, LOST, MISPLACED, GROWN]),
    );
    const page = PAGE_BYTES * prng.between(0, Math.max(0, Math.ceil(length / PAGE_BYTES) - 1));
    one.writeUInt32LE(page + prng.between(0, prng.chance(0.5) ? 120 : PAGE_BYTES - 1), 1);
    one[5] = prng.pick([0, 1, 2, 5, 10, 13, 0x7f, 0x80, 0xff, prng.next() & 0xff]);
    one.writeUInt16LE(prng.next() & 0xffff, 6);
    return one;
  });
  return Buffer.concat(list);
}

/** The file as it is after all of that. */
export function damaged(file: Buffer, list: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(file);
  for (let at = 0; at + DAMAGE_BYTES <= list.length; at += DAMAGE_BYTES) {
    const place = list.readUInt32LE(at + 1) % Math.max(1, bytes.length);
    bytes = befall(bytes, {
      what: list[at] ?? 0,
      place,
      value: list[at + 5] ?? 0,
      length: list.readUInt16LE(at + 6),
    });
  }
  return bytes;
}

function befall(
  bytes: Buffer,
  { what, place, value, length }: { what: number; place: number; value: number; length: number },
): Buffer {
  const sector = place - (place % SECTOR_BYTES);
  switch (what % 6) {
    case SET:
      bytes[place] = value;
      return bytes;
    case FLIP:
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (value % 8));
      return bytes;
    case CUT:
      return bytes.subarray(0, place);
    case LOST:
      return bytes.fill(0, sector, Math.min(bytes.length, sector + SECTOR_BYTES));
    case MISPLACED: {
      const page = place - (place % PAGE_BYTES);
      const from = (length % Math.max(1, Math.ceil(bytes.length / PAGE_BYTES))) * PAGE_BYTES;
      bytes.copyWithin(page, from, Math.min(bytes.length, from + PAGE_BYTES));
      return bytes;
    }
    default:
      return Buffer.concat([bytes, Buffer.alloc(length % 5_000, value)]);
  }
}
