/**
 * The disk of one node: the log as bytes in the real format and as an image of what they mean, snapshots, and the
 * state.
 *
 * `synced` is what survives any crash; `latest` is what the node believes. Like the writer of `src/store`, it has one
 * batch on its way at a time, and what is asked for meanwhile waits for the next one. What is found after a crash is
 * what the real reader makes of the bytes, and has to be what had been synced, with or without that one batch.
 */

import { assert, defined, type Prng } from "../../src/base/index.ts";
import type { Index, LogWrite, SnapshotMeta } from "../../src/raft/index.ts";
import {
  CorruptionError,
  decodeManifest,
  encodeManifest,
  type Found,
  type LocalSnapshot,
  planRepair,
  repairedLog,
  withKnownCommit,
} from "../../src/store/index.ts";
import { checkFound, checkFoundAgain } from "./checkers/recovery-gives-what-was-synced.ts";
import type { LogBytes, LogFound, Remains } from "./log-bytes.ts";
import { LogImage } from "./log-image.ts";
import { Violation } from "./observer.ts";
import { MemoryState, type StateTable } from "./state-table.ts";

export const CLUSTER_ID = "simulated";

/** The state machine at one position. */
export interface StateAt {
  readonly position: SnapshotMeta;
  readonly table: StateTable;
}

interface SnapshotFile {
  readonly snapshot: StateAt;
  readonly origin: LocalSnapshot["origin"];
  /** Whether the bytes of the file are no longer those that were written. */
  isRotten: boolean;
  /** The bytes of its manifest, if they are no longer those that were written. */
  manifest: Uint8Array | undefined;
}

/** What became of a disk when its process died. */
export interface Crash {
  /** Something that had been asked for is gone. */
  readonly lost: boolean;
  /** The state has fallen back to an earlier one. */
  readonly older: boolean;
  readonly remains: Remains;
}

/** What a process finds that starts, and what had to be repaired first. */
export interface Recovered extends Pick<Found, "hardState" | "base" | "entries"> {
  readonly snapshot: SnapshotMeta | undefined;
  readonly applied: Index;
  readonly tornBytes: number;
  readonly did: readonly Repaired[];
}

/** The steps of a start that change the disk, in order. */
export type Repaired = "cut the tail" | "installed a snapshot" | "restored the state" | "took a snapshot";

export class SimDisk {
  synced: LogImage;
  latest: LogImage;
  /** What has reached the platter last: a batch may hold votes that a later term in it has replaced. */
  arrived: readonly LogWrite[] = [];
  readonly #bytes: LogBytes | undefined;
  /** Whether a bit of the log has changed. */
  #isRotten = false;
  /** Asked for and not on the platter, oldest first; the first few of them are on their way in one batch. */
  #pending: LogWrite[] = [];
  #onTheirWay = 0;
  /** What a dead process had on its way, while it may be in the cache of the system only. */
  #cached: readonly LogWrite[] = [];
  /** Complete snapshot files, oldest first. */
  #snapshots: SnapshotFile[] = [];
  readonly #held: Set<Index> = new Set();
  /** The state as it is, and earlier ones that a power cut may fall back to (state.db is not flushed). */
  state: StateAt;
  #earlier: StateAt[];

  /**
   * @param bytes left out by those who show a doctored log to a checker: it could not be written.
   * @param table of the state that has applied nothing.
   */
  constructor(initial: SnapshotMeta, bytes?: LogBytes, table: StateTable = new MemoryState()) {
    this.#bytes = bytes;
    this.synced = new LogImage(initial);
    this.latest = new LogImage(initial);
    this.state = { position: initial, table };
    this.#earlier = [];
  }

  /** The latest snapshot file. */
  get snapshot(): StateAt | undefined {
    return this.#snapshots.at(-1)?.snapshot;
  }

  /** The snapshot file of exactly this position. */
  snapshotAt(at: Index): StateAt | undefined {
    return this.#snapshots.find(({ snapshot }) => snapshot.position.index === at)?.snapshot;
  }

  /** A snapshot that the log is to begin with stays until the state has been replaced by it or a later one. */
  hold(at: Index): void {
    this.#held.add(at);
  }

  /** Whether the log begins, or is about to begin, with a snapshot that the state does not hold yet. */
  get isInstalling(): boolean {
    return this.#held.size > 0;
  }

