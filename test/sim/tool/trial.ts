/** Runs a case and says how it went, instead of throwing. */

import { InvariantViolation } from "../../../src/base/index.ts";
import { OutOfTime } from "../event-queue.ts";
import type { Happened } from "../faults.ts";
import { type Observer, Violation } from "../observer.ts";
import type { RunResult } from "../world.ts";
import { type Case, worldOf } from "./case.ts";

/** What went wrong. */
export interface Broken {
  /** The name of the checker, or the words of the assertion. */
  readonly invariant: string;
  readonly message: string;
  readonly atMs: number;
}

export interface Trial {
  readonly broken: Broken | undefined;
  /** What was done to it, in order. */
  readonly faults: readonly Happened[];
  /** Missing if it broke, or did not end in its time. */
  readonly result: RunResult | undefined;
}

export interface TrialOptions {
  /** Nothing that happens later counts, virtual ms. */
  readonly untilMs?: number;
  readonly observers?: readonly Partial<Observer>[];
}

export function tryCase(one: Case, options: TrialOptions = {}): Trial {
  const world = worldOf(one, options);
  const ended = (broken: Broken | undefined, result?: RunResult): Trial => ({
    broken,
    faults: world.faults,
    result,
  });
  try {
    return ended(undefined, world.run());
  } catch (error) {
    if (error instanceof OutOfTime) return ended(undefined);
    return ended({ ...describe(error), atMs: world.now });
  }
}

/** What an error says, in a form in which equal bugs are equal. */
export function describe(error: unknown): Pick<Broken, "invariant" | "message"> {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message };
  if (error instanceof InvariantViolation) {
    return { invariant: `assertion: ${error.message}`, message: error.stack ?? error.message };
  }
  if (error instanceof Error) {
    return { invariant: `error: ${error.message.split("\n")[0]}`, message: error.stack ?? error.message };
  }
  return { invariant: `error: ${String(error)}`, message: String(error) };
}
