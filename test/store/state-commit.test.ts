/** When what was applied is in state.db: not with the answer, but soon after it, whole, and without being asked. */

import { spawnSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageFailure } from "../../src/store/errors.ts";
import { openToRead, readMeta, verifyRows } from "../../src/store/sqlite-schema.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { StateStore, type StateStoreOptions } from "../../src/store/state-store.ts";
import { requires } from "../support/capability.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

const WAL_BYTES_MAX = 16_777_216;

let directory = "";
let path = "";
let mounted = false;
const opened: StateStore[] = [];

beforeEach(() => {
  directory = makeDirectory();
  path = join(directory, "state.db");
});

afterEach(async () => {
  for (const state of opened.splice(0)) await state.close().catch(() => undefined);
  if (mounted) spawnSync("umount", [directory]);
  mounted = false;
  removeDirectory(directory);
});

async function open(more: Partial<StateStoreOptions> = {}): Promise<StateStore> {
  const state = await StateStore.open({ path, clusterId: CLUSTER, initial: INITIAL, ...more });
  opened.push(state);
  return state;
}

/** The applied index as somebody else reads it, who also adds up the rows that belong to it. */
function committed(): number {
  const reader = openToRead(path);
  try {
    reader.exec("BEGIN");
    const { position, totals } = readMeta(reader, CLUSTER);
    verifyRows(reader, totals);
    return position.index;
  } finally {
    reader.close();
  }
}

/** Opens a state, and resolves `failed` with what it tells when it fails. */
async function openToFail(): Promise<{ readonly state: StateStore; readonly failed: Promise<Error> }> {
  let tell: (failure: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    tell = resolve;
  });
  return { state: await open({ onFailure: (failure) => tell(failure) }), failed };
}

describe("what was applied", () => {
  it("is committed soon after the answer, though nothing more is asked", { timeout: 30_000 }, async () => {
    const state = await open();
    const log = new LogMaker(21);
    for (const count of [1, 30]) {
      const { index } = await state.apply(log.many(count), false);
      const answeredMs = performance.now();
      await expect.poll(committed, { interval: 2, timeout: 10_000 }).toBe(index);
      // 500 ms, and what two busy cores add to it.
      expect(performance.now() - answeredMs).toBeLessThan(3_000);
    }
  });

  it("is committed soon too where no row changes, as after a change of leader", async () => {
    const state = await open();
    await state.apply([new LogMaker(22).commands([], 0)], false);
    await expect.poll(committed, { interval: 2, timeout: 10_000 }).toBe(1);
  });

  it("is committed at once when 2,048 rows wait, whoever changed them, and not before", async () => {
    const options = { path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: WAL_BYTES_MAX };
    const database = new StateDatabase(options);
    const log = new LogMaker(23);
    database.apply([log.adds("k", 0, 1_000), log.adds("k", 0, 1_000)], false);
    database.apply([log.adds("k", 1_000, 1_047)], false);
    expect(database.isCommitDue).toBe(false);
    database.apply([log.adds("k", 2_047, 1)], false);
    expect(database.isCommitDue).toBe(true);
    expect(committed()).toBe(0);
    database.commit();
    expect(database.isCommitDue).toBe(false);
    expect(committed()).toBe(4);
    database.close();

    const members = new StateDatabase(options);
    // And the counter of all of them.
    members.apply([log.members("m", 0, 2_046)], false);
    expect(members.isCommitDue).toBe(false);
    members.apply([log.members("m", 2_046, 1)], false);
    expect(members.isCommitDue).toBe(true);
    members.commit();
    expect(members.isCommitDue).toBe(false);
    members.close();

    const state = await open();
    // The second answer is given after the first apply's commit, long before its time would have come.
    const startedMs = performance.now();
    const [, totals] = await Promise.all([state.apply([log.adds("k", 0, 2_048)], false), state.totals()]);
    const index = committed();
    const tookMs = performance.now() - startedMs;
    expect({ index, tookMs }).toMatchObject({ index: 7 });
    expect(totals.counters).toBe(2_049);
  });

  it("is in the file for whoever shares it, asks for a commit or closes, without any wait", async () => {
    const state = await open();
    const log = new LogMaker(24);
    for (let round = 0; round < 5; round++) {
      void state.apply(log.many(2), false);
      expect(await state.shareFile(async () => committed())).toBe(log.position.index);
      void state.apply(log.many(2), false);
      await state.commit();
      expect(committed()).toBe(log.position.index);
    }
    const last = state.apply(log.many(3), false);
    await state.close();
    await expect(last).resolves.toMatchObject({ index: log.position.index });
    const again = await open();
    expect(again.opened).toEqual(log.position);
    expect(await again.totals()).toEqual(replay(new LogMaker(24).many(log.position.index)).table.totals());
  });

  it("is in every scan that is asked for after it, before its time has come", async () => {
    const state = await open();
    const log = new LogMaker(25);
    for (let round = 1; round <= 20; round++) {
      void state.apply([log.adds("k", 0, 10)], false);
      const { answers, index } = await state.query([{ kind: "sum", prefix: "", depth: 0, limit: 1 }]);
      expect(index).toBe(round);
      expect(answers).toMatchObject([{ kind: "sum", total: { sum: BigInt(10 * round) } }]);
    }
  });
});

