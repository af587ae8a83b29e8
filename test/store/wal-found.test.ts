/** What a process that was killed had written and not synced: its successor finds it, and relies on it. */

import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { Wal } from "../../src/store/wal.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { createLog } from "../../src/store/wal-segment.ts";
import { contentsAfter, EMPTY, INITIAL_BASE, OWNER, simpleWrite } from "./log-model.ts";
import { MemoryDisk } from "./memory-disk.ts";

const DIRECTORY = "/data";

async function fresh(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await createLog(disk, DIRECTORY, { owner: OWNER, base: INITIAL_BASE });
  return disk;
}

async function open(disk: MemoryDisk): Promise<Wal> {
  return Wal.open({ disk, directory: DIRECTORY, owner: OWNER }, await readLog(disk, DIRECTORY, OWNER));
}

describe("entries that were found in the log", () => {
  it("are durable once the log is open, whatever happens then", async () => {
    const write = simpleWrite(EMPTY, 3_000);
    const { entries } = contentsAfter(EMPTY, write);
    // How the segment looks with one write in it.
    const model = await fresh();
    await (await open(model)).append({ seq: 1, ...write });
    const [path] = model.paths() as [string];
    const whole = model.peek(path) as Buffer;
    for (let seed = 1; seed <= 20; seed++) {
      const disk = await fresh();
      const empty = disk.peek(path)?.length ?? 0;
      // The process died between its write and the sync.
      const file = await disk.open(path);
      await file.write(whole.subarray(empty), empty);
      await open(disk);
      const after = disk.crash({ kind: "power", prng: new Prng(seed) });
      expect((await readLog(after, DIRECTORY, OWNER)).entries, `seed ${seed}`).toEqual(entries);
    }
  });
});
