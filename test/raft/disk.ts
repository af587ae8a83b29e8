/** What one node of the test kit has on disk: a small model of the write-ahead log and of the state machine. */

import { assert } from "../../src/base/index.ts";
import {
  type Entry,
  type EntryId,
  type HardState,
  type Index,
  index,
  initialMeta,
  type LogWrite,
  type SnapshotMeta,
} from "../../src/raft/index.ts";

/** The state machine of the kit: the history of all it has applied, so that two states compare exactly. */
export interface Machine {
  readonly applied: Index;
  /** One line for each entry, `index/term text`. */
  readonly history: readonly string[];
}

/** A snapshot as a file: where it stands, and the state in it. */
export interface SnapshotFile {
  readonly meta: SnapshotMeta;
  readonly machine: Machine;
}

export function describeEntry(entry: Entry): string {
  const text = entry.kind === "command" ? new TextDecoder().decode(entry.data) : entry.kind;
  return `${entry.index}/${entry.term} ${text}`;
}

export class Disk {
  hardState: HardState;
  base: SnapshotMeta;
  entries: Entry[];
  machine: Machine;
  /** Snapshot files, by index; the one that covers the log's beginning is among them. */
  readonly files: Map<number, SnapshotFile> = new Map<number, SnapshotFile>();

  constructor(hardState: HardState, base: SnapshotMeta, entries: readonly Entry[]) {
    this.hardState = hardState;
    this.base = base;
    this.entries = [...entries];
    this.machine = { applied: base.index, history: [] };
  }

  get last(): EntryId {
    return this.entries.at(-1) ?? this.base;
  }

  /** The latest snapshot that the log knows to be covered by: taken here, or installed. */
  get snapshot(): SnapshotMeta | undefined {
    const files = [...this.files.values()].filter(({ meta }) => meta.index <= this.last.index);
    return files.sort((a, b) => b.meta.index - a.meta.index)[0]?.meta;
  }

  holds(id: EntryId): boolean {
    if (id.index <= this.base.index) return true;
    return this.entries[id.index - this.base.index - 1]?.term === id.term;
  }

  /** What stands at `at`, which is still held, and the configuration in force there. */
  metaAt(at: number): SnapshotMeta {
    const entry = this.entries[at - this.base.index - 1];
    if (entry === undefined) {
      assert(at === this.base.index, "disk: the position is still held");
      return this.base;
    }
    const found = this.entries.findLast((one) => one.kind === "configuration" && one.index <= at);
    const known =
      found?.kind === "configuration"
        ? { configuration: found.configuration, configurationIndex: found.index }
        : {};
    return { ...this.base, ...known, index: entry.index, term: entry.term, chain: entry.chain };
  }

  /** Carries out one batch, whole; asserts what the store would refuse. */
  commit(write: LogWrite): void {
    if (write.install !== undefined) {
      assert(this.files.has(write.install.index), "disk: only a snapshot whose file is here is installed");
      this.base = write.install;
      this.entries = [];
    } else if (write.truncateFrom !== undefined) {
      assert(write.truncateFrom > this.hardState.commit, "disk: nothing committed is truncated (P8)");
      assert(write.truncateFrom <= this.last.index, "disk: a truncation takes something away");
      this.entries.length = write.truncateFrom - this.base.index - 1;
    }
    for (const entry of write.append) {
      assert(entry.index === this.last.index + 1, "disk: the log has no gap");
      assert(entry.term >= this.last.term, "disk: terms never regress in a log");
      this.entries.push(entry);
    }
    if (write.compact !== undefined) this.#compact(write.compact);
    if (write.hardState !== undefined) this.#remember(write.hardState);
    assert(this.hardState.term >= this.last.term, "disk: no entry of a term that was not entered");
    assert(this.hardState.commit <= this.last.index, "disk: what is committed is in the log (P8)");
  }

  #compact(to: SnapshotMeta): void {
    const covered = [...this.files.values()].some(({ meta }) => meta.index >= to.index);
    assert(covered, "disk: the log is compacted only behind a durable snapshot (P11)");
    assert(this.holds(to) && to.index > this.base.index, "disk: compaction moves forward, within the log");
    const known = this.metaAt(to.index);
    assert(
      known.configurationIndex === to.configurationIndex,
      "disk: the configuration in force where the log is cut is kept (R8)",
    );
    this.entries = this.entries.slice(to.index - this.base.index);
    this.base = to;
  }

  #remember(next: HardState): void {
    const now = this.hardState;
    assert(next.term >= now.term, "disk: terms never go back (I3)");
    assert(next.commit >= now.commit, "disk: the commit index never goes back (I3)");
    const kept = next.term > now.term || now.vote === undefined || next.vote === now.vote;
    assert(kept, "disk: a vote is cast once in a term (I2)");
    this.hardState = next;
  }

  /** Applies entries that follow the last applied one. */
  apply(entries: readonly Entry[]): void {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    assert(first.index === this.machine.applied + 1, "machine: entries are applied in order, each once");
    this.machine = {
      applied: last.index,
      history: [...this.machine.history, ...entries.map(describeEntry)],
    };
  }

  /** Replaces the state by that of the snapshot `meta`. */
  restore(meta: SnapshotMeta): void {
    const file = this.files.get(meta.index);
    assert(file !== undefined, "machine: a state is restored from a file that is here");
    this.machine = file.machine;
  }

  /** Copies the state into a snapshot file, which is durable at once. */
  takeSnapshot(metaAt: (at: Index) => SnapshotMeta): SnapshotFile {
    const file = { meta: metaAt(this.machine.applied), machine: this.machine };
    this.files.set(file.meta.index, file);
    return file;
  }

  /** The state machine loses what it had not flushed: it is back at the snapshot before the log (P11). */
  loseState(): void {
    this.machine = this.files.get(this.base.index)?.machine ?? { applied: index(0), history: [] };
  }

  /** What the store finds at start: a state older than the log's beginning comes from the snapshot. */
  recover(): void {
    for (const at of this.files.keys()) if (at > this.last.index) this.files.delete(at);
    if (this.machine.applied < this.base.index) {
      const snapshot = this.snapshot;
      assert(snapshot !== undefined, "disk: a compacted log has a snapshot");
      this.restore(snapshot);
    }
  }
}

export function emptyDisk(configuration: SnapshotMeta["configuration"]): Disk {
  const base = initialMeta(configuration);
  return new Disk({ term: base.term, vote: undefined, commit: index(0) }, base, []);
}
