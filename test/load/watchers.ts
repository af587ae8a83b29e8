/**
 * Very many watchers on one node of a real cluster, while one counter is incremented at a steady rate: every watcher's
 * ranges must tile exactly and sum up to the total, and the node's memory must stay bounded.
 *
 *     node test/load/watchers.ts --seconds 60 --watchers 1000 --rate 1000
 */

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Agent, request } from "undici";
import { LocalCluster } from "../../chaos/index.ts";
import { TilingWatcher } from "./tiling-watcher.ts";

export interface Plan {
  readonly seconds: number;
  readonly watchers: number;
  /** Increments a second. */
  readonly rate: number;
}

export interface Report {
  /** Increments that were acknowledged: all that were sent. */
  readonly total: number;
  readonly seconds: number;
  /** Events that all watchers got together. */
  readonly events: number;
  /** How often a watcher lost its connection and went on. */
  readonly resumed: number;
  /** From the acknowledgement of an increment to the event that covers it, at one watcher, ms. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Resident memory of the watched node, MiB: before there were watchers, and at most and at last while there were. */
  readonly memory: { readonly before: number; readonly peak: number; readonly last: number } | undefined;
  /** Processor time of the watched node, s, from the first watcher on: what it costs where others want it too. */
  readonly cpuSeconds: number | undefined;
  readonly watchedRole: string;
  /** How often the cluster had to elect another leader: a machine that has too much to do. */
  readonly elections: number;
}

/** Between two handfuls of increments, ms. */
const STEP_MS = 10;
/** Enough for the rate while each answer takes a quarter of a second. */
const CONNECTIONS = 256;
/** After this long an increment that was not done is sent again, ms. */
const RETRY_MS = 100;
/** How long the last events may take to arrive, ms. */
const PATIENCE_MS = 30_000;
const KEY = "hot";

/**
 * Plays it through.
 * @throws {Error} if any watcher's ranges do not tile, or do not sum up to the total.
 */
export async function playWatchers(plan: Plan): Promise<Report> {
  const cluster = await LocalCluster.start(3);
  const watchers: TilingWatcher[] = [];
  try {
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error("the cluster has a node");
    const pid = processOf(cluster.directory, node.id);
    await settleDown(node.url);
    const before = memoryOf(pid);
    const cpuBefore = cpuOf(pid);
    const { term } = await clusterOf(node.url);
    const ackedMs: number[] = [];
    const delays: number[] = [];
    const url = `${node.url}/v1/watch?key=${KEY}`;
    const onEvent = (value: number): void => {
      const atMs = ackedMs[value];
      // An event may overtake the answer to the very increment that it tells of.
      if (atMs !== undefined) delays.push(performance.now() - atMs);
    };
    while (watchers.length < plan.watchers) {
      const some = Math.min(50, plan.watchers - watchers.length);
      const opening = Array.from({ length: some }, (_, at) =>
        TilingWatcher.open(url, watchers.length === 0 && at === 0 ? onEvent : undefined),
      );
      watchers.push(...(await Promise.all(opening)));
    }
    const memory = new MemoryWatch(pid);
    const beganMs = performance.now();
    const total = await increment(await leaderOf(node.url), plan, ackedMs);
    const seconds = (performance.now() - beganMs) / 1_000;
    await arrived(watchers, total);
    const { peak, last } = memory.end();
    const all = watchers.map(({ seen }) => seen);
    for (const seen of all) {
      if (seen.covered !== total || seen.value !== total || seen.resyncs > 0) {
        throw new Error(`of ${total} increments a watcher saw ${JSON.stringify(seen)}`);
      }
    }
    const after = await clusterOf(node.url);
    return {
      total,
      seconds,
      events: all.reduce((sum, { events }) => sum + events, 0),
      resumed: all.reduce((sum, { resumed }) => sum + resumed, 0),
      delayMs: spread(delays),
      memory: pid === undefined ? undefined : { before, peak, last },
      cpuSeconds: cpuBefore === undefined ? undefined : (cpuOf(pid) ?? 0) - cpuBefore,
      watchedRole: after.role,
      elections: after.term - term,
    };
  } finally {
    for (const watcher of watchers) watcher.close();
    await cluster.stop();
  }
}

/**
 * Sends increments of 1 at the rate, whether the ones before are answered or not, and waits for all. Each has a key of
 * its own and is sent again until it is answered, wherever the leader is: so each counts once.
 */
