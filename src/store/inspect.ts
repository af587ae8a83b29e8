/**
 * Looks at a data directory without changing anything in it, whether its node runs or not: for whoever wants to know
 * what is wrong with it before (or instead of) a start.
 *
 * The log, the manifests of the snapshots and, if the node is stopped, a copy of state.db are read by the same code that
 * reads them at a start, and judged against each other by the same rules. Of a running node the state is not looked at:
 * it is in use, and the node itself refuses to serve a wrong one.
 */

import { constants, existsSync } from "node:fs";
import { access, copyFile, mkdtemp, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SnapshotMeta } from "../raft/index.ts";
import { isHalfRecovered } from "./directory.ts";
import { realDisk } from "./disk.ts";
import { STATE_FILE } from "./generation.ts";
import { loadAnyIdentity, RESTORING_FILE } from "./identity.ts";
import { isInUse } from "./lock.ts";
import { planRepair } from "./recover.ts";
import { readSnapshots } from "./snapshot-folder.ts";
import { isBlank, openToRead, readDigests, readMeta, verifyRows } from "./sqlite-schema.ts";
import { stateFailure } from "./state-database.ts";
import type { Identity, JoiningIdentity, LocalSnapshot } from "./types.ts";
import { type LogOnDisk, readLog } from "./wal-read.ts";