  release(upTo: Index): void {
    for (const at of this.#held) if (at <= upTo) this.#held.delete(at);
  }

  /** A snapshot file became durable; the two before it are kept, and those that are damaged give way to it. */
  addSnapshot(snapshot: StateAt, origin: LocalSnapshot["origin"]): void {
    const { index: at } = snapshot.position;
    const whole = this.#snapshots.filter((one) => !isDamaged(one) || one.snapshot.position.index > at);
    if (whole.some((one) => one.snapshot.position.index === at)) return;
    whole.push({ snapshot, origin, isRotten: false, manifest: undefined });
    whole.sort((a, b) => a.snapshot.position.index - b.snapshot.position.index);
    const { index } = this.latest.base;
    const needed = whole.find((one) => one.snapshot.position.index >= index);
    this.#snapshots = whole.filter(
      (one, place) =>
        place >= whole.length - 3 || one === needed || this.#held.has(one.snapshot.position.index),
    );
  }

  /** Whether a file of this snapshot is damaged: whoever reads it finds out. */
  isDamaged(snapshot: StateAt): boolean {
    return this.#snapshots.some((one) => one.snapshot === snapshot && isDamaged(one));
  }

  /** Whether any file is damaged without that the process has noticed. */
  get hasDamage(): boolean {
    return this.#isRotten || this.#snapshots.some(isDamaged);
  }

  /** One bit changes in the latest snapshot, if there is one: nobody notices before it is read. Says in which. */
  rotSnapshot(): string | undefined {
    const file = this.#snapshots.at(-1);
    if (file === undefined) return undefined;
    file.isRotten = true;
    return `the snapshot at ${file.snapshot.position.index}`;
  }

