import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { SnapshotStore } from "../../src/store/snapshot-store.ts";
import { StateStore } from "../../src/store/state-store.ts";
import { requires } from "../support/capability.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

const PROGRAM = fileURLToPath(new URL("./state-apply-forever.ts", import.meta.url));

/** Generous: starting a process takes seconds on a busy machine. */
const TIMEOUT_MS = 90_000;

const children = new Set<ChildProcess>();
const directories: string[] = [];

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories.splice(0)) removeDirectory(directory);
});

/** A directory for one test, so that one that ran out of time does not disturb the next. */
function newDirectory(): string {
  const directory = makeDirectory();
  directories.push(directory);
  return directory;
}

function open(path: string): Promise<StateStore> {
  return StateStore.open({ path, clusterId: CLUSTER, initial: INITIAL });
}

interface Told {
  /** The last index of which it was said that it is applied. */
  readonly applied: number;
  /** And that it is committed; 0 for none. */
  readonly committed: number;
}

/** Runs the program until it has printed `lines` lines, kills it, and gives what it has told. */
async function killAfter(lines: number, ...args: readonly string[]): Promise<Told> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const exited = once(child, "exit");
  let printed = 0;
  let told: Told = { applied: 0, committed: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    told = line.startsWith("=")
      ? { ...told, committed: Number(line.slice(1)) }
      : { ...told, applied: Number(line) };
    printed += 1;
    if (printed === lines) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  children.delete(child);
  expect(signal).toBe("SIGKILL");
  return told;
}

/** Where the applies of the program end that begins at `from`: up to the first beyond `to`. */
function endsOfApplies(from: number, to: number): number[] {
  const ends = [from];
  for (let at = from; at <= to; ) {
    at += 1 + (at % 5);
    ends.push(at);
  }
  return ends;
}

describe("a state whose process is killed", () => {
  it("holds all that was committed and whole applies after it, exactly what its index says; the log does the rest again", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const directory = newDirectory();
    const path = join(directory, "state.db");
    const seed = 11;
    const random = new Prng(seed);
    let from = 0;
    for (let round = 0; round < 4; round++) {
      const told = await killAfter(random.between(1, 60) * (1 + round), path, String(seed));
      const state = await open(path);
      const { index } = state.opened;
      const log = new LogMaker(seed);
      const entries = log.many(index);
      expect(index).toBeGreaterThanOrEqual(Math.max(from, told.committed));
      expect(endsOfApplies(from, index)).toContain(index);
      // Before the first entry there is no term.
      expect(state.opened).toEqual(index === 0 ? { ...log.position, term: 0 } : log.position);
      expect(await state.totals()).toEqual(replay(entries).table.totals());
      // What was answered and is not there is in the log, which goes on behind what is.
      const rest = log.many(Math.max(0, told.applied - index));
      await state.apply(rest, false);
      expect(await state.totals()).toEqual(replay([...entries, ...rest]).table.totals());
      await state.close();
      from = log.position.index;
    }
    expect(from).toBeGreaterThan(0);
  });

  it("has whole snapshots or none if it was killed while it took one after the other", {
    timeout: TIMEOUT_MS,
  }, async (context) => {
    requires(context, "patience");
    const directory = newDirectory();
    const path = join(directory, "state.db");
    const seed = 14;
    const random = new Prng(seed);
    const folder = join(directory, "snapshots");
    let found = 0;
    for (let round = 0; round < 4; round++) {
      await killAfter(random.between(1, 300), path, String(seed), folder);
      const snapshots = await SnapshotStore.open({ directory: folder, clusterId: CLUSTER });
      expect(snapshots.all().length).toBeLessThanOrEqual(2);
      for (const { manifest } of snapshots.all()) {
        found += 1;
        const log = new LogMaker(seed);
        const { table } = replay(log.many(manifest.meta.index));
        expect(manifest.meta).toEqual(log.position);
        const restored = await StateStore.open({
          path: join(directory, `restored-${round}-${manifest.meta.index}.db`),
          clusterId: CLUSTER,
          initial: INITIAL,
        });
        const { totals } = await restored.restore(snapshots.hold(manifest.meta) ?? "", manifest);
        expect(totals).toEqual(table.totals());
        await restored.close();
      }
      await snapshots.close();
    }
    expect(found).toBeGreaterThanOrEqual(4);
  });

  it("begins anew if it was killed while the file was being made", { timeout: TIMEOUT_MS }, async () => {
    const directory = newDirectory();
    const path = join(directory, "state.db");
    writeFileSync(path, "");
    const state = await open(path);
    expect(state.opened.index).toBe(0);
    await state.close();
  });

  it("is the old one or the new one after a restore cut short at any step, and can be restored again", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const directory = newDirectory();
    const path = join(directory, "state.db");
    const log = new LogMaker(12);
    const other = await StateStore.open({
      path: join(directory, "other.db"),
      clusterId: CLUSTER,
      initial: INITIAL,
    });
    await other.apply(log.many(60), false);
    const snapshots = await SnapshotStore.open({
      directory: join(directory, "snapshots"),
      clusterId: CLUSTER,
    });
    const manifest = await snapshots.take(other);
    const file = snapshots.hold(manifest.meta) ?? "";
    await other.close();

    const old = await open(path);
    await old.apply(new LogMaker(12).many(20), false);
    await old.close();
    const oldIndex = 20;
    copyFileSync(path, join(directory, "old"));

    // 1: the copy is part written, or whole. 2 and 3 leave the same files: a closed state.db and the copy.
    for (const copied of [0, 100, manifest.bytes]) {
      copyFileSync(join(directory, "old"), path);
      copyFileSync(file, `${path}.new`);
      if (copied < manifest.bytes) writeFileSync(`${path}.new`, Buffer.alloc(copied, 1));
      const state = await open(path);
      expect(state.opened.index).toBe(oldIndex);
      expect(existsSync(`${path}.new`)).toBe(false);
      expect((await state.restore(file, manifest)).index).toBe(60);
      await state.close();
    }
    // 4: the copy has been renamed and nothing has been opened since.
    copyFileSync(file, path);
    const state = await open(path);
    expect(state.opened).toEqual(manifest.meta);
    expect((await state.restore(file, manifest)).totals).toEqual(await state.totals());
    await state.close();
    await snapshots.close();
  });
});