/** What was found in a data directory. */
export interface DirectoryReport {
  readonly directory: string;
  /** Undefined if no node was ever made here, or its identity cannot be read (then `damage` says so). */
  readonly identity: Identity | JoiningIdentity | undefined;
  /** Whether a process holds the directory now. */
  readonly inUse: boolean;
  /** Something that was begun and not finished, which keeps a node from starting. */
  readonly unfinished: "restore" | "recovery" | undefined;
  /** Whether this user may write here. */
  readonly isWritable: boolean;
  /** Undefined where it could not be read, or there is none yet. */
  readonly log:
    | {
        readonly entries: number;
        readonly last: number;
        readonly base: number;
        readonly term: number;
        readonly segments: number;
        /** Bytes after the last whole batch: what a crash in the middle of a write leaves; a start cuts them off. */
        readonly tornBytes: number;
      }
    | undefined;
  readonly snapshots: number;
  /** Of state.db, if it was looked at. */
  readonly state:
    | { readonly applied: number; readonly counters: number; readonly digest: number }
    | undefined;
  /** Why state.db was not looked at, as a clause. */
  readonly stateSkipped: string | undefined;
  /** What is damaged, contradicts itself, or cannot be read: whole sentences that say what to do. */
  readonly damage: readonly Error[];
  /** Of the file system, in bytes, for this user. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number };
}

/** A larger state is not copied only to be looked at, bytes. */
const STATE_BYTES_MAX = 2 * 1024 ** 3;
/** While the node runs, a file may go or grow while it is read: then it is read again. */
const READINGS = 3;

/**
 * @throws {Error} (rejects) of the file system: there is no such directory, or it cannot be looked at.
 */
export async function inspectDirectory(directory: string): Promise<DirectoryReport> {
  const { bavail, blocks, bsize } = await statfs(directory);
  const damage: Error[] = [];
  const judged = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (error) {
      damage.push(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  };
  const identity = await judged(() => loadAnyIdentity(directory));
  const inUse = isInUse(directory);
  const member = identity === undefined || "joining" in identity || !identity.formed ? undefined : identity;
  const log = member && (await judged(() => readSteadily(inUse, () => readLog(realDisk, directory, member))));
  const snapshots = member && (await judged(() => readSteadily(inUse, () => snapshotsOf(directory, member))));
  const state = member && !inUse ? await judged(() => lookAtState(directory, member)) : undefined;
  if (log !== undefined && snapshots !== undefined && state !== undefined && "position" in state) {
    await judged(async () => checkTogether(log, snapshots, state.position));
  }
  return {
    directory,
    identity,
    inUse,
    unfinished: unfinishedIn(directory),
    isWritable: await access(directory, constants.W_OK).then(
      () => true,
      () => false,
    ),
    log: log && outlineOf(log),
    snapshots: snapshots?.length ?? 0,
    state: state !== undefined && "position" in state ? state.shown : undefined,
    stateSkipped: inUse ? "its node is running" : state && "skipped" in state ? state.skipped : undefined,
    damage,
    disk: { freeBytes: bavail * bsize, totalBytes: blocks * bsize },
  };
}

function unfinishedIn(directory: string): "restore" | "recovery" | undefined {
  if (isHalfRecovered(directory)) return "recovery";
  return existsSync(join(directory, RESTORING_FILE)) ? "restore" : undefined;
}

function snapshotsOf(directory: string, { clusterId }: Identity): Promise<LocalSnapshot[]> {
  return readSnapshots(realDisk, join(directory, "snapshots"), clusterId);
}

function outlineOf({ shape, entries, segments, tornBytes }: LogOnDisk): DirectoryReport["log"] {
  const { base, last, hardState } = shape;
  const outline = { entries: entries.length, last: last.index, base: base.index, term: hardState.term };
  return { ...outline, segments: segments.length, tornBytes };
}

/** What a running node changes while it is read looks like damage once, but not again and again. */
async function readSteadily<T>(inUse: boolean, look: () => Promise<T>): Promise<T> {
  for (let times = 1; ; times++) {
    try {
      return await look();
    } catch (error) {
      if (!inUse || times >= READINGS) throw error;
    }
  }
}

type State =
  | { readonly skipped: string }
  | {
      readonly position: SnapshotMeta;
      readonly shown: { readonly applied: number; readonly counters: number; readonly digest: number };
    };

/** Reads a copy, because SQLite makes files beside a database that it only reads. */
async function lookAtState(directory: string, { clusterId }: Identity): Promise<State> {
  const file = join(directory, STATE_FILE);
  const size = await sizesOf(file);
  if (size === undefined) return { skipped: "there is none" };
  if (size > STATE_BYTES_MAX) return { skipped: "it is too large to be copied for this" };
  const copies = await mkdtemp(join(tmpdir(), "raftally-look-"));
  const copy = join(copies, STATE_FILE);
  try {
    const { bavail, bsize } = await statfs(copies);
    if (bavail * bsize < 2 * size) return { skipped: `there is no room for a copy in ${tmpdir()}` };
    for (const suffix of ["", "-wal"]) {
      if (existsSync(file + suffix)) await copyFile(file + suffix, copy + suffix, constants.COPYFILE_FICLONE);
    }
    return readState(copy, clusterId);
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
}

async function sizesOf(file: string): Promise<number | undefined> {
  const sizes = await Promise.all(
    ["", "-wal"].map((suffix) =>
      stat(file + suffix).then(
        (found) => found.size,
        () => undefined,
      ),
    ),
  );
  return sizes[0] === undefined ? undefined : sizes[0] + (sizes[1] ?? 0);
}

function readState(copy: string, clusterId: string): State {
  try {
    const database = openToRead(copy);
    try {
      if (isBlank(database)) return { skipped: "it is empty" };
      const { position, totals } = readMeta(database, clusterId);
      verifyRows(database, totals, STATE_FILE);
      readDigests(database, STATE_FILE);
      const { counters, digest } = totals;
      return { position, shown: { applied: position.index, counters, digest } };
    } finally {
      database.close();
    }
  } catch (error) {
    throw renamed(stateFailure(STATE_FILE, "read state.db", error), copy);
  }
}

/** Nobody has to know where the copy was. */
function renamed(error: Error, copy: string): Error {
  error.message = error.message.replaceAll(copy, STATE_FILE);
  return error;
}

/** @throws {CorruptionError} what a start would find. */
function checkTogether(log: LogOnDisk, snapshots: readonly LocalSnapshot[], state: SnapshotMeta): void {
  const { hardState, base } = log.shape;
  const ordered = snapshots.toSorted((a, b) => a.manifest.meta.index - b.manifest.meta.index);
  planRepair({ hardState, base, entries: log.entries, state, snapshots: ordered });
}
