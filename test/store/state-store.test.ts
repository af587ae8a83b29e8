import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Entry, index, term } from "../../src/raft/index.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { StateStore, type StateStoreOptions } from "../../src/store/state-store.ts";
import type { StateDigest } from "../../src/store/types.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

let directory = "";
const opened: StateStore[] = [];

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

describe("the state of a node", () => {
  it("gives the outcomes, totals and rows that a table in memory gives, also after it was closed", async () => {
    const log = new LogMaker(1);
    const entries = log.many(400);
    const { table, outcomes } = replay(entries);

    const state = await open();
    expect(state.opened).toEqual({
      index: 0,
      term: 0,
      chain: 0,
      configuration: INITIAL,
      configurationIndex: 0,
    });
    const got = [];
    for (let at = 0; at < entries.length; ) {
      const count = 1 + (at % 7);
      got.push(...(await state.apply(entries.slice(at, at + count), true)).outcomes);
      at += count;
    }
    expect(got).toEqual(outcomes);
    expect(table.totals().counters).toBeGreaterThan(20);
    expect(table.totals().rememberedKeys).toBeGreaterThan(10);
    expect(table.totals().sessions).toBeGreaterThan(2);
    expect(await state.totals()).toEqual(table.totals());
    await state.close();

    const again = await open();
    expect(again.opened).toEqual(log.position);
    expect(log.position.configurationIndex).toBeGreaterThan(0);
    expect(await again.totals()).toEqual(table.totals());
    const { answers } = await again.query([{ kind: "list", prefix: "", after: undefined, limit: 1_000 }]);
    const rows = [...table.counters()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    expect(answers).toEqual([{ kind: "list", rows, more: false }]);
  });

  it("deletes a counter with more members than would fit into its heap", { timeout: 180_000 }, async () => {
    const program = fileURLToPath(new URL("./delete-members.ts", import.meta.url));
    const args = ["--max-old-space-size=32", program, join(directory, "members.db"), "200000"];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe("0 members, digest 0\n");
  });

  it("gives outcomes only if it is asked for them", async () => {
    const log = new LogMaker(2);
    const state = await open();
    const applied = await state.apply([log.adds("a", 0, 3)], false);
    expect(applied).toMatchObject({ index: 1, outcomes: [], totals: { counters: 3 } });
    expect((await state.apply([log.adds("a", 0, 3)], true)).outcomes).toHaveLength(1);
  });

  it("answers queries from the state after every apply asked for before, with its index and term", async () => {
    const log = new LogMaker(3);
    const state = await open();
    const calls = Array.from({ length: 20 }, async (_, at) => {
      const applied = state.apply([log.commands([{ kind: "run", key: "k", by: 2n, count: 1 }])], false);
      const asked = await state.query([
        { kind: "get", key: "k" },
        { kind: "get", key: "none" },
      ]);
      await applied;
      return { at, asked };
    });
    for (const { at, asked } of await Promise.all(calls)) {
      const row = { key: "k", value: BigInt(2 * at + 2), revision: at + 1 };
      expect(asked).toEqual({
        answers: [
          { kind: "get", row },
          { kind: "get", row: undefined },
        ],
        index: at + 1,
        term: 1,
      });
    }
  });

  it("lists by prefix in the order of UTF-8 bytes, page by page", async () => {
    const log = new LogMaker(4);
    const state = await open();
    const keys = [
      "a",
      "a\0",
      "a\0b",
      "a:",
      "ab",
      "aé",
      "a\uffff",
      "a\u{1f600}",
      "a\u{10ffff}",
      "a\u{10ffff}x",
      "b",
      "\x7f",
      "\x7fz",
      "é",
      "êa",
      "\u{10ffff}",
    ];
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    await state.apply([log.commands(keys.map((key) => ({ kind: "run", key, by: 1n, count: 1 })))], false);

    for (const prefix of ["", "a", "a\0", "a\u{10ffff}", "\x7f", "é", "\u{10ffff}", "b", "c"]) {
      const wanted = sorted.filter((key) => key.startsWith(prefix));
      for (const limit of [1, 3, 16, 100]) {
        const found: string[] = [];
        for (let more = true; more; ) {
          const { answers } = await state.query([{ kind: "list", prefix, after: found.at(-1), limit }]);
          const [answer] = answers;
          if (answer?.kind !== "list") throw new Error("a list is answered by a list");
          found.push(...answer.rows.map((row) => row.key));
          expect(answer.more).toBe(found.length < wanted.length);
          more = answer.more;
        }
        expect(found).toEqual(wanted);
      }
    }
  });

  it("takes a cursor that lies before or behind the prefix, or on no key", async () => {
    const log = new LogMaker(5);
    const state = await open();
    await state.apply(
      [log.commands(["a", "b1", "b3", "c"].map((key) => ({ kind: "run", key, by: 1n, count: 1 })))],
      false,
    );
    const page = async (after: string): Promise<unknown> => {
      const { answers } = await state.query([{ kind: "list", prefix: "b", after, limit: 9 }]);
      return answers[0]?.kind === "list" ? answers[0].rows.map((row) => row.key) : undefined;
    };
    expect(await page("a")).toEqual(["b1", "b3"]);
    expect(await page("b")).toEqual(["b1", "b3"]);
    expect(await page("b1")).toEqual(["b3"]);
    expect(await page("b2")).toEqual(["b3"]);
    expect(await page("c")).toEqual([]);
  });

  it("keeps the digest of every 1,024th index, and the last 64 of them", async () => {
    const log = new LogMaker(6);
    const entries = Array.from({ length: 67 * 1_024 }, (_, at) =>
      at % 700 === 0 ? log.adds("d", at % 50, 1) : log.commands([], 0),
    );
    const expected: StateDigest[] = [];
    for (let at = 1_024; at <= 3 * 1_024; at += 1_024) {
      expected.push({ index: index(at), digest: replay(entries.slice(0, at)).table.totals().digest });
    }
    const state = await open();
    const seen: StateDigest[] = [];
    for (let at = 0; at < entries.length; at += 1_500) {
      seen.push(...(await state.apply(entries.slice(at, at + 1_500), false)).digests);
    }
    expect(seen.map((digest) => digest.index)).toEqual(
      Array.from({ length: 67 }, (_, at) => (at + 1) * 1_024),
    );
    expect(seen.slice(0, 3)).toEqual(expected);
    expect(await state.digests()).toEqual(seen.slice(-64));
  });

  it("keeps SQLite's own log bounded under load", async () => {
    const walBytesMax = 262_144;
    const state = await open({ walBytesMax });
    const log = new LogMaker(7);
    let written = 0;
    for (let at = 0; at < 120; at++) {
      await state.apply([log.adds("w", (at * 7_919) % 20_000, 400)], false);
      const bytes = statSync(join(directory, "state.db-wal")).size;
      written = Math.max(written, bytes);
      expect(bytes).toBeLessThan(3 * walBytesMax);
    }
    expect(written).toBeGreaterThan(walBytesMax / 2);
    expect(statSync(join(directory, "state.db")).size).toBeGreaterThan(walBytesMax);
    expect(await state.bytes()).toBeGreaterThan(walBytesMax);
  });
});

describe("SQLite's own log", () => {
  it("grows while a reader needs it, without waiting for the reader, and is emptied afterwards", () => {
    const path = join(directory, "state.db");
    const walBytesMax = 65_536;
    const state = new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax });
    const log = new LogMaker(13);
    const walBytes = (): number => statSync(`${path}-wal`).size;
    const commit = (at: number): void => {
      state.apply([log.adds("r", at * 100, 100)], false);
      state.commit();
    };
    commit(0);
    const reader = new Sqlite(path, { readonly: true });
    reader.exec("BEGIN");
    expect(reader.prepare("SELECT count(*) FROM counters").pluck().get()).toBe(100);

    const started = performance.now();
    for (let at = 0; at < 40; at++) commit(at);
    // SQLite would wait for five seconds at each checkpoint that the reader is in the way of.
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(walBytes()).toBeGreaterThan(2 * walBytesMax);
    expect(reader.prepare("SELECT count(*) FROM counters").pluck().get()).toBe(100);

    reader.exec("COMMIT");
    reader.close();
    for (let at = 0; at < 40; at++) commit(at);
    expect(walBytes()).toBeLessThan(2 * walBytesMax);
    state.close();
  });
});

