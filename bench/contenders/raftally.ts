/** Raftally with three nodes, as `raftally serve` runs them. */

import { readFileSync } from "node:fs";
import type { LoadResult } from "../load/closed-loop.ts";
import { httpLoad } from "../load/http.ts";
import type { HttpWork, Numbered } from "../load/http-work.ts";
import { slowWorldLacks } from "../slow/world.ts";
import {
  type Contender,
  contender,
  type HttpGenerator,
  type Sample,
  type Timing,
  type WorkloadOf,
  type World,
} from "../types.ts";
import {
  incrementSample,
  leaderUrl,
  patientClient,
  type Raftally,
  startRaftally,
  whileOneLeads,
} from "./raftally-cluster.ts";
import { combiningLoad } from "./raftally-combining.ts";

const NODES = 3;
export const CONNECTIONS = 64;
export const KEYS = 1_000;
export const BATCH_KEYS = 100;
const BATCH_OPERATIONS = 1_000;
/** How long keyed increments are kept up in a full run: the time after which a window may begin to shrink. */
export const KEYED_SECONDS = 60;
/** A counter with this value is read. */
const READ_VALUE = 1n;

/** What a workload of increments is made of. */
export interface IncrementWork {
  /** Another one than usual. */
  readonly generator?: HttpGenerator;
  readonly connections: number;
  readonly keys: number;
  readonly numbered?: Numbered;
}

/** `increment/` and so on: each run has counters of its own. */
let runs = 0;
export function freshPrefix(name: string): string {
  runs += 1;
  return `${name}-${runs}:`;
}

/** Increments counters one by one at the leader, and compares the sum. */
export async function increments(raftally: Raftally, of: IncrementWork, timing: Timing): Promise<Sample> {
  const prefix = freshPrefix("increment");
  const paths = Array.from({ length: of.keys }, (_, at) => `/v1/counters/${prefix}${at}/increment`);
  const work: HttpWork = {
    urls: [await leaderUrl(raftally)],
    connections: of.connections,
    method: "POST",
    paths,
    weight: 1,
    ...(of.numbered === undefined ? {} : { numbered: of.numbered }),
  };
  const load = (): Promise<LoadResult> => httpLoad(work, timing, raftally.directory, of.generator);
  return await incrementSample(raftally, prefix, await whileOneLeads(raftally, load));
}

/** So many client sessions: one for each caller. */
export async function openSessions(
  raftally: Raftally,
  count: number = CONNECTIONS,
): Promise<readonly number[]> {
  const url = `${await leaderUrl(raftally)}/v1/sessions`;
  const open = async (): Promise<number> => {
    const answer = await fetch(url, { method: "POST" });
    if (answer.status !== 201) throw new Error(`a session was answered with ${answer.status}`);
    return ((await answer.json()) as { session: number }).session;
  };
  return await Promise.all(Array.from({ length: count }, open));
}

/** Reads one counter, linearizably, at the leader or at all nodes. */
async function reads(raftally: Raftally, where: "leader" | "everywhere", timing: Timing): Promise<Sample> {
  const key = freshPrefix("read");
  const leader = await leaderUrl(raftally);
  await patientClient(raftally).set(key, READ_VALUE);
  const urls =
    where === "leader" ? [leader] : [leader, ...raftally.cluster.urls.filter((url) => url !== leader)];
  const paths = [`/v1/counters/${key}`];
  const work: HttpWork = { urls, connections: CONNECTIONS, method: "GET", paths, weight: 1 };
  const done = await httpLoad(work, timing, raftally.directory);
  // Whoever made the load has seen to it that each answer was a 200.
  const { cluster } = raftally;
  const readings = await Promise.all(cluster.nodes.map(({ id }) => cluster.clientOf(id).get(key)));
  const wasRight = readings.every((reading) => reading?.value === READ_VALUE);
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "the reads that were answered, if each of them was right",
      acknowledged: BigInt(done.acknowledged),
      found: wasRight ? BigInt(done.acknowledged) : 0n,
      underway: 0,
    },
  };
}

