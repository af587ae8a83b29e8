/** `npm run chaos -- [--list] [SCENARIO...]`: real processes, real faults, and a count that must come out right. */

import { Load, type LoadResult } from "./load.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

const WRITERS = 32;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs one scenario on a cluster of its own; whether everything that was promised held. */
async function play(scenario: Scenario): Promise<boolean> {
  say(`\n${scenario.name}: ${scenario.about}`);
  const { cluster, run } = await scenario.stage();
  const interrupted = (): void => {
    void cluster.stop().finally(() => process.exit(130));
  };
  process.once("SIGINT", interrupted);
  try {
    const load = new Load(cluster, { readers: scenario.harmless ? "any" : "one" });
    load.start(WRITERS);
    const began = performance.now();
    await run(load, (line) => say(`  ${line}`));
    const seconds = (performance.now() - began) / 1_000;
    const result = await load.stop();
    const failed = scenario.harmless ? failures(result) : [];
    const wrong = [...result.problems, ...failed, ...(await load.verify())];
    say(`  ${result.acknowledged} increments acknowledged in ${seconds.toFixed(1)} s, ${result.reads} reads`);
    say(
      `  ${result.unknown} of unknown outcome, ${result.refused} refused, ${result.failedReads} reads failed`,
    );
    say(`  longest time without an acknowledgement: ${Math.round(result.longestStallMs)} ms`);
    say(
      `  ${wrong.length === 0 ? "every promise was kept on all nodes" : `${wrong.length} PROMISES BROKEN`}`,
    );
    for (const line of wrong.slice(0, 20)) say(`    ${line}`);
    return wrong.length === 0;
  } finally {
    process.off("SIGINT", interrupted);
    await cluster.stop();
  }
}

/** What must not happen where nothing is broken, only tended. */
function failures({ unknown, refused, failedReads }: LoadResult): readonly string[] {
  const failed = unknown + refused + failedReads;
  return failed === 0 ? [] : [`${failed} requests failed, and none should`];
}

async function main(names: readonly string[]): Promise<number> {
  if (names.includes("--list")) {
    for (const { name, about } of SCENARIOS) say(`${name.padEnd(14)} ${about}`);
    return 0;
  }
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    say(`There is no scenario ${unknown.join(", ")}. Try: npm run chaos -- --list`);
    return 2;
  }
  let kept = true;
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    kept = (await play(scenario)) && kept;
  }
  return kept ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
