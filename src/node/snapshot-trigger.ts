/** When a snapshot of the state is due: by entries, and by the bytes that the log has grown by. */

import { type Entry, entryBytes, type SnapshotMeta } from "../raft/index.ts";

export class SnapshotTrigger {
  readonly #limits: { readonly snapshotEntries: number; readonly snapshotBytes: number };
  /** Of the latest snapshot. */
  #index: number;
  /** Bytes of entries handed to the state machine since the latest snapshot began. */
  #bytes = 0;
  #underWay = false;
  #taken: SnapshotMeta | undefined;

  constructor(limits: { readonly snapshotEntries: number; readonly snapshotBytes: number }, index: number) {
    this.#limits = limits;
    this.#index = index;
  }

  handedOut(entries: readonly Entry[]): void {
    for (const entry of entries) this.#bytes += entryBytes(entry);
  }

  /** The state was replaced by a snapshot at `index`. */
  restored(index: number): void {
    this.#index = Math.max(this.#index, index);
  }

  /** Whether to begin one now; if so, it counts as under way until {@link taken}. */
  maybeBegin(applied: number): boolean {
    if (this.#underWay) return false;
    const entries = applied - this.#index;
    if (entries <= 0) return false;
    const { snapshotEntries, snapshotBytes } = this.#limits;
    if (entries < snapshotEntries && this.#bytes < snapshotBytes) return false;
    this.#underWay = true;
    this.#bytes = 0;
    return true;
  }

  taken(snapshot: SnapshotMeta): void {
    this.#underWay = false;
    this.restored(snapshot.index);
    this.#taken = snapshot;
  }

  /**
   * The snapshot that the log may be cut for, once: the copy may hold more than this node has been told is
   * applied, so both words have to be in.
   */
  takeUsable(applied: number): SnapshotMeta | undefined {
    const snapshot = this.#taken;
    if (snapshot === undefined || snapshot.index > applied) return undefined;
    this.#taken = undefined;
    return snapshot;
  }
}
