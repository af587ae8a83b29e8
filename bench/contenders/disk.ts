/** What the disk itself can do: a small append and an fdatasync, one after the other. */

import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Histogram } from "../load/histogram.ts";
import { type Contender, contender, type Sample, type Timing } from "../types.ts";

/** About what one small entry of a log takes. */
const APPEND_BYTES = 256;
/** So many, and then a look at the time and at Ctrl-C. */
const AT_A_TIME = 50;

interface Disk {
  readonly directory: string;
}

async function syncs({ directory }: Disk, { warmupSeconds, seconds, signal }: Timing): Promise<Sample> {
  const path = join(directory, "appended");
  const file = openSync(path, "a");
  const bytes = Buffer.alloc(APPEND_BYTES, "x");
  const latencies = new Histogram();
  let all = 0;
  const keepOn = async (forMs: number, heard: (ms: number) => void): Promise<void> => {
    const until = performance.now() + forMs;
    while (performance.now() < until) {
      for (let at = 0; at < AT_A_TIME; at++) {
        const begun = performance.now();
        writeSync(file, bytes);
        fdatasyncSync(file);
        heard(performance.now() - begun);
        all += 1;
      }
      await turn();
      signal.throwIfAborted();
    }
  };
  try {
    await keepOn(warmupSeconds * 1_000, () => undefined);
    const began = performance.now();
    await keepOn(seconds * 1_000, (ms) => latencies.record(ms));
    const rate = latencies.count / ((performance.now() - began) / 1_000);
    return {
      figures: { rate, ...latencies.figures() },
      check: {
        about: `the size of the file in appends of ${APPEND_BYTES} bytes`,
        acknowledged: BigInt(all),
        found: BigInt(statSync(path).size / APPEND_BYTES),
        underway: 0,
      },
    };
  } finally {
    closeSync(file);
  }
}

export const disk: Contender = contender<Disk>({
  id: "disk",
  name: "The disk alone",
  about: "what one process can make durable, one append after the other",
  packages: [],
  probe: async () => ({ available: true, version: `Node.js ${process.version}` }),
  start: async ({ directory }) => ({ directory }),
  stop: async () => undefined,
  workloads: [
    {
      id: "fdatasync",
      about: `append ${APPEND_BYTES} bytes, fdatasync`,
      connections: 1,
      keys: 0,
      run: syncs,
    },
  ],
});
