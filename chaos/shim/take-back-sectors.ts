/** Puts old bytes back into one file, block by block. */

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import type { Random } from "../random.ts";
import { SECTOR } from "./journal.ts";
import type { DataChange } from "./unsynced.ts";

export interface SectorPlan {
  /** Of this file that are in doubt, in order. */
  readonly changes: readonly DataChange[];
  readonly block: number;
  /** Up to which change a block survives that these have touched. */
  readonly cut: (touching: readonly DataChange[]) => number;
  /** That the file is to have; undefined for the one it has. */
  readonly length: number | undefined;
  readonly random: Random;
  /** Whether a sector may hold the beginning of the next write as well. */
  readonly tears: boolean;
  /** Whether room that was never written holds what another file once had there, instead of zeros. */
  readonly garbage: boolean;
}

export interface SectorOutcome {
  readonly takenBack: number;
  readonly torn: number;
}

/** How often the sector at which a block was cut is itself half written. */
const TORN_SECTOR = 0.1;

export function applySectors(path: string, plan: SectorPlan): SectorOutcome {
  const fd = openSync(path, "r+");
  try {
    const length = fstatSync(fd).size;
    const undone = new Map<DataChange, { lost: number; kept: number }>();
    for (const change of plan.changes) undone.set(change, { lost: 0, kept: 0 });
    for (const sectors of blocksOf(plan)) {
      const cut = plan.cut([...new Set(sectors.flatMap(({ touching }) => touching))]);
      for (const { at, touching } of sectors) {
        for (const change of touching) {
          const count = undone.get(change);
          if (count !== undefined) count[change.at >= cut ? "lost" : "kept"] += 1;
        }
        takeBack(fd, plan, { at, lost: touching.filter((change) => change.at >= cut) });
      }
    }
    const wanted = plan.length ?? length;
    if (fstatSync(fd).size !== wanted) ftruncateSync(fd, wanted);
    const counts = [...undone.values()].filter(({ lost }) => lost > 0);
    const shortened = wanted === length ? 0 : 1;
    return {
      takenBack: Math.max(counts.length, shortened),
      torn: counts.filter(({ kept }) => kept > 0).length,
    };
  } finally {
    closeSync(fd);
  }
}

interface Sector {
  readonly at: number;
  /** The changes of it that are in doubt, in order. */
  readonly touching: DataChange[];
}

/** The sectors in doubt, those of one block together. */
function blocksOf({ changes, block }: SectorPlan): readonly (readonly Sector[])[] {
  const sectors = new Map<number, Sector>();
  const blocks = new Map<number, Sector[]>();
  for (const change of changes) {
    for (const { from, to } of change.ranges) {
      for (let at = from; at < to; at += SECTOR) {
        const known = sectors.get(at);
        if (known !== undefined) {
          known.touching.push(change);
          continue;
        }
        const sector = { at, touching: [change] };
        sectors.set(at, sector);
        const number = Math.floor(at / block);
        blocks.set(number, [...(blocks.get(number) ?? []), sector]);
      }
    }
  }
  return [...blocks.values()];
}

function takeBack(
  fd: number,
  plan: SectorPlan,
  { at, lost }: { readonly at: number; readonly lost: readonly DataChange[] },
): void {
  const [first, second] = lost;
  if (first === undefined) return;
  const old = oldSector(first, at, plan);
  if (plan.tears && plan.random.chance(TORN_SECTOR)) {
    // The change at the cut had begun: the sector begins as that left it.
    const next = second === undefined ? sectorNow(fd, at) : oldSector(second, at, plan);
    old.set(next.subarray(0, plan.random.below(SECTOR)));
  }
  writeSync(fd, old, 0, SECTOR, at);
}

/** What a sector held before a change. Behind the end of the file as it was: zeros, or anything. */
function oldSector({ offset, data, oldLength }: DataChange, at: number, plan: SectorPlan): Uint8Array {
  const sector = new Uint8Array(SECTOR);
  const unwritten = at >= Math.ceil(oldLength / plan.block) * plan.block;
  if (plan.garbage && unwritten) {
    for (let byte = 0; byte < SECTOR; byte++) sector[byte] = plan.random.below(256);
    return sector;
  }
  const from = at - offset;
  if (from < data.length) sector.set(data.subarray(Math.max(0, from), from + SECTOR));
  return sector;
}

function sectorNow(fd: number, at: number): Uint8Array {
  const sector = new Uint8Array(SECTOR);
  readSync(fd, sector, 0, SECTOR, at);
  return sector;
}
