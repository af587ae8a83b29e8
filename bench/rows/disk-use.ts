/** What a directory occupies on its disk, as `du` counts, and the most that it did meanwhile. */

import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** Bytes of all blocks of all files below. What goes away meanwhile is not counted. */
export async function occupied(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = names.map(async (name) => {
    const found = await lstat(join(directory, name)).catch(() => undefined);
    return (found?.blocks ?? 0) * BLOCK_BYTES;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** Looks again and again at what directories occupy. */
export class DiskWatch {
  readonly #directories: readonly string[];
  readonly #everyMs: number;
  #most = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(directories: readonly string[], everyMs = 500) {
    this.#directories = directories;
    this.#everyMs = everyMs;
  }

  /** Bytes of the largest that was seen so far. */
  get most(): number {
    return this.#most;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look()).then(() => undefined);
    }, this.#everyMs);
  }

  /** @returns bytes of the directory that occupied most, at its largest and now. */
  async stop(): Promise<{ readonly most: number; readonly last: number }> {
    clearInterval(this.#timer);
    await this.#looking;
    const last = await this.#look();
    return { most: this.#most, last };
  }

  async #look(): Promise<number> {
    const largest = Math.max(...(await Promise.all(this.#directories.map(occupied))));
    this.#most = Math.max(this.#most, largest);
    return largest;
  }
}
