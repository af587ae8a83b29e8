/** What describes a snapshot or a backup on disk: decodeManifest, headerLength and decodeHeader. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { crc32c, type Prng } from "../../../src/base/index.ts";
import { decodeHeader, encodeHeader, headerLength, PREFIX_BYTES } from "../../../src/store/backup-format.ts";
import { BackupError, CorruptionError, NewerFormatError } from "../../../src/store/errors.ts";
import { decodeManifest, encodeManifest } from "../../../src/store/snapshot-manifest.ts";
import type { BackupManifest, LocalSnapshot } from "../../../src/store/types.ts";
import { mutateBytes } from "../bytes.ts";
import { DEPTH_TO_WRITE_MAX, depthOf, mutateJson } from "../json-text.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const SNAPSHOTS: string = join(import.meta.dirname, "../../fixtures/data-v0.1.0/n1/snapshots");

/** An input begins with this if only the disk had a hand in it; else somebody has mended the checksum. */
const DAMAGED = 0;
const MENDED = 1;

function recordedManifest(): Buffer {
  const [name = ""] = readdirSync(SNAPSHOTS).filter((file) => file.endsWith(".json"));
  return readFileSync(join(SNAPSHOTS, name));
}

/** One file, its mutations, and how it is read. */
interface Form<T> {
  readonly real: Buffer;
  readonly mend: (bytes: Buffer, prng: Prng) => Buffer;
  /** @throws what {@link refusals} names. */
  readonly read: (bytes: Buffer) => T;
  readonly write: (value: T) => Uint8Array;
  readonly refusals: readonly (abstract new (...given: never[]) => Error)[];
}

function target<T>(about: Pick<Target, "name" | "about" | "inputs" | "sample">, open: () => Form<T>): Target {
  return {
    ...about,
    msMax: 250,
    open: async (): Promise<Subject> => {
      const form = open();
      const value = form.read(form.real);
      return {
        draw: (prng) => {
          const isMended = prng.chance(0.5);
          const bytes = isMended ? form.mend(form.real, prng) : mutateBytes(form.real, prng, form.real);
          return Buffer.concat([Buffer.from([isMended ? MENDED : DAMAGED]), bytes]);
        },
        feed: (input) => feed(form, value, input),
        close: async () => undefined,
      };
    },
  };
}

function feed<T>({ read, write, refusals }: Form<T>, real: T, input: Buffer): Verdict {
  let found: T;
  try {
    found = read(input.subarray(1));
  } catch (error) {
    if (!(error instanceof Error) || !refusals.some((kind) => error instanceof kind)) throw error;
    demand(error.message.endsWith("."), "refusal: it is not a sentence");
    return refused(error.message);
  }
  if (input[0] === DAMAGED) {
    demand(isDeepStrictEqual(found, real), "damage: a damaged file reads as another one than was written");
    return accepted("as before");
  }
  if (depthOf(input) > DEPTH_TO_WRITE_MAX) return accepted("nested deeply");
  // As bytes: JSON has no -0, though JSON.parse reads one.
  const bytes = Buffer.from(write(found));
  demand(bytes.equals(write(read(bytes))), "round trip: it is another one after encoding and decoding");
  return accepted("mended");
}

export const snapshotManifest: Target = target<LocalSnapshot>(
  {
    name: "snapshot-manifest",
    about:
      "a snapshot's manifest into decodeManifest: as before or refused if damaged, the same again if mended",
    inputs: 50_000,
    sample: 800,
  },
  () => ({
    real: recordedManifest(),
    mend: mendManifest,
    read: (bytes) => decodeManifest("snapshot.json", bytes),
    write: encodeManifest,
    refusals: [CorruptionError, NewerFormatError],
  }),
);

function mendManifest(real: Buffer, prng: Prng): Buffer {
  const text = mutateJson(real.toString("utf8"), prng, real.toString("utf8"));
  try {
    const { crc: _, ...fields } = JSON.parse(text);
    return Buffer.from(JSON.stringify({ ...fields, crc: crc32c(Buffer.from(JSON.stringify(fields))) }));
  } catch {
    return Buffer.from(text);
  }
}

export const backupHeader: Target = target<BackupManifest>(
  {
    name: "backup-header",
    about:
      "the header of a backup into headerLength and decodeHeader: as before or refused, the same again if mended",
    inputs: 50_000,
    sample: 1_000,
  },
  () => {
    const { manifest } = decodeManifest("snapshot.json", recordedManifest());
    return {
      real: encodeHeader({ ...manifest, createdBy: "0.1.0", counters: 7, revision: 99 }),
      mend: mendHeader,
      read: readHeader,
      write: encodeHeader,
      refusals: [BackupError],
    };
  },
);

/** As whoever opens the file does: its first bytes say how long the header is. */
function readHeader(bytes: Buffer): BackupManifest {
  const length = headerLength(bytes.subarray(0, PREFIX_BYTES), "backup");
  demand(length <= 16_777_216, "memory: a header may say that it is longer than any is");
  if (bytes.length < length) throw new BackupError("truncated", "it ends within its header.");
  return decodeHeader(bytes.subarray(0, length), "backup");
}

function mendHeader(real: Buffer, prng: Prng): Buffer {
  const text = real.toString("utf8", PREFIX_BYTES, real.length - 4);
  const content = Buffer.from(mutateJson(text, prng, text));
  const header = Buffer.concat([real.subarray(0, PREFIX_BYTES), content, Buffer.alloc(4)]);
  header.writeUInt32LE(prng.chance(0.9) ? 1 : prng.pick([0, 2, 0xffff_ffff]), 8);
  header.writeUInt32LE(header.length, 12);
  header.writeUInt32LE(crc32c(header.subarray(0, -4)), header.length - 4);
  return header;
}
