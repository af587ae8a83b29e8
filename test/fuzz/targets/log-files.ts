/**
 * The files of a log, damaged by chance (`log-damage`), or changed by someone who mends every checksum (`log-hostile`):
 * readLog, with the real format and a disk that only gives what it is told.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Prng } from "../../../src/base/index.ts";
import type { Disk } from "../../../src/store/disk.ts";
import { CorruptionError, IdentityError, NewerFormatError } from "../../../src/store/errors.ts";
import { Wal } from "../../../src/store/wal.ts";
import {
  BATCH_HEADER_BYTES,
  batchSeed,
  encodeSegmentHeader,
  readBatch,
  SEGMENT_HEADER_BYTES,
  sealBatch,
  type WalOwner,
} from "../../../src/store/wal-format.ts";
import { readLog } from "../../../src/store/wal-read.ts";
import { createLog } from "../../../src/store/wal-segment.ts";
import {
  type Contents,
  contentsAfter,
  EMPTY,
  INITIAL_BASE,
  OWNER,
  randomWrite,
} from "../../store/log-model.ts";
import { MemoryDisk } from "../../store/memory-disk.ts";
import { mutateBytes } from "../bytes.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { mutateRecords } from "./log-records.ts";

/** The fixture of the first released format, written by a real cluster. */
const FIXTURE: string = join(import.meta.dirname, "../../fixtures/data-v0.1.0/n1");

/** A sound log, and what can come of damage to its end. */
interface RealLog {
  readonly owner: WalOwner;
  readonly names: readonly string[];
  readonly files: readonly Buffer[];
  readonly whole: Contents;
  /** What it holds up to each batch of the last segment, as far as that is a log. */
  readonly prefixes: readonly Contents[];
  /** Where the last batch of the last segment begins, and the one before it. */
  readonly lastBatch: number;
}

class FilesOnly implements Pick<Disk, "list" | "read"> {
  readonly #files: ReadonlyMap<string, Buffer>;
  constructor(names: readonly string[], files: readonly Buffer[]) {
    this.#files = new Map(names.map((name, at) => [name, files[at] ?? Buffer.alloc(0)]));
  }
  async list(): Promise<readonly string[]> {
    return [...this.#files.keys()];
  }
  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#files.get(path.slice(path.lastIndexOf("/") + 1));
  }
}

async function read(log: Pick<RealLog, "owner" | "names">, files: readonly Buffer[]): Promise<Contents> {
  const disk = new FilesOnly(log.names, files) as unknown as Disk;
  const { shape, entries } = await readLog(disk, "/data", log.owner);
  return { hardState: shape.hardState, base: shape.base, entries };
}

function recorded(): { owner: WalOwner; names: string[]; files: Buffer[] } {
  const { clusterId, incarnation } = JSON.parse(readFileSync(join(FIXTURE, "identity.json"), "utf8"));
  const folder = join(FIXTURE, "log");
  const names = readdirSync(folder).sort();
  return {
    owner: { clusterId, incarnation },
    names,
    files: names.map((name) => readFileSync(join(folder, name))),
  };
}

/** A log of three segments or so, written by the real writer. */
async function written(prng: Prng): Promise<{ owner: WalOwner; names: string[]; files: Buffer[] }> {
  const disk = new MemoryDisk();
  await createLog(disk, "/data", { owner: OWNER, base: INITIAL_BASE });
  const options = { disk, directory: "/data", owner: OWNER, segmentBytes: 1_500 };
  const wal = await Wal.open(options, await readLog(disk, "/data", OWNER));
  let log = EMPTY;
  for (let seq = 0; seq < prng.between(8, 24); seq++) {
    const write = randomWrite(log, prng);
    log = contentsAfter(log, write);
    await wal.append({ seq, ...write });
  }
  if (prng.chance(0.5)) await wal.close();
  const paths = disk.paths();
  const files = paths.map((path) => disk.peek(path) ?? Buffer.alloc(0));
  return { owner: OWNER, names: paths.map((path) => path.slice("/data/log/".length)), files };
}

async function realLogs(seed: number): Promise<RealLog[]> {
  const prng = new Prng(seed);
  const found = [recorded()];
  for (let log = 0; log < 8; log++) found.push(await written(prng));
  return await Promise.all(found.map(prepare));
}

async function prepare(log: { owner: WalOwner; names: string[]; files: Buffer[] }): Promise<RealLog> {
  const whole = await read(log, log.files);
  const last = log.files.at(-1) ?? Buffer.alloc(0);
  const ends = batchEnds(last);
  const prefixes: Contents[] = [];
  for (const end of ends) {
    const contents = await read(log, [...log.files.slice(0, -1), last.subarray(0, end)]).catch(
      () => undefined,
    );
    if (contents !== undefined) prefixes.push(contents);
  }
  return { ...log, whole, prefixes, lastBatch: ends.at(-2) ?? SEGMENT_HEADER_BYTES };
}

function batchEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; ) {
    const batch = readBatch(bytes, at, batchSeed(bytes));
    if (batch.kind !== "batch") break;
    ends.push(batch.end);
    at = batch.end;
  }
  return ends;
}

/** An input is the number of a log, that of one of its segments, and the bytes that stand in its place. */
function inputOf(log: number, segment: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([log, segment]), bytes]);
}

function chosen(logs: readonly RealLog[], input: Buffer): { log: RealLog; segment: number; bytes: Buffer } {
  const log = logs[(input[0] ?? 0) % logs.length];
  if (log === undefined) throw new Error("there are logs");
  return { log, segment: (input[1] ?? 0) % log.files.length, bytes: input.subarray(2) };
}

