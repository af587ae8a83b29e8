/** A million counters instead of a thousand: does it get slower, and how long does such a node take to start? */

import {
  incrementSample,
  leaderUrl,
  patientClient,
  type Raftally,
  startRaftally,
} from "../contenders/raftally-cluster.ts";
import { type Caller, closedLoop, type Heard } from "../load/closed-loop.ts";
import { HttpCaller } from "../load/http-caller.ts";
import { portOf } from "../load/http-work.ts";
import { type Contender, contender, type Sample, type Timing, type WorkloadOf } from "../types.ts";
import { inBatches } from "./batches.ts";
import { withCosts } from "./costs.ts";
import { fastOnly, stopAll, timedStart } from "./nodes.ts";
import { median } from "./numbers.ts";

const CONNECTIONS = 64;
const FEW = 1_000;
const KEY_DIGITS = 7;

/** `many:0000042`: as long as any other. */
export function keyOf(number: number): string {
  return `many:${String(number).padStart(KEY_DIGITS, "0")}`;
}

/** Increments one of the first so many keys, each as likely as the others. */
export class AnyKeyCaller implements Caller {
  readonly weight = 1;
  readonly #keys: number;
  readonly #http: HttpCaller;
  readonly #before: string;
  #random: number;

  /** @param seed of the order in which keys come. */
  constructor(keys: number, seed: number) {
    this.#keys = keys;
    this.#random = seed + 1;
    this.#before = "POST /v1/counters/";
    // It knows what an answer looks like.
    this.#http = new HttpCaller({ urls: [], connections: 1, method: "POST", paths: ["/"], weight: 1 }, 0);
  }

  request(): Uint8Array {
    // A linear congruential generator with the constants of Numerical Recipes; its high bits are good enough here.
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    const key = keyOf(Math.floor((this.#random / 2 ** 32) * this.#keys));
    const head = `${this.#before}${key}/increment HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n`;
    return Buffer.from(head, "latin1");
  }

  hear(bytes: Buffer): Heard {
    return this.#http.hear(bytes);
  }
}

/** How large it is; tests make it smaller. */
export interface Size {
  /** Counters: a multiple of 1,000. */
  readonly many: number;
  readonly restarts: number;
}

const MILLION: Size = { many: 1_000_000, restarts: 5 };

/** A cluster, and whether its counters are there. */
interface Large extends Raftally, Size {
  isFilled: boolean;
}

async function sumOf(large: Large): Promise<bigint> {
  return (await patientClient(large).sum({ prefix: "many:" })).sum;
}

async function incrementsOf(large: Large, keys: number, timing: Timing): Promise<Sample> {
  const before = await sumOf(large);
  const port = portOf(await leaderUrl(large));
  const connections = Array.from({ length: CONNECTIONS }, (_, at) => ({
    port,
    caller: new AnyKeyCaller(keys, at),
  }));
  const { figures, check } = await withCosts(large, timing, async () =>
    incrementSample(large, "many:", await closedLoop(connections, timing)),
  );
  return { figures, check: { ...check, found: check.found - before } };
}

async function fill(large: Large, timing: Timing): Promise<void> {
  if (large.isFilled) return;
  const { many } = large;
  await inBatches({
    url: await leaderUrl(large),
    keys: many,
    increments: many,
    nameOf: keyOf,
    signal: timing.signal,
    onProgress: (done) => timing.progress(`${done.toLocaleString("en")} counters made`),
  });
  large.isFilled = true;
}

async function ofMany(large: Large, timing: Timing): Promise<Sample> {
  await fill(large, timing);
  return await incrementsOf(large, large.many, timing);
}

/** Restarts all nodes at once, again and again: the time until the last of them is ready. */
function restarts(how: "gracefully" | "killed"): (large: Large, timing: Timing) => Promise<Sample> {
  return async (large, timing) => {
    await fill(large, timing);
    const { cluster, restarts: count } = large;
    const before = await sumOf(large);
    const tookMs: number[] = [];
    for (let restart = 1; restart <= count; restart++) {
      await stopAll(cluster, how);
      tookMs.push(Math.max(...(await timedStart(cluster, timing.signal))));
      timing.progress(`${restart} of ${count} restarts, ${Math.round(tookMs.at(-1) ?? 0)} ms`);
    }
    return {
      figures: { ready: median(tookMs), max: Math.max(...tookMs) },
      check: {
        about: "the sum of all counters",
        acknowledged: before,
        found: await sumOf(large),
        underway: 0,
      },
    };
  };
}

function restartWorkloads(keys: number): readonly WorkloadOf<Large>[] {
  return [
    {
      id: "restart",
      about: "stopped by SIGTERM, and started until ready",
      connections: 0,
      keys,
      run: restarts("gracefully"),
    },
    {
      id: "restart-killed",
      about: "killed by SIGKILL, and started until ready",
      connections: 0,
      keys,
      run: restarts("killed"),
    },
  ];
}

const COMMON = { packages: [], rounds: 1, fullOnly: true, probe: fastOnly } as const;

/** Three nodes with so many counters. */
export function manyKeys(size: Size = MILLION): Contender {
  return contender<Large>({
    ...COMMON,
    id: "raftally-million",
    name: "Raftally, a million counters",
    about: "three nodes; every counter as likely as any other",
    start: async (context) => ({ ...size, ...(await startRaftally(context, 3)), isFilled: false }),
    stop: ({ cluster }) => cluster.stop(),
    workloads: [
      {
        id: "thousand",
        about: "single increments over 1,000 counters, before there are more",
        connections: CONNECTIONS,
        keys: FEW,
        run: (large, timing) => incrementsOf(large, FEW, timing),
      },
      {
        id: "million",
        about: "single increments over all of them",
        connections: CONNECTIONS,
        keys: size.many,
        run: ofMany,
      },
      ...restartWorkloads(size.many),
    ],
  });
}

/** One node with so many counters. */
export function manyKeysAlone(size: Size = MILLION): Contender {
  return contender<Large>({
    ...COMMON,
    id: "raftally-million-alone",
    name: "Raftally, a million counters on one node",
    about: "a cluster of one",
    start: async (context) => ({
      ...size,
      ...(await startRaftally(context, 1, { flags: ["--new-cluster"] })),
      isFilled: false,
    }),
    stop: ({ cluster }) => cluster.stop(),
    workloads: restartWorkloads(size.many),
  });
}
