/** A cluster whose nodes have a shim between them and their disks. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "../cluster.ts";
import { type Launch, mergedLaunch } from "../node-process.ts";
import type { Random } from "../random.ts";
import type { StagedCluster } from "../scenario.ts";
import { ShimmedDisk } from "../shim/disk.ts";
import { shimLack, shimLibrary } from "../shim/library.ts";
import { LOSS_MODES, type PowerLoss } from "../shim/power-loss.ts";
import { stagedWith } from "./staged.ts";

/** For `Scenario.lacks`. */
export async function needsShim(): Promise<string | undefined> {
  const lack = shimLack();
  return lack === undefined ? undefined : `needs ${lack}`;
}

export class Machines {
  readonly cluster: Cluster;
  readonly #directory: string;
  readonly #disks: ReadonlyMap<string, ShimmedDisk>;

  private constructor(cluster: Cluster, directory: string, disks: ReadonlyMap<string, ShimmedDisk>) {
    this.cluster = cluster;
    this.#directory = directory;
    this.#disks = disks;
  }

  /**
   * Starts a cluster of three such nodes.
   * @param launch what else its processes are to have.
   */
  static async start(launch: (id: string) => Launch = () => ({})): Promise<Machines> {
    const library = await shimLibrary();
    const directory = mkdtempSync(join(tmpdir(), "raftally-disks-"));
    const disks = new Map<string, ShimmedDisk>();
    const disk = (id: string): ShimmedDisk => {
      const made = disks.get(id) ?? new ShimmedDisk(join(directory, id), library);
      disks.set(id, made);
      return made;
    };
    const launchOf = (id: string): Launch =>
      mergedLaunch({ data: disk(id).root, env: disk(id).env }, launch(id));
    try {
      return new Machines(await Cluster.start({ launch: launchOf }), directory, disks);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get ids(): readonly string[] {
    return this.cluster.nodes.map(({ id }) => id);
  }

  disk(id: string): ShimmedDisk {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new Error(`${id} has no disk`);
    return disk;
  }

  /** All nodes at once lose power. What was not durable may be gone. */
  async losePower(random: Random): Promise<readonly PowerLoss[]> {
    await this.cluster.kill(...this.ids);
    // Often all of them lose as much: what one forgets, another must not be there to remember.
    const mode = random.chance(0.5) ? random.pick(LOSS_MODES) : undefined;
    return this.ids.map((id) => this.disk(id).losePower(random, mode));
  }

  /** @throws {Error} if a node did something with its files that the shim could not take back. */
  checkModel(): void {
    for (const id of this.ids) {
      const { notModelled } = this.disk(id).control.counts();
      if (notModelled > 0)
        throw new Error(`INVALID: ${id} changed its files in ${notModelled} ways that are not modelled`);
    }
  }

  /** As a scenario gives it: whoever stops it removes the disks as well. */
  get staged(): StagedCluster {
    const directory = this.#directory;
    return stagedWith(this.cluster, directory, () => rmSync(directory, { recursive: true, force: true }));
  }
}
