/** Opens a data directory: the log, state.db and the snapshots, checked against each other and joined. */

import { join } from "node:path";
import { assert, defined } from "../base/index.ts";
import type { Totals } from "../counter/index.ts";
import {
  type Entry,
  type EntryId,
  type LogWrite,
  NO_CONFIGURATION,
  type SnapshotMeta,
} from "../raft/index.ts";
import { type Disk, realDisk } from "./disk.ts";
import { StorageFailure } from "./errors.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { planRepair, repairedLog, withKnownCommit } from "./recover.ts";
import { SnapshotStore } from "./snapshot-store.ts";
import { StateStore } from "./state-store.ts";
import type {
  Applied,
  Identity,
  IncomingSnapshot,
  LocalSnapshot,
  LogWritten,
  NodeStore,
  Query,
  QueryAnswers,
  Recovered,
  SnapshotManifest,
  StateDigest,
} from "./types.ts";
import { Wal } from "./wal.ts";
import { type LogOnDisk, readLog } from "./wal-read.ts";

export interface OpenStoreOptions {
  readonly directory: string;
  /** From `loadIdentity` or `initIdentity` of this directory. */
  readonly identity: Identity;
  /** Of this directory, if it is locked already; the store releases it when it closes or cannot be opened. */
  readonly lock?: DirectoryLock;
  /** Said once when the store has failed for good, also if no call was under way. The process has to exit. */
  readonly onFailure?: (failure: Error) => void;
  /** Bytes after which the log begins a new segment; 8 MiB by default. */
  readonly segmentBytes?: number;
  /** Where the log and the names of snapshots are written; a test's own, or the file system. */
  readonly disk?: Disk;
}

/** The parts of an open store. */
interface Parts {
  readonly wal: Wal;
  readonly state: StateStore;
  readonly snapshots: SnapshotStore;
}

/**
 * Opens the data directory of a node, finishes what a crash interrupted, and gives what the node remembers.
 * @throws {CorruptionError} something acknowledged is damaged or missing; the node must not start.
 * @throws {NewerFormatError} a later version of Raftally wrote it.
 * @throws {IdentityError} it is in use by another process, or has files of another cluster or incarnation.
 * @throws {StorageFailure} it cannot be read or written.
 */
