import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { Wal } from "../../src/store/wal.ts";
import { type LogOnDisk, readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import { portion } from "../support/capability.ts";
import { type Contents, contentsAfter, EMPTY, INITIAL_BASE, OWNER, randomWrite } from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";
const SEEDS = portion(600);
const OPTIONS = { directory: DIRECTORY, owner: OWNER, segmentBytes: 2_000 } as const;

class PowerLost extends Error {}

function contentsOf({ shape, entries }: LogOnDisk): Contents {
  return { hardState: shape.hardState, base: shape.base, entries };
}

interface Ran {
  /** The contents after each write that was asked for; the first is those at the start. */
  readonly states: readonly Contents[];
  readonly acknowledged: number;
  /** Whether the log was ready for writing, and so what had been found in it was promised again. */
  readonly opened: boolean;
}

/** Writes at random until the disk stops. */
async function write(disk: MemoryDisk, log: LogOnDisk, prng: Prng): Promise<Ran> {
  const states = [contentsOf(log)];
  let acknowledged = 0;
  let alive = true;
  let opened = false;
  const pending: Promise<void>[] = [];
  try {
    const wal = await Wal.open({ ...OPTIONS, disk }, log);
    opened = true;
    for (let round = 0; round < 60 && alive; round++) {
      for (let burst = prng.between(1, 4); burst > 0; burst--) {
        const state = states.at(-1) ?? EMPTY;
        const next = randomWrite(state, prng);
        const number = states.push(contentsAfter(state, next)) - 1;
        const done = wal.append({ seq: number, ...next });
        pending.push(
          done.then(
            () => {
              expect(number).toBe(acknowledged + 1);
              acknowledged = number;
            },
            (error: Error) => {
              if (!(error.cause instanceof PowerLost)) throw error;
              alive = false;
            },
          ),
        );
      }
      if (prng.chance(0.7)) await Promise.all(pending);
    }
    await Promise.all(pending);
  } catch (error) {
    if (!((error as Error).cause instanceof PowerLost)) throw error;
  }
  return { states, acknowledged, opened };
}

describe("the log on a disk that loses power", () => {
  it("holds after every crash all that was acknowledged, and a whole number of writes", {
    timeout: 300_000,
  }, async () => {
    const seen = { torn: 0, rotated: 0, deleted: 0, partial: 0, kills: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const prng = new Prng(seed);
      let disk = new MemoryDisk();
      await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
      let possible: readonly Contents[] = [EMPTY];
      for (let life = 0; life < 5; life++) {
        const log = await readLog(disk, DIRECTORY, OWNER).catch((error) => {
          throw new Error(`seed ${seed}, life ${life}: ${error.message}`, { cause: error });
        });
        const found = contentsOf(log);
        expect(possible, `seed ${seed}, life ${life}`).toContainEqual(found);
        if (log.tornBytes > 0) seen.torn += 1;
        if (log.segments.length > 1) seen.rotated += 1;
        if ((log.segments[0]?.segment ?? 1) > 1) seen.deleted += 1;
        const end = prng.between(0, 80);
        const current = disk;
        disk.before = (_, count) => {
          if (count >= end) throw new PowerLost();
        };
        const { states, acknowledged, opened } = await write(current, log, prng);
        if (acknowledged < states.length - 1) seen.partial += 1;
        if (opened) possible = states.slice(acknowledged);
        const kill = prng.chance(0.3);
        if (kill) seen.kills += 1;
        disk = current.crash(kill ? { kind: "kill" } : { kind: "power", prng });
        if (kill && prng.chance(0.5)) {
          // Whatever is read after a kill is promised again, so it must survive a power failure right after.
          const read = await readLog(disk, DIRECTORY, OWNER);
          await Wal.open({ ...OPTIONS, disk }, read);
          possible = [contentsOf(read)];
          disk = disk.crash({ kind: "power", prng });
        }
      }
    }
    // The property is worth nothing unless these things happened.
    expect(seen.torn).toBeGreaterThan(SEEDS / 10);
    expect(seen.rotated).toBeGreaterThan(SEEDS / 6);
    expect(seen.deleted).toBeGreaterThan(SEEDS / 6);
    expect(seen.partial).toBeGreaterThan((5 * SEEDS) / 6);
    expect(seen.kills).toBeGreaterThan(SEEDS / 6);
  });
});
