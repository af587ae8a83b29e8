/** Plays one scenario: a cluster of its own, load on it, faults in it. What came of it is judged elsewhere. */

import { cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { FaultLog } from "./faults.ts";
import { HistoryRecorder } from "./history-recorder.ts";
import { LeaderWatch, type Reign } from "./leader-watch.ts";
import { Load, type LoadResult } from "./load.ts";
import { Random } from "./random.ts";
import type { Samples } from "./samples.ts";
import type { Scenario, Stage } from "./scenario.ts";

const WRITERS = 24;
const REST_MS = 8;
/** So many answers get lost that repeats are answered all the time, and so few that failures stay visible. */
const LOSS_OF_ANSWERS = 0.002;

export interface PlayOptions {
  /** Whatever is left to chance is drawn from it. */
  readonly seed: number;
  /** Of scenarios without an end of their own, ms. */
  readonly durationMs: number;
  /** Where the history and the logs of the nodes go; made if it is not there. */
  readonly directory: string;
  /** Whether the data of the nodes goes there as well. */
  readonly keepData?: boolean;
  readonly say: (line: string) => void;
  /** Ends the play early, when it aborts: the cluster is stopped, and the play fails. */
  readonly signal: AbortSignal;
}

/** What a play has brought, to be judged. */
export interface Played {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly seconds: number;
  readonly samples: Samples;
  readonly result: LoadResult;
  readonly faults: FaultLog;
  /** Who led, in order. */
  readonly reigns: readonly Reign[];
  /** What the load itself found wrong, what ended by itself, and why the play did not come to its end. */
  readonly wrong: readonly string[];
  /** The file with the history. */
  readonly history: string;
}

/** Plays a scenario to its end. The cluster has stopped when it resolves. */
export async function play(scenario: Scenario, options: PlayOptions): Promise<Played> {
  const { seed, durationMs, directory, keepData = false, signal } = options;
  mkdirSync(directory, { recursive: true });
  const stage = await scenario.stage({ random: new Random(seed), durationMs });
  const stop = (): void => void stage.cluster.halt();
  signal.addEventListener("abort", stop);
  try {
    return await perform(scenario, stage, options);
  } finally {
    signal.removeEventListener("abort", stop);
    await stage.cluster.halt();
    keep(stage.cluster.directory, join(directory, "nodes"), keepData);
    await stage.cluster.stop();
  }
}

/** Copies the logs of the nodes, or everything that they wrote. */
function keep(from: string, to: string, everything: boolean): void {
  const filter = (path: string): boolean => everything || path === from || basename(path).endsWith(".log");
  cpSync(from, to, { recursive: true, filter });
}

async function perform(scenario: Scenario, stage: Stage, options: PlayOptions): Promise<Played> {
  const { seed, directory, say, signal } = options;
  const { cluster } = stage;
  const recorder = HistoryRecorder.open(join(directory, "history.jsonl"));
  const faults = new FaultLog(recorder);
  const leaders = new LeaderWatch(cluster, recorder);
  const load = new Load(cluster, {
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
    const run = failureOf(stage.run({ load, faults, random: new Random(seed), say }));
    const failure = await Promise.race([run, abortOf(signal)]);
    const seconds = (performance.now() - began) / 1_000;
    const result = await load.stop();
    // A cluster that could not be played on to the end does not answer everything either.
    const unread = failure === undefined ? await load.verify() : [];
    const broken = scenario.harmless ? failures(result) : [];
    const wrong = [
      ...(failure === undefined ? [] : [failure]),
      ...(cluster.crashes ?? []),
      ...result.problems,
      ...broken,
      ...unread,
    ];
    const { samples } = load;
    const { reigns } = leaders;
    return { scenario, seed, seconds, samples, result, faults, reigns, wrong, history: recorder.file };
  } finally {
    await leaders.stop();
    recorder.close();
  }
}

/** @throws {Error} when the signal aborts. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("it was broken off")));
  });
}

/** Why it did not come to its end; undefined if it did. */
async function failureOf(run: Promise<void>): Promise<string | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return `it did not come to its end: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What must not happen where nothing is broken, only tended. */
function failures({ unknown, refused, failedReads }: LoadResult): readonly string[] {
  const failed = unknown + refused + failedReads;
  return failed === 0 ? [] : [`${failed} requests failed, and none should`];
}
