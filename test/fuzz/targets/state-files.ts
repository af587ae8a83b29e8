/** SQLite files: state.db that a disk has damaged, whole backups, and snapshots that a peer sends. */

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { SqliteError } from "better-sqlite3";
import { nodeId } from "../../../src/raft/index.ts";
import { encodeHeader, encodeTrailer } from "../../../src/store/backup-format.ts";
import { BackupError, CorruptionError, IdentityError, NewerFormatError } from "../../../src/store/errors.ts";
import { readBackup } from "../../../src/store/index.ts";
import { decodeManifest } from "../../../src/store/snapshot-manifest.ts";
import { SnapshotStore } from "../../../src/store/snapshot-store.ts";
import { openToRead, readDigests, readMeta, verifyRows } from "../../../src/store/sqlite-schema.ts";
import type { BackupManifest, LocalSnapshot, SnapshotManifest } from "../../../src/store/types.ts";
import { damaged, drawDamage } from "../damage.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const SNAPSHOTS: string = join(import.meta.dirname, "../../fixtures/data-v0.1.0/n1/snapshots");

interface Recorded {
  readonly file: Buffer;
  readonly snapshot: LocalSnapshot;
}

function recorded(): Recorded {
  const [manifest = ""] = readdirSync(SNAPSHOTS).filter((name) => name.endsWith(".json"));
  const snapshot = decodeManifest(manifest, readFileSync(join(SNAPSHOTS, manifest)));
  return { file: readFileSync(join(SNAPSHOTS, manifest.replace(/json$/, "db"))), snapshot };
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), "raftally-fuzz-"));
}

