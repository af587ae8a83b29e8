/** A file by which one process tells another where to die. */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { NodePoint } from "./points.ts";

/** The entry point, for `Launch.program`. */
export const FAULTY_NODE: string = fileURLToPath(new URL("./node.ts", import.meta.url));

/** Names the file, in the environment of the node. */
export const FUSE_VARIABLE = "RAFTALLY_CHAOS_FUSE";
/** If set, the node takes a snapshot after so many entries and keeps as few in its log, so that others need it. */
export const SMALL_VARIABLE = "RAFTALLY_CHAOS_SNAPSHOT_ENTRIES";

export class Fuse {
  readonly path: string;
  /** Times each point was reached since what is armed was, by the text of what is armed. */
  #armed = "";
  #reached = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** The node dies when it reaches `point` for the nth time from now on. */
  arm(point: NodePoint, nth: number): void {
    rmSync(this.#blown, { force: true });
    // Written whole, because the node may look at any time; the number makes two of the same differ.
    writeFileSync(`${this.path}.new`, `${point} ${nth} ${performance.now()}`);
    renameSync(`${this.path}.new`, this.path);
  }

  disarm(): void {
    rmSync(this.path, { force: true });
  }

  /** Whether a node has died of it. */
  get isBlown(): boolean {
    return statSync(this.#blown, { throwIfNoEntry: false }) !== undefined;
  }

  get #blown(): string {
    return `${this.path}.blown`;
  }

  /** Of the node: it is at this point now. Does not return if it is to die here. */
  reach(point: NodePoint): void {
    const armed = this.#read();
    const [wanted, nth] = armed.split(" ");
    if (wanted !== point) return;
    if (armed !== this.#armed) this.#reached = 0;
    this.#armed = armed;
    this.#reached += 1;
    if (this.#reached < Number(nth)) return;
    renameSync(this.path, this.#blown);
    process.kill(process.pid, "SIGKILL");
  }

  #read(): string {
    try {
      return readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }
}
