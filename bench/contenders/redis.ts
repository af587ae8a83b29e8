/**
 * Redis, which makes every write durable on its own disk (`appendfsync always`), with two replicas: put to work by its own
 * redis-benchmark, and, where each increment waits for a replica (`WAIT 1`), by the generator of the others, because
 * redis-benchmark sends one kind of command only.
 *
 * A replica that has answered `WAIT` holds the write in memory. That is less than what the others promise.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../chaos/index.ts";
import { Child, output, versionOf } from "../child.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { RespCaller } from "../load/resp-caller.ts";
import {
  type Contender,
  contender,
  type Figures,
  type Sample,
  type StartContext,
  type Timing,
  type WorkloadOf,
} from "../types.ts";

const CONNECTIONS = 64;
const KEYS = 1_000;
const REPLICAS = 2;
const PIPELINE = 16;
/** It works by numbers of requests; so many tell how many fill the time. */
const TRIAL_REQUESTS = 20_000;

interface Redis {
  readonly children: readonly Child[];
  /** Of the primary. */
  readonly port: number;
}

async function start({ directory, signal }: StartContext, replicas: number): Promise<Redis> {
  const ports = await freePorts(1 + replicas);
  const [primary = 0] = ports;
  const children: Child[] = [];
  try {
    for (const port of ports) {
      const own = join(directory, String(port));
      await mkdir(own);
      const files = [
        "--port",
        String(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        own,
        "--save",
        "",
        "--appendonly",
        "yes",
      ];
      const follows = port === primary ? [] : ["--replicaof", "127.0.0.1", String(primary)];
      const sync = ["--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
      const child = new Child("redis-server", [...files, ...sync, ...follows]);
      children.push(child);
      await child.until("ready", async () => (await cli(port, "PING").catch(() => "")) === "PONG", signal);
    }
    await children[0]?.until(
      "followed",
      async () => (await cli(primary, "INFO", "replication")).split("state=online").length - 1 === replicas,
      signal,
    );
    return { children, port: primary };
  } catch (error) {
    await Promise.all(children.map((child) => child.stop()));
    throw error;
  }
}

async function cli(port: number, ...words: readonly string[]): Promise<string> {
  return (await output("redis-cli", ["-h", "127.0.0.1", "-p", String(port), ...words])).trim();
}

/** The sum of all counters, which are all the keys that there are. */
async function sumOf(port: number): Promise<bigint> {
  const keys = (await cli(port, "KEYS", "*")).split("\n").filter((key) => key !== "");
  if (keys.length === 0) return 0n;
  const values = (await cli(port, "MGET", ...keys)).split("\n");
  return values.reduce((sum, value) => sum + BigInt(value), 0n);
}

/** What one run of redis-benchmark is about. */
interface Work {
  readonly keys: number;
  /** Commands sent before an answer is waited for. */
  readonly pipeline: number;
}

/** What redis-benchmark says with --csv. */
export function csvIn(printed: string): Figures & { readonly rate: number } {
  const lines = printed
    .split("\n")
    .map((line) => [...line.matchAll(/"([^"]*)"/g)].map(([, cell = ""]) => cell));
  const at = lines.findIndex((line) => line[0] === "test" && line[1] === "rps");
  const [names, values] = [lines[at], lines[at + 1]];
  const number = (name: string): number => Number(values?.[names?.indexOf(name) ?? -1] ?? Number.NaN);
  const rate = number("rps");
  if (at < 0 || !Number.isFinite(rate))
    throw new Error(`redis-benchmark did not end as it should: ${printed.trim()}`);
  return {
    rate,
    p50: number("p50_latency_ms"),
    p99: number("p99_latency_ms"),
    max: number("max_latency_ms"),
  };
}

async function benchmark(
  port: number,
  { keys, pipeline }: Work,
  requests: number,
  signal: AbortSignal,
): Promise<ReturnType<typeof csvIn>> {
  const load = ["-c", String(CONNECTIONS), "-n", String(requests), "-P", String(pipeline), "--csv"];
  const spread = keys > 1 ? ["-r", String(keys), "INCR", "key:__rand_int__"] : ["INCR", "key"];
  const printed = await output(
    "redis-benchmark",
    ["-h", "127.0.0.1", "-p", String(port), ...load, ...spread],
    {
      signal,
    },
  );
  return csvIn(printed);
}

async function increments({ port }: Redis, work: Work, timing: Timing): Promise<Sample> {
  await cli(port, "FLUSHALL");
  const rough = await benchmark(port, work, TRIAL_REQUESTS, timing.signal);
  const warmup = Math.ceil(rough.rate * timing.warmupSeconds) + CONNECTIONS;
  const warm = await benchmark(port, work, warmup, timing.signal);
  const requests = Math.ceil(warm.rate * timing.seconds) + CONNECTIONS;
  const figures = await benchmark(port, work, requests, timing.signal);
  const acknowledged = TRIAL_REQUESTS + warmup + requests;
  return {
    figures,
    check: {
      about: "the sum of the keys",
      acknowledged: BigInt(acknowledged),
      found: await sumOf(port),
      // With pipelining it ends once it has its number, and each of its connections may have sent a few more.
      underway: work.pipeline > 1 ? 3 * CONNECTIONS * work.pipeline : 0,
    },
  };
}

async function waiting({ port }: Redis, timing: Timing): Promise<Sample> {
  await cli(port, "FLUSHALL");
  const commands = [
    ["INCR", "key"],
    ["WAIT", "1", "0"],
  ];
  const connections = Array.from({ length: CONNECTIONS }, () => ({
    port,
    caller: new RespCaller(commands, (replicas) => replicas >= 1),
  }));
  const done = await closedLoop(connections, timing);
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "the sum of the keys",
      acknowledged: BigInt(done.acknowledged),
      found: await sumOf(port),
      underway: done.underway,
    },
  };
}

const ONE: Work = { keys: 1, pipeline: 1 };

function workload(id: string, about: string, work: Work): WorkloadOf<Redis> {
  return {
    id,
    about,
    connections: CONNECTIONS,
    keys: work.keys,
    run: (system, timing) => increments(system, work, timing),
  };
}

async function probe(): ReturnType<Contender["probe"]> {
  const version = await versionOf("redis-server", "--version");
  const tools = (await versionOf("redis-benchmark", "--version")) !== undefined;
  return version === undefined || !tools
    ? { available: false, reason: "Redis is not installed (Debian: redis-server)" }
    : { available: true, version: version.replace(/^Redis server v=(\S+).*/, "Redis $1") };
}

const COMMON = {
  packages: ["redis-server", "redis-tools"],
  probe,
  stop: async ({ children }: Redis): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
  },
} as const;

export const redis: Contender = contender<Redis>({
  ...COMMON,
  id: "redis",
  name: "Redis",
  about: "a primary and two replicas, appendfsync always on each; replicas follow asynchronously",
  start: (context) => start(context, REPLICAS),
  workloads: [
    workload("incr", "INCR of one key, acknowledged by the primary alone", ONE),
    {
      ...workload("incr-1000", "INCR of 1,000 keys, acknowledged by the primary alone", {
        keys: KEYS,
        pipeline: 1,
      }),
      fullOnly: true,
    },
    {
      ...workload("incr-pipelined", `INCR of one key, ${PIPELINE} sent at a time`, {
        keys: 1,
        pipeline: PIPELINE,
      }),
      fullOnly: true,
    },
    {
      id: "incr-wait",
      about: "INCR of one key and WAIT 1: a replica has it in memory",
      connections: CONNECTIONS,
      keys: 1,
      run: waiting,
    },
  ],
});

export const redisAlone: Contender = contender<Redis>({
  ...COMMON,
  id: "redis-alone",
  fullOnly: true,
  name: "Redis alone",
  about: "one node without replicas, appendfsync always",
  start: (context) => start(context, 0),
  workloads: [workload("incr", "INCR of one key", ONE)],
});
