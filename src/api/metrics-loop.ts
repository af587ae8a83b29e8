/**
 * How late the event loop is, as a histogram that only grows: whoever scrapes twice has what happened between, and as
 * many may scrape as like. prom-client's own gauges of this are set back at each scrape, look every 10 ms, and end at p99.
 */

import { Buckets } from "./metrics-buckets.ts";

/** How often it is looked, ms. Timers are no finer than 1 ms. */
export const LOOP_LOOK_MS = 2;

/** Whom nobody has asked for so long is not being watched: it looks no more until somebody asks again, ms. */
export const LOOP_WATCHED_MS = 600_000;

/** What lasts longer was a machine asleep, and is counted as if it had lasted so long, ms. */
const STALL_MS_MAX = 60_000;

/** Upper bounds in seconds. */
const BOUNDS = [
  0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1,
  0.25, 0.5, 1, 2.5,
];

export class LoopDelay {
  readonly buckets: Buckets = new Buckets(BOUNDS);
  #timer: NodeJS.Timeout | undefined;
  #askedMs = 0;

  /** Whether it looks at the moment. */
  get looks(): boolean {
    return this.#timer !== undefined;
  }

  /** Somebody asks: begins to look, if it does not, and ends when nobody has asked for long. Keeps no process alive. */
  start(): void {
    this.#askedMs = performance.now();
    if (this.#timer !== undefined) return;
    let dueMs = performance.now() + LOOP_LOOK_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.observe(nowMs - dueMs);
      dueMs = nowMs + LOOP_LOOK_MS;
      // One look by a person, or by the doctor, shall not cost hundreds of wake-ups a second for good.
      if (nowMs - this.#askedMs > LOOP_WATCHED_MS) this.#stop();
    }, LOOP_LOOK_MS).unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * A look that came so much too late. One look would have been all that a long stall shows of itself; so those that
   * fell into it and never took place are counted as well, each with what was left of it then. Then a share of the
   * looks is a share of the time, as it would be for requests that arrive at a steady rate.
   * @param lateMs less than 0 counts as 0: a timer may fire early by a fraction.
   */
  observe(lateMs: number): void {
    for (let left = Math.min(Math.max(0, lateMs), STALL_MS_MAX); ; left -= LOOP_LOOK_MS) {
      this.buckets.observe(left / 1_000);
      if (left < LOOP_LOOK_MS) return;
    }
  }
}
