/** What a journal leaves in doubt: the changes that no sync has made durable. */

import type { JournalRecord } from "./journal.ts";
import { SECTOR } from "./journal.ts";
import { type Range, rounded, without } from "./range.ts";

/** A write, or a truncation (which takes away what was there from its offset on). */
export interface DataChange {
  /** Its place among all changes of all processes. */
  readonly at: number;
  readonly kind: "write" | "truncate";
  readonly inode: number;
  /** Where `data`, which it replaced, was: the start of a sector. */
  readonly offset: number;
  readonly data: Uint8Array;
  readonly oldLength: number;
  /** The sectors of it that may still be taken back. */
  ranges: readonly Range[];
  /** Whether the length of the file before it may still come back. */
  lengthInDoubt: boolean;
  /** A sync of it has failed: its pages count as clean, and no later sync writes them. */
  doomed: boolean;
}

/** A change of names; all of it is durable once the folders it touches were synced. */
export interface NameChange {
  readonly at: number;
  readonly kind: "create" | "unlink" | "rename" | "mkdir";
  readonly path: string;
  /** Of a rename: the new name. */
  readonly path2: string;
  readonly inode: number;
  /** Of a rename: the inode that lost its name, or 0. */
  readonly replaced: number;
  readonly folders: Set<string>;
}

export interface Unsynced {
  readonly data: readonly DataChange[];
  readonly names: readonly NameChange[];
  /** How many changes there were altogether. */
  readonly changes: number;
}

/** A sync under way. */
interface Sync {
  readonly began: number;
  readonly inode: number;
  /** Undefined for the whole file. */
  readonly range: Range | undefined;
  /** Undefined for a file. */
  readonly folder: string | undefined;
}

/** Goes through the journals of a data directory, the oldest first. */
export function unsyncedOf(journals: readonly (readonly JournalRecord[])[]): Unsynced {
  const ledger = new Ledger();
  for (const records of journals) {
    const syncs = new Map<number, Sync>();
    for (const record of records) ledger.take(record, syncs);
  }
  return ledger.result();
}

class Ledger {
  readonly #files: Map<number, DataChange[]> = new Map();
  #names: NameChange[] = [];
  #changes = 0;

  take(record: JournalRecord, syncs: Map<number, Sync>): void {
    switch (record.kind) {
      case "write":
      case "truncate":
        return this.#changeData(record, record.kind);
      case "create":
      case "unlink":
      case "rename":
      case "mkdir":
        return this.#changeName(record, record.kind);
      case "sync":
      case "syncFolder": {
        const { id, inode, offset, length, path } = record;
        const range = length === 0 ? undefined : rounded({ from: offset, to: offset + length }, SECTOR);
        const folder = record.kind === "syncFolder" ? path : undefined;
        syncs.set(id, { began: this.#changes, inode, range, folder });
        return;
      }
      case "synced":
      case "syncFailed": {
        const sync = syncs.get(record.other);
        if (sync === undefined) return;
        if (record.kind === "syncFailed") return this.#fail(sync);
        return sync.folder === undefined ? this.#settle(sync) : this.#settleFolder(sync, sync.folder);
      }
    }
  }

  result(): Unsynced {
    const data = [...this.#files.values()].flat().sort((a, b) => a.at - b.at);
    return { data, names: this.#names, changes: this.#changes };
  }

  #changeData({ inode, offset, length, oldLength, data }: JournalRecord, kind: DataChange["kind"]): void {
    const from = Math.floor(offset / SECTOR) * SECTOR;
    const to = kind === "write" ? offset + length : Math.max(from, oldLength);
    const ranges = to > from ? [rounded({ from, to }, SECTOR)] : [];
    const rest = { offset: from, data, oldLength, ranges, lengthInDoubt: true, doomed: false };
    const changes = this.#files.get(inode) ?? [];
    changes.push({ at: this.#changes++, kind, inode, ...rest });
    this.#files.set(inode, changes);
  }

  #changeName({ path, path2, inode, other }: JournalRecord, kind: NameChange["kind"]): void {
    const folders = new Set([folderOf(path), ...(path2 === "" ? [] : [folderOf(path2)])]);
    this.#names.push({ at: this.#changes++, kind, path, path2, inode, replaced: other, folders });
  }

  /**
   * What was written before the sync began is durable. Where only changes remain whose sync has failed there is
   * nothing that it would write: they stay in doubt until the sector is written again.
   */
  #settle({ inode, range, began }: Sync): void {
    const changes = this.#files.get(inode) ?? [];
    const before = changes.filter(({ at }) => at < began);
    const dirty = before.filter(({ doomed }) => !doomed);
    const written = dirty.flatMap(({ ranges }) => ranges);
    const settled = range === undefined ? written : written.flatMap((each) => common(each, range));
    const all = range === undefined && dirty.length === before.length;
    for (const change of before) {
      change.ranges = all ? [] : settled.reduce((left, gone) => without(left, gone), change.ranges);
      if (!change.doomed || dirty.length > 0) change.lengthInDoubt = false;
      // With the length, what was cut off is gone for good.
      if (change.kind === "truncate" && !change.doomed) change.ranges = [];
    }
    const left = changes.filter(({ ranges, lengthInDoubt }) => ranges.length > 0 || lengthInDoubt);
    if (left.length > 0) this.#files.set(inode, left);
    else this.#files.delete(inode);
  }

  #fail({ inode, began, folder }: Sync): void {
    if (folder !== undefined) return;
    for (const change of this.#files.get(inode) ?? []) if (change.at < began) change.doomed = true;
  }

  #settleFolder({ began }: Sync, folder: string): void {
    for (const name of this.#names) if (name.at < began) name.folders.delete(folder);
    this.#names = this.#names.filter(({ folders }) => folders.size > 0);
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function common(a: Range, b: Range): readonly Range[] {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? [{ from, to }] : [];
}
