/** The tests that Stryker runs: those of pure code that are quick. */

import type { ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = {
  test: {
    include: [
      "test/raft/{answers,change-problem,configuration,counting,late-words,ledger,log,log-model,progress,quorum}.test.ts",
      "test/counter/{apply,change,combiner,digest,once,run,sessions}.test.ts",
    ],
    testTimeout: 20_000,
  },
};

export default config;
