/** The command line of the benchmark. */

import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { World } from "./types.ts";

/** What somebody wants measured. */
export interface Command {
  readonly quick: boolean;
  readonly install: boolean;
  readonly list: boolean;
  readonly rounds: number;
  /** Measured of each workload, in seconds. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** `contender` or `contender/workload`; empty for all. */
  readonly only: readonly string[];
  /** Where the results go; undefined: nowhere. */
  readonly out: string | undefined;
  /** Where the systems keep their data while they are measured. */
  readonly directory: string;
  /** An earlier result to compare with. */
  readonly compare: string | undefined;
  /** Use the sockets of this process also where wrk is installed. */
  readonly sockets: boolean;
  readonly world: World;
}

const FULL = { rounds: 3, seconds: 5, warmupSeconds: 2 } as const;
const QUICK = { rounds: 2, seconds: 1, warmupSeconds: 0.3 } as const;
const ROUNDS_MAX = 100;
const SECONDS_MAX = 3_600;
const SLOW_MS_MAX = 10_000;

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  quick: { type: "boolean" },
  install: { type: "boolean" },
  list: { type: "boolean" },
  sockets: { type: "boolean" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  warmup: { type: "string" },
  only: { type: "string", multiple: true },
  out: { type: "string" },
  dir: { type: "string" },
  compare: { type: "string" },
  "fsync-ms": { type: "string" },
  "rtt-ms": { type: "string" },
} as const;

export const HELP: string = `Usage: npm run bench -- [options]

Measures Raftally and its peers on this machine: starts each with everything that it needs,
puts it to work, compares what it has counted with what it acknowledged, and stops it; then
the next one, and so on, several rounds (A, B, C, A, B, C), because machines are noisy. Says
how it gets on, and ends with a table of medians with their spread, the targets of the
project as ratios within this run, a JSON file and a chart.

Peers that are not installed are skipped, and named. Nothing else should run on the machine:
look at the load average that the result gives.

Options:
  --quick          A short form of less than two minutes, to see whether something has
                   become slower: ${QUICK.rounds} rounds of ${QUICK.seconds} s each, and no result files unless --out
                   says where. Its figures are rough.
  --install        First install what is missing of etcd, PostgreSQL, Redis and wrk from
                   Debian's packages (needs root). Their services are not started.
  --only WHAT      Only this contender, or only this workload of one: etcd, raftally/hot-key.
                   May be given several times, or with commas. --list shows them all.
  --list           Show who is measured and at what, and whether this machine has them.
  --rounds N       How often each is measured, 1 to ${ROUNDS_MAX}. (default ${FULL.rounds})
  --seconds S      How long each workload is measured, up to ${SECONDS_MAX}. Some need longer and
                   say so in --list; with --quick those are short as well. (default ${FULL.seconds})
  --warmup S       How long each works before anything counts. (default ${FULL.warmupSeconds})
  --out DIR        Where the results go: DATE.json, DATE.md and DATE.svg.
                   (default bench/results)
  --compare FILE   The JSON file of an earlier run: say what has become slower or faster.
  --dir DIR        Where the systems keep their data meanwhile: on the disk that is to be
                   measured. Removed at the end. (default: the system's temporary directory)
  --fsync-ms MS    Make each sync of Raftally's nodes so much slower, up to ${SLOW_MS_MAX}.
  --rtt-ms MS      Make the way from one node of Raftally to another and back so much longer.
  --sockets        Make the load over HTTP with the sockets of this process, also where wrk
                   is installed. (They cost more CPU, which the systems then lack.)
  --help           Show this text.

Examples:
  npm run bench -- --install
  npm run bench -- --quick --only raftally --compare bench/results/2026-11-22T09-08-32Z.json
  npm run bench -- --only raftally/hot-key --only raftally/keyed --fsync-ms 5 --rtt-ms 50

Exit codes:
  0  everything that was measured counted right (targets may be missed: the table says so)
  1  something counted wrong, or failed
  2  the command line is wrong, or there was nothing to measure
  130  interrupted`;

/** `help` and `wrong` carry what to print. */
export type Parsed =
  | { readonly kind: "run"; readonly command: Command }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "wrong"; readonly text: string };

class Wrong extends Error {}

/** A number between two others. @throws {Wrong} */
function numberOf(name: string, text: string | undefined, fallback: number, range: Range): number {
  if (text === undefined) return fallback;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isWhole = range.whole !== true || Number.isInteger(value);
  if (value >= range.min && value <= range.max && isWhole) return value;
  throw new Wrong(
    `--${name} is a ${range.whole === true ? "whole " : ""}number from ${range.min} to ${range.max}`,
  );
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: true;
}

/** Reads a command line. */
export function parse(argv: readonly string[]): Parsed {
  try {
    const { values } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: false });
    if (values.help === true) return { kind: "help", text: HELP };
    return { kind: "run", command: commandOf(values) };
  } catch (error) {
    return { kind: "wrong", text: error instanceof Error ? error.message : String(error) };
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function commandOf(values: Values): Command {
  const quick = values.quick === true;
  const usual = quick ? QUICK : FULL;
  const slow = { min: 0, max: SLOW_MS_MAX };
  const seconds = { min: 0.1, max: SECONDS_MAX };
  // Rough figures are not kept beside the careful ones unless somebody wants them.
  const out = values.out ?? (quick ? undefined : resolve(import.meta.dirname, "results"));
  return {
    quick,
    install: values.install === true,
    list: values.list === true,
    rounds: numberOf("rounds", values.rounds, usual.rounds, { min: 1, max: ROUNDS_MAX, whole: true }),
    seconds: numberOf("seconds", values.seconds, usual.seconds, seconds),
    warmupSeconds: numberOf("warmup", values.warmup, usual.warmupSeconds, { min: 0, max: SECONDS_MAX }),
    only: (values.only ?? []).flatMap((one) => one.split(",")).filter((one) => one !== ""),
    out: out === undefined ? undefined : resolve(out),
    directory: resolve(values.dir ?? tmpdir()),
    compare: values.compare === undefined ? undefined : resolve(values.compare),
    sockets: values.sockets === true,
    world: {
      fsyncMs: numberOf("fsync-ms", values["fsync-ms"], 0, slow),
      rttMs: numberOf("rtt-ms", values["rtt-ms"], 0, slow),
    },
  };
}
