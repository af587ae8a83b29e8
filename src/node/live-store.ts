/** A store that tells what it does and how long it takes, for whoever watches the node. */

import type { Totals } from "../counter/index.ts";
import type { Entry, LogWrite, SnapshotMeta } from "../raft/index.ts";
import type {
  Applied,
  IncomingSnapshot,
  LogWritten,
  NodeStore,
  Query,
  QueryAnswers,
  Recovered,
  SnapshotManifest,
  StateDigest,
} from "../store/index.ts";

/** Hears what a store does, as it happens. Times are ms. */
export interface StoreObserver {
  /** A batch is handed to the store. @returns what is called when it is durable. */
  writing(write: LogWrite): () => void;
  applied(applied: Applied, entries: number, ms: number): void;
  snapshotTaken(manifest: SnapshotManifest): void;
  /** The state was replaced by a snapshot. */
  restored(meta: SnapshotMeta, applied: Applied): void;
}

/** Passes everything on. A call that fails is not told of: whoever made it ends the node. */
export class WatchedStore implements NodeStore {
  readonly recovered: Recovered;
  readonly #store: NodeStore;
  readonly #observer: StoreObserver;

  constructor(store: NodeStore, observer: StoreObserver) {
    this.recovered = store.recovered;
    this.#store = store;
    this.#observer = observer;
  }

  async write(write: LogWrite): Promise<void> {
    const durable = this.#observer.writing(write);
    await this.#store.write(write);
    durable();
  }

  async apply(entries: readonly Entry[], wantOutcomes: boolean): Promise<Applied> {
    const beganMs = performance.now();
    const applied = await this.#store.apply(entries, wantOutcomes);
    this.#observer.applied(applied, entries.length, performance.now() - beganMs);
    return applied;
  }

  async takeSnapshot(): Promise<SnapshotManifest> {
    const manifest = await this.#store.takeSnapshot();
    this.#observer.snapshotTaken(manifest);
    return manifest;
  }

  async restore(meta: SnapshotMeta): Promise<Applied> {
    const applied = await this.#store.restore(meta);
    this.#observer.restored(meta, applied);
    return applied;
  }

  query(queries: readonly Query[]): Promise<QueryAnswers> {
    return this.#store.query(queries);
  }

  totals(): Promise<Totals> {
    return this.#store.totals();
  }

  digests(): Promise<readonly StateDigest[]> {
    return this.#store.digests();
  }

  latestSnapshot(): SnapshotManifest | undefined {
    return this.#store.latestSnapshot();
  }

  holdSnapshot(meta: SnapshotMeta): string | undefined {
    return this.#store.holdSnapshot(meta);
  }

  releaseSnapshot(meta: SnapshotMeta): void {
    this.#store.releaseSnapshot(meta);
  }

  verifySnapshot(meta: SnapshotMeta): Promise<boolean> {
    return this.#store.verifySnapshot(meta);
  }

  receiveSnapshot(manifest: SnapshotManifest): Promise<IncomingSnapshot> {
    return this.#store.receiveSnapshot(manifest);
  }

  diskBytes(): Promise<number> {
    return this.#store.diskBytes();
  }

  logWritten(): LogWritten {
    return this.#store.logWritten();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
