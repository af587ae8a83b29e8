/** What SQLite makes durable together: read from its own log, which says where each transaction ends. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openToWrite } from "../../src/store/sqlite-schema.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { swapIn } from "../../src/store/state-replace.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory } from "./state-log.ts";

let directory = "";
let path = "";

beforeEach(() => {
  directory = makeDirectory();
  path = join(directory, "state.db");
});

afterEach(() => removeDirectory(directory));

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

describe("an apply", () => {
  it("is one transaction: rows, totals, digests and the applied index come together or not at all (T52)", () => {
    const state = new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 16_777_216 });
    const log = new LogMaker(7);
    const before = transactions();
    state.apply(log.many(1), false);
    expect(transactions() - before).toBe(1);
    state.apply(log.many(1_100), true);
    expect(transactions() - before).toBe(2);
    state.close();
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
    const old = new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 16_777_216 });
    old.apply(new LogMaker(7).many(3), false);
    expect(existsSync(`${path}-wal`)).toBe(true);
    openToWrite(`${path}.new`).close();
    swapIn(path);
    expect([`${path}-wal`, `${path}-shm`, `${path}.new`].filter((file) => existsSync(file))).toEqual([]);
    old.close();
  });
});
