import { statSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Item } from "../../src/counter/index.ts";
import { SnapshotStore } from "../../src/store/snapshot-store.ts";
import { StateStore, type StateStoreOptions } from "../../src/store/state-store.ts";
import type { QueryAnswer, QueryAnswers, ScanQuery } from "../../src/store/types.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory } from "./state-log.ts";

let directory = "";
const opened: { close(): Promise<void> }[] = [];

beforeEach(() => {
  directory = makeDirectory();
});

afterEach(async () => {
  for (const state of opened.splice(0)) await state.close();
  removeDirectory(directory);
});

async function open(more: Partial<StateStoreOptions> = {}): Promise<StateStore> {
  const path = join(directory, "state.db");
  const state = await StateStore.open({ path, clusterId: CLUSTER, initial: INITIAL, ...more });
  opened.push(state);
  return state;
}

function run(key: string, by: bigint = 1n, count: number = 1): Item {
  return { kind: "run", key, by, count };
}

const SUM: ScanQuery = { kind: "sum", prefix: "", depth: 0, limit: 10 };

function totalOf({ answers: [answer] }: QueryAnswers): bigint | undefined {
  return answer?.kind === "sum" ? answer.total.sum : undefined;
}

describe("a scan of state.db", () => {
  it("sees every apply that was asked for before it, and says at which index", async () => {
    const log = new LogMaker(1);
    const state = await open();
    const asked: Promise<QueryAnswers>[] = [];
    // From here on the thread is there, and quicker than an apply.
    await state.query([SUM]);
    for (let at = 1; at <= 12; at++) {
      void state.apply([log.adds("many", at, 400)], false);
      asked.push(state.query([SUM]));
    }
    for (const [at, answers] of (await Promise.all(asked)).entries()) {
      expect(answers.index).toBeGreaterThanOrEqual(at + 1);
      // Of one state: the index says exactly how much was counted.
      expect(totalOf(answers)).toBe(BigInt(answers.index) * 400n);
      expect(answers.term).toBe(1);
    }
  });

  it("is answered among other queries, in order, at an index that all of them had reached", async () => {
    const log = new LogMaker(2);
    const state = await open();
    await state.apply([log.commands([run("a:1"), run("a:2", 5n), run("b")])], false);
    const { answers, index } = await state.query([
      { kind: "get", key: "b" },
      { kind: "scan", prefix: "", match: "a:*", order: "-value", after: undefined, limit: 1 },
      { kind: "changes", after: 0, limit: 2 },
      { kind: "select", keys: ["b", "none"], globs: ["*:1"], limit: 10 },
      { kind: "sum", prefix: "a", depth: 1, limit: 10 },
    ]);
    expect(index).toBe(1);
    const [one, two, b] = [
      { key: "a:1", value: 1n, revision: 1 },
      { key: "a:2", value: 5n, revision: 2 },
      { key: "b", value: 1n, revision: 3 },
    ];
    const total = { prefix: "a", sum: 6n, counters: 2 };
    expect(answers).toEqual<QueryAnswer[]>([
      { kind: "get", row: b },
      { kind: "scan", rows: [two], more: true },
      {
        kind: "changes",
        changes: [
          { ...one, deleted: false },
          { ...two, deleted: false },
        ],
        upTo: 2,
        revision: 3,
        since: 0,
      },
      { kind: "select", rows: [one, b], more: false },
      { kind: "sum", total, groups: [{ ...total, prefix: "a:" }], more: false },
    ]);
  });

  it("ends as too much when its time is over, while everything else goes on", async () => {
    const log = new LogMaker(3);
    const state = await open({ scanMs: 0 });
    await state.apply([log.adds("k", 0, 3_000)], false);
    const { answers, index } = await state.query([SUM, { kind: "get", key: "k0000007" }]);
    expect(answers).toMatchObject(
      [
        { kind: "tooMuch", detail: /more counters/ },
        { kind: "get", row: { value: 1n } },
      ].map((one) => ("detail" in one ? { ...one, detail: expect.stringMatching(one.detail) } : one)),
    );
    expect(index).toBe(1);
  });

  it("does not pile up: beyond a few dozen they are refused at once, at the index of the state", async () => {
    const log = new LogMaker(4);
    const state = await open();
    await state.apply([log.adds("k", 0, 2_000)], false);
    const all = await Promise.all(Array.from({ length: 50 }, () => state.query([SUM])));
    const refused = all.filter(({ answers: [answer] }) => answer?.kind === "tooMuch");
    expect(refused.length).toBeGreaterThan(10);
    for (const { index, answers } of refused) {
      expect(index).toBe(1);
      expect(answers[0]).toMatchObject({ busy: true });
    }
    for (const one of all) if (!refused.includes(one)) expect(totalOf(one)).toBe(2_000n);
  });

  it("fails the state for good when it meets damage", async () => {
    const log = new LogMaker(5);
    const failures: Error[] = [];
    const state = await open({ onFailure: (failure) => failures.push(failure) });
    await state.apply([log.adds("k", 0, 10)], false);
    expect(totalOf(await state.query([SUM]))).toBe(10n);
    const tool = new Sqlite(join(directory, "state.db"));
    tool.exec("UPDATE counters SET value = value + 1 WHERE key = 'k0000003'");
    tool.close();
    await expect(state.query([SUM])).rejects.toThrow(
      /row of counters \("k0000003"\) does not match its hash/,
    );
    await expect(state.totals()).rejects.toThrow(/does not match/);
    expect(failures).toHaveLength(1);
  });

  it("follows a restore: it waits for it, and reads the new file", async () => {
    const log = new LogMaker(6);
    const state = await open();
    const snapshots = await SnapshotStore.open({
      directory: join(directory, "snapshots"),
      clusterId: CLUSTER,
    });
    opened.unshift(snapshots);
    await state.apply([log.commands([run("a", 1n, 5)])], false);
    const manifest = await snapshots.take(state);
    const file = snapshots.hold(manifest.meta) ?? "";
    const behind = await StateStore.open({
      path: join(directory, "behind.db"),
      clusterId: CLUSTER,
      initial: INITIAL,
    });
    opened.push(behind);
    expect(totalOf(await behind.query([SUM]))).toBe(0n);
    const before = behind.query([SUM]);
    const restored = behind.restore(file, manifest);
    const after = behind.query([SUM]);
    const next = behind.apply([log.commands([run("a", 1n, 2)])], false);
    const last = behind.query([SUM, { kind: "changes", after: 5, limit: 10 }]);
    expect(totalOf(await before)).toBe(0n);
    expect(await restored).toMatchObject({ index: 1 });
    expect([5n, 7n]).toContain(totalOf(await after));
    await next;
    expect(totalOf(await last)).toBe(7n);
    expect((await last).answers[1]).toMatchObject({
      changes: [{ key: "a", value: 7n, revision: 7 }],
      upTo: 7,
      since: 5,
    });
    expect((await behind.query([{ kind: "changes", after: 4, limit: 10 }])).answers[0]).toMatchObject({
      changes: [],
      since: 5,
    });
    snapshots.release(manifest.meta);
  });

  it("lets SQLite's log be emptied though one scan follows the other", { timeout: 180_000 }, async () => {
    const walBytesMax = 131_072;
    const state = await open({ walBytesMax });
    const log = new LogMaker(7);
    await state.apply([log.adds("w", 0, 20_000)], false);
    let isOver = false;
    const scanning = Array.from({ length: 2 }, async () => {
      let scans = 0;
      while (!isOver) {
        const answers = await state.query([SUM]);
        expect(answers.answers[0]?.kind).toBe("sum");
        scans++;
      }
      return scans;
    });
    const walBytes = (): number => statSync(join(directory, "state.db-wal")).size;
    await state.query([SUM]);
    let emptied = 0;
    let last = 0;
    const end = performance.now() + 30_000;
    for (let at = 0; performance.now() < end && emptied < 2; at++) {
      await state.apply([log.adds("w", (at * 400) % 20_000, 400)], false);
      const bytes = walBytes();
      if (bytes < last) emptied++;
      last = bytes;
    }
    expect(emptied).toBe(2);
    isOver = true;
    expect(Math.min(...(await Promise.all(scanning)))).toBeGreaterThan(3);
  });

  it("that still waits when the state is closed is refused, and the thread ends", async () => {
    const log = new LogMaker(8);
    const state = await open();
    await state.apply([log.adds("k", 0, 5_000)], false);
    const asked = Array.from({ length: 10 }, () => state.query([SUM]));
    const settled = Promise.allSettled(asked);
    await state.close();
    for (const one of await settled) {
      if (one.status === "rejected") expect(String(one.reason)).toMatch(/closed/);
    }
    await expect(state.query([SUM])).rejects.toThrow(/closed/);
  });
});

describe("the changes of a state", () => {
  it("are those since it was opened, deletions included, also of what one entry made and deleted", async () => {
    const log = new LogMaker(9);
    const first = await open();
    await first.apply([log.commands([run("old")])], false);
    await first.close();
    const state = await open();
    const ask = async (after: number): Promise<QueryAnswer | undefined> =>
      (await state.query([{ kind: "changes", after, limit: 100 }])).answers[0];
    expect(await ask(0)).toMatchObject({ changes: [], since: 1, revision: 1 });
    const remove: Item = { kind: "command", command: { operation: { kind: "delete", key: "b" } } };
    await state.apply([log.commands([run("a", 1n, 3), run("b"), remove]), log.commands([run("a")])], false);
    expect(await ask(1)).toEqual({
      kind: "changes",
      changes: [
        { key: "b", value: 0n, revision: 6, deleted: true },
        { key: "a", value: 4n, revision: 7, deleted: false },
      ],
      upTo: 7,
      revision: 7,
      since: 1,
    });
    expect(await ask(7)).toMatchObject({ changes: [], upTo: 7 });
  });
});
