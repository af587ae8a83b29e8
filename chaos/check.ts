/**
 * `node chaos/check.ts FILE`: judges a kept history again, with every checker.
 *
 * Ends with 0 if every verdict is right, 1 if one is wrong or unknown, and 2 if the file is no history, or one in which
 * too little happened to say anything (INVALID).
 */

import { parseArgs } from "node:util";
import { explain } from "./checkers/explain.ts";
import { judge } from "./checkers/judge.ts";
import { BUDGET } from "./checkers/linearizable.ts";
import { DEMANDS, insufficiencies } from "./checkers/sufficiency.ts";
import { readHistory } from "./history-reader.ts";
import { HistoryError } from "./history-schema.ts";

const USAGE = `usage: node chaos/check.ts FILE [options]
  --budget N    configurations that the search may look at for one counter (${BUDGET})
  --rate N      operations that must have been answered a second (${DEMANDS.rate})
  --faults N    faults that must have begun (${DEMANDS.faults})
  --leaders N   leaders that must have been seen (${DEMANDS.leaders})
  --json        prints the verdicts as JSON`;

const OPTIONS = {
  budget: { type: "string", default: String(BUDGET) },
  rate: { type: "string", default: String(DEMANDS.rate) },
  faults: { type: "string", default: String(DEMANDS.faults) },
  leaders: { type: "string", default: String(DEMANDS.leaders) },
  json: { type: "boolean", default: false },
} as const;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function main(): number {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [file, ...others] = positionals;
  const numbers = [values.budget, values.rate, values.faults, values.leaders].map(Number);
  const [budget = 0, rate = 0, faults = 0, leaders = 0] = numbers;
  if (file === undefined || others.length > 0 || numbers.some((number) => !(number >= 0))) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const history = readHistory(file);
  const lacks = insufficiencies(history, { ...DEMANDS, rate, faults, leaders });
  const verdicts = judge(history, { budget });
  const isRight = verdicts.every(({ valid }) => valid === true);
  if (values.json) say(JSON.stringify({ lacks, verdicts }));
  else {
    say(`${history.calls.length} operations in ${(history.durationNs / 1e9).toFixed(1)} s`);
    for (const verdict of verdicts) for (const line of explain(verdict)) say(line);
    for (const lack of lacks) say(`INVALID  ${lack}`);
  }
  if (!isRight) return 1;
  return lacks.length > 0 ? 2 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof HistoryError || (error instanceof Error && "code" in error))) throw error;
  process.stderr.write(`INVALID  ${error.message}\n`);
  process.exitCode = 2;
}