export const stateFile: Target = {
  name: "state-file",
  about:
    "a damaged state.db through readMeta, verifyRows and readDigests: every row as before, or a typed refusal",
  inputs: 6_000,
  sample: 60,
  msMax: 1_000,
  open: async (): Promise<Subject> => {
    const { file } = recorded();
    const directory = temporary();
    const path = join(directory, "state.db");
    writeFileSync(path, file);
    const before = contentsOf(path);
    return {
      draw: (prng) => drawDamage(prng, file.length),
      feed: (input) => {
        writeFileSync(path, damaged(file, input));
        try {
          const found = contentsOf(path);
          demand(isDeepStrictEqual(found, before), "damage: a damaged state reads as another one");
          return accepted("as before");
        } catch (error) {
          return refusalOf(error);
        }
      },
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
};

function refusalOf(error: unknown): Verdict {
  const typed = [CorruptionError, IdentityError, NewerFormatError, SqliteError].some(
    (kind) => error instanceof kind,
  );
  if (!typed || !(error instanceof Error)) throw error;
  return refused(error instanceof SqliteError ? error.code : error.message.replace(/^.*?state\.db: /, ""));
}

/** Everything that a node would believe of this file. */
function contentsOf(path: string): unknown {
  const database = openToRead(path);
  try {
    const meta = readMeta(database, undefined);
    verifyRows(database, meta.totals);
    const rows = ["counters", "members", "outcomes", "sessions"].map((table) =>
      database
        .prepare<unknown[], unknown[]>(`SELECT * FROM ${table} ORDER BY 1, 2`)
        .safeIntegers()
        .raw()
        .all()
        .map(believed),
    );
    return { meta, digests: readDigests(database), rows };
  } finally {
    database.close();
  }
}

/** A row as a node takes it: of a number its value, whatever the file says of its type (0, 0.0 and NULL are one). */
function believed(columns: readonly unknown[]): unknown {
  return columns.map((column) => {
    const isNumber = column === null || typeof column === "bigint" || typeof column === "number";
    const value = Number(column);
    return isNumber && (Number.isSafeInteger(value) || typeof column === "number") ? value : column;
  });
}

export const backupFile: Target = {
  name: "backup-file",
  about: "damaged or mended backups on disk into readBackup: its manifest as before, or BackupError",
  inputs: 400,
  sample: 4,
  msMax: 20_000,
  open: async (): Promise<Subject> => {
    const { file, snapshot } = recorded();
    const directory = temporary();
    const path = join(directory, "backup");
    const manifest: BackupManifest = { ...snapshot.manifest, createdBy: "0.1.0", counters: 7, revision: 99 };
    const whole = backupOf(manifest, file);
    return {
      // One in twelve has every checksum right, and a damaged state inside; a few are as they were written.
      draw: (prng) => {
        const isMended = prng.chance(0.08);
        const damage = prng.chance(0.05)
          ? Buffer.alloc(0)
          : drawDamage(prng, isMended ? file.length : whole.length);
        return Buffer.concat([Buffer.from([isMended ? 1 : 0]), damage]);
      },
      feed: async (input) => {
        const isMended = input[0] === 1;
        const bytes = isMended
          ? mended(manifest, damaged(file, input.subarray(1)))
          : damaged(whole, input.subarray(1));
        writeFileSync(path, bytes);
        try {
          const found = await readBackup(path);
          if (input[0] === 0)
            demand(bytes.equals(whole), "damage: a damaged backup is taken for a whole one");
          demand(found.digest === manifest.digest, "damage: a backup of another state has the same digest");
          demand(readdirSync(directory).length === 1, "backup: verifying it left files behind");
          return accepted("whole");
        } catch (error) {
          if (!(error instanceof BackupError)) throw error;
          demand(readdirSync(directory).length === 1, "backup: refusing it left files behind");
          return refused(`${error.code} ${error.message.replace(path, "")}`);
        }
      },
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
};

function backupOf(manifest: BackupManifest, file: Buffer): Buffer {
  const start = Buffer.concat([encodeHeader(manifest), file]);
  return Buffer.concat([start, encodeTrailer(createHash("sha256").update(start).digest())]);
}

/** With the checksums of what is inside now. */
function mended(manifest: BackupManifest, inside: Buffer): Buffer {
  const sha256 = createHash("sha256").update(inside).digest("hex");
  return backupOf({ ...manifest, bytes: inside.length, sha256 }, inside);
}

export const snapshotReceive: Target = {
  name: "snapshot-receive",
  about:
    "offers and chunks of a peer into receiveSnapshot: the very file that was offered, or false, and nothing kept",
  inputs: 200,
  sample: 2,
  msMax: 20_000,
  open: async (): Promise<Subject> => {
    const { file, snapshot } = recorded();
    const folder = temporary();
    const { manifest } = snapshot;
    writeFileSync(join(folder, "real.db"), file);
    const contents = contentsOf(join(folder, "real.db"));
    return {
      draw: (prng) => {
        // Its first byte says what is wrong with the offer; what comes after, with the file that the peer sends.
        const lie = prng.pick([0, 0, 0, 1, 2, 3, 4, 5, 6]);
        const damage = prng.chance(0.1) ? Buffer.alloc(0) : drawDamage(prng, file.length);
        return Buffer.concat([Buffer.from([lie]), damage]);
      },
      feed: async (input) => await receive(input, { folder, file, manifest, contents }),
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

/** What a peer may say wrongly of the file that it offers; its packet is decoded by then, so the form is right. */
function offerOf(lie: number, manifest: SnapshotManifest, sent: Buffer): SnapshotManifest {
  const { meta } = manifest;
  const sha256 = createHash("sha256").update(sent).digest("hex");
  switch (lie) {
    case 1:
      return { ...manifest, bytes: sent.length };
    case 2:
      return { ...manifest, bytes: sent.length, sha256 };
    case 3:
      return { ...manifest, bytes: sent.length, sha256, digest: manifest.digest ^ 1 };
    case 4:
      return { ...manifest, bytes: sent.length, sha256, meta: { ...meta, chain: meta.chain + 1 } };
    case 5:
      return { ...manifest, bytes: Number.MAX_SAFE_INTEGER };
    case 6: {
      const removed = [{ id: nodeId("n8"), incarnation: "8".repeat(32) }];
      const configuration = { ...meta.configuration, removed };
      return { ...manifest, bytes: sent.length, sha256, meta: { ...meta, configuration } };
    }
    default:
      return manifest;
  }
}

interface Home {
  readonly folder: string;
  readonly file: Buffer;
  readonly manifest: SnapshotManifest;
  /** What a node reads from the file. */
  readonly contents: unknown;
}

async function receive(input: Buffer, { folder, file, manifest, contents }: Home): Promise<Verdict> {
  const sent = damaged(file, input.subarray(1));
  const offer = offerOf(input[0] ?? 0, manifest, sent);
  const directory = mkdtempSync(join(folder, "one-"));
  const store = await SnapshotStore.open({ directory, clusterId: manifest.clusterId });
  try {
    const incoming = await store.receive(offer);
    for (let at = 0; at < sent.length; at += 10_000) await incoming.write(sent.subarray(at, at + 10_000));
    const isWhole = await incoming.finish();
    demand(store.failure === undefined, "snapshot: what a peer sends makes the disk look broken");
    const files = readdirSync(directory);
    if (!isWhole) {
      demand(files.length === 0, "snapshot: what was refused is still there");
      demand(!(sent.equals(file) && isDeepStrictEqual(offer, manifest)), "snapshot: a right one was refused");
      return refused(`offer ${input[0]}`);
    }
    // With a checksum of their own even bytes that mean nothing may differ, but not what a node reads from them.
    demand(
      sent.equals(file) || offer.sha256 !== manifest.sha256,
      "snapshot: another file than was offered was accepted",
    );
    const held = contentsOf(store.hold(offer.meta) ?? "");
    store.release(offer.meta);
    demand(
      isDeepStrictEqual(held, contents),
      "snapshot: a peer's file is accepted as another state than it says",
    );
    demand(
      isDeepStrictEqual(store.latest()?.manifest, offer),
      "snapshot: it is kept under another description",
    );
    return accepted("whole");
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
