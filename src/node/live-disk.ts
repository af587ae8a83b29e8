/** How much room is left on the disk of a data directory, looked at now and then. */

import { statfs } from "node:fs/promises";
import type { DiskSpace } from "./live-types.ts";

/** How often it is asked how much room is left, ms. */
const SPACE_MS = 5_000;

export class SpaceWatch {
  #space: DiskSpace | undefined;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  /** Undefined until it has been looked at, or if that is not possible. */
  get space(): DiskSpace | undefined {
    return this.#space;
  }

  /** Begins to look, at once and every few seconds. Keeps no process alive. */
  watch(directory: string): void {
    const look = (): void => void this.#look(directory);
    look();
    this.#timer = setInterval(look, SPACE_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(directory: string): Promise<void> {
    // A disk that hangs may never answer: asking again would only pile up questions.
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const { bavail, blocks, bsize } = await statfs(directory);
      this.#space = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch {
      // Nothing depends on it, and a disk that fails shows at the next write.
      this.#space = undefined;
    } finally {
      this.#isAsking = false;
    }
  }
}
