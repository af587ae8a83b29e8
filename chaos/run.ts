/** `npm run chaos -- [--list] [SCENARIO...]`: real processes, real faults, and a count that must come out right. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Played, play } from "./play.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Plays one scenario; whether everything that was promised held. */
async function playOne(scenario: Scenario, directory: string): Promise<boolean> {
  say(`\n${scenario.name}: ${scenario.about}`);
  const lack = await scenario.lacks?.();
  if (lack !== undefined) {
    say(`  SKIPPED: ${lack}`);
    return true;
  }
  const controller = new AbortController();
  const options = { seed: 1, durationMs: 60_000, directory: join(directory, scenario.name) };
  const played = await play(scenario, {
    ...options,
    say: (line) => say(`  ${line}`),
    signal: controller.signal,
  });
  tell(played);
  return played.wrong.length === 0;
}

function tell({ result, seconds, wrong, faults, history }: Played): void {
  say(`  ${result.acknowledged} increments acknowledged in ${seconds.toFixed(1)} s, ${result.reads} reads`);
  say(
    `  ${result.unknown} of unknown outcome, ${result.refused} refused, ${result.failedReads} reads failed`,
  );
  say(`  longest time without an acknowledgement: ${Math.round(result.longestStallMs)} ms`);
  for (const [kind, { done, effective }] of faults.counts)
    say(`  ${kind}: ${effective} effective of ${done}`);
  say(`  ${wrong.length === 0 ? "every promise was kept on all nodes" : `${wrong.length} PROMISES BROKEN`}`);
  for (const line of wrong.slice(0, 20)) say(`    ${line}`);
  say(`  history: ${history}`);
}

async function main(names: readonly string[]): Promise<number> {
  if (names.includes("--list")) {
    for (const { name, about } of SCENARIOS) say(`${name.padEnd(16)} ${about}`);
    return 0;
  }
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    say(`There is no scenario ${unknown.join(", ")}. Try: npm run chaos -- --list`);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), "raftally-chaos-"));
  let kept = true;
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    kept = (await playOne(scenario, directory)) && kept;
  }
  return kept ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