async function contentsWith(logs: readonly RealLog[], input: Buffer): Promise<Contents | Error> {
  const { log, segment, bytes } = chosen(logs, input);
  try {
    return await read(log, log.files.with(segment, bytes));
  } catch (error) {
    const typed = [CorruptionError, NewerFormatError, IdentityError].some((kind) => error instanceof kind);
    if (!typed || !(error instanceof Error)) throw error;
    demand(error.message.endsWith("."), "refusal: it is not a sentence");
    return error;
  }
}

function target(
  about: Pick<Target, "name" | "about" | "inputs" | "sample">,
  draw: (bytes: Buffer, prng: Prng, other: Buffer) => Buffer,
  judge: (
    contents: Contents,
    log: RealLog,
    files: { readonly segment: number; readonly bytes: Buffer },
  ) => Verdict,
): Target {
  return {
    ...about,
    msMax: 500,
    open: async (seed): Promise<Subject> => {
      const logs = await realLogs(seed);
      return {
        draw: (prng) => {
          const at = prng.between(0, logs.length - 1);
          const files = logs[at]?.files ?? [];
          const segment = prng.chance(0.6) ? files.length - 1 : prng.between(0, files.length - 1);
          const real = files[segment] ?? Buffer.alloc(0);
          return inputOf(at, segment, draw(real, prng, prng.pick(files)));
        },
        feed: async (input) => {
          const contents = await contentsWith(logs, input);
          if (contents instanceof Error) return refused(contents.message);
          const { log, segment, bytes } = chosen(logs, input);
          return judge(contents, log, { segment, bytes });
        },
        close: async () => undefined,
      };
    },
  };
}

export const logDamage: Target = target(
  {
    name: "log-damage",
    about:
      "a damaged segment into readLog: refused, or read as before, or without its torn end; never anything else",
    inputs: 50_000,
    sample: 500,
  },
  mutateBytes,
  (contents, log, { segment, bytes }) => {
    if (isDeepStrictEqual(contents, log.whole)) return accepted("as before");
    demand(segment === log.files.length - 1, "damage: a segment before the last one reads as something else");
    const isPrefix = log.prefixes.some((prefix) => isDeepStrictEqual(contents, prefix));
    demand(isPrefix, "damage: a damaged log reads as one that was never written");
    const real = log.files[segment] ?? Buffer.alloc(0);
    const isLastWhole =
      real.length === bytes.length && bytes.subarray(log.lastBatch).equals(real.subarray(log.lastBatch));
    demand(!isLastWhole, "damage: in front of an intact batch it was taken for a torn end");
    if (
      real.length === bytes.length &&
      bytes.subarray(0, log.lastBatch).equals(real.subarray(0, log.lastBatch))
    ) {
      const before = log.prefixes.at(-2);
      demand(
        isDeepStrictEqual(contents, before),
        "damage: more than the last batch was taken for a torn end",
      );
    }
    return accepted("without its end");
  },
);

export const logHostile: Target = target(
  {
    name: "log-hostile",
    about: "a segment with other records and right checksums into readLog: refused with a sentence, or read",
    inputs: 50_000,
    sample: 300,
  },
  (real, prng, other) => reseal(real, prng, other),
  (contents) => {
    demand(
      contents.hardState.commit <= (contents.entries.at(-1) ?? contents.base).index,
      "log: it ends before its commit",
    );
    let last = contents.base.index;
    for (const entry of contents.entries) {
      demand(entry.index === last + 1, "log: a gap between two entries");
      last = entry.index;
    }
    return accepted("read");
  },
);

/** The segment with one batch or its header changed, and everything sealed again. */
function reseal(real: Buffer, prng: Prng, other: Buffer): Buffer {
  const header = Buffer.from(real.subarray(0, SEGMENT_HEADER_BYTES));
  if (prng.chance(0.15)) mutateHeader(header, prng);
  const seed = batchSeed(header);
  const batches = batchesOf(real);
  const others = batchesOf(other);
  const at = prng.between(0, Math.max(0, batches.length - 1));
  const drawn = batches[at];
  if (drawn !== undefined)
    drawn.payload = mutateRecords(drawn.payload, prng, prng.pick(others)?.payload ?? header);
  if (prng.chance(0.1)) batches.splice(at, 1);
  const sealed = batches.map(({ number, payload }) => {
    const batch = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), payload]);
    sealBatch(batch, prng.chance(0.02) ? prng.between(0, 40) : number, seed);
    return batch;
  });
  return Buffer.concat([header, ...sealed]);
}

function batchesOf(bytes: Buffer): { number: number; payload: Buffer }[] {
  const found: { number: number; payload: Buffer }[] = [];
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; ) {
    const batch = readBatch(bytes, at, batchSeed(bytes));
    if (batch.kind !== "batch") break;
    found.push({ number: batch.number, payload: batch.payload });
    at = batch.end;
  }
  return found;
}

function mutateHeader(header: Buffer, prng: Prng): void {
  const field = prng.pick([8, 12, 16, 24, 32, 48, 64]);
  header.writeUInt32LE(prng.pick([0, 1, 2, 80, 81, 0xffff_ffff, prng.next()]), field);
  const fresh = encodeSegmentHeader(OWNER, { segment: 1, firstBatch: 1, previousBytes: 0 });
  // A checksum that is right for the changed header: the last 4 bytes of it.
  fresh.set(header.subarray(0, SEGMENT_HEADER_BYTES - 4));
  header.writeUInt32LE(batchSeed(fresh), SEGMENT_HEADER_BYTES - 4);
}
