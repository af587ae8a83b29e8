/** What SQLite alone can do: upserts in transactions, without a network, without replicas, without answers. */

import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import Database from "better-sqlite3";
import { type Contender, contender, type Sample, type Timing } from "../types.ts";

const KEYS = 1_000;
const UPSERTS = 10_000;

interface Sqlite {
  readonly database: Database.Database;
}

async function upserts({ database }: Sqlite, { warmupSeconds, seconds, signal }: Timing): Promise<Sample> {
  const upsert = database.prepare(
    "INSERT INTO counters VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value",
  );
  const keys = Array.from({ length: KEYS }, (_, at) => `key:${at}`);
  const once = database.transaction(() => {
    for (let at = 0; at < UPSERTS; at++) upsert.get(keys[at % KEYS]);
  });
  let all = 0;
  const keepOn = async (forMs: number): Promise<number> => {
    const [began, before] = [performance.now(), all];
    do {
      once();
      all += UPSERTS;
      await turn();
      signal.throwIfAborted();
    } while (performance.now() - began < forMs);
    return (all - before) / ((performance.now() - began) / 1_000);
  };
  await keepOn(warmupSeconds * 1_000);
  const rate = await keepOn(seconds * 1_000);
  const { sum } = database.prepare("SELECT sum(value) AS sum FROM counters").get() as { sum: number };
  return {
    figures: { rate },
    check: { about: "the sum of the rows", acknowledged: BigInt(all), found: BigInt(sum), underway: 0 },
  };
}

export const sqlite: Contender = contender<Sqlite>({
  id: "sqlite",
  name: "SQLite alone",
  about: "in the process that asks; WAL, synchronous=FULL",
  packages: [],
  probe: async () => {
    const database = new Database(":memory:");
    const { version } = database.prepare("SELECT sqlite_version() AS version").get() as { version: string };
    database.close();
    return { available: true, version: `SQLite ${version}` };
  },
  start: async ({ directory }) => {
    const database = new Database(join(directory, "counters.db"));
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID");
    return { database };
  },
  stop: async ({ database }) => {
    database.close();
  },
  workloads: [
    {
      id: "upserts",
      about: `upserts of 1,000 rows, ${UPSERTS.toLocaleString("en")} in a transaction`,
      connections: 1,
      keys: KEYS,
      run: upserts,
    },
  ],
});
