/** What the command line asks for. */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { RUN_LENGTHS, type RunLength } from "../profile.ts";
import { ENOUGH_SEEDS } from "./totals.ts";

export const HELP: string = `npm run sim -- --seed N                      one seed
npm run sim -- --seeds N [--from M]          N seeds from M on (from 1, unless said)
npm run sim -- --minutes M [--from N]        seeds from N on, for so long (from one that the time of day gives)
npm run sim -- --case FILE                   a case, as in test/sim/corpus

  --length LENGTH      short, long or calm, for every seed instead of what it draws
  --jobs N             seeds at the same time; as many as there are cores, unless said
  --check              runs each seed twice, and fails if the second run is not the same
  --shrink-seconds N   what finding a smaller case may take; 60 unless said, 0 for not at all
  --save FILE          writes the smaller case there
  --story N            with --seed or --case: prints the last N events in all detail

Exit code 0: nothing was violated, and everything that is counted has happened; 1: something was violated, or from
${ENOUGH_SEEDS} seeds on something never happened; 2: bad arguments.
`;

export interface Plan {
  readonly from: number;
  readonly seeds: number;
  /** How long seeds are begun, ms. */
  readonly forMs: number;
  readonly jobs: number;
  /** Undefined: as each seed draws it. */
  readonly length: RunLength | undefined;
  readonly check: boolean;
  readonly shrinkMs: number;
  readonly save: string | undefined;
  readonly story: number;
  /** Runs this case instead of seeds. */
  readonly caseFile: string | undefined;
}

/** @param nowMs the time of day, from which `--minutes` takes its first seed. @throws {Error} with what is wrong. */
export function parsePlan(args: readonly string[], nowMs: number): Plan | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      case: { type: "string" },
      length: { type: "string" },
      jobs: { type: "string" },
      check: { type: "boolean" },
      "shrink-seconds": { type: "string" },
      save: { type: "string" },
      story: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const modes = [values.seed, values.seeds, values.minutes, values.case].filter(
    (value) => value !== undefined,
  );
  if (modes.length !== 1) throw new Error(`say what to run:\n${HELP}`);
  const whole = (name: keyof typeof values, otherwise: number): number => {
    const text = values[name];
    return typeof text === "string" ? wholeNumber(name, text) : otherwise;
  };
  const jobs = whole("jobs", availableParallelism());
  if (jobs < 1) throw new Error("--jobs takes a number above 0");
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0)) throw new Error("--minutes takes a number above 0");
  const isOne = values.seed !== undefined || values.case !== undefined;
  return {
    from: values.seed === undefined ? whole("from", minutes === undefined ? 1 : nowMs) : whole("seed", 1),
    seeds: isOne ? 1 : whole("seeds", Number.POSITIVE_INFINITY),
    forMs: minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000,
    jobs: isOne ? 1 : jobs,
    length: values.length === undefined ? undefined : lengthOf(values.length),
    check: values.check === true,
    shrinkMs: whole("shrink-seconds", 60) * 1_000,
    save: values.save,
    story: whole("story", 0),
    caseFile: values.case,
  };
}

function lengthOf(text: string): RunLength {
  const length = RUN_LENGTHS.find((one) => one === text);
  if (length === undefined) throw new Error(`--length takes ${RUN_LENGTHS.join(", ")}`);
  return length;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value))
    throw new Error(`--${name} takes a whole number`);
  return value;
}
