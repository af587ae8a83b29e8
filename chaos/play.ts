/** Plays one scenario: a cluster of its own, load on it, faults in it, and a verdict. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FaultLog } from "./faults.ts";
import { HistoryRecorder } from "./history-recorder.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { Load, type LoadResult } from "./load.ts";
import { Random } from "./random.ts";
import type { Scenario, Stage } from "./scenario.ts";

const WRITERS = 24;
const REST_MS = 8;
const LOSS_OF_ANSWERS = 0.002;

export interface PlayOptions {
  readonly seed: number;
  /** Of scenarios without an end of their own, ms. */
  readonly durationMs: number;
  /** Where the history goes; made if it is not there. */
  readonly directory: string;
  readonly say: (line: string) => void;
  /** Ends the play early, when it aborts. */
  readonly signal: AbortSignal;
}

/** What a play has brought, to be judged. */
export interface Played {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly seconds: number;
  readonly load: Load;
  readonly result: LoadResult;
  readonly faults: FaultLog;
  readonly leaders: LeaderWatch;
  /** What the load itself found wrong. */
  readonly wrong: readonly string[];
  /** The file with the history. */
  readonly history: string;
}

/** Plays a scenario to its end. The cluster has stopped when it resolves. */
export async function play(scenario: Scenario, options: PlayOptions): Promise<Played> {
  const { seed, durationMs } = options;
  const stage = await scenario.stage({ random: new Random(seed), durationMs });
  try {
    return await perform(scenario, stage, options);
  } finally {
    await stage.cluster.stop();
  }
}

async function perform(scenario: Scenario, stage: Stage, options: PlayOptions): Promise<Played> {
  const { seed, directory, say } = options;
  mkdirSync(directory, { recursive: true });
  const recorder = HistoryRecorder.open(join(directory, "history.jsonl"));
  const faults = new FaultLog(recorder);
  const leaders = new LeaderWatch(stage.cluster, recorder);
  const load = new Load(stage.cluster, {
    readers: scenario.harmless ? "any" : "one",
    lossOfAnswers: scenario.harmless ? 0 : LOSS_OF_ANSWERS,
    restMs: REST_MS,
    mixed: true,
    recorder,
    seed,
  });
  leaders.start();
  load.start(WRITERS);
  const began = performance.now();
  try {
    await stage.run({ load, faults, random: new Random(seed), say });
    const seconds = (performance.now() - began) / 1_000;
    const result = await load.stop();
    const failed = scenario.harmless ? failures(result) : [];
    const wrong = [...result.problems, ...failed, ...(await load.verify())];
    await leaders.stop();
    return { scenario, seed, seconds, load, result, faults, leaders, wrong, history: recorder.file };
  } finally {
    await leaders.stop();
    recorder.close();
  }
}

/** What must not happen where nothing is broken, only tended. */
function failures({ unknown, refused, failedReads }: LoadResult): readonly string[] {
  const failed = unknown + refused + failedReads;
  return failed === 0 ? [] : [`${failed} requests failed, and none should`];
}