/** Increments counters in batches of 1,000 at the leader, and compares the sum. */
export async function batches(raftally: Raftally, timing: Timing): Promise<Sample> {
  const prefix = freshPrefix("batch");
  const operations = Array.from({ length: BATCH_OPERATIONS }, (_, at) => ({
    key: `${prefix}${at % BATCH_KEYS}`,
    by: 1,
  }));
  const work: HttpWork = {
    urls: [await leaderUrl(raftally)],
    connections: CONNECTIONS,
    method: "POST",
    paths: ["/v1/batch"],
    body: JSON.stringify({ operations }),
    weight: BATCH_OPERATIONS,
  };
  const load = (): Promise<LoadResult> => httpLoad(work, timing, raftally.directory);
  return await incrementSample(raftally, prefix, await whileOneLeads(raftally, load));
}

async function combined(raftally: Raftally, timing: Timing): Promise<Sample> {
  const prefix = freshPrefix("combined");
  const done = await combiningLoad(patientClient(raftally), prefix, timing);
  return await incrementSample(raftally, prefix, done);
}

const HOT: IncrementWork = { connections: CONNECTIONS, keys: 1 };

const WORKLOADS: readonly WorkloadOf<Raftally>[] = [
  {
    ...HOT,
    id: "hot-key",
    about: "increments of one key, to the leader",
    run: (raftally, timing) => increments(raftally, HOT, timing),
  },
  {
    ...HOT,
    id: "keys-1000",
    about: "increments of 1,000 keys, to the leader",
    keys: KEYS,
    run: (raftally, timing) => increments(raftally, { ...HOT, keys: KEYS }, timing),
  },
  {
    ...HOT,
    id: "keyed",
    about: "increments of one key, with an idempotency key on each",
    seconds: KEYED_SECONDS,
    run: (raftally, timing) =>
      increments(raftally, { ...HOT, numbered: { kind: "key", prefix: freshPrefix("once") } }, timing),
  },
  {
    ...HOT,
    id: "hot-key-sockets",
    about: "increments of one key, to the leader, asked as in the row of sessions",
    run: (raftally, timing) => increments(raftally, { ...HOT, generator: "sockets" }, timing),
  },
  {
    ...HOT,
    id: "sessions",
    about: "increments of one key, in client sessions",
    run: async (raftally, timing) => {
      const sessions = await openSessions(raftally);
      return await increments(raftally, { ...HOT, numbered: { kind: "session", sessions } }, timing);
    },
  },
  {
    ...HOT,
    id: "read-leader",
    about: "linearizable reads of one key, at the leader",
    run: (raftally, timing) => reads(raftally, "leader", timing),
  },
  {
    ...HOT,
    id: "read-spread",
    about: "linearizable reads of one key, spread over the three nodes",
    run: (raftally, timing) => reads(raftally, "everywhere", timing),
  },
  {
    ...HOT,
    id: "batch",
    about: "increments through /v1/batch, 1,000 in each, of 100 keys",
    keys: BATCH_KEYS,
    run: batches,
  },
  {
    id: "combining",
    about: "increments through the client's combining mode, each acknowledged when durable",
    connections: 20_000,
    keys: BATCH_KEYS,
    run: combined,
  },
  {
    id: "alone",
    about: "increments by one client alone",
    connections: 1,
    keys: 1,
    run: (raftally, timing) =>
      increments(raftally, { generator: "sockets", connections: 1, keys: 1 }, timing),
  },
];

/** What can be measured with a cluster that is made slower like this. */
export async function probeRaftally(
  world: World,
): Promise<{ available: true; version: string } | { available: false; reason: string }> {
  const lack = await slowWorldLacks(world);
  if (lack !== undefined) return { available: false, reason: lack };
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return { available: true, version: `Raftally ${(JSON.parse(manifest) as { version: string }).version}` };
}

export const raftally: Contender = contender<Raftally>({
  id: "raftally",
  name: "Raftally",
  about: "three nodes, everything at its default",
  packages: [],
  probe: probeRaftally,
  start: (context) => startRaftally(context, NODES),
  stop: ({ cluster }) => cluster.stop(),
  workloads: WORKLOADS,
});
