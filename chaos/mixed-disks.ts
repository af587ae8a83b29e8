/** Disks that can lose power, for as many nodes as come; none where this machine cannot build the shim. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Launch } from "./node-process.ts";
import type { Random } from "./random.ts";
import { ShimmedDisk } from "./shim/disk.ts";
import { shimLack, shimLibrary } from "./shim/library.ts";
import type { PowerLoss } from "./shim/power-loss.ts";

/** ms that a sync takes longer, by turns: what is slow is caught more often with a write that is not synced yet. */
const SYNC_DELAYS_MS = [0, 0, 1, 4];

export class Disks {
  /** Holds all of them. */
  readonly folder: string;
  readonly #library: string;
  readonly #disks: Map<string, ShimmedDisk> = new Map();

  private constructor(library: string) {
    this.#library = library;
    this.folder = mkdtempSync(join(tmpdir(), "raftally-disks-"));
  }

  /** Why there are none on this machine; undefined if there are. */
  static lack(): string | undefined {
    return shimLack();
  }

  static async make(): Promise<Disks> {
    return new Disks(await shimLibrary());
  }

  launch(id: string): Launch {
    const { root, env } = this.#disk(id);
    return { data: root, env };
  }

  /** Only when the node's process is dead. */
  losePower(id: string, random: Random): PowerLoss {
    const disk = this.#disk(id);
    disk.control.delaySyncs(random.pick(SYNC_DELAYS_MS));
    return disk.losePower(random);
  }

  /** Why what was taken back may not be all that could have been; empty if all is well. */
  get doubts(): readonly string[] {
    return [...this.#disks].flatMap(([id, { control }]) => {
      const { notModelled } = control.counts();
      return notModelled === 0
        ? []
        : [`${id} changed its files in ${notModelled} ways that are not modelled`];
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #disk(id: string): ShimmedDisk {
    const disk = this.#disks.get(id) ?? new ShimmedDisk(join(this.folder, id), this.#library);
    this.#disks.set(id, disk);
    return disk;
  }
}
