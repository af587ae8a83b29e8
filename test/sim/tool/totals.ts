/** Adds up what the runs of a batch give, and says it. */

import { type Counted, Coverage } from "../coverage.ts";
import type { Done } from "./worker.ts";

/**
 * Faults that hit something, of all that is counted: a partition proves nothing, a leader cut off with entries that
 * only it has proves something. Beside simulated hours these are counted, because idle time is cheap.
 */
export const EFFECTIVE: readonly Counted[] = [
  "crashes with unsynced writes",
  "crashes that lost a write",
  "crashes that tore a batch",
  "crashes between effects",
  "crashes during recovery",
  "crashes during an install",
  "crashes that took the state back",
  "installs finished by a recovery",
  "states restored by a recovery",
  "processes that ended on a failed flush",
  "processes that ended on a full disk",
  "damaged disks refused",
  "damaged snapshots sent",
  "clogged links that came free with messages",
  "messages of an earlier process",
  "messages of an earlier term",
  "leaders whose clock stood still",
  "leaders cut off with unreplicated entries",
  "leaders that lost their quorum",
  "disks that stalled a leader",
  "truncations",
  "snapshots received after a newer one",
  "installs over a conflicting suffix",
  "orders to take over that came late",
  "writes of unknown outcome",
  "writes that never got an answer",
  "writes that reached a deposed leader",
  "reads that reached a deposed leader",
  "keyed writes replayed",
  "session writes replayed",
  "configurations in flight when their leader died",
  "joint configurations across a change of leader",
  "configurations truncated",
  "leaders elected that were being removed",
  "disks wiped",
];

/** From so many seeds on a batch in which something never happened has failed. */
export const ENOUGH_SEEDS = 300;

export class Totals {
  readonly coverage: Coverage = new Coverage();
  readonly #now: () => number;
  readonly #startedMs: number;
  seeds = 0;
  events = 0;
  virtualMs = 0;
  cpuMs = 0;

  /** @param now ms, of a clock that does not jump. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedMs = now();
  }

  add({ result, cpuMs }: Done): void {
    if (result === undefined) return;
    this.seeds++;
    this.events += result.events;
    this.virtualMs += result.virtualMs;
    this.cpuMs += cpuMs;
    this.coverage.add(result.coverage);
  }

  get elapsedMs(): number {
    return this.#now() - this.#startedMs;
  }

  get effective(): number {
    return EFFECTIVE.reduce((sum, name) => sum + this.coverage.counts[name], 0);
  }

  /** Whether so many seeds have run that everything should have happened, and something has not. */
  get lacks(): boolean {
    return this.seeds >= ENOUGH_SEEDS && this.coverage.missing.length > 0;
  }

  /** How far it is. */
  get line(): string {
    const { seeds, events, elapsedMs } = this;
    const seconds = elapsedMs / 1_000;
    const rate = count(events / Math.max(seconds, 0.001));
    return `${count(seeds)} seeds, ${count(events)} events (${rate}/s), ${this.#hours} simulated hours, ${seconds.toFixed(1)} s`;
  }

  get #hours(): string {
    return (this.virtualMs / 3_600_000).toFixed(2);
  }

  /** Everything, for the end. */
  get summary(): readonly string[] {
    const { counts, missing } = this.coverage;
    const hours = this.virtualMs / 3_600_000;
    const perHour = count(this.effective / Math.max(hours, 1e-9));
    const perCore = count(this.events / Math.max(this.cpuMs / 1_000, 1e-9));
    const counted = Object.entries(counts).map(([name, times]) => `${count(times).padStart(14)}  ${name}`);
    const never =
      missing.length === 0 || this.seeds === 1 ? [] : ["", `never happened: ${missing.join(", ")}`];
    return [
      ...counted,
      "",
      `${perCore} events/s per core (of its own time), every checker on`,
      `${this.#hours} simulated cluster-hours, ${count(this.effective)} effective faults: ${perHour} in each of them`,
      ...never,
      this.line,
    ];
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
