/** Ends every run of the tests with the list of those that were skipped, and why. */

import type { Reporter, TestModule, Vitest } from "vitest/node";

interface Skip {
  readonly file: string;
  readonly title: string;
  /** What `context.skip(reason)` was told; undefined for a test that was switched off without a word. */
  readonly reason: string | undefined;
}

export class SkipReporter implements Reporter {
  readonly #demandReasons: boolean;
  /** With `-t`, whatever does not match is skipped without a reason, and nobody wants to read about it. */
  #selective = false;

  /** @param demandReasons whether a skip without a reason fails the run. */
  constructor(demandReasons: boolean) {
    this.#demandReasons = demandReasons;
  }

  onInit(vitest: Vitest): void {
    this.#selective = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skips = modules.flatMap(skipsOf).filter(({ reason }) => reason !== undefined || !this.#selective);
    console.log(summaryOf(skips));
    if (this.#demandReasons && skips.some((skip) => skip.reason === undefined)) process.exitCode = 1;
  }
}

function skipsOf(module: TestModule): Skip[] {
  return [...module.children.allTests("skipped")].map((test) => {
    const result = test.result();
    return {
      file: module.relativeModuleId,
      title: test.fullName,
      reason: result.state === "skipped" ? result.note : undefined,
    };
  });
}

/** The list, grouped by reason, for people. */
export function summaryOf(skips: readonly Skip[]): string {
  if (skips.length === 0) return "\nNothing was skipped.";
  const reasons = [...new Set(skips.map(({ reason }) => reason))];
  const lines = reasons.flatMap((reason) => [
    `  ${reason ?? "NO REASON GIVEN"}:`,
    ...skips.filter((skip) => skip.reason === reason).map(({ file, title }) => `    ${file}: ${title}`),
  ]);
  return [`\nSkipped ${skips.length}, because this machine or this run lacks something:`, ...lines].join(
    "\n",
  );
}