export async function openStore(options: OpenStoreOptions): Promise<NodeStore> {
  const lock = options.lock ?? lockDirectory(options.directory);
  try {
    return await Store.open(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function readWholeLog(disk: Disk, directory: string, identity: Identity): Promise<LogOnDisk> {
  try {
    return await readLog(disk, directory, identity);
  } catch (error) {
    // The store's own errors say what is wrong; what is left comes from the file system.
    if (error instanceof Error && "code" in error && "syscall" in error)
      throw new StorageFailure("read the log", error);
    throw error;
  }
}

class Store implements NodeStore {
  readonly recovered: Recovered;
  readonly #parts: Parts;
  readonly #lock: DirectoryLock;
  readonly #onFailure: ((failure: Error) => void) | undefined;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    parts: Parts,
    recovered: Recovered,
    start: { options: OpenStoreOptions; lock: DirectoryLock },
  ) {
    this.#parts = parts;
    this.recovered = recovered;
    this.#lock = start.lock;
    this.#onFailure = start.options.onFailure;
  }

  static async open(options: OpenStoreOptions, lock: DirectoryLock): Promise<Store> {
    const { directory, identity, disk = realDisk, segmentBytes } = options;
    // Read before anything else is touched: a log that is damaged stays as it is, to be looked at.
    const log = await readWholeLog(disk, directory, identity);
    let store: Store | undefined;
    const early: { failure?: Error } = {};
    const onFailure = (failure: Error): void => {
      if (store === undefined) early.failure = failure;
      else store.#fail(failure);
    };
    const { clusterId } = identity;
    const opened: { close(): Promise<void> }[] = [];
    try {
      const snapshots = await SnapshotStore.open({
        directory: join(directory, "snapshots"),
        clusterId,
        disk,
        onFailure,
      });
      opened.push(snapshots);
      const { hardState, base } = log.shape;
      // A state that begins now begins where the log does. Behind a log that begins later it is restored at once.
      const initial = base.index === 0 ? base.configuration : NO_CONFIGURATION;
      const state = await StateStore.open({
        path: join(directory, "state.db"),
        clusterId,
        initial,
        onFailure,
      });
      opened.push(state);
      const found = {
        hardState,
        base,
        entries: log.entries,
        state: state.opened,
        snapshots: snapshots.all(),
      };
      // Judged before the log's torn tail is cut, so that a tail that was committed is still there to be saved.
      const repair = planRepair(found);
      const wal = await Wal.open(
        { disk, directory, owner: identity, ...(segmentBytes && { segmentBytes }) },
        log,
      );
      opened.push(wal);
      const parts: Parts = { wal, state, snapshots };
      const recovered = await carryOut(repair, found, parts);
      if (early.failure !== undefined) throw early.failure;
      store = new Store(parts, { ...recovered, tornBytes: log.tornBytes }, { options, lock });
      return store;
    } catch (error) {
      for (const part of opened.reverse()) await part.close().catch(() => undefined);
      throw error;
    }
  }

  write(write: LogWrite): Promise<void> {
    const { wal, snapshots } = this.#parts;
    return this.#run(() => {
      const { install, compact } = write;
      // P10, P11: the log may only forget what a durable snapshot remembers.
      if (install !== undefined) {
        assert(
          findSnapshot(snapshots, install) !== undefined,
          "store: only a snapshot that is here is installed",
        );
      }
      if (compact !== undefined) {
        const covered = snapshots.latest()?.manifest.meta.index ?? 0;
        assert(covered >= compact.index, "store: the log is compacted only up to a durable snapshot");
      }
      return wal.append(write);
    });
  }

  apply(entries: readonly Entry[], wantOutcomes: boolean): Promise<Applied> {
    return this.#run(() => this.#parts.state.apply(entries, wantOutcomes));
  }

  query(queries: readonly Query[]): Promise<QueryAnswers> {
    return this.#run(() => this.#parts.state.query(queries));
  }

  totals(): Promise<Totals> {
    return this.#run(() => this.#parts.state.totals());
  }

  digests(): Promise<readonly StateDigest[]> {
    return this.#run(() => this.#parts.state.digests());
  }

  takeSnapshot(): Promise<SnapshotManifest> {
    return this.#run(() => this.#parts.snapshots.take(this.#parts.state));
  }

  restore(meta: SnapshotMeta): Promise<Applied> {
    return this.#run(() => restoreFrom(this.#parts, meta));
  }

  latestSnapshot(): SnapshotManifest | undefined {
    return this.#parts.snapshots.latest()?.manifest;
  }

  holdSnapshot(meta: SnapshotMeta): string | undefined {
    return this.#parts.snapshots.hold(meta);
  }

  releaseSnapshot(meta: SnapshotMeta): void {
    this.#parts.snapshots.release(meta);
  }

  verifySnapshot(meta: SnapshotMeta): Promise<boolean> {
    return this.#run(() => this.#parts.snapshots.verify(meta));
  }

  receiveSnapshot(manifest: SnapshotManifest): Promise<IncomingSnapshot> {
    return this.#run(() => this.#parts.snapshots.receive(manifest));
  }

  async diskBytes(): Promise<number> {
    const { wal, state, snapshots } = this.#parts;
    const [stateBytes, snapshotBytes] = await Promise.all([state.bytes(), snapshots.bytes()]);
    return wal.bytes + stateBytes + snapshotBytes;
  }

  logWritten(): LogWritten {
    return this.#parts.wal.written;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { wal, state, snapshots } = this.#parts;
    try {
      // In this order: what was asked for before is still carried out, and the log, which is the truth, last.
      await snapshots.close();
      // What state.db could not take any more the log has.
      await state.close().finally(() => wal.close());
    } finally {
      this.#lock.release();
    }
  }

  /** Runs `work` unless some part has failed; the first failure of any part is that of the whole. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await work();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(error: unknown): Error {
    if (this.#failure === undefined) {
      this.#failure = error instanceof Error ? error : new StorageFailure("go on", error);
      // Closing ends the parts one by one, and what they say to that is no failure.
      if (this.#closing === undefined) this.#onFailure?.(this.#failure);
    }
    return this.#failure;
  }
}

function findSnapshot(snapshots: SnapshotStore, meta: EntryId): LocalSnapshot | undefined {
  return snapshots
    .all()
    .find(({ manifest }) => manifest.meta.index === meta.index && manifest.meta.term === meta.term);
}

async function restoreFrom({ state, snapshots }: Parts, meta: SnapshotMeta): Promise<Applied> {
  const snapshot = defined(findSnapshot(snapshots, meta), "store: only a snapshot that is here is restored");
  const file = defined(snapshots.hold(meta), "store: a snapshot that is here can be held");
  try {
    return await state.restore(file, snapshot.manifest);
  } finally {
    snapshots.release(meta);
  }
}

/** Does what a crash left undone, and says what the node then remembers. */
async function carryOut(
  repair: ReturnType<typeof planRepair>,
  found: Parameters<typeof planRepair>[0],
  parts: Parts,
): Promise<Omit<Recovered, "tornBytes">> {
  const { hardState, base, entries, write } = repairedLog(repair, found);
  let applied = found.state.index;
  if (write !== undefined) await parts.wal.append(write);
  if (repair.restore !== undefined) {
    const { index } = await restoreFrom(parts, repair.restore.manifest.meta);
    applied = index;
  }
  if (repair.takeSnapshot) await parts.snapshots.take(parts.state);
  await parts.snapshots.removePartsUpTo(applied);
  const latest = parts.snapshots.latest()?.manifest.meta;
  const snapshot = latest !== undefined && latest.index >= base.index ? latest : undefined;
  return { hardState: withKnownCommit(hardState, applied, base), base, snapshot, entries, applied };
}
