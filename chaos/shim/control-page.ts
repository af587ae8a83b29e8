/** The page that chaos shares with a process under the shim: what is to happen, and what happened. See control.h. */

import { closeSync, openSync, readSync, writeSync } from "node:fs";

const MAGIC = 0x314c5443594c4652n;
const BYTES = 4_096;
const SLOT_BYTES = 8;
const PATTERN_BYTES = 128;

/** Byte offsets of the settings. */
const SETTINGS = {
  syncDelayUs: 1,
  syncFailIn: 2,
  room: 3,
  skipSyncs: 4,
  killPoint: 5,
  killIn: 6,
} as const;

const COUNTERS = {
  writes: 16,
  syncs: 17,
  syncsFailed: 18,
  syncsSkipped: 19,
  writesRefused: 20,
  names: 21,
  notModelled: 22,
} as const;

const KILL_PATTERN_AT = 256;
const SYNC_PATTERN_AT = KILL_PATTERN_AT + PATTERN_BYTES;

/** What the shim has counted since the page was made. */
export type ShimCounts = Readonly<Record<keyof typeof COUNTERS, number>>;

/** Where a process can be made to kill itself; the numbers are those of control.h. */
export const SHIM_POINTS = {
  beforeWrite: 1,
  /** Written and not yet synced, also where one call does both (O_DSYNC). */
  afterWrite: 2,
  beforeSync: 3,
  afterSync: 4,
  /** Before a rename, unlink, creation or truncation. */
  beforeName: 5,
  afterName: 6,
} as const;

export type ShimPoint = keyof typeof SHIM_POINTS;

export class ControlPage {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** A page on which nothing is set. */
  static create(path: string): ControlPage {
    const page = Buffer.alloc(BYTES);
    page.writeBigUInt64LE(MAGIC, 0);
    const fd = openSync(path, "w+", 0o600);
    try {
      writeSync(fd, page, 0, BYTES, 0);
    } finally {
      closeSync(fd);
    }
    return new ControlPage(path);
  }

  counts(): ShimCounts {
    const page = this.#read();
    const counted = Object.entries(COUNTERS).map(([name, slot]) => [name, numberAt(page, slot)]);
    return Object.fromEntries(counted) as Record<keyof typeof COUNTERS, number>;
  }

  /** Each sync of a file whose path holds `pattern` takes so much longer from now on; 0 for no longer. */
  delaySyncs(ms: number, pattern = ""): void {
    this.#text(SYNC_PATTERN_AT, pattern);
    this.#set(SETTINGS.syncDelayUs, Math.round(ms * 1_000));
  }

  /** The nth sync from now of a file whose path holds `pattern` fails with EIO, once. */
  failSync(nth: number, pattern = ""): void {
    this.#text(SYNC_PATTERN_AT, pattern);
    this.#set(SETTINGS.syncFailIn, nth);
  }

  /** Files may grow by so many bytes altogether, and then the disk is full; undefined for no limit. */
  limitRoom(bytes: number | undefined): void {
    this.#set(SETTINGS.room, bytes === undefined ? 0 : bytes + 1);
  }

  /** A disk that lies: whether syncs say that they are done and do nothing. */
  skipSyncs(skip: boolean): void {
    this.#set(SETTINGS.skipSyncs, skip ? 1 : 0);
  }

  /** The process dies by SIGKILL when it reaches `point` for the nth time from now on a path that holds `pattern`. */
  killAt(point: ShimPoint, { nth = 1, pattern = "" }: { nth?: number; pattern?: string } = {}): void {
    this.#text(KILL_PATTERN_AT, pattern);
    this.#set(SETTINGS.killPoint, SHIM_POINTS[point]);
    this.#set(SETTINGS.killIn, nth);
  }

  /** Whether it has not been reached yet. */
  get killIsArmed(): boolean {
    return numberAt(this.#read(), SETTINGS.killIn) > 0;
  }

  disarm(): void {
    this.#set(SETTINGS.killIn, 0);
  }

  #set(slot: number, value: number): void {
    const bytes = Buffer.alloc(SLOT_BYTES);
    bytes.writeBigUInt64LE(BigInt(value));
    this.#write(bytes, slot * SLOT_BYTES);
  }

  /** @throws {RangeError} if it does not fit. */
  #text(at: number, text: string): void {
    const bytes = Buffer.alloc(PATTERN_BYTES);
    if (bytes.write(text) >= PATTERN_BYTES) throw new RangeError("a pattern is shorter than 128 bytes");
    this.#write(bytes, at);
  }

  #write(bytes: Uint8Array, at: number): void {
    const fd = openSync(this.path, "r+");
    try {
      writeSync(fd, bytes, 0, bytes.length, at);
    } finally {
      closeSync(fd);
    }
  }

  #read(): Buffer {
    const page = Buffer.alloc(BYTES);
    const fd = openSync(this.path, "r");
    try {
      readSync(fd, page, 0, BYTES, 0);
      return page;
    } finally {
      closeSync(fd);
    }
  }
}

function numberAt(page: Buffer, slot: number): number {
  return Number(page.readBigUInt64LE(slot * SLOT_BYTES));
}