async function increment(first: string, { seconds, rate }: Plan, ackedMs: number[]): Promise<number> {
  const dispatcher = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  const total = seconds * rate;
  const pending: Promise<void>[] = [];
  let leader = first;
  const attempt = async (headers: Readonly<Record<string, string>>): Promise<number | undefined> => {
    const url = `${leader}/v1/counters/${KEY}/increment`;
    const answer = await request(url, { method: "POST", dispatcher, headers });
    const { location } = answer.headers;
    if (answer.statusCode === 307 && typeof location === "string") leader = new URL(location).origin;
    const { value } = (await answer.body.json()) as { readonly value?: number };
    return answer.statusCode === 200 ? value : undefined;
  };
  const one = async (at: number): Promise<void> => {
    const headers = { "Idempotency-Key": `increment-${at}` };
    for (;;) {
      const value = await attempt(headers).catch(() => undefined);
      if (value === undefined) {
        await sleep(RETRY_MS);
        continue;
      }
      ackedMs[value] = performance.now();
      return;
    }
  };
  const beganMs = performance.now();
  while (pending.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - beganMs) / 1_000) * rate));
    while (pending.length < due) pending.push(one(pending.length));
    await sleep(STEP_MS);
  }
  await Promise.all(pending);
  await dispatcher.close();
  return total;
}

async function arrived(watchers: readonly TilingWatcher[], total: number): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (watchers.some(({ seen }) => seen.covered < total)) {
    if (performance.now() > endMs) throw new Error("not all events have arrived");
    await sleep(STEP_MS);
  }
}

interface Cluster {
  readonly role: string;
  readonly term: number;
  readonly leader?: { readonly url: string };
}

async function clusterOf(url: string): Promise<Cluster> {
  return (await (await request(`${url}/v1/cluster`)).body.json()) as Cluster;
}

async function leaderOf(url: string): Promise<string> {
  for (;;) {
    const { leader } = await clusterOf(url);
    if (leader !== undefined) return leader.url;
    await sleep(STEP_MS);
  }
}

/** Lets a node that has just been started do what it does only once. */
async function settleDown(url: string): Promise<void> {
  const leader = await leaderOf(url);
  await request(`${leader}/v1/counters/other/increment`, { method: "POST" });
  await request(`${leader}/v1/counters/other`, { method: "DELETE" });
}

/** The process of a node, where the system lists processes as Linux does. */
function processOf(directory: string, id: string): number | undefined {
  try {
    return readdirSync("/proc")
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number)
      .find((pid) => isNode(pid, directory, id));
  } catch {
    return undefined;
  }
}

function isNode(pid: number, directory: string, id: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return (
      words.includes("serve") && words.some((word) => word.startsWith(directory) && word.endsWith(`/${id}`))
    );
  } catch {
    // It has ended in the meantime.
    return false;
  }
}

/** Resident memory, MiB. */
function memoryOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const [, kilobytes = "0"] = /VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1_024);
}

/** Ticks of Linux's clock in a second, by which it counts processor time: the same on every machine that runs Node. */
const TICKS = 100;

/** Processor time, s. */
function cpuOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  // The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th words after it.
  const words = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(words[11]) + Number(words[12])) / TICKS;
}

class MemoryWatch {
  readonly #pid: number | undefined;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(pid: number | undefined) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), 250);
  }

  end(): { readonly peak: number; readonly last: number } {
    clearInterval(this.#timer);
    return { last: this.#look(), peak: this.#peak };
  }

  #look(): number {
    const now = memoryOf(this.#pid);
    this.#peak = Math.max(this.#peak, now);
    return now;
  }
}

function spread(values: readonly number[]): Report["delayMs"] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      watchers: { type: "string", default: "1000" },
      rate: { type: "string", default: "1000" },
    },
  });
  const { seconds, watchers, rate } = values;
  const plan = { seconds: Number(seconds), watchers: Number(watchers), rate: Number(rate) };
  for (const [name, value] of Object.entries(plan)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number above 0`);
  }
  return plan;
}

if (import.meta.main) {
  const plan = planOf(process.argv.slice(2));
  const report = await playWatchers(plan);
  process.stdout.write(`${JSON.stringify({ plan, ...report }, undefined, 2)}\n`);
}
