/** What a scenario is. The list of all is in scenarios.ts. */

import { setTimeout as sleep } from "node:timers/promises";
import type { FaultLog } from "./faults.ts";
import type { Load } from "./load.ts";
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Nothing is broken in it, only tended: no request of a client may fail. */
  readonly harmless: boolean;
  /**
   * What it needs and this machine does not have or allow, as it is said to whoever reads that the scenario was
   * skipped ("needs …"); undefined if nothing. Left out: it needs nothing.
   */
  readonly lacks?: () => Promise<string | undefined>;
  /** How many effective faults of a kind there must be at least: with fewer the run proves nothing. */
  readonly needs: Readonly<Record<string, number>>;
  readonly stage: (options: StageOptions) => Promise<Stage>;
}

export interface StageOptions {
  /** Whatever is left to chance is drawn from it. */
  readonly random: Random;
  /** How long scenarios without an end of their own go on, ms. */
  readonly durationMs: number;
}

/** A running cluster of its own, and what is to happen to it. */
export interface Stage {
  readonly cluster: StagedCluster;
  /** Leaves the cluster whole: every node runs, and reaches every other. */
  readonly run: (act: Act) => Promise<void>;
}

export interface StagedCluster extends Target {
  /** Everything that the nodes wrote: data and logs. */
  readonly directory: string;
  /** Processes that have ended though nobody wanted it, one sentence each; left out where ends are wanted. */
  readonly crashes?: readonly string[];
  /** Ends all processes; what they wrote stays. */
  halt(): Promise<void>;
  /** Ends all processes and removes what they wrote. */
  stop(): Promise<void>;
}

/** What a scenario works with. */
export interface Act {
  readonly load: Load;
  /** Every fault goes through here. */
  readonly faults: FaultLog;
  readonly random: Random;
  readonly say: (line: string) => void;
}

/** Waits until the load has been served for a while: a fault on an idle cluster proves nothing. */
export async function served(load: Load, increments: number, patienceMs = 60_000): Promise<void> {
  const goal = load.acknowledged + increments;
  const until = performance.now() + patienceMs;
  while (load.acknowledged < goal) {
    if (performance.now() > until) {
      throw new Error(
        `only ${increments - (goal - load.acknowledged)} of ${increments} writes were served within ${patienceMs} ms`,
      );
    }
    await sleep(10);
  }
}
