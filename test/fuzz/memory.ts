/** How much memory this process uses, once what nobody needs has been collected. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined = globalThis.gc;

/** Collects garbage. `--expose-gc` does not have to be given. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** Bytes of JavaScript objects and of buffers outside the heap. */
export function liveBytes(): number {
  // Twice: what has a finalizer goes in the second round only.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The most that this process has ever had resident, in bytes. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1_024;
}
