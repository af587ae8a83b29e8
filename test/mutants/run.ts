/**
 * Plants one deliberate bug after the other and sees whether it is noticed: `npm run mutants -- --help`.
 * Exit code 0: every mutant was killed by one of the killers declared for it; 1: one survived, was killed only by
 * something else, or its patch no longer applies; 2: bad arguments.
 */

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EQUIVALENTS, MUTANTS, patchOf } from "./catalogue.ts";
import { endAll, runSimulator, runTests } from "./killers.ts";
import type { Mutant } from "./mutant.ts";
import { applyHunks, type FilePatch } from "./patch.ts";
import { isKilled, type Plan, Trials, type Verdict } from "./trial.ts";
import { Workspace } from "./workspace.ts";

const HELP = `npm run mutants                     plants each bug, until one of its declared killers notices
npm run mutants -- --only NAME      only this one (may be said more than once)
npm run mutants -- --quick          only those that die within 20 s
npm run mutants -- --all            every declared killer, not only the first: all of them have to notice
npm run mutants -- --simulator      the simulator alone, also where it is not declared
npm run mutants -- --seconds N      the simulator's budget for each mutant (120; with --quick 20)
npm run mutants -- --jobs N         so many at a time (as many as there are cores, at most 4)
npm run mutants -- --list           what there is, without running it
`;

const ROOT = join(import.meta.dirname, "..", "..");
/** The simulator must pass so many seeds without any mutant. */
const CONTROL_SEEDS = 40;

interface Chosen extends Plan {
  readonly mutants: readonly Mutant[];
  readonly jobs: number;
  readonly list: boolean;
}

function choose(args: readonly string[]): Chosen {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      simulator: { type: "boolean", default: false },
      seconds: { type: "string" },
      jobs: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  for (const name of values.only ?? []) {
    if (!MUTANTS.some((mutant) => mutant.name === name)) throw new Error(`there is no mutant ${name}`);
  }
  const named = MUTANTS.filter(({ name }) => values.only?.includes(name) ?? true);
  const seconds = Number(values.seconds ?? (values.quick ? 20 : 120));
  const jobs = Number(values.jobs ?? Math.min(4, availableParallelism()));
  if (!(seconds > 0)) throw new Error("--seconds takes a number above 0");
  if (!(jobs >= 1)) throw new Error("--jobs takes a number of at least 1");
  return {
    mutants: values.quick ? named.filter(({ slow }) => slow !== true) : named,
    everyKiller: values.all,
    simulatorOnly: values.simulator,
    list: values.list,
    seconds,
    jobs,
  };
}

function list(): void {
  for (const { name, stands, simulator = [], tests = [] } of MUTANTS) {
    process.stdout.write(`${name}\n    ${stands}\n`);
    if (simulator.length > 0) process.stdout.write(`    simulator: ${simulator.join("; ")}\n`);
    for (const test of tests) process.stdout.write(`    ${test}\n`);
  }
  process.stdout.write(`\nEquivalent, and so not planted:\n`);
  for (const { name, change, proof } of EQUIVALENTS) {
    process.stdout.write(`${name}\n    ${change}\n    Proof: ${proof}\n`);
  }
}

/** False alarms would kill mutants: without any of them everything has to pass. */
async function control(
  workspace: Workspace,
  { mutants, simulatorOnly, seconds }: Chosen,
): Promise<string | undefined> {
  const tests = simulatorOnly ? [] : [...new Set(mutants.flatMap((mutant) => mutant.tests ?? []))];
  if (tests.length > 0) {
    process.stdout.write(`control: ${tests.length} declared tests without any mutant\n`);
    const { by, strays, ran } = await runTests(workspace.path, tests);
    if (by.length + strays.length > 0) return `fails without any mutant: ${[...by, ...strays].join(", ")}`;
    if (ran < tests.length) return `only ${ran} of ${tests.length} declared tests exist or ran`;
  }
  if (mutants.every(({ simulator }) => simulator === undefined) && !simulatorOnly) return undefined;
  process.stdout.write(`control: ${CONTROL_SEEDS} seeds without any mutant\n`);
  const plan = { from: 1, seeds: CONTROL_SEEDS, seconds: Math.max(seconds, 120), until: [] };
  const { strays } = await runSimulator(workspace.path, plan);
  return strays.length === 0 ? undefined : `the simulator fails without any mutant: ${strays.join(", ")}`;
}

