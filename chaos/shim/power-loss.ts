/**
 * Takes back what power loss could have taken, once the processes are dead. Within what the storage rules allow it is
 * as bad as chance makes it: docs/testing/power-loss.md says what is modelled.
 */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../random.ts";
import { readJournals, SECTOR } from "./journal.ts";
import { applyNames, pathsByInode } from "./take-back-names.ts";
import { applySectors, type SectorPlan } from "./take-back-sectors.ts";
import { type DataChange, type NameChange, type Unsynced, unsyncedOf } from "./unsynced.ts";

/**
 * How much is lost. `all`: everything that is not known to be durable. `order`: everything after one moment, and the
 * change at that moment may be torn. `some`: of each block and each name by itself. `little`: now and then one.
 */
export type LossMode = "all" | "order" | "some" | "little";

export const LOSS_MODES: readonly LossMode[] = ["all", "order", "some", "little"];

export interface PowerLoss {
  readonly mode: LossMode;
  /** Bytes that reach the disk together or not at all: 512 or 4096. */
  readonly block: number;
  /** Writes and truncations that were not durable yet. */
  readonly unsynced: number;
  /** Those of which something was taken back. */
  readonly takenBack: number;
  /** Those of which only a part was. */
  readonly torn: number;
  /** Names that were made, changed or removed and are not any more. */
  readonly namesTakenBack: number;
}

export interface PowerLossOptions {
  /** What was watched. */
  readonly root: string;
  /** Where the shim wrote its journals; empty afterwards, for what is on disk after a power loss is durable. */
  readonly journal: string;
  readonly random: Random;
  /** Drawn if left out. */
  readonly mode?: LossMode;
}

/** Only while no process runs that writes below the root. */
export function losePower({
  root,
  journal,
  random,
  mode = random.pick(LOSS_MODES),
}: PowerLossOptions): PowerLoss {
  const unsynced = unsyncedOf(readJournals(journal));
  const block = random.chance(0.5) ? SECTOR : 8 * SECTOR;
  const chosen = new Cuts(unsynced, mode, random);
  const keep = join(journal, "inodes");
  const namesTakenBack = applyNames(root, keep, chosen.names());
  const paths = pathsByInode(root);
  const outcome = { takenBack: 0, torn: 0 };
  for (const [inode, changes] of byInode(unsynced.data)) {
    const path = paths.get(inode);
    if (path === undefined) continue;
    const plan: SectorPlan = {
      changes,
      block,
      cut: (touching) => chosen.block(touching),
      length: chosen.length(changes),
      random,
      tears: mode !== "all",
      garbage: random.chance(0.25),
    };
    const { takenBack, torn } = applySectors(path, plan);
    outcome.takenBack += takenBack;
    outcome.torn += torn;
  }
  clear(journal);
  return { mode, block, unsynced: unsynced.data.length, ...outcome, namesTakenBack };
}

/** Begins anew: what is on disk now counts as durable. */
function clear(journal: string): void {
  for (const name of readdirSync(journal)) rmSync(join(journal, name), { recursive: true });
}

function byInode(changes: readonly DataChange[]): ReadonlyMap<number, readonly DataChange[]> {
  const files = new Map<number, DataChange[]>();
  for (const change of changes) {
    const file = files.get(change.inode) ?? [];
    file.push(change);
    files.set(change.inode, file);
  }
  return files;
}

/** Up to which change each thing survives: what is changed at the cut or later is taken back. */
class Cuts {
  readonly #unsynced: Unsynced;
  readonly #mode: LossMode;
  readonly #random: Random;
  /** Of mode `order`. */
  readonly #moment: number;

  constructor(unsynced: Unsynced, mode: LossMode, random: Random) {
    this.#unsynced = unsynced;
    this.#mode = mode;
    this.#random = random;
    const { data, names } = unsynced;
    const all = [...data, ...names].map(({ at }) => at);
    this.#moment = all.length === 0 ? 0 : random.pick(all);
  }

  /** Of one block of a file, which these changes have touched. */
  block(touching: readonly DataChange[]): number {
    return this.#cut(touching.map(({ at }) => at));
  }

  /** That a file has now; undefined if it stays as it is. */
  length(changes: readonly DataChange[]): number | undefined {
    const doubtful = changes.filter(({ lengthInDoubt }) => lengthInDoubt);
    const cut = this.#cut(doubtful.map(({ at }) => at));
    return doubtful.find(({ at }) => at >= cut)?.oldLength;
  }

  /**
   * The changes of names that are taken back. Names that a rename ties together go back together; others by
   * themselves, or, as on most file systems, in order.
   */
  names(): readonly NameChange[] {
    const { names } = this.#unsynced;
    const ordered = this.#random.chance(0.5);
    const groups = ordered ? [names] : tied(names);
    return groups.flatMap((group) => {
      const cut = this.#cut(group.map(({ at }) => at));
      return group.filter(({ at }) => at >= cut);
    });
  }

  /** One of the places of these changes, or beyond all of them. */
  #cut(places: readonly number[]): number {
    switch (this.#mode) {
      case "all":
        return 0;
      case "order":
        return this.#moment;
      case "some":
        return this.#random.pick([...places, Infinity]);
      case "little":
        return this.#random.chance(0.1) ? this.#random.pick([...places, Infinity]) : Infinity;
    }
  }
}

/** Changes in groups that share no name. */
function tied(names: readonly NameChange[]): readonly (readonly NameChange[])[] {
  let groups: { readonly paths: ReadonlySet<string>; readonly changes: readonly NameChange[] }[] = [];
  for (const change of names) {
    const touched = [change.path, ...(change.path2 === "" ? [] : [change.path2])];
    const joined = groups.filter(({ paths }) => touched.some((path) => paths.has(path)));
    groups = groups.filter((group) => !joined.includes(group));
    groups.push({
      paths: new Set([...joined.flatMap(({ paths }) => [...paths]), ...touched]),
      changes: [...joined.flatMap(({ changes }) => changes), change].sort((a, b) => a.at - b.at),
    });
  }
  return groups.map(({ changes }) => changes);
}
