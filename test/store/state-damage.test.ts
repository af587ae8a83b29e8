import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { StateDatabase, stateFailure } from "../../src/store/state-database.ts";
import { StateStore } from "../../src/store/state-store.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory } from "./state-log.ts";

let directory = "";
let path = "";

beforeEach(() => {
  directory = makeDirectory();
  path = join(directory, "state.db");
});

afterEach(() => removeDirectory(directory));

/** The state as the worker has it, without the thread. */
function openHere(clusterId: string = CLUSTER): StateDatabase {
  return new StateDatabase({ path, clusterId, initial: INITIAL, walBytesMax: 1_048_576 });
}

function fill(): void {
  const state = openHere();
  state.apply(new LogMaker(20).many(80), false);
  state.close();
}

/** Changes the file behind the program's back. */
function tamper(sql: string): void {
  const database = new Sqlite(path);
  database.exec(sql);
  database.close();
}

function failureOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return stateFailure(path, "read", error);
  }
  throw new Error("it did not fail");
}

/** The bytes of `outcomes` with another one at `place`, counted from 1. */
function withByte(place: number): string {
  return `CAST(substr(outcomes, 1, ${place - 1}) || x'01' || substr(outcomes, ${place + 1}) AS BLOB) WHERE length(outcomes) > 0`;
}

describe("a damaged state", () => {
  it.each([
    ["a value", "UPDATE counters SET value = value + 1 WHERE key = (SELECT min(key) FROM counters)"],
    ["a revision", "UPDATE counters SET revision = revision + 1 WHERE key = (SELECT min(key) FROM counters)"],
    ["a key", "UPDATE counters SET key = key || 'x' WHERE key = (SELECT min(key) FROM counters)"],
    ["a lost counter", "DELETE FROM counters WHERE key = (SELECT max(key) FROM counters)"],
    ["a member", "UPDATE members SET member = member || 'x'"],
    ["a lost member", "DELETE FROM members WHERE member = (SELECT max(member) FROM members)"],
    ["an outcome", "UPDATE outcomes SET fingerprint = fingerprint + 1"],
    ["a lost outcome", "DELETE FROM outcomes WHERE serial = (SELECT min(serial) FROM outcomes)"],
    ["a session", "UPDATE sessions SET used_at = used_at + 1"],
    ["a session's outcomes", "UPDATE sessions SET outcomes = x'c1'"],
    // Numbers are kept as doubles, and the hashes of 24 and 24.000001 are the same.
    ["a fraction in the number of a session's outcome", `UPDATE sessions SET outcomes = ${withByte(8)}`],
    ["a fraction in the fingerprint of one", `UPDATE sessions SET outcomes = ${withByte(16)}`],
    ["the applied index", "UPDATE meta SET applied = applied + 1"],
    ["the totals", "UPDATE meta SET totals = replace(totals, 'revision\":', 'revision\":1')"],
    ["no meta", "DELETE FROM meta"],
    ["another program's database", "PRAGMA application_id = 1"],
  ])("is refused when it is opened, with what to do: %s", (_name, sql) => {
    fill();
    tamper(sql);
    const failure = failureOf(() => openHere());
    expect(failure.name).toBe("CorruptionError");
    expect(failure.message).toMatch(/state\.db: .*remove state\.db, .* rebuilds its state/);
  });

  it("is found when the row is read, if it happens while the state is open", () => {
    fill();
    const state = openHere();
    const list = { kind: "list", prefix: "", after: undefined, limit: 1_000 } as const;
    const key = "hits3";
    expect(state.query([{ kind: "get", key }, list]).answers[0]).toMatchObject({ row: { key } });
    tamper(`UPDATE counters SET value = value + 1 WHERE key = '${key}'`);
    for (const query of [{ kind: "get", key } as const, list]) {
      expect(failureOf(() => state.query([query])).message).toMatch(
        /a row of counters \("hits3"\) does not match/,
      );
    }
    state.close();
  });

  it("is refused wherever a byte of a row is flipped", () => {
    fill();
    const whole = readFileSync(path);
    const kept = join(directory, "kept.db");
    copyFileSync(path, kept);
    const reader = new Sqlite(kept, { readonly: true });
    const used = reader
      .prepare<[], { pageno: number; pageoffset: number }>(
        "SELECT pageno FROM dbstat WHERE name = 'counters'",
      )
      .all();
    reader.close();
    const random = new Prng(21);
    let refused = 0;
    for (let round = 0; round < 60; round++) {
      const page = random.pick(used).pageno;
      // Cells are at the end of a page; the gap before them holds nothing.
      const at = page * 4_096 - random.between(1, 600);
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.between(0, 7)), at);
      writeFileSync(path, bytes);
      expect(failureOf(() => openHere()).name).toBe("CorruptionError");
      refused += 1;
    }
    expect(refused).toBe(60);
    writeFileSync(path, whole);
    openHere().close();
  });

  it("is refused if it is no database, or the end of it is missing", () => {
    fill();
    const whole = readFileSync(path);
    for (const bytes of [
      Buffer.alloc(8_192, 7),
      whole.subarray(0, 4_096),
      whole.subarray(0, whole.length - 4_096),
    ]) {
      writeFileSync(path, bytes);
      expect(failureOf(() => openHere()).name).toBe("CorruptionError");
    }
  });
});

describe("a state that is not this node's", () => {
  it("is refused if it belongs to another cluster, and left as it is", async () => {
    fill();
    const options = { path, clusterId: "other-cluster", initial: INITIAL };
    await expect(StateStore.open(options)).rejects.toMatchObject({
      name: "IdentityError",
      code: "otherCluster",
    });
    openHere().close();
  });

  it("is refused if a newer version wrote it, and left as it is", async () => {
    fill();
    tamper("PRAGMA user_version = 2");
    const before = readFileSync(path);
    const options = { path, clusterId: CLUSTER, initial: INITIAL };
    await expect(StateStore.open(options)).rejects.toThrow(
      /format 2 is above 1; it was written by a newer version/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("is refused with a sentence if the directory is not there", async () => {
    const options = { path: join(directory, "none", "state.db"), clusterId: CLUSTER, initial: INITIAL };
    await expect(StateStore.open(options)).rejects.toThrow(
      /could not open .*state\.db.*the process must exit/,
    );
  });
});