function row({ mutant, by, strays, seeds, ms, note }: Verdict): readonly string[] {
  const declared = [...(mutant.simulator === undefined ? [] : [`sim ${mutant.simulator.join("/")}`])];
  if (mutant.tests !== undefined)
    declared.push(`${mutant.tests.length} test${mutant.tests.length > 1 ? "s" : ""}`);
  const killer =
    by.length > 0 ? by.join("; ") : strays.length > 0 ? `UNDECLARED: ${strays.join("; ")}` : "SURVIVED";
  const time = `${(ms / 1_000).toFixed(1)} s`;
  return [
    mutant.name,
    declared.join(", "),
    killer + (note ?? ""),
    seeds === undefined ? "" : String(seeds),
    time,
  ];
}

function table(verdicts: readonly Verdict[]): string {
  const rows = [["mutant", "declared", "killed by", "seeds", "time"], ...verdicts.map(row)];
  const widths = [0, 1].map((at) => Math.max(...rows.map((cells) => (cells[at] ?? "").length)));
  return rows
    .map(([name = "", declared = "", killer = "", seeds = "", time = ""]) =>
      [
        name.padEnd(widths[0] ?? 0),
        declared.padEnd(widths[1] ?? 0),
        seeds.padStart(5),
        time.padStart(8),
        killer,
      ].join("  "),
    )
    .join("\n");
}

async function run(chosen: Chosen): Promise<number> {
  const { mutants, jobs } = chosen;
  const packages = join(ROOT, "node_modules");
  const workspaces: Workspace[] = [];
  const clean = (): void => {
    endAll();
    for (const workspace of workspaces) workspace.remove();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      clean();
      process.exit(130);
    });
  }
  try {
    const sound = new Workspace(ROOT, packages);
    workspaces.push(sound);
    const patches = new Map<string, readonly FilePatch[]>();
    for (const one of [...MUTANTS, ...EQUIVALENTS]) {
      const patch = patchOf(one);
      for (const file of patch) applyHunks(file, sound.read(file.path));
      patches.set(one.name, patch);
    }
    const problem = await control(sound, chosen);
    if (problem !== undefined) throw new Error(problem);
    const queue = [...mutants];
    const verdicts: Verdict[] = [];
    const work = async (): Promise<void> => {
      const workspace = new Workspace(sound.path, packages);
      workspaces.push(workspace);
      const trials = new Trials(workspace, sound, chosen);
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await trials.run(mutant, patches.get(mutant.name) ?? []);
        verdicts.push(verdict);
        const [name, , killer, seeds, time] = row(verdict);
        process.stdout.write(
          `${verdicts.length}/${mutants.length} ${name}: ${killer} (${seeds ? `${seeds} seeds, ` : ""}${time})\n`,
        );
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, mutants.length) }, work));
    const order = new Map(mutants.map(({ name }, at) => [name, at]));
    verdicts.sort((a, b) => (order.get(a.mutant.name) ?? 0) - (order.get(b.mutant.name) ?? 0));
    const alive = verdicts.filter((verdict) => !isKilled(verdict));
    process.stdout.write(
      `\n${table(verdicts)}\n\n${verdicts.length - alive.length} of ${verdicts.length} killed`,
    );
    process.stdout.write(`, ${EQUIVALENTS.length} equivalent (--list gives the proofs)\n`);
    for (const verdict of alive)
      process.stdout.write(`NOT KILLED AS DECLARED: ${row(verdict).join(" | ")}\n`);
    return alive.length === 0 ? 0 : 1;
  } finally {
    clean();
  }
}

let chosen: Chosen | undefined;
try {
  chosen = choose(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  process.exitCode = 2;
}
if (chosen?.list === true) list();
else if (chosen !== undefined) {
  try {
    process.exitCode = await run(chosen);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
