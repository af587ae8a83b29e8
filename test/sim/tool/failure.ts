/** What is said of a seed, or of a case, that breaks something. */

import type { Happened } from "../faults.ts";
import { Narrator } from "../narrator.ts";
import { type Case, formatCase, worldOf } from "./case.ts";
import { drawLadder } from "./ladder.ts";
import { Recorder } from "./recorder.ts";
import { shrink } from "./shrink.ts";
import { type Broken, describe } from "./trial.ts";

export interface FailureOptions {
  /** What making it smaller may take, ms; 0 for not at all. */
  readonly shrinkMs: number;
  /** Characters in a line. */
  readonly width: number;
  /** ms, of a clock that does not jump. */
  readonly now: () => number;
  readonly print: (line: string) => void;
}

/** So many events of each node are drawn, and so many lines in all. */
const DRAWN = { each: 30, lines: 320, width: 160 } as const;

/** Says what went wrong with a seed, and returns the smallest case that was found. */
export function reportFailure(
  drawn: Pick<Case, "seed" | "length">,
  broken: Broken,
  options: FailureOptions,
): Case {
  const { print, now, shrinkMs } = options;
  const { seed } = drawn;
  print(`seed ${seed} breaks "${broken.invariant}" after ${broken.atMs.toFixed(2)} ms`);
  print(broken.message);
  print("");
  print(reproduce(drawn));
  const whole: Case = { ...drawn, invariant: broken.invariant };
  if (shrinkMs === 0) {
    draw(whole, options);
    return whole;
  }
  print("");
  print(`making it smaller, for ${Math.round(shrinkMs / 1_000)} s at the most:`);
  const until = now() + shrinkMs;
  const shrunk = shrink(drawn, broken, {
    mayGoOn: () => now() < until,
    told: (text) => print(`  ${text}`),
  });
  if (shrunk === undefined) {
    print("the second run did not break the same: the simulator is not deterministic");
    draw(whole, options);
    return whole;
  }
  const { trial, attempts, minimal } = shrunk;
  const smallest: Case = { ...whole, showed: shrunk.broken.message.split("\n")[0] ?? "", ...shrunk.case };
  const why = minimal ? "nothing more can be left out" : "the time was over";
  print(`  ${attempts} attempts; ${why}`);
  print("");
  printFaults(trial.faults, print);
  print("");
  draw(smallest, options);
  print("");
  print("the smallest case, for a file in test/sim/corpus (npm run sim -- --case FILE):");
  print(formatCase(smallest));
  return smallest;
}

function printFaults(faults: readonly Happened[], print: (line: string) => void): void {
  const all = faults.length === 1 ? "one fault is needed" : `${faults.length} faults are needed`;
  print(faults.length === 0 ? "no fault is needed" : `${all}:`);
  for (const { id, atMs, what } of faults) print(`${atMs.toFixed(2).padStart(10)}  ${id}: ${what}`);
}

/** How a case broke, as one text: for a test that fails. */
export function storyOf(one: Case): string {
  const lines: string[] = [];
  draw(one, { width: DRAWN.width, print: (line) => lines.push(line) });
  return [...lines, reproduce(one)].join("\n");
}

function reproduce({ seed, length }: Pick<Case, "seed" | "length">): string {
  return `reproduce: npm run sim -- --seed ${seed}${length === undefined ? "" : ` --length ${length}`}`;
}

/** Runs the case again, and draws its last events. */
export function draw(one: Case, { width, print }: Pick<FailureOptions, "width" | "print">): void {
  let now = (): number => 0;
  const recorder = new Recorder(DRAWN.each, () => now());
  const world = worldOf(one, { observers: [recorder.observer] });
  now = () => world.now;
  const broken = endOf(() => world.run());
  for (const line of drawLadder(recorder, { width, lines: DRAWN.lines })) print(line);
  print(broken === undefined ? "and it ended well" : broken.message);
}

/** Runs the case again, and tells its last events in all detail. */
export function tell(one: Case, events: number, print: (line: string) => void): void {
  let now = (): number => 0;
  const narrator = new Narrator(() => now(), events);
  const world = worldOf(one, { observers: [narrator.observer] });
  now = () => world.now;
  endOf(() => world.run());
  for (const line of narrator.lines) print(line);
}

function endOf(run: () => unknown): Pick<Broken, "message"> | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return describe(error);
  }
}
