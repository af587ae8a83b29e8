/**
 * Hostile input for every door of the product: `npm run fuzz -- --help`.
 * Exit code 0: every promise held; 1: one was broken, with the input and how to repeat it; 2: bad arguments.
 */

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, relative } from "node:path";
import { parseArgs } from "node:util";
import { decodeHex, keep } from "./corpus.ts";
import { feedAlone } from "./fuzz.ts";
import { emptiness, type Row, table } from "./report.ts";
import type { Target } from "./target.ts";
import { TARGETS, targetOf } from "./targets/index.ts";
import { type Watched, watch } from "./watch.ts";

const HELP = `npm run fuzz                             every target, more than 1,000,000 inputs in all
npm run fuzz -- --seed N                 the same inputs again
npm run fuzz -- --target NAME            one target (may be given more than once)
npm run fuzz -- --inputs N               so many inputs of each target that is named, or in all
npm run fuzz -- --from N                 beginning with the input of this number
npm run fuzz -- --repeat FILE            one input, from a file in test/fuzz/corpus
npm run fuzz -- --list                   what is fuzzed, and what must hold
`;

interface Plan {
  readonly seed: number;
  readonly from: number;
  readonly jobs: readonly { readonly target: Target; readonly inputs: number }[];
}

class UsageError extends Error {}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value))
    throw new UsageError(`${name} takes a whole number`);
  return value;
}

function options(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        target: { type: "string", multiple: true },
        inputs: { type: "string" },
        from: { type: "string" },
        repeat: { type: "string" },
        list: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function planOf(values: ReturnType<typeof options>): Plan {
  const seed = values.seed === undefined ? randomInt(4_294_967_296) : whole("--seed", values.seed);
  const inputs = values.inputs === undefined ? undefined : whole("--inputs", values.inputs);
  const from = values.from === undefined ? 0 : whole("--from", values.from);
  const named = values.target?.map((name) => {
    const target = targetOf(name);
    if (target === undefined) throw new UsageError(`there is no target ${name}; --list names them`);
    return target;
  });
  if (named !== undefined) {
    return { seed, from, jobs: named.map((target) => ({ target, inputs: inputs ?? target.inputs })) };
  }
  const all = TARGETS.reduce((sum, target) => sum + target.inputs, 0);
  const share = inputs === undefined ? 1 : inputs / all;
  const jobs = TARGETS.map((target) => ({ target, inputs: Math.max(1, Math.ceil(target.inputs * share)) }));
  return { seed, from, jobs };
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Two targets at a time, or as many as there are processors for. */
async function run({ seed, from, jobs }: Plan): Promise<boolean> {
  out(`seed ${seed}; repeat with: npm run fuzz -- --seed ${seed}`);
  const rows: Row[] = [];
  let isGood = true;
  const waiting = [...jobs];
  const began = performance.now();
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const { target, inputs } = job;
      const watched = await watch(target, {
        seed,
        from,
        inputs,
        onProgress: (fed) => progress(target, fed, inputs),
      });
      const row = { target, tally: watched.outcome.tally };
      rows.push(row);
      const empty = watched.outcome.kind === "passed" ? emptiness(row) : undefined;
      if (watched.outcome.kind === "failed") tell(target, watched, seed);
      if (empty !== undefined) out(`PROVES NOTHING  ${empty}`);
      isGood &&= watched.outcome.kind === "passed" && empty === undefined;
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  out(table(rows));
  out(`${Math.round((performance.now() - began) / 1_000)} s; ${isGood ? "every promise held" : "FAILED"}`);
  return isGood;
}

const told = new Map<string, number>();

/** A line for each quarter of a target. */
function progress(target: Target, fed: number, inputs: number): void {
  const quarter = Math.floor((4 * fed) / inputs);
  if ((told.get(target.name) ?? 0) >= quarter) return;
  told.set(target.name, quarter);
  out(`  ${target.name}: ${fed.toLocaleString("en")} of ${inputs.toLocaleString("en")}`);
}

/** What was broken, the input as a case of the corpus, and how to repeat it. */
function tell(target: Target, { outcome, shrunk }: Watched, seed: number): void {
  if (outcome.kind === "passed") return;
  const { ordinal, what, input } = outcome.failure;
  out(`FAILED  ${target.name}: ${what}`);
  const run = `npm run fuzz -- --target ${target.name} --seed ${seed}`;
  if (ordinal !== undefined) out(`  repeat: ${run} --from ${ordinal} --inputs 1`);
  else out(`  repeat: ${run}`);
  const kept = shrunk ?? input;
  if (kept === undefined) return;
  const about = [
    what,
    `seed ${seed}, input ${ordinal}${shrunk === undefined ? "; fails only after others" : ""}`,
  ];
  const file = relative(process.cwd(), keep(target.name, kept, about));
  out(`  kept in ${file} (${kept.length} bytes); repeat: npm run fuzz -- --repeat ${file}`);
}

async function repeat(file: string): Promise<boolean> {
  const target = targetOf(basename(dirname(file)));
  if (target === undefined) throw new UsageError(`${file} is in no folder that is named for a target`);
  const what = await feedAlone(target, decodeHex(readFileSync(file, "utf8")));
  out(what === undefined ? "every promise held" : `FAILED  ${target.name}: ${what}`);
  return what === undefined;
}

async function main(args: readonly string[]): Promise<number> {
  const values = options(args);
  if (values.help === true) out(HELP.trimEnd());
  else if (values.list === true) for (const { name, about } of TARGETS) out(`${name.padEnd(18)} ${about}`);
  else if (values.repeat !== undefined) return (await repeat(values.repeat)) ? 0 : 1;
  else return (await run(planOf(values))) ? 0 : 1;
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