describe("a commit that fails when nobody waits for it", () => {
  it("stops the state for good, and says so", { timeout: 20_000 }, async () => {
    const { state, failed } = await openToFail();
    const log = new LogMaker(26);
    await state.apply(log.many(3), false);
    await state.commit();
    // A file that the state needs is taken away from under it.
    rmSync(`${path}-wal`);
    await expect(state.apply(log.many(1), false)).resolves.toMatchObject({ index: 4 });
    const failure = await failed;
    expect(failure).toBeInstanceOf(StorageFailure);
    expect(failure.message).toMatch(/commit in .*state\.db.*ENOENT/);
    expect(state.failure).toBe(failure);
    await expect(state.apply(log.many(1), false)).rejects.toBe(failure);
    await expect(state.commit()).rejects.toBe(failure);
    await expect(state.shareFile(() => Promise.resolve())).rejects.toBe(failure);
  });
});

/** Puts a disk of 2 MB where the state will be, and gives what fills it to the last byte. */
function smallDisk(): { fill(): void; empty(): void } {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", directory]);
  expect(status, String(stderr)).toBe(0);
  const [disk, ballast] = [directory, join(directory, "ballast")];
  mounted = true;
  return {
    fill: () => {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
      expect(statfsSync(disk).bavail).toBe(0);
    },
    empty: () => rmSync(ballast),
  };
}

describe("a disk that is full when the commit comes", () => {
  it("stops the state though the apply was answered; what it did is gone whole, and the log does it again", async (context) => {
    requires(context, "tmpfs");
    const disk = smallDisk();
    const { state, failed } = await openToFail();
    const log = new LogMaker(27);
    await state.apply([log.adds("a", 0, 300)], false);
    await state.commit();
    disk.fill();
    const lost = [log.adds("b", 0, 900), log.adds("b", 0, 900)];
    await expect(state.apply(lost, false)).resolves.toMatchObject({ index: 3 });
    const failure = await failed;
    expect(failure).toBeInstanceOf(StorageFailure);
    expect(failure.message).toMatch(/commit in .*full/);
    await expect(state.totals()).rejects.toBe(failure);
    await state.close();

    disk.empty();
    expect(committed()).toBe(1);
    const again = await open();
    expect(again.opened.index).toBe(1);
    await again.apply(lost, false);
    const whole = new LogMaker(27);
    const entries = [whole.adds("a", 0, 300), whole.adds("b", 0, 900), whole.adds("b", 0, 900)];
    expect(await again.totals()).toEqual(replay(entries).table.totals());
    await again.close();
    expect(committed()).toBe(3);
  });

  it("is told to whoever closes the state, so that nobody builds on what is not there", async (context) => {
    requires(context, "tmpfs");
    const disk = smallDisk();
    const state = await open();
    const log = new LogMaker(28);
    await state.apply([log.adds("a", 0, 300)], false);
    await state.commit();
    disk.fill();
    const applied = state.apply([log.adds("b", 0, 2_000)], false);
    const closed = state.close();
    await expect(applied).resolves.toMatchObject({ index: 2 });
    await expect(closed).rejects.toThrow(/(?:close|commit) in .*full/);
    await expect(state.close()).rejects.toBeInstanceOf(StorageFailure);
    disk.empty();
    expect(committed()).toBe(1);
  });
});
