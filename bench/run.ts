/** `npm run bench`: Raftally and its peers on this machine, in one run. `--help` tells the rest. */

import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Command, parse } from "./command.ts";
import { CONTENDERS } from "./contenders/all.ts";
import { install, packagesOf } from "./install.ts";
import { wrkVersion } from "./load/wrk.ts";
import { commitOf, doubtsOf, machineOf } from "./machine.ts";
import { changesOf, changesTable } from "./report/compare.ts";
import { writeResult } from "./report/files.ts";
import { resultIn } from "./report/json.ts";
import { reportOf } from "./report/table.ts";
import { ROW_TARGETS } from "./rows/rows.ts";
import { isRight, type Listener, PASSABLE, probed, runRounds } from "./runner.ts";
import { type Selected, selected, seriesName, unknownNames } from "./selection.ts";
import { PEER_TARGETS } from "./targets.ts";
import { RESULT_FORMAT, type Result, type Target } from "./types.ts";

const EXIT = { right: 0, wrong: 1, unusable: 2, interrupted: 130 } as const;
const CLEAR_LINE = "\r\u001b[K";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const NAME_WIDTH = 26;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** On a terminal, a status is overwritten by what comes next; elsewhere there are only lines. */
function listener(): Listener {
  const { stderr } = process;
  return {
    line: (text) => {
      stderr.write(`${stderr.isTTY ? CLEAR_LINE : ""}${text}\n`);
    },
    status: (text) => {
      if (stderr.isTTY) stderr.write(`${CLEAR_LINE}${text.slice(0, stderr.columns - 1)}`);
    },
  };
}

async function list(all: readonly Selected[], command: Command): Promise<void> {
  const availability = await probed(all, command.world);
  for (const { contender, workloads } of all) {
    const here = availability.get(contender);
    const state = here?.available === true ? here.version : `not here: ${here?.reason}`;
    say(`${contender.name} (${state}): ${contender.about}`);
    for (const workload of workloads) {
      const long = workload.seconds === undefined ? "" : ` (${workload.seconds} s)`;
      const full = contender.fullOnly || workload.fullOnly ? " (not with --quick)" : "";
      say(`  ${seriesName(contender, workload).padEnd(NAME_WIDTH)} ${workload.about}${long}${full}`);
    }
  }
}

/** The targets of which something was measured. */
function targetsFor(result: Pick<Result, "series">): readonly Target[] {
  const names = result.series.map(({ series }) => series);
  return [...PEER_TARGETS, ...ROW_TARGETS].filter(({ bars }) =>
    bars.some(({ figure }) => names.includes(figure.series)),
  );
}

async function measure(command: Command, all: readonly Selected[], signal: AbortSignal): Promise<Result> {
  const directory = mkdtempSync(join(command.directory, "raftally-bench-"));
  // PostgreSQL gives up root and has to get through to its own.
  chmodSync(directory, PASSABLE);
  // Also when something goes so wrong that nothing below is reached.
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const began = performance.now();
    const at = new Date().toISOString();
    const machine = machineOf(directory);
    const wrk = command.sockets ? undefined : wrkVersion();
    const { rounds, seconds, warmupSeconds, quick, world } = command;
    const generator = wrk === undefined ? "sockets" : "wrk";
    for (const doubt of doubtsOf(machine)) listener().line(doubt);
    const plan = {
      selected: all,
      rounds,
      seconds,
      warmupSeconds,
      quick,
      world,
      generator,
      directory,
      signal,
    } as const;
    const measured = await runRounds(plan, listener());
    return {
      format: RESULT_FORMAT,
      began: at,
      tookSeconds: Math.round((performance.now() - began) / 1_000),
      command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
        " ",
      ),
      ...{ quick, rounds, world, machine },
      secondsPerWorkload: seconds,
      versions: {
        "Node.js": process.version,
        "HTTP load by": wrk === undefined ? "sockets of Node.js" : `wrk ${wrk}`,
        commit: commitOf(),
      },
      ...measured,
      targets: targetsFor(measured),
    };
  } finally {
    remove();
    process.removeListener("exit", remove);
  }
}

/** Prints and writes what was measured. @returns the exit code. */
function tell(result: Result, command: Command, before: Result | undefined): number {
  say(`\n${reportOf(result)}`);
  if (before !== undefined) say(`## Since ${before.began}\n\n${changesTable(changesOf(before, result))}\n`);
  if (command.out !== undefined) for (const path of writeResult(command.out, result)) say(path);
  const rounds = result.series.flatMap((series) => series.rounds);
  if (rounds.length === 0) return EXIT.unusable;
  return rounds.every((round) => round.outcome === "measured" && isRight(round.sample.check))
    ? EXIT.right
    : EXIT.wrong;
}

function wrong(text: string): number {
  process.stderr.write(`bench: ${text}\nTry: npm run bench -- --help\n`);
  return EXIT.unusable;
}

function earlier(path: string): Result | string {
  try {
    return resultIn(readFileSync(path, "utf8"));
  } catch (error) {
    return `${path} cannot be compared with: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv);
  if (parsed.kind === "wrong") return wrong(parsed.text);
  if (parsed.kind === "help") {
    say(parsed.text);
    return EXIT.right;
  }
  const { command } = parsed;
  const unknown = unknownNames(CONTENDERS, command.only);
  if (unknown.length > 0) return wrong(`there is no ${unknown.join(", ")}: see --list`);
  const before = command.compare === undefined ? undefined : earlier(command.compare);
  if (typeof before === "string") return wrong(before);
  const all = selected(CONTENDERS, command);
  if (command.install) {
    const failure = install(packagesOf(all.map(({ contender }) => contender)));
    if (failure !== undefined) return wrong(failure);
  }
  if (command.list) {
    await list(all, { ...command });
    return EXIT.right;
  }
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) return;
    listener().line("interrupted: ending everything that runs");
    controller.abort(new Error("interrupted"));
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    return tell(await measure(command, all, controller.signal), command, before);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    process.stderr.write("\nInterrupted: everything that was started has ended, and nothing was written.\n");
    return EXIT.interrupted;
  }
}

process.exitCode = await main(process.argv.slice(2));
