/** The disk of one node, as the shim shows it: what is below a folder can be made slow, full or failing, and lose power. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Random } from "../random.ts";
import { ControlPage } from "./control-page.ts";
import { type LossMode, losePower, type PowerLoss } from "./power-loss.ts";

export class ShimmedDisk {
  /** What is watched: for a node its data directory, which is there, and empty at first. */
  readonly root: string;
  readonly control: ControlPage;
  readonly #library: string;
  readonly #beside: string;

  /**
   * Makes the folder, and one beside it for the shim, on the same file system.
   * @param library what `shimLibrary` gives.
   */
  constructor(root: string, library: string) {
    mkdirSync(root, { recursive: true });
    this.root = root;
    this.#library = library;
    this.#beside = mkdtempSync(join(dirname(root), `${basename(root)}-shim-`));
    mkdirSync(join(this.#beside, "journal"));
    this.control = ControlPage.create(join(this.#beside, "control"));
  }

  /** What a process has to find in its environment. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      RAFTALLY_SHIM_ROOT: this.root,
      RAFTALLY_SHIM_JOURNAL: join(this.#beside, "journal"),
      RAFTALLY_SHIM_CONTROL: this.control.path,
      // The kernel writes what is put into its ring without calling anything that a shim could stand before.
      UV_USE_IO_URING: "0",
    };
  }

  /** Once every process is dead: takes back an arbitrary part of what was not durable. */
  losePower(random: Random, mode?: LossMode): PowerLoss {
    const journal = join(this.#beside, "journal");
    return losePower({ root: this.root, journal, random, ...(mode === undefined ? {} : { mode }) });
  }

  /** Removes what the shim wrote, and leaves the folder. */
  remove(): void {
    rmSync(this.#beside, { recursive: true, force: true });
  }
}