  /** One bit changes in the log, in a snapshot or in a manifest. Says where. */
  rot(prng: Prng): string {
    const file = this.#snapshots.at(-1);
    if (file === undefined || prng.chance(0.6)) {
      this.#isRotten = true;
      return this.#log.rot(prng);
    }
    if (prng.chance(0.5)) return this.rotSnapshot() ?? "";
    const { index } = file.snapshot.position;
    const bytes = encodeManifest(this.#local(file));
    const at = prng.between(0, bytes.length - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.between(0, 7));
    file.manifest = bytes;
    return `byte ${at} of the manifest of the snapshot at ${index}`;
  }

  get hasUnsynced(): boolean {
    return this.#pending.length > 0;
  }

  /** Whether the write with this number has not reached the platter yet. */
  isPending(seq: number): boolean {
    return this.#pending.some((write) => write.seq === seq);
  }

  write(write: LogWrite): void {
    this.#pending.push(write);
    this.latest.apply(write);
  }

  /** Whether nothing is on its way and something waits. */
  get mayBegin(): boolean {
    return this.#onTheirWay === 0 && this.#pending.length > 0;
  }

  /** Everything that was asked for is on its way to the platter, in one batch. */
  begin(): void {
    assert(this.mayBegin, "disk: one batch at a time");
    this.#onTheirWay = this.#pending.length;
    this.#bytes?.begin(this.#pending);
  }

  /** It has arrived. Says which writes that were. */
  end(): readonly number[] {
    const written = this.#pending.splice(0, this.#onTheirWay);
    this.#onTheirWay = 0;
    for (const write of written) this.synced.apply(write);
    this.arrived = written;
    this.#bytes?.end();
    return written.map(({ seq }) => seq);
  }

  /** Closes the log in order: everything reaches the platter. */
  close(): void {
    const arrived: LogWrite[] = [];
    if (this.#onTheirWay > 0) {
      this.end();
      arrived.push(...this.arrived);
    }
    if (this.mayBegin) {
      this.begin();
      this.end();
      arrived.push(...this.arrived);
    }
    this.arrived = arrived;
    this.#bytes?.close();
  }

  /** Remembers the present state as one that a power cut may fall back to. */
  keepState(): void {
    this.#earlier.push({ position: this.state.position, table: this.state.table.clone() });
    if (this.#earlier.length > 3) this.#earlier.shift();
  }

  /** The process dies, or the whole machine: any part of what was on its way may survive, and perhaps an older state. */
  crash(prng: Prng): Crash {
    const power = prng.chance(0.7);
    const onItsWay = this.#onTheirWay > 0 ? this.#pending.slice(0, this.#onTheirWay) : this.#cached;
    const waited = this.#pending.length > this.#onTheirWay;
    this.#pending = [];
    this.#onTheirWay = 0;
    this.#held.clear();
    const remains = this.#log.crash(prng, power);
    this.latest = this.#found(onItsWay);
    // What is only in the cache of the system is safe once it is read and flushed at the next start, and not before.
    this.#cached = power ? [] : onItsWay;
    if (power) this.synced = this.latest.clone();
    const earlier = power ? this.#earlier : [];
    this.#earlier = [];
    const older = earlier.length > 0 && prng.chance(0.7);
    if (older) this.#replaceState(prng.pick(earlier));
    return { lost: waited || remains === "none" || remains === "torn", older, remains };
  }

  /** What the real reader finds, which must be all that was synced, with or without the batch that was on its way. */
  #found(onItsWay: readonly LogWrite[]): LogImage {
    const image = LogImage.found(this.#log.read());
    checkFound(image, this.synced, onItsWay);
    return image;
  }

  get #log(): LogBytes {
    return defined(this.#bytes, "disk: only a log that is written can be read again");
  }

  /**
   * Starts as `openStore` does: reads and judges everything, and only then changes anything. Undefined if the process
   * dies on the way: before the first of the steps that change the disk for 0, before the second for 1, and so on.
   * @throws {CorruptionError} what was acknowledged is damaged.
   */
  recover(diesBefore: number = Number.POSITIVE_INFINITY): Recovered | undefined {
    const did: Repaired[] = [];
    let left = diesBefore;
    const dies = (): boolean => left-- <= 0;
    const log = this.#log.read();
    const { hardState, base } = log.shape;
    const snapshots = this.#snapshots.map((file) => this.#local(file));
    const found: Found = { hardState, base, entries: log.entries, state: this.state.position, snapshots };
    const repair = planRepair(found);
    if (this.#isRotten) throw new Violation("bit rot is found", "a damaged log was read as if it were whole");
    if (dies()) return undefined;
    this.#open(log);
    if (log.tailBytes > 0) did.push("cut the tail");
    const repaired = repairedLog(repair, found);
    if (repaired.write !== undefined) {
      if (dies()) return undefined;
      this.write(repaired.write);
      this.begin();
      if (dies()) return undefined;
      this.end();
      did.push("installed a snapshot");
    }
    if (repair.restore !== undefined) {
      if (dies()) return undefined;
      this.restore(repair.restore.manifest.meta.index);
      did.push("restored the state");
    }
    if (repair.takeSnapshot) {
      if (dies()) return undefined;
      this.addSnapshot({ position: this.state.position, table: this.state.table.clone() }, "taken");
      did.push("took a snapshot");
    }
    if (dies()) return undefined;
    const applied = this.state.position.index;
    const latest = this.snapshot?.position;
    return {
      hardState: withKnownCommit(repaired.hardState, applied, repaired.base),
      base: repaired.base,
      entries: repaired.entries,
      snapshot: latest !== undefined && latest.index >= repaired.base.index ? latest : undefined,
      applied,
      tornBytes: log.tornBytes,
      did,
    };
  }

  /** Everything that was found is durable from now on, and a second look gives the same. */
  #open(log: LogFound): void {
    this.#log.open(log);
    this.#cached = [];
    this.synced = LogImage.found(log);
    this.latest = this.synced.clone();
    checkFoundAgain(this.synced, LogImage.found(this.#log.read()));
  }

  #local({ snapshot, origin, manifest }: SnapshotFile): LocalSnapshot {
    const { position, table } = snapshot;
    const name = `snapshots/${position.index}.json`;
    if (manifest !== undefined) {
      const read = decodeManifest(name, manifest);
      throw new Violation("bit rot is found", `a damaged manifest was read as ${JSON.stringify(read)}`);
    }
    const { digest } = table.totals();
    const sha256 = digest.toString(16).padStart(64, "0");
    return {
      manifest: { format: 1, clusterId: CLUSTER_ID, meta: position, bytes: 4_096, sha256, digest },
      origin,
    };
  }

  /**
   * Replaces the state by a copy of the snapshot at exactly this index.
   * @throws {CorruptionError} its file is damaged.
   */
  restore(at: Index): void {
    const file = this.#snapshots.find(({ snapshot }) => snapshot.position.index === at);
    const { snapshot, isRotten } = defined(file, "disk: a snapshot that is restored is here");
    if (isRotten)
      throw new CorruptionError({ file: `snapshots/${at}.db`, found: "its checksum does not match" });
    this.#replaceState({ position: snapshot.position, table: snapshot.table.clone() });
    this.#earlier = [];
  }

  #replaceState(state: StateAt): void {
    this.state.table.close();
    this.state = state;
  }
}

function isDamaged({ isRotten, manifest }: SnapshotFile): boolean {
  return isRotten || manifest !== undefined;
}
