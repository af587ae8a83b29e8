/**
 * The disk of one node: the log as an image of what its batches mean, snapshots, and the state.
 *
 * `synced` is what survives any crash; `latest` is what the node believes. A crash keeps some prefix of the
 * batches in between: a log is one file written in order, and a torn batch is cut.
 */

import { assert, type Prng } from "../../src/base/index.ts";
import { MemoryTable } from "../../src/counter/index.ts";
import {
  type Entry,
  type HardState,
  type Index,
  index,
  type LogWrite,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";

/** What a log file means, batch by batch. */
export class LogImage {
  hardState: HardState = { term: term(0), vote: undefined, commit: index(0) };
  base: SnapshotMeta;
  #entries: Entry[] = [];

  constructor(base: SnapshotMeta) {
    this.base = base;
  }

  clone(): LogImage {
    const image = new LogImage(this.base);
    image.hardState = this.hardState;
    image.#entries = this.#entries.slice();
    return image;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get last(): { readonly index: Index; readonly term: number } {
    return this.#entries.at(-1) ?? this.base;
  }

  entry(at: number): Entry | undefined {
    return this.#entries[at - this.base.index - 1];
  }

  chainAt(at: number): number | undefined {
    return at === this.base.index ? this.base.chain : this.entry(at)?.chain;
  }

  /** Carries out one batch, as recovery would. */
  apply(write: LogWrite): void {
    if (write.install !== undefined) {
      this.base = write.install;
      this.#entries = [];
    }
    if (write.truncateFrom !== undefined) {
      assert(write.truncateFrom > this.base.index, "disk: what is compacted is not truncated");
      this.#entries.length = Math.min(this.#entries.length, write.truncateFrom - this.base.index - 1);
    }
    for (const entry of write.append) {
      assert(entry.index === this.last.index + 1, "disk: the log has no gap");
      this.#entries.push(entry);
    }
    if (write.compact !== undefined && write.compact.index > this.base.index) {
      this.#entries = this.#entries.slice(write.compact.index - this.base.index);
      this.base = write.compact;
    }
    if (write.hardState !== undefined) this.hardState = write.hardState;
  }
}

/** The state machine at one position. */
export interface StateAt {
  readonly position: SnapshotMeta;
  readonly table: MemoryTable;
}

export class SimDisk {
  readonly synced: LogImage;
  latest: LogImage;
  #pending: LogWrite[] = [];
  /** Complete snapshot files, oldest first. */
  #snapshots: StateAt[] = [];
  readonly #held: Set<Index> = new Set();
  /** The state as it is, and earlier ones that a power cut may fall back to (state.db is not flushed). */
  state: StateAt;
  #earlier: StateAt[];

  constructor(initial: SnapshotMeta) {
    this.synced = new LogImage(initial);
    this.latest = new LogImage(initial);
    this.state = { position: initial, table: new MemoryTable() };
    this.#earlier = [];
  }

  /** The latest snapshot file. */
  get snapshot(): StateAt | undefined {
    return this.#snapshots.at(-1);
  }

  /** The oldest snapshot file that reaches `at`. */
  snapshotFrom(at: Index): StateAt | undefined {
    return this.#snapshots.find(({ position }) => position.index >= at);
  }

  /** The snapshot file of exactly this position. */
  snapshotAt(at: Index): StateAt | undefined {
    return this.#snapshots.find(({ position }) => position.index === at);
  }

  /** A snapshot that the log is to begin with stays until the state has been replaced by it or a later one. */
  hold(at: Index): void {
    this.#held.add(at);
  }

  release(upTo: Index): void {
    for (const at of this.#held) if (at <= upTo) this.#held.delete(at);
  }

  /** A snapshot file became durable; the two before it are kept. */
  addSnapshot(snapshot: StateAt): void {
    if (this.#snapshots.some(({ position }) => position.index === snapshot.position.index)) return;
    this.#snapshots.push(snapshot);
    this.#snapshots.sort((a, b) => a.position.index - b.position.index);
    const needed = this.snapshotFrom(this.latest.base.index);
    this.#snapshots = this.#snapshots.filter(
      (one, at) => at >= this.#snapshots.length - 3 || one === needed || this.#held.has(one.position.index),
    );
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

  /** Everything up to `seq` reached the platter. */
  sync(seq: number): void {
    while (this.#pending[0] !== undefined && this.#pending[0].seq <= seq) {
      this.synced.apply(this.#pending.shift() as LogWrite);
    }
  }

  /** Remembers the present state as one that a power cut may fall back to. */
  keepState(): void {
    this.#earlier.push({ position: this.state.position, table: this.state.table.clone() });
    if (this.#earlier.length > 3) this.#earlier.shift();
  }

  /** The process dies: a prefix of the unsynced batches survives, and perhaps an older state. Says which. */
  crash(prng: Prng): { readonly lost: boolean; readonly older: boolean } {
    const before = this.#pending.length;
    const survive = prng.between(0, this.#pending.length);
    for (const write of this.#pending.slice(0, survive)) this.synced.apply(write);
    this.#pending = [];
    this.#held.clear();
    this.latest = this.synced.clone();
    const earlier = this.#earlier;
    this.#earlier = [];
    const older = earlier.length > 0 && prng.chance(0.5);
    if (older) this.state = prng.pick(earlier);
    if (this.state.position.index < this.synced.base.index) {
      const snapshot = this.snapshotFrom(this.synced.base.index);
      assert(snapshot !== undefined, "disk: a compacted log has a durable snapshot (P11)");
      this.restore(snapshot);
    }
    return { lost: survive < before, older };
  }

  /** Replaces the state by a copy of a snapshot. */
  restore(snapshot: StateAt): void {
    this.state = { position: snapshot.position, table: snapshot.table.clone() };
    this.#earlier = [];
  }
}