describe("a state that has failed", () => {
  it.each<[string, (log: LogMaker) => Entry, RegExp]>([
    ["an entry that skips one", (log) => log.many(2)[1] as Entry, /follows the last applied/],
    ["a broken chain", (log) => ({ ...log.next(), chain: 7 }), /chain of hashes/],
    ["an earlier term", (log) => ({ ...log.next(), term: term(0) }), /never go back/],
    ["a payload that is not the one of the chain", (log) => flipped(log.adds("x", 0, 2)), /checksum/],
  ])("stops at %s, and keeps nothing of the call", async (_name, spoil, sentence) => {
    const log = new LogMaker(8);
    const failures: Error[] = [];
    const state = await open({ onFailure: (failure) => failures.push(failure) });
    await state.apply([log.adds("x", 0, 1)], false);
    await state.commit();
    const before = log.position;
    const good = log.adds("x", 0, 1);
    await expect(state.apply([good, spoil(log)], false)).rejects.toThrow(sentence);
    await expect(state.totals()).rejects.toThrow(sentence);
    await expect(state.apply([good], false)).rejects.toThrow(sentence);
    expect(failures).toEqual([state.failure]);
    await state.close();
    expect((await open()).opened).toEqual(before);
  });

  it("rejects everything pending and all later calls when its worker dies", async () => {
    let worker: Worker | undefined;
    process.once("worker", (started) => {
      worker = started;
    });
    const failures: Error[] = [];
    const state = await open({ onFailure: (failure) => failures.push(failure) });
    const log = new LogMaker(9);
    const first = state.apply([log.adds("p", 0, 1)], true);
    await state.commit();
    const second = state.apply([log.adds("p", 0, 3)], true);
    await second;
    // No request: the worker throws where nothing catches it, as an error of its own code would.
    worker?.postMessage(undefined);
    const pending = Array.from({ length: 20 }, () => state.apply([log.adds("p", 0, 50)], true));
    const results = await Promise.allSettled([first, second, ...pending]);
    expect(results.map((result) => result.status)).toEqual([
      "fulfilled",
      "fulfilled",
      ...pending.map(() => "rejected"),
    ]);
    expect(results.at(-1)).toMatchObject({ reason: { name: "StorageFailure" } });
    await expect(state.totals()).rejects.toThrow(/the worker of state\.db/);
    await expect(state.restore("x", {} as never)).rejects.toThrow(/the worker of state\.db/);
    expect(failures).toHaveLength(1);
    await state.close();

    // The second was answered; it is there if its time to be committed had come before, and then whole.
    const again = await open();
    expect([1, 2]).toContain(again.opened.index);
    const whole = new LogMaker(9);
    const entries = [whole.adds("p", 0, 1), whole.adds("p", 0, 3)].slice(0, again.opened.index);
    expect(await again.totals()).toEqual(replay(entries).table.totals());
  });

  it("notices at once when its worker ends without a word", async () => {
    let worker: Worker | undefined;
    process.once("worker", (started) => {
      worker = started;
    });
    let notice: (failure: Error) => void = () => {};
    const failure = new Promise<Error>((resolve) => {
      notice = resolve;
    });
    const state = await open({ onFailure: (reason) => notice(reason) });
    await worker?.terminate();
    expect((await failure).message).toMatch(/its worker ended with exit code 1/);
    await expect(state.apply([], false)).rejects.toThrow(/worker ended/);
  });

  it("rejects what is asked after it was closed, and closes again without harm", async () => {
    const state = await open();
    const log = new LogMaker(10);
    const last = state.apply([log.adds("x", 0, 1)], false);
    await state.close();
    await expect(last).resolves.toMatchObject({ index: 1 });
    await expect(state.totals()).rejects.toThrow(/closed/);
    await state.close();
    expect(existsSync(join(directory, "state.db-wal"))).toBe(false);
  });
});

function flipped(entry: Entry): Entry {
  if (entry.kind !== "command") throw new Error("an entry of commands was expected");
  const data = entry.data.slice();
  data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
  return { ...entry, data };
}
