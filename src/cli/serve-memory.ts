/** How V8 keeps memory in a process that serves: what, unlike NODE_FLAGS, can be said once it runs. */

import { setFlagsFromString } from "node:v8";

/** A V8 that does not know one of these any more says so on standard error, and goes on without it. */
export const SERVE_FLAGS: readonly string[] = [
  // V8 remembers which lines of code make objects that live, and lets those begin as old ones. Under a wave of requests it
  // takes what each of them holds for that, for good: their garbage then waits for collections of everything, and
  // whether a leader counted 26,000 or 34,000 increments a second for 256 callers depended on its first seconds.
  "--no-allocation-site-pretenuring",
  // Young objects are collected by the thread that made them: helpers on other cores make that no cheaper, and take those
  // from the log, from the state machine and from whoever else is there.
  "--no-parallel-scavenge",
  // Old objects are collected when there are twice as many as the last time were left, in place of up to four times.
  "--heap-growing-percent=100",
  // For threads that begin from now on: what they make is taken by the next transaction, so that 8 MiB hold it.
  "--max-semi-space-size=4",
];

/** To be called before the threads of the node begin. */
export function keepMemoryLow(): void {
  for (const flag of SERVE_FLAGS) setFlagsFromString(flag);
}
