/**
 * The snapshots of this node: whole copies of state.db, each at one index, in a folder of their own.
 *
 * A snapshot is two files, `<20 digits of index>-<term>.db` and `.json`. The rename of the manifest (`.json`)
 * is what makes it exist.
 *
 * Facts for the crash table:
 *
 * - Taking: (1) a worker copies state.db to `taking.tmp` within one read transaction, reads index, term, chain
 *   and configuration from the copy, recomputes its digest, fsyncs it; (2) rename to `.db`; (3) fsync the
 *   folder; (4) write and fsync `.json.tmp`; (5) rename to `.json`; (6) fsync the folder; (7) only now are
 *   older snapshots removed, manifest first. A crash after 1 to 4 leaves files without a manifest, which the
 *   next open removes; after 5 the snapshot is there or not, and the older one is still there; during 7 an
 *   older snapshot is whole, or has lost its manifest and is removed at the next open.
 * - Receiving: bytes are appended to `<20 digits of index>-<term>-<sha256>.part`, which stays when the process
 *   ends and is gone on from, until the node has applied entries up to that index by other means and opens again.
 *   `finish` renames it to `arrived.tmp`, fsyncs, compares length, checksum, and what is inside with the manifest,
 *   and goes on at 2. A file that does not match is removed. After a power cut the end of a `.part` may hold
 *   anything; the checksum finds out. It does not find out what is in the system's cache only, as after an fsync
 *   that failed (see `Wal.open`): therefore the other name, which the next open removes.
 * - Damage found by `verify`: the manifest is removed, the folder fsynced, the file removed. A crash in between
 *   leaves a file without a manifest. If the log relied on the snapshot, the next open takes another.
 * - A manifest without its `.db`, or with one of another length, is damage: nothing that can happen leaves it.
 */

import { join } from "node:path";
import { assert } from "../base/index.ts";
import { type EntryId, type Index, isNoConfiguration } from "../raft/index.ts";
import { type Disk, realDisk } from "./disk.ts";
import { StorageFailure } from "./errors.ts";
import { ARRIVED, readSnapshots, removeUnfinished, sizeOf, TAKING, writeWhole } from "./snapshot-folder.ts";
import { copyState, mismatchOf } from "./snapshot-job.ts";
import { encodeManifest, indexOfPart, MANIFEST_TMP, partName, snapshotName } from "./snapshot-manifest.ts";
import { PartFile } from "./snapshot-part.ts";
import { failureOf } from "./state-protocol.ts";
import type { StateStore } from "./state-store.ts";
import type { IncomingSnapshot, LocalSnapshot, SnapshotManifest } from "./types.ts";

export interface SnapshotStoreOptions {
  /** The folder of the snapshots; made if it is missing. */
  readonly directory: string;
  readonly clusterId: string;
  readonly disk?: Disk;
  /** Called once, when the store has failed: also when nobody was waiting for it. */
  readonly onFailure?: (failure: Error) => void;
}

/**
 * All complete snapshots of this node, and those on their way in.
 *
 * An error of the disk is final: every later call that writes rejects with it (P12).
 */
export class SnapshotStore {
  readonly #directory: string;
  readonly #clusterId: string;
  readonly #disk: Disk;
  readonly #onFailure: ((failure: Error) => void) | undefined;
  /** Oldest first. */
  #snapshots: LocalSnapshot[];
  /** How many have asked for a snapshot's file to stay, by name. */
  readonly #holds = new Map<string, number>();
  /** Snapshots that are superseded but held, by name: removed when let go of. */
  readonly #superseded = new Set<string>();
  readonly #parts = new Map<string, PartFile>();
  #taking: Promise<SnapshotManifest> | undefined;
  /** By name, so that nobody reads a file that another call is about to remove. */
  readonly #verifying = new Map<string, Promise<boolean>>();
  /** Changes of the folder are made one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  /**
   * Reads the manifests, checks that each has its file, and removes what a crash left unfinished.
   * @throws {CorruptionError} if a manifest is damaged, or its file is missing or of another length.
   * @throws {NewerFormatError} if a newer version of Raftally wrote a manifest.
   * @throws {IdentityError} if a snapshot belongs to another cluster.
   * @throws {StorageFailure} if the folder cannot be read or written.
   */
  static async open(options: SnapshotStoreOptions): Promise<SnapshotStore> {
    const { directory, clusterId, disk = realDisk } = options;
    try {
      await disk.makeDirectory(directory);
      const snapshots = await readSnapshots(disk, directory, clusterId);
      await removeUnfinished(disk, directory, snapshots);
      return new SnapshotStore(options, snapshots.sort(inOrder));
    } catch (error) {
      throw failureOf("read the folder of snapshots", error);
    }
  }

