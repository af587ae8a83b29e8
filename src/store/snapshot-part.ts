/** A file that arrives in pieces, in order, and may be interrupted anywhere. */

import type { Disk, DiskFile } from "./disk.ts";
import { sizeOf } from "./snapshot-folder.ts";

/** Bytes that have arrived of a file of known length. Calls are carried out in order. */
export class PartFile {
  readonly #file: DiskFile;
  readonly #length: number;
  #offset: number;
  /** Whether more has come than there should be. */
  #overflowed = false;
  #closed = false;
  #turn: Promise<void> = Promise.resolve();

  /** Opens the file at `path` to go on with it, or makes it. One that is longer than `length` begins anew. */
  static async open(disk: Disk, path: string, length: number): Promise<PartFile> {
    const size = await sizeOf(path);
    if (size === undefined || size > length) return new PartFile(await disk.create(path), length, 0);
    return new PartFile(await disk.open(path), length, size);
  }

  private constructor(file: DiskFile, length: number, offset: number) {
    this.#file = file;
    this.#length = length;
    this.#offset = offset;
  }

  /** Bytes that are here. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether all bytes are here, and no more. */
  get isComplete(): boolean {
    return this.#offset === this.#length && !this.#overflowed;
  }

  /** Adds bytes at the end. What is beyond the length is not written; after a close nothing is. */
  append(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) return;
      const room = chunk.subarray(0, this.#length - this.#offset);
      if (room.length < chunk.length) this.#overflowed = true;
      await this.#file.write(room, this.#offset);
      this.#offset += room.length;
    });
  }

  /** Makes what has arrived durable and closes the file. */
  finish(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) return;
      this.#closed = true;
      await this.#file.sync();
      await this.#file.close();
    });
  }

  /** Closes the file; what has arrived stays. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) return;
      this.#closed = true;
      await this.#file.close();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
