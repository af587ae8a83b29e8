/**
 * When a snapshot of the state is due: by entries, and by the bytes that the log has grown by. The larger the latest
 * snapshot, the more bytes the log may grow by before the next (Ongaro's thesis, §5.1.2), because each reads and writes the
 * whole state: after a million remembered outcomes a node would do little else.
 */

import { type Entry, entryBytes, type SnapshotMeta } from "../raft/index.ts";
import type { NodeSettings } from "./events.ts";

type Limits = Pick<NodeSettings, "snapshotEntries" | "snapshotBytes" | "snapshotBytesMax">;

export class SnapshotTrigger {
  readonly #limits: Limits;
  /** Of the latest snapshot. */
  #index: number;
  /** Bytes of the latest snapshot that this process has taken; 0 before the first. */
  #size = 0;
  /** Bytes of entries handed to the state machine since the latest snapshot began. */
  #bytes = 0;
  #underWay = false;
  #taken: SnapshotMeta | undefined;

  constructor(limits: Limits, index: number) {
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
    const { snapshotEntries, snapshotBytes, snapshotBytesMax } = this.#limits;
    const growth = Math.max(snapshotBytes, Math.min(this.#size, snapshotBytesMax));
    if (entries < snapshotEntries && this.#bytes < growth) return false;
    this.#underWay = true;
    this.#bytes = 0;
    return true;
  }

  taken(snapshot: SnapshotMeta, bytes: number): void {
    this.#underWay = false;
    this.#size = bytes;
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
