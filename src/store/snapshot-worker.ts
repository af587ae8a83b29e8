/** The thread of one job on a whole snapshot file: copying the state, or checking what another node sent. */

import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { SqliteError } from "better-sqlite3";
import { defined } from "../base/index.ts";
import { CorruptionError, IdentityError, NewerFormatError } from "./errors.ts";
import { openToRead, readMeta, type StateMeta, verifyRows } from "./sqlite-schema.ts";
import { samePosition } from "./state-configuration.ts";
import { stateFailure } from "./state-database.ts";
import { plainError, type SnapshotJob, type SnapshotJobResult } from "./state-protocol.ts";
import { readWhole } from "./state-replace.ts";
import type { SnapshotManifest } from "./types.ts";

const port = defined(parentPort ?? undefined, "snapshot: this module runs in a worker");

/** Copies the state within one read transaction, without its free pages, and describes the copy. */
function take(source: string, target: string): SnapshotManifest {
  rmSync(target, { force: true });
  const state = openToRead(source);
  try {
    state.prepare("VACUUM INTO ?").run(target);
  } finally {
    state.close();
  }
  makeWay();
  syncFile(target);
  // Everything is read from the copy: entries have been applied to the state in the meantime.
  const { clusterId, position, totals } = inspect(target, source);
  const { bytes, sha256 } = readWhole(target);
  return { format: 1, clusterId, meta: position, bytes, sha256, digest: totals.digest };
}

/**
 * Lets every other thread go first, now that nothing of the state is held any more. The nodes of a cluster all take theirs at
 * about the same entry, and increments would wait for a core; a backup or a log that is to be cut can wait better.
 */
function makeWay(): void {
  // Elsewhere it is the whole process that has a priority.
  if (process.platform !== "linux") return;
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  try {
    // 0 is the thread that calls (setpriority(2), "C library/kernel differences"); the process may have a low one already.
    setPriority(0, Math.min(getPriority(0) + PRIORITY_BELOW_NORMAL, PRIORITY_LOW));
  } catch {
    // A service manager may forbid it (systemd's @resources). It is as good a copy at the same priority.
  }
}

/** What a copy says about itself, after making sure that its rows agree. @param name what to call it in errors. */
function inspect(file: string, name: string): StateMeta {
  const database = openToRead(file);
  try {
    const meta = readMeta(database);
    verifyRows(database, meta.totals, name);
    return meta;
  } finally {
    database.close();
  }
}

function syncFile(file: string): void {
  const fd = openSync(file, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function mismatchOf(file: string, manifest: SnapshotManifest): string | undefined {
  const { bytes, sha256 } = readWhole(file);
  if (bytes !== manifest.bytes) return `it has ${bytes} bytes and not ${manifest.bytes}`;
  if (sha256 !== manifest.sha256) return "its checksum is another";
  try {
    const { clusterId, position, totals } = inspect(file, file);
    if (clusterId !== manifest.clusterId) return "it belongs to another cluster";
    if (!samePosition(position, manifest.meta)) return "it is at another position";
    return totals.digest === manifest.digest ? undefined : "its state has another digest";
  } catch (error) {
    if (!isAboutContent(error)) throw error;
    return error.message;
  }
}

/** Whether an error says that the bytes are wrong, and not that they could not be read. */
function isAboutContent(error: unknown): error is Error {
  if (error instanceof SqliteError) return /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
  const kinds = [CorruptionError, IdentityError, NewerFormatError];
  return kinds.some((kind) => error instanceof kind);
}

function carryOut(job: SnapshotJob): SnapshotJobResult {
  try {
    if (job.kind === "take") return { kind: "taken", manifest: take(job.source, job.target) };
    return { kind: "verified", mismatch: mismatchOf(job.file, job.manifest) };
  } catch (error) {
    const file = job.kind === "take" ? job.source : job.file;
    const doing = job.kind === "take" ? `copy ${file}` : `read ${file}`;
    return { kind: "failed", error: plainError(stateFailure(file, doing, error)) };
  }
}

port.postMessage(carryOut(workerData as SnapshotJob));
