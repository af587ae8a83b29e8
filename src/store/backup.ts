/** Backup files: one snapshot with all that is needed to verify and restore it. The format is in backup-format.ts. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isNoConfiguration } from "../raft/index.ts";
import {
  damaged,
  decodeHeader,
  encodeHeader,
  encodeTrailer,
  headerLength,
  PREFIX_BYTES,
  TRAILER_BYTES,
  truncated,
} from "./backup-format.ts";
import { type Disk, realDisk } from "./disk.ts";
import { BackupError, CorruptionError, NewerFormatError } from "./errors.ts";
import { mismatchOf } from "./snapshot-job.ts";
import { SNAPSHOT_ADVICE } from "./snapshot-manifest.ts";
import { openToRead, readMeta } from "./sqlite-schema.ts";
import type { BackupManifest, BackupStream, SnapshotManifest } from "./types.ts";

/** Small enough that the loop is not held up by hashing one, large enough to cost little beside it. */
const CHUNK_BYTES = 262_144;

/**
 * The backup of a snapshot, whose file has to stay until the last chunk was taken. A file that is not what its
 * manifest says ends the iteration with a {@link CorruptionError} before the trailer, so that whoever has received the
 * rest finds it cut short.
 * @param path the snapshot's file.
 * @param createdBy this program's version.
 * @throws {CorruptionError} the file is no snapshot of this cluster.
 */
export function writeBackup(manifest: SnapshotManifest, path: string, createdBy: string): BackupStream {
  const { counters, revision } = totalsOf(path, manifest.clusterId);
  const described: BackupManifest = { ...manifest, createdBy, counters, revision };
  const header = encodeHeader(described);
  return {
    manifest: described,
    bytes: header.length + manifest.bytes + TRAILER_BYTES,
    [Symbol.asyncIterator]: () => chunksOf(header, path, manifest),
  };
}

function totalsOf(path: string, clusterId: string): { readonly counters: number; readonly revision: number } {
  const database = openToRead(path);
  try {
    return readMeta(database, clusterId).totals;
  } finally {
    database.close();
  }
}

async function* chunksOf(
  header: Buffer,
  path: string,
  manifest: SnapshotManifest,
): AsyncGenerator<Uint8Array, undefined> {
  const whole = createHash("sha256").update(header);
  const inside = createHash("sha256");
  const file = await open(path, "r");
  try {
    yield header;
    let bytes = 0;
    for await (const chunk of readChunks(file, 0, manifest.bytes)) {
      whole.update(chunk);
      inside.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    if (bytes !== manifest.bytes || inside.digest("hex") !== manifest.sha256) {
      const found = "it does not match the checksum in its manifest";
      throw new CorruptionError({ file: path, found, advice: SNAPSHOT_ADVICE });
    }
    yield encodeTrailer(whole.digest());
  } finally {
    await file.close();
  }
}

/** Up to `length` bytes of a file, from `from` on; fewer if it ends before. Each chunk is memory of its own. */
async function* readChunks(
  file: FileHandle,
  from: number,
  length: number,
): AsyncGenerator<Buffer, undefined> {
  for (let at = 0; at < length; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, from + at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/**
 * Verifies a backup: its length, its checksums, and that the rows inside add up to its digest, for which it is
 * unpacked beside itself (or, where that is not possible, in the system's folder for temporary files) and removed
 * again.
 * @throws {BackupError} (rejects) it cannot be read, is none, of a newer format, cut short, or damaged, or there is
 *   no room to unpack it.
 */
export async function readBackup(file: string): Promise<BackupManifest> {
  // First without unpacking, so that what is no backup is refused wherever it lies.
  await inspectBackup(file);
  const scratch = makeScratch(file);
  try {
    return await extractBackup(file, join(scratch, "state.db"));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeScratch(file: string): string {
  try {
    return mkdtempSync(join(dirname(file), ".raftally-verify-"));
  } catch {
    return mkdtempSync(join(tmpdir(), "raftally-verify-"));
  }
}

/** What a backup says about itself, after its header and its length were checked. Throws as {@link readBackup}. */
export async function inspectBackup(path: string): Promise<BackupManifest> {
  return await withBackup(path, async (_, { manifest }) => manifest);
}

/**
 * Unpacks the snapshot of a backup to the new, fsynced file `target` and verifies everything.
 * Throws as {@link readBackup}.
 */
export async function extractBackup(
  path: string,
  target: string,
  disk: Disk = realDisk,
): Promise<BackupManifest> {
  return await withBackup(path, async (file, { manifest, header }) => {
    const whole = createHash("sha256").update(header);
    const write = await startWriting(disk, target);
    let bytes = 0;
    for await (const chunk of readChunks(file, header.length, manifest.bytes)) {
      whole.update(chunk);
      await write.chunk(chunk, bytes);
      bytes += chunk.length;
    }
    await write.end();
    const trailer = Buffer.alloc(TRAILER_BYTES);
    await file.read(trailer, 0, TRAILER_BYTES, header.length + manifest.bytes);
    if (bytes !== manifest.bytes || !trailer.equals(encodeTrailer(whole.digest()))) {
      throw damaged(path, "its content does not match its checksum");
    }
    refuseNewerState(path, target, manifest);
    const mismatch = await mismatchOf(target, manifest);
    if (mismatch !== undefined) throw damaged(path, `the state inside is not what it says: ${mismatch}`);
    return manifest;
  });
}

/** What matches its checksums and cannot be read all the same is no damage. */
function refuseNewerState(path: string, target: string, { clusterId }: BackupManifest): void {
  try {
    totalsOf(target, clusterId);
  } catch (cause) {
    if (!(cause instanceof NewerFormatError)) return;
    const sentence = `${path} holds a state of a newer format; use the version of Raftally that wrote it, or a newer one.`;
    throw new BackupError("newerFormat", sentence, cause);
  }
}

/** An error of the target is the disk's, not the backup's. */
async function startWriting(
  disk: Disk,
  target: string,
): Promise<{ chunk(bytes: Uint8Array, at: number): Promise<void>; end(): Promise<void> }> {
  const doing = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      const found = cause instanceof Error ? cause.message : String(cause);
      const sentence = `the backup cannot be unpacked to ${target} (${found}); make room there and try again.`;
      throw new BackupError("noRoom", sentence, cause);
    });
  const file = await doing(disk.create(target));
  return {
    chunk: (bytes, at) => doing(file.write(bytes, at)),
    end: () => doing(file.sync().then(() => file.close())),
  };
}

/** Opens a backup and checks what can be checked without reading it all: its header and its length. */
async function withBackup<T>(
  path: string,
  work: (
    file: FileHandle,
    found: { readonly manifest: BackupManifest; readonly header: Buffer },
  ) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const prefix = await readUpTo(file, PREFIX_BYTES);
    const length = headerLength(prefix, path);
    const header = await readUpTo(file, length);
    if (header.length < length) throw truncated(path, "it ends within its header");
    const manifest = decodeHeader(header, path);
    if (isNoConfiguration(manifest.meta.configuration))
      throw damaged(path, "it names no member of its cluster");
    const expected = length + manifest.bytes + TRAILER_BYTES;
    const { size } = await file.stat();
    if (size < expected) throw truncated(path, `it has ${size} of ${expected} bytes`);
    if (size > expected) throw damaged(path, `it has ${size - expected} bytes more than it should`);
    return await work(file, { manifest, header });
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error && "code" in error)) throw error;
    throw new BackupError("unreadable", `${path} cannot be read (${error.message}).`, error);
  } finally {
    await file?.close();
  }
}

async function readUpTo(file: FileHandle, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readChunks(file, 0, length)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
