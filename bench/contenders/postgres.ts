/** PostgreSQL, one node, put to work by its own pgbench. */

import { existsSync } from "node:fs";
import { chown, mkdir, readdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { freePorts } from "../../chaos/index.ts";
import { Child, type ChildOptions, output, versionOf } from "../child.ts";
import {
  type Availability,
  type Contender,
  contender,
  type Sample,
  type StartContext,
  type Timing,
} from "../types.ts";

const CONNECTIONS = 64;
const KEYS = 1_000;
/** Where Debian keeps the programs of each version, outside of the search path. */
const DEBIAN = "/usr/lib/postgresql";
const USER = "postgres";

/** pgbench takes whole seconds, in which it also makes its connections: a process each, which takes its time. */
const SECONDS_MIN = 2;
const SCHEMA = "CREATE TABLE counters (key text PRIMARY KEY, value bigint NOT NULL)";
const UPSERT =
  "INSERT INTO counters VALUES ('key:' || :key, 1) ON CONFLICT (key) DO UPDATE SET value = counters.value + 1 RETURNING value;";

interface Postgres {
  readonly child: Child;
  readonly port: number;
  readonly programs: string;
  readonly directory: string;
  /** As whom everything of it runs. */
  readonly as: ChildOptions;
}

/** The directory of the newest PostgreSQL's programs. */
async function programsOf(): Promise<string | undefined> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const debian = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, "bin"));
  const path = (process.env["PATH"] ?? "").split(delimiter);
  return [...debian, ...path].find(
    (directory) => existsSync(join(directory, "postgres")) && existsSync(join(directory, "pgbench")),
  );
}

/** PostgreSQL refuses to run as root: then it is run as the user that its package makes. */
async function unprivileged(): Promise<ChildOptions> {
  if (process.getuid?.() !== 0) return {};
  const number = async (flag: string): Promise<number> => Number(await output("id", [flag, USER]));
  return { uid: await number("-u"), gid: await number("-g") };
}

async function probe(): Promise<Availability> {
  const programs = await programsOf();
  const version =
    programs === undefined ? undefined : await versionOf(join(programs, "postgres"), "--version");
  if (version === undefined) {
    return { available: false, reason: "PostgreSQL is not installed (Debian: postgresql)" };
  }
  const isRoot = process.getuid?.() === 0;
  if (isRoot && (await versionOf("id", "-u", USER)) === undefined) {
    return { available: false, reason: `it does not run as root, and there is no user ${USER}` };
  }
  return { available: true, version: version.replace(/^postgres \(PostgreSQL\) /, "PostgreSQL ") };
}

async function start({ directory, signal }: StartContext): Promise<Postgres> {
  const programs = (await programsOf()) ?? "";
  const as = { ...(await unprivileged()), cwd: directory };
  const data = join(directory, "data");
  await mkdir(data, { mode: 0o700 });
  if (as.uid !== undefined && as.gid !== undefined) await chown(data, as.uid, as.gid);
  const auth = ["--auth=trust", `--username=${USER}`, "--encoding=UTF8", "--locale=C"];
  await output(join(programs, "initdb"), ["-D", data, ...auth], { ...as, signal });
  const [port = 0] = await freePorts(1);
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: CONNECTIONS + 16,
    // Both are the defaults, and the point.
    fsync: "on",
    synchronous_commit: "on",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = new Child(join(programs, "postgres"), ["-D", data, ...flags], as);
  const postgres = { child, port, programs, directory, as };
  try {
    const ready = ["-h", "127.0.0.1", "-p", String(port), "-U", USER, "-q"];
    await child.until(
      "ready",
      async () => (await versionOf(join(programs, "pg_isready"), ...ready)) !== undefined,
      signal,
    );
    await query(postgres, SCHEMA);
    return postgres;
  } catch (error) {
    await child.stop("SIGINT");
    throw error;
  }
}

function way({ port }: Postgres): readonly string[] {
  return ["-h", "127.0.0.1", "-p", String(port), "-U", USER];
}

async function query(postgres: Postgres, sql: string): Promise<string> {
  const args = [...way(postgres), "-d", USER, "-X", "-A", "-t", "-q", "-c", sql];
  return (await output(join(postgres.programs, "psql"), args, postgres.as)).trim();
}

/** What pgbench says at its end. */
export interface Bench {
  readonly transactions: number;
  /** In a second, without the time in which it connected. */
  readonly rate: number;
}

/** @throws {Error} if pgbench did not get to its end, or transactions failed. */
export function benchIn(printed: string): Bench {
  const transactions = /number of transactions actually processed: (\d+)/.exec(printed)?.[1];
  const failed = /number of failed transactions: (\d+)/.exec(printed)?.[1] ?? "0";
  const rate =
    /^tps = ([\d.]+) \((?:without initial connection time|excluding connections establishing)\)/m.exec(
      printed,
    )?.[1];
  if (transactions === undefined || rate === undefined || failed !== "0") {
    throw new Error(`pgbench did not end as it should: ${printed.trim()}`);
  }
  return { transactions: Number(transactions), rate: Number(rate) };
}

async function bench(
  postgres: Postgres,
  script: string,
  seconds: number,
  signal: AbortSignal,
): Promise<Bench> {
  const load = ["-n", "-M", "prepared", "-c", String(CONNECTIONS), "-j", "1", "-f", script];
  const time = ["-T", String(Math.max(SECONDS_MIN, Math.round(seconds)))];
  const args = [...way(postgres), ...load, ...time, USER];
  return benchIn(await output(join(postgres.programs, "pgbench"), args, { ...postgres.as, signal }));
}

async function upserts(postgres: Postgres, keys: number, timing: Timing): Promise<Sample> {
  const script = join(postgres.directory, `upserts-${keys}.sql`);
  await writeFile(script, `\\set key random(1, ${keys})\n${UPSERT}\n`);
  await query(postgres, "TRUNCATE counters");
  const { signal } = timing;
  const warm =
    timing.warmupSeconds < 1
      ? { transactions: 0 }
      : await bench(postgres, script, timing.warmupSeconds, signal);
  const { transactions, rate } = await bench(postgres, script, timing.seconds, signal);
  return {
    figures: { rate },
    check: {
      about: "the sum of the rows",
      acknowledged: BigInt(warm.transactions + transactions),
      found: BigInt(await query(postgres, "SELECT coalesce(sum(value), 0) FROM counters")),
      // It waits for the transactions that are under way.
      underway: 0,
    },
  };
}

export const postgres: Contender = contender<Postgres>({
  id: "postgres",
  name: "PostgreSQL",
  about: "one node, synchronous commit, everything at its default; asked by pgbench, prepared, over TCP",
  packages: ["postgresql"],
  probe,
  start,
  // The fast way to shut down; SIGTERM would wait for clients that are gone.
  stop: ({ child }) => child.stop("SIGINT"),
  workloads: [
    {
      id: "hot-row",
      about: "upsert of one row",
      connections: CONNECTIONS,
      keys: 1,
      run: (system, timing) => upserts(system, 1, timing),
    },
    {
      id: "rows-1000",
      about: "upsert of 1,000 rows",
      connections: CONNECTIONS,
      keys: KEYS,
      run: (system, timing) => upserts(system, KEYS, timing),
    },
  ],
});
