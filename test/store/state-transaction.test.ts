/** What SQLite makes durable together: read from its own log, which says where each transaction ends. */

import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Totals } from "../../src/counter/index.ts";
import { openToRead, openToWrite, readDigests, readMeta, verifyRows } from "../../src/store/sqlite-schema.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { swapIn } from "../../src/store/state-replace.ts";
import type { StateDigest } from "../../src/store/types.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

let directory = "";
let path = "";

beforeEach(() => {
  directory = makeDirectory();
  path = join(directory, "state.db");
});

afterEach(() => removeDirectory(directory));

function openState(): StateDatabase {
  return new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 16_777_216 });
}

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** How many transactions were committed since SQLite's log was last begun (sqlite.org/fileformat.html, section 4). */
function transactions(): number {
  const wal = readFileSync(`${path}-wal`);
  const pageBytes = wal.readUInt32BE(8);
  const salts = wal.subarray(16, 24);
  let count = 0;
  for (let at = WAL_HEADER_BYTES; at < wal.length; at += FRAME_HEADER_BYTES + pageBytes) {
    // Frames of an earlier round have other salts; the last frame of a transaction says how long the file is now.
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break;
    if (wal.readUInt32BE(at + 4) !== 0) count++;
  }
  return count;
}

/** What somebody else reads of state.db: the applied index, after its rows were added up, and the digests. */
function read(): {
  readonly index: number;
  readonly digests: readonly StateDigest[];
  readonly totals: Totals;
} {
  const reader = openToRead(path);
  try {
    const { position, totals } = readMeta(reader, CLUSTER);
    verifyRows(reader, totals);
    return { index: position.index, digests: readDigests(reader), totals };
  } finally {
    reader.close();
  }
}

describe("a commit", () => {
  it("is one transaction: rows, totals, digests and the applied index come together or not at all (T52)", () => {
    const state = openState();
    const log = new LogMaker(7);
    const before = transactions();
    state.apply(log.many(1), false);
    state.commit();
    expect(transactions() - before).toBe(1);
    const first = read();
    expect(first.index).toBe(1);
    // Of several applies too, one of which asks for rows in the order that only SQLite knows.
    const { digests } = state.apply(log.many(1_100), true);
    expect(state.query([{ kind: "list", prefix: "", after: undefined, limit: 5 }]).index).toBe(1_101);
    state.apply(log.many(20), false);
    expect(transactions() - before).toBe(1);
    expect(read()).toEqual(first);
    state.commit();
    expect(transactions() - before).toBe(2);
    expect(read()).toEqual({ index: 1_121, digests, totals: state.totals() });
    expect(digests.map(({ index }) => index)).toEqual([1_024]);
    expect(state.totals()).toEqual(replay(new LogMaker(7).many(1_121)).table.totals());
    state.commit();
    state.checkpoint();
    expect(transactions() - before).toBe(2);
    state.close();
  });

  it("that never came leaves nothing, however much was applied for it", () => {
    const state = openState();
    const log = new LogMaker(8);
    state.apply(log.many(50), false);
    state.commit();
    const before = read();
    // Members go to SQLite at once, and a list makes the other rows follow them.
    state.apply(log.many(200), false);
    state.query([{ kind: "list", prefix: "", after: undefined, limit: 5 }]);
    expect(() => state.apply([log.next(), { ...log.next(), chain: 7 }], false)).toThrow(/chain of hashes/);
    expect(read()).toEqual(before);
    // The files as the end of the process would leave them.
    const copy = join(directory, "copy.db");
    for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix);
    const left = new StateDatabase({
      path: copy,
      clusterId: CLUSTER,
      initial: INITIAL,
      walBytesMax: 16_777_216,
    });
    expect(left.position.index).toBe(50);
    expect(left.totals()).toEqual(replay(new LogMaker(8).many(50)).table.totals());
    left.close();
  });
});

describe("state.db", () => {
  it("is synced at each checkpoint, and not at each commit: what a power cut takes back the log replays", () => {
    const database = openToWrite(path);
    database.exec("CREATE TABLE t (x)");
    // SQLite says another number before the first transaction than after it.
    expect(database.pragma("synchronous", { simple: true })).toBe(1);
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
    database.close();
  });

  it("has none of the old state's log beside it when another takes its place", () => {
    const old = openState();
    old.apply(new LogMaker(7).many(3), false);
    old.commit();
    expect(existsSync(`${path}-wal`)).toBe(true);
    openToWrite(`${path}.new`).close();
    swapIn(path);
    expect([`${path}-wal`, `${path}-shm`, `${path}.new`].filter((file) => existsSync(file))).toEqual([]);
    old.close();
  });
});
