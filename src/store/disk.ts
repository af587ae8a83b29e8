/** The operations on files that the log and the identity need, and no more, so that tests can inject faults. */

import fs from "node:fs";
import { dirname, resolve } from "node:path";

/** One open file. Offsets and lengths are bytes. */
export interface DiskFile {
  /**
   * Writes all of `bytes` at `offset`. A failure may leave any part of them written. Durable when it resolves if
   * the file was opened by {@link Disk.openDurable}, otherwise only after a {@link sync}.
   */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Makes all that was written durable, the file's length included (fdatasync). */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Every method rejects with the system's error; none retries. */
export interface Disk {
  /** Names in a directory, in no particular order; undefined if there is no such directory. */
  list(directory: string): Promise<readonly string[] | undefined>;
  /** The whole file; undefined if there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates a file, or empties it. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file that exists, for writing. */
  open(path: string): Promise<DiskFile>;
  /** The same, but every write is durable when it resolves, as if a {@link DiskFile.sync} followed it. */
  openDurable(path: string): Promise<DiskFile>;
  /** Durable only after {@link syncDirectory}, like every change of names. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Creates a directory and its parents where missing, durably. */
  makeDirectory(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** Turns one call in Node's callback style into a promise. Lighter than FileHandle on the path of every write. */
function call<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error === null || error === undefined ? resolve(value) : reject(error)));
  });
}

/**
 * Whether a write to a file opened with O_DSYNC is what a write and an fdatasync are (open(2)): on Linux it is, and
 * one call instead of two spares each batch a second way through the thread pool (measured in src/store/DESIGN.md). On macOS the flag does not reach the drive's own cache, as libuv's fdatasync does.
 */
const HAS_DSYNC = process.platform === "linux";

class RealFile implements DiskFile {
  readonly #fd: number;
  readonly #syncsWrites: boolean;

  /** @param syncsWrites whether each write is to be followed by a sync. */
  constructor(fd: number, syncsWrites = false) {
    this.#fd = fd;
    this.#syncsWrites = syncsWrites;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const left = bytes.length - done;
      const wrote = await call<number>((end) => fs.write(this.#fd, bytes, done, left, offset + done, end));
      // The rest of a short write (a full disk, a limit) gives the error itself when it is attempted.
      if (wrote === 0) throw new Error("the system wrote nothing and gave no reason");
      done += wrote;
    }
    if (this.#syncsWrites) await this.sync();
  }

  sync(): Promise<void> {
    return call((end) => fs.fdatasync(this.#fd, (error) => end(error, undefined)));
  }

  truncate(length: number): Promise<void> {
    return call((end) => fs.ftruncate(this.#fd, length, (error) => end(error, undefined)));
  }

  close(): Promise<void> {
    return call((end) => fs.close(this.#fd, (error) => end(error ?? null, undefined)));
  }
}

/** `wanted`, or undefined if the system says that there is no such file. */
async function unlessMissing<T>(wanted: Promise<T>): Promise<T | undefined> {
  try {
    return await wanted;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The file system of this machine. */
export const realDisk: Disk = {
  list: (directory) => unlessMissing(fs.promises.readdir(directory)),

  read: (path) => unlessMissing(fs.promises.readFile(path)),

  async create(path) {
    return new RealFile(await call<number>((end) => fs.open(path, "w", 0o640, end)));
  },

  async open(path) {
    return new RealFile(await call<number>((end) => fs.open(path, "r+", end)));
  },

  async openDurable(path) {
    const flags = fs.constants.O_RDWR | (HAS_DSYNC ? fs.constants.O_DSYNC : 0);
    return new RealFile(await call<number>((end) => fs.open(path, flags, end)), !HAS_DSYNC);
  },

  rename: (from, to) => fs.promises.rename(from, to),

  remove: (path) => fs.promises.unlink(path),

  async makeDirectory(path) {
    const first = await fs.promises.mkdir(path, { recursive: true, mode: 0o750 });
    if (first === undefined) return;
    // Every directory made here is a new name in its parent, up to the parent of the first.
    for (let made = resolve(path); made.length >= first.length; made = dirname(made)) {
      await realDisk.syncDirectory(dirname(made));
    }
  },

  async syncDirectory(path) {
    const handle = await fs.promises.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
