/** The snapshots of this node's own state, and the files that must not go yet. */

import type { SnapshotMeta } from "../raft/index.ts";
import type { NodeStore, SnapshotManifest } from "../store/index.ts";
import type { Backup } from "./types.ts";

export class SnapshotKeeper {
  readonly #store: NodeStore;
  readonly #onTaken: (snapshot: SnapshotMeta, bytes: number) => void;
  /** The latest one that was begun. */
  #taking: Promise<unknown> = Promise.resolve();
  /** Held for the log that is to begin with them. */
  #installing: SnapshotMeta[] = [];

  /** @param onTaken hears of each snapshot, and how large its file is, as soon as it is durable. */
  constructor(store: NodeStore, onTaken: (snapshot: SnapshotMeta, bytes: number) => void) {
    this.#store = store;
    this.#onTaken = onTaken;
  }

  /** Takes one that begins after this call; one at a time. */
  take(): Promise<SnapshotManifest> {
    const taken = this.#taking.then(() => this.#store.takeSnapshot());
    this.#taking = taken.catch(() => undefined);
    return taken.then((manifest) => {
      this.#onTaken(manifest.meta, manifest.bytes);
      return manifest;
    });
  }

  /** One that is taken now, and whose file stays until it is released. */
  async backup(): Promise<Backup> {
    for (;;) {
      const manifest = await this.take();
      const path = this.#store.holdSnapshot(manifest.meta);
      // A newer one may have taken its place in the meantime; then that one is taken up, or yet another.
      if (path === undefined) continue;
      const release = once(() => this.#store.releaseSnapshot(manifest.meta));
      return { kind: "backup", manifest, path, release };
    }
  }

  /** Looks at a snapshot that a peer could not use, and takes another. Resolves to what there is to say of it. */
  async retake(doubtful: SnapshotMeta, peer: string): Promise<string> {
    const sound = await this.#store.verifySnapshot(doubtful);
    await this.take();
    const what = `The snapshot at index ${doubtful.index}`;
    return sound
      ? `${what} was sent to ${peer} several times in vain, although its file is sound here. Check the disk of ${peer}.`
      : `${what} was damaged on this node's disk and is taken again. Check the disk.`;
  }

  /**
   * The log is to begin with this snapshot. Its file must outlast a newer one that arrives before the state has
   * been replaced: while the log's record is being flushed the core says nothing of the file yet.
   */
  holdUntilRestored(install: SnapshotMeta): void {
    if (this.#store.holdSnapshot(install) !== undefined) this.#installing.push(install);
  }

  /** The state was replaced. An install that a newer one has overtaken is never restored; its file goes with this. */
  restored(meta: SnapshotMeta): void {
    const done = this.#installing.filter((held) => held.index <= meta.index);
    this.#installing = this.#installing.filter((held) => held.index > meta.index);
    for (const held of done) this.#store.releaseSnapshot(held);
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
