/**
 * A disk in memory that may lose power. Like a real one it keeps for certain only what was synced: of the rest,
 * each sector of each write and each change of a name may be there afterwards or not, independently.
 *
 * Like Linux it takes what a sync has failed to write for clean: everybody goes on reading it, and no later sync
 * makes it durable until it is written again. Names are another matter: a file system whose journal cannot be
 * written takes no change any more, so a failed sync of a directory leaves them to the next one that succeeds.
 */

import { dirname } from "node:path";
import type { Prng } from "../../src/base/index.ts";
import type { Disk, DiskFile } from "../../src/store/disk.ts";

const SECTOR_BYTES = 512;

interface Inode {
  bytes: Buffer;
  /** As it is for certain. */
  durable: Buffer;
  /** Sectors of `bytes` that the next sync has to write, by number. */
  dirty: Set<number>;
}

interface NameChange {
  readonly path: string;
  readonly inode: Inode | undefined;
}

/** How a machine goes down: only its processes die, or the power fails and unsynced data may be lost. */
export type Crash = { readonly kind: "kill" } | { readonly kind: "power"; readonly prng: Prng };

export class MemoryDisk implements Disk {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nameChanges: (readonly NameChange[])[] = [];
  #operations = 0;
  /** Every operation that changes something, in order. */
  readonly trace: string[] = [];
  /** Called before each operation that changes something; may throw to fail it. After a failed sync see above. */
  before: (operation: string, count: number) => void = () => {};

  get operations(): number {
    return this.#operations;
  }

  /** The bytes of a file; undefined if there is none. */
  peek(path: string): Buffer | undefined {
    return this.#names.get(path)?.bytes;
  }

  /** Replaces a file durably, as damage does. */
  poke(path: string, bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      this.#names.delete(path);
      this.#durableNames.delete(path);
      return;
    }
    const inode: Inode = { bytes: Buffer.from(bytes), durable: Buffer.from(bytes), dirty: new Set() };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** Every path, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The disk as a restarted process finds it. This one is not to be used any more. */
  crash(crash: Crash): MemoryDisk {
    const disk = new MemoryDisk();
    if (crash.kind === "kill") {
      // What was not synced is still only in the cache, so a later power failure may lose it.
      disk.#names = this.#names;
      disk.#durableNames = this.#durableNames;
      disk.#nameChanges = this.#nameChanges;
      return disk;
    }
    const names = new Map(this.#durableNames);
    for (const change of this.#nameChanges) if (crash.prng.chance(0.5)) applyNames(names, change);
    for (const [path, inode] of names) disk.poke(path, afterPowerLoss(inode, crash.prng));
    return disk;
  }

  /** A disk of its own with the same content, all of it durable. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [path, { bytes }] of this.#names) disk.poke(path, bytes);
    return disk;
  }

  async list(directory: string): Promise<readonly string[]> {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1));
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const inode = this.#names.get(path);
    return inode && Buffer.from(inode.bytes);
  }

  async create(path: string): Promise<DiskFile> {
    await this.#step(`create ${path}`);
    const inode: Inode = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: new Set() };
    this.#change([{ path, inode }]);
    return this.#file(path, inode);
  }

  async open(path: string): Promise<DiskFile> {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Error(`ENOENT: ${path}`);
    return this.#file(path, inode);
  }

  async openDurable(path: string): Promise<DiskFile> {
    const file = await this.open(path);
    // Apart, as far as a crash or a failure is concerned: the data may be there although its sync failed.
    const write = async (bytes: Uint8Array, offset: number): Promise<void> => {
      await file.write(bytes, offset);
      await file.sync();
    };
    return { ...file, write };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step(`rename ${from} ${to}`);
    const inode = this.#names.get(from);
    if (inode === undefined) throw new Error(`ENOENT: ${from}`);
    this.#change([
      { path: from, inode: undefined },
      { path: to, inode },
    ]);
  }

  async remove(path: string): Promise<void> {
    await this.#step(`remove ${path}`);
    if (!this.#names.has(path)) throw new Error(`ENOENT: ${path}`);
    this.#change([{ path, inode: undefined }]);
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(path: string): Promise<void> {
    await this.#step(`syncDirectory ${path}`);
    const own = (change: readonly NameChange[]) => change.every((part) => dirname(part.path) === path);
    for (const change of this.#nameChanges) if (own(change)) applyNames(this.#durableNames, change);
    this.#nameChanges = this.#nameChanges.filter((change) => !own(change));
  }

  #file(path: string, inode: Inode): DiskFile {
    return {
      write: async (bytes, offset) => {
        await this.#step(`write ${path}`);
        const length = Math.max(inode.bytes.length, offset + bytes.length);
        const grown = Buffer.alloc(length);
        grown.set(inode.bytes);
        grown.set(bytes, offset);
        inode.bytes = grown;
        for (let at = offset - (offset % SECTOR_BYTES); at < offset + bytes.length; at += SECTOR_BYTES) {
          inode.dirty.add(at / SECTOR_BYTES);
        }
      },
      sync: async () => {
        try {
          await this.#step(`sync ${path}`);
        } catch (error) {
          inode.dirty.clear();
          throw error;
        }
        writeBack(inode);
      },
      truncate: async (length) => {
        await this.#step(`truncate ${path}`);
        inode.bytes = Buffer.from(inode.bytes.subarray(0, length));
        // What lay beyond is in no cache any more.
        for (const sector of inode.dirty) if (sector * SECTOR_BYTES >= length) inode.dirty.delete(sector);
      },
      close: async () => {},
    };
  }

  #change(change: readonly NameChange[]): void {
    applyNames(this.#names, change);
    this.#nameChanges.push(change);
  }

  async #step(operation: string): Promise<void> {
    // Others may go on in between, as on a real disk.
    await Promise.resolve();
    this.before(operation, this.#operations);
    this.#operations += 1;
    this.trace.push(operation);
  }
}

function applyNames(names: Map<string, Inode>, change: readonly NameChange[]): void {
  for (const { path, inode } of change) {
    if (inode === undefined) names.delete(path);
    else names.set(path, inode);
  }
}

/** Makes the length and the dirty sectors durable, and nothing else. */
function writeBack(inode: Inode): void {
  const { bytes, durable, dirty } = inode;
  inode.durable = Buffer.alloc(bytes.length);
  durable.copy(inode.durable);
  for (const sector of dirty) {
    const at = sector * SECTOR_BYTES;
    bytes.copy(inode.durable, at, at, Math.min(at + SECTOR_BYTES, bytes.length));
  }
  dirty.clear();
}

/** The durable content, with some of the sectors and perhaps the length of what was written since. */
function afterPowerLoss({ bytes, durable }: Inode, prng: Prng): Buffer {
  const length = prng.chance(0.5)
    ? bytes.length
    : prng.between(Math.min(durable.length, bytes.length), Math.max(durable.length, bytes.length));
  const found = Buffer.alloc(length);
  durable.copy(found);
  const keep = prng.real();
  for (let at = 0; at < length; at += SECTOR_BYTES) {
    // Beyond the end of a file that was cut there is nothing new to keep.
    if (prng.chance(keep) && at < bytes.length)
      bytes.copy(found, at, at, Math.min(at + SECTOR_BYTES, bytes.length));
  }
  return found;
}
