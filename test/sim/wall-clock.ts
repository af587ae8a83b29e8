/**
 * The clocks that a process can ask without being given one. The core must not: who is told the time by an argument
 * behaves the same in every run. While a world runs they show the virtual time of the node that acts, and its wall
 * clock may jump, so that whoever asks it all the same is found out.
 */

import type { SimClock } from "./sim-clock.ts";

/** A moment like any other. */
const EPOCH_MS = 1_750_000_000_000;

let acting: SimClock | undefined;

/** Until somebody else acts, `clock` is the one on the wall. */
export function actBy(clock: SimClock): void {
  acting = clock;
}

/** Runs a world under virtual clocks. */
export function underVirtualClocks<T>(run: () => T): T {
  const { now } = Date;
  acting = undefined;
  Date.now = () => EPOCH_MS + Math.floor(acting?.wallMs ?? 0);
  Object.defineProperty(performance, "now", { configurable: true, value: () => acting?.ms ?? 0 });
  try {
    return run();
  } finally {
    Date.now = now;
    Reflect.deleteProperty(performance, "now");
  }
}
