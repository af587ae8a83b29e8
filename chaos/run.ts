/**
 * `npm run chaos -- [--list] [--minutes M] [--seed N] [--keep DIR] [SCENARIO...]`: real processes, real faults, and a
 * history that must be right. Exit code 0: everything that was promised held. 1: something did not. 2: a run that
 * proves nothing, or a command line that is wrong.
 */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pageOf, type Unplayed } from "./page/page.ts";
import { play } from "./play.ts";
import { reportOf } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";
import { type Judged, judged } from "./verdict.ts";

const EXIT = { kept: 0, broken: 1, invalid: 2, interrupted: 130 } as const;
const DEFAULT_MINUTES = 1;

interface Command {
  readonly scenarios: readonly Scenario[];
  readonly durationMs: number;
  readonly seed: number;
  /** Where everything goes. */
  readonly directory: string;
  readonly keepData: boolean;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function list(): void {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length)) + 2;
  for (const { name, about } of SCENARIOS) say(`${name.padEnd(width)}${about}`);
}

const OPTIONS = {
  list: { type: "boolean" },
  minutes: { type: "string" },
  seed: { type: "string" },
  keep: { type: "string" },
} as const;

interface Parsed {
  readonly values: {
    readonly list?: boolean;
    readonly minutes?: string;
    readonly seed?: string;
    readonly keep?: string;
  };
  readonly positionals: readonly string[];
}

function parse(argv: readonly string[]): Parsed | string {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @returns the exit code where there is nothing to play, or a sentence on what is wrong with the command line. */
function commandOf(argv: readonly string[]): Command | number | string {
  const parsed = parse(argv);
  if (typeof parsed === "string") return parsed;
  const { values, positionals } = parsed;
  if (values.list === true) {
    list();
    return 0;
  }
  const minutes = Number(values.minutes ?? DEFAULT_MINUTES);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) return "--minutes and --seed are numbers";
  const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) return `there is no scenario ${unknown.join(", ")}: try --list`;
  const names = positionals.length === 0 && values.minutes !== undefined ? ["mixed"] : positionals;
  const scenarios = SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name));
  const keepData = values.keep !== undefined;
  return { scenarios, durationMs: minutes * 60_000, seed, directory: directoryFor(values.keep), keepData };
}

function directoryFor(keep: string | undefined): string {
  if (keep === undefined) return mkdtempSync(join(tmpdir(), "raftally-chaos-"));
  const directory = join(resolve(keep), new Date().toISOString().replace(/[:.]/g, "-"));
  mkdirSync(directory, { recursive: true });
  return directory;
}

async function playOne(
  scenario: Scenario,
  command: Command,
  signal: AbortSignal,
): Promise<Judged | Unplayed> {
  const { seed, durationMs, directory, keepData } = command;
  const { name } = scenario;
  say(`\n${name}: ${scenario.about}`);
  const lack = await scenario.lacks?.();
  if (lack !== undefined) {
    say(`  SKIPPED: ${lack}`);
    return { name, outcome: "skipped", why: lack };
  }
  try {
    const played = await play(scenario, {
      ...{ seed, durationMs, keepData, signal },
      directory: join(directory, name),
      say: (line) => say(`  ${line}`),
    });
    const result = judged(played);
    for (const line of reportOf(result)) say(`  ${line}`);
    return result;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`  BROKEN: ${why}`);
    return { name, outcome: "broken", why };
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const command = commandOf(argv);
  if (typeof command === "number") return command;
  if (typeof command === "string") {
    say(`chaos: ${command}`);
    return EXIT.invalid;
  }
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  const judgements: Judged[] = [];
  const unplayed: Unplayed[] = [];
  say(`seed ${command.seed}; everything is kept in ${command.directory}`);
  for (const scenario of command.scenarios) {
    if (controller.signal.aborted) break;
    const result = await playOne(scenario, command, controller.signal);
    if ("why" in result) unplayed.push(result);
    else judgements.push(result);
  }
  const page = join(command.directory, "report.html");
  writeFileSync(page, pageOf(judgements, unplayed, new Date()));
  say(`\nreport: ${page}`);
  for (const { name, outcome, why } of unplayed) say(`${outcome.toUpperCase()} ${name}: ${why}`);
  if (controller.signal.aborted) return EXIT.interrupted;
  const outcomes = [...judgements, ...unplayed].map(({ outcome }) => outcome);
  if (outcomes.includes("broken")) return EXIT.broken;
  // A run of which nothing was played is no success either.
  return outcomes.includes("invalid") || judgements.length === 0 ? EXIT.invalid : EXIT.kept;
}

process.exitCode = await main(process.argv.slice(2));
// Clients of a play that was broken off would go on asking.
if (process.exitCode === EXIT.interrupted) process.exit();
