/** Many callers in one process, each of which waits for its own increment and then makes the next. */

import { setTimeout as sleep } from "node:timers/promises";
import type { RaftallyClient } from "../../src/client/index.ts";
import type { LoadResult } from "../load/closed-loop.ts";
import { Histogram } from "../load/histogram.ts";
import type { Timing } from "../types.ts";

const CALLERS = 20_000;
const KEYS = 100;
/** The latency of every so manieth call is taken: reading the clock costs as much as a call. */
const SAMPLED = 1_000;

/** Increments through the client's combining mode, in this process. */
export async function combiningLoad(
  client: RaftallyClient,
  prefix: string,
  { warmupSeconds, seconds, signal }: Timing,
): Promise<LoadResult> {
  const counting = client.combining({ signal });
  const keys = Array.from({ length: KEYS }, (_, at) => `${prefix}${at}`);
  const latencies = new Histogram();
  let [acknowledged, isMeasuring, isEnding] = [0, false, false];

  /** One caller, until the end. */
  const count = async (caller: number): Promise<void> => {
    const key = keys[caller % KEYS] ?? "";
    const isSampled = caller % SAMPLED === 0;
    while (!isEnding) {
      const begun = isSampled ? performance.now() : 0;
      await counting.increment(key);
      acknowledged += 1;
      if (isSampled && isMeasuring) latencies.record(performance.now() - begun);
    }
  };

  const callers = Promise.all(Array.from({ length: CALLERS }, (_, at) => count(at)));
  // A failure is thrown below, where all of them are waited for.
  callers.catch(() => {
    isEnding = true;
  });
  try {
    await sleep(warmupSeconds * 1_000, undefined, { signal });
    const [began, before, cpuBefore] = [performance.now(), acknowledged, process.cpuUsage()];
    isMeasuring = true;
    await sleep(seconds * 1_000, undefined, { signal });
    isMeasuring = false;
    const tookSeconds = (performance.now() - began) / 1_000;
    const rate = (acknowledged - before) / tookSeconds;
    const { user, system } = process.cpuUsage(cpuBefore);
    isEnding = true;
    await callers;
    const cpu = (user + system) / 1e6 / tookSeconds;
    return { rate, acknowledged, underway: 0, figures: { ...latencies.figures(), cpu } };
  } finally {
    isEnding = true;
    await counting.close().catch(() => undefined);
  }
}
