/** What must be left when everything that is not durable is lost: a second, slower way to say it. */

import type { Step } from "./scribe.ts";

interface Inode {
  now: Buffer;
  durable: Buffer;
}

const SECTOR = 512;

/** One folder of files. Knows the steps write, writeDurably, truncate, fsync, unlink, rename and syncFolder. */
export class DurableModel {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  get names(): readonly string[] {
    return [...this.#names.keys()];
  }

  take(step: Step): void {
    switch (step.do) {
      case "write":
        return this.#write(this.#make(step.file), step);
      case "writeDurably": {
        const inode = this.#make(step.file);
        this.#write(inode, step);
        return syncRange(inode, step.at, step.at + step.text.length);
      }
      case "truncate": {
        const inode = this.#make(step.file);
        inode.now = resized(inode.now, step.length);
        return;
      }
      case "fsync": {
        const inode = this.#make(step.file);
        inode.durable = Buffer.from(inode.now);
        return;
      }
      case "unlink":
        this.#names.delete(step.file);
        return;
      case "rename": {
        const inode = this.#make(step.file);
        this.#names.delete(step.file);
        this.#names.set(step.to, inode);
        return;
      }
      case "syncFolder":
        this.#durableNames = new Map(this.#names);
        return;
      default:
        throw new Error(`the model does not know ${step.do}`);
    }
  }

  /** Name and text of every file that is left, in order of names. */
  left(): readonly (readonly [string, string])[] {
    const files = [...this.#durableNames].map(
      ([name, { durable }]) => [name, durable.toString("latin1")] as const,
    );
    return files.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #make(name: string): Inode {
    const inode = this.#names.get(name) ?? { now: Buffer.alloc(0), durable: Buffer.alloc(0) };
    this.#names.set(name, inode);
    return inode;
  }

  #write(inode: Inode, { at, text }: { readonly at: number; readonly text: string }): void {
    inode.now = resized(inode.now, Math.max(inode.now.length, at + text.length));
    inode.now.write(text, at, "latin1");
  }
}

/** Whole sectors reach the disk, and the length. What was in doubt elsewhere stays so. */
function syncRange(inode: Inode, from: number, to: number): void {
  const { now, durable } = inode;
  const next = resized(durable, now.length);
  const [first, end] = [Math.floor(from / SECTOR) * SECTOR, Math.ceil(to / SECTOR) * SECTOR];
  now.copy(next, first, first, Math.min(end, now.length));
  inode.durable = next;
}

function resized(bytes: Buffer, length: number): Buffer {
  const next = Buffer.alloc(length);
  bytes.copy(next, 0, 0, length);
  return next;
}