  private constructor(options: SnapshotStoreOptions, snapshots: LocalSnapshot[]) {
    this.#directory = options.directory;
    this.#clusterId = options.clusterId;
    this.#disk = options.disk ?? realDisk;
    this.#onFailure = options.onFailure;
    this.#snapshots = snapshots;
  }

  /** Why the store has stopped for good; undefined while it works. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** All complete snapshots, oldest first. More than one only around a change, or while one is held. */
  all(): readonly LocalSnapshot[] {
    return this.#snapshots.filter(({ manifest }) => !this.#superseded.has(snapshotName(manifest.meta)));
  }

  /** The complete snapshot with the highest index. */
  latest(): LocalSnapshot | undefined {
    return this.#snapshots.at(-1);
  }

  /**
   * Copies the state, at whatever index it has, while it goes on changing. Callers at the same time share one.
   * @throws {CorruptionError} if a row of the state, or one that is missing, is found damaged on the way.
   * @throws {InvariantViolation} if the state knows no configuration yet, as on a node that has just joined.
   */
  take(state: StateStore): Promise<SnapshotManifest> {
    this.#taking ??= this.#take(state).finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  async #take(state: StateStore): Promise<SnapshotManifest> {
    const target = join(this.#directory, TAKING);
    return this.#finally("take a snapshot", async () => {
      const manifest = await state.shareFile((source) => copyState(source, target));
      const { configuration } = manifest.meta;
      assert(!isNoConfiguration(configuration), "snapshot: a state that knows no configuration is none");
      return this.#inTurn(async () => {
        const same = this.#find(manifest.meta);
        if (same !== undefined) {
          // Nothing was applied since; the state is the same and the one that is there may be held.
          await this.#disk.remove(target);
          return same.manifest;
        }
        await this.#publish(target, { manifest, origin: "taken" });
        return manifest;
      });
    });
  }

  /** The path of a snapshot's file, which stays until {@link release}; undefined if there is no such snapshot. */
  hold(meta: EntryId): string | undefined {
    const name = snapshotName(meta);
    if (this.#find(meta) === undefined) return undefined;
    this.#holds.set(name, (this.#holds.get(name) ?? 0) + 1);
    return join(this.#directory, `${name}.db`);
  }

  /** Undoes one {@link hold}. */
  release(meta: EntryId): void {
    const name = snapshotName(meta);
    const holds = this.#holds.get(name);
    assert(holds !== undefined, "snapshot: only what is held can be let go of");
    if (holds > 1) {
      this.#holds.set(name, holds - 1);
      return;
    }
    this.#holds.delete(name);
    if (!this.#superseded.has(name)) return;
    const removed = this.#finally("remove a snapshot", () => this.#inTurn(() => this.#removeIfIdle(name)));
    // The failure is latched and reported; nobody waits for it here.
    removed.catch(() => undefined);
  }

  /**
   * Whether the file of a snapshot still is what its manifest says; true if there is no such snapshot. A damaged
   * one is removed, held or not: whoever is reading it gets nothing good.
   */
  verify(meta: EntryId): Promise<boolean> {
    const name = snapshotName(meta);
    const verified =
      this.#verifying.get(name) ?? this.#verify(meta).finally(() => this.#verifying.delete(name));
    this.#verifying.set(name, verified);
    return verified;
  }

  async #verify(meta: EntryId): Promise<boolean> {
    return this.#finally("verify a snapshot", async () => {
      const snapshot = this.#find(meta);
      const file = this.hold(meta);
      if (snapshot === undefined || file === undefined) return true;
      try {
        if ((await mismatchOf(file, snapshot.manifest)) === undefined) return true;
        await this.#inTurn(() => this.#remove(snapshotName(meta)));
        return false;
      } finally {
        this.release(meta);
      }
    });
  }

  /**
   * Begins to receive, or goes on with, the snapshot of this manifest. A second call for the same one takes
   * over from the first, whose writes then do nothing. Unfinished files of other snapshots are removed.
   * @throws {InvariantViolation} for a manifest of another cluster, without a configuration, or whose checksum is
   *   none; nothing changes.
   */
  async receive(manifest: SnapshotManifest): Promise<IncomingSnapshot> {
    assert(manifest.clusterId === this.#clusterId, "snapshot: only this cluster's snapshots are received");
    const { configuration } = manifest.meta;
    assert(!isNoConfiguration(configuration), "snapshot: what is received names a configuration");
    const name = partName(manifest);
    return this.#finally("receive a snapshot", () =>
      this.#inTurn(async () => {
        const here = this.#findAt(manifest.meta);
        if (here !== undefined) return alreadyHere(here.manifest, manifest);
        await this.#dropParts(name);
        const part = await PartFile.open(this.#disk, join(this.#directory, name), manifest.bytes);
        this.#parts.set(name, part);
        return this.#incoming(part, manifest);
      }),
    );
  }

  #incoming(part: PartFile, manifest: SnapshotManifest): IncomingSnapshot {
    const doing = "receive a snapshot";
    return {
      get offset(): number {
        return part.offset;
      },
      write: (chunk) => this.#finally(doing, () => part.append(chunk)),
      finish: () => this.#finally(doing, () => this.#finish(part, manifest)),
      abandon: () => this.#finally(doing, () => this.#letGo(part, manifest)),
    };
  }

  async #letGo(part: PartFile, manifest: SnapshotManifest): Promise<void> {
    if (this.#parts.get(partName(manifest)) === part) this.#parts.delete(partName(manifest));
    await part.close();
  }

  async #finish(part: PartFile, manifest: SnapshotManifest): Promise<boolean> {
    const name = partName(manifest);
    const file = join(this.#directory, ARRIVED);
    return this.#inTurn(async () => {
      // Another call for the same snapshot has taken over.
      if (this.#parts.get(name) !== part) return false;
      this.#parts.delete(name);
      await this.#disk.rename(join(this.#directory, name), file);
      await part.finish();
      // A snapshot at the same index was taken here meanwhile. It may be held, so this one must not replace it.
      const here = this.#findAt(manifest.meta);
      if (here !== undefined) {
        await this.#disk.remove(file);
        return isSameState(here.manifest, manifest);
      }
      if (!part.isComplete || (await mismatchOf(file, manifest)) !== undefined) {
        await this.#disk.remove(file);
        return false;
      }
      await this.#publish(file, { manifest, origin: "received" });
      return true;
    });
  }

  /**
   * Removes what has arrived of snapshots that do not go beyond `applied`: nobody will send the rest. To be called
   * before any is received.
   */
  async removePartsUpTo(applied: Index): Promise<void> {
    return this.#finally("remove an unfinished snapshot", () =>
      this.#inTurn(async () => {
        for (const name of (await this.#disk.list(this.#directory)) ?? []) {
          const at = indexOfPart(name);
          if (at !== undefined && at <= applied) await this.#disk.remove(join(this.#directory, name));
        }
      }),
    );
  }

  /** Lets go of the open `.part` files, and removes those that are not named `keep`. */
  async #dropParts(keep: string): Promise<void> {
    for (const part of this.#parts.values()) await part.close();
    this.#parts.clear();
    for (const name of (await this.#disk.list(this.#directory)) ?? []) {
      if (name.endsWith(".part") && name !== keep) await this.#disk.remove(join(this.#directory, name));
    }
  }

  /** Steps 2 to 7 of the crash table: gives a whole, fsynced file its name and its manifest. */
  async #publish(file: string, snapshot: LocalSnapshot): Promise<void> {
    const path = join(this.#directory, snapshotName(snapshot.manifest.meta));
    await this.#disk.rename(file, `${path}.db`);
    await this.#disk.syncDirectory(this.#directory);
    await writeWhole(this.#disk, path + MANIFEST_TMP, encodeManifest(snapshot));
    await this.#disk.rename(path + MANIFEST_TMP, `${path}.json`);
    await this.#disk.syncDirectory(this.#directory);
    this.#snapshots = [...this.#snapshots, snapshot].sort(inOrder);
    for (const { manifest } of this.#snapshots) {
      if (manifest.meta.index < snapshot.manifest.meta.index)
        this.#superseded.add(snapshotName(manifest.meta));
    }
    for (const name of this.#superseded) await this.#removeIfIdle(name);
  }

  async #removeIfIdle(name: string): Promise<void> {
    if (!this.#holds.has(name) && this.#superseded.has(name)) await this.#remove(name);
  }

  async #remove(name: string): Promise<void> {
    this.#superseded.delete(name);
    this.#snapshots = this.#snapshots.filter(({ manifest }) => snapshotName(manifest.meta) !== name);
    const path = join(this.#directory, name);
    await this.#disk.remove(`${path}.json`);
    // Were the file's removal to become durable before the manifest's, the next open would see damage.
    await this.#disk.syncDirectory(this.#directory);
    await this.#disk.remove(`${path}.db`);
  }

  /** Bytes of everything in the folder. */
  async bytes(): Promise<number> {
    let total = 0;
    for (const name of (await this.#disk.list(this.#directory)) ?? []) {
      total += (await sizeOf(join(this.#directory, name))) ?? 0;
    }
    return total;
  }

  /** Waits for a snapshot being taken or verified and lets go of all files. What has arrived of others stays. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#taking, ...this.#verifying.values()]);
    await this.#turn;
    for (const part of this.#parts.values()) await part.close();
    this.#parts.clear();
    this.#failure ??= new StorageFailure("use the folder of snapshots", "it has been closed");
  }

  #find(meta: EntryId): LocalSnapshot | undefined {
    return this.#snapshots.find(
      ({ manifest }) => manifest.meta.index === meta.index && manifest.meta.term === meta.term,
    );
  }

  #findAt({ index }: EntryId): LocalSnapshot | undefined {
    return this.#snapshots.find(({ manifest }) => manifest.meta.index === index);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Runs `work` unless the store has failed; its first error is the store's last. */
  async #finally<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await work();
    } catch (error) {
      if (this.#failure === undefined) {
        this.#failure = failureOf(doing, error);
        this.#onFailure?.(this.#failure);
      }
      throw this.#failure;
    }
  }
}

/**
 * Answers for an index of which a snapshot is complete here already, so that its sender finds nothing left to
 * send. One of another state is refused: one of both nodes is wrong, and it need not be this one.
 */
function alreadyHere(here: SnapshotManifest, wanted: SnapshotManifest): IncomingSnapshot {
  return {
    offset: wanted.bytes,
    write: () => Promise.resolve(),
    finish: () => Promise.resolve(isSameState(here, wanted)),
    abandon: () => Promise.resolve(),
  };
}

function isSameState(a: SnapshotManifest, b: SnapshotManifest): boolean {
  return a.digest === b.digest && a.meta.term === b.meta.term && a.meta.chain === b.meta.chain;
}

function inOrder({ manifest: a }: LocalSnapshot, { manifest: b }: LocalSnapshot): number {
  return a.meta.index - b.meta.index || a.meta.term - b.meta.term;
}
