/**
 * Fuzzes one target in a process of its own, so that whatever happens to it is seen from outside. Says to its parent
 * how it gets on, and leaves the number of each input in a file before it is fed: who dies can no longer speak.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { feedOne, fuzz, newTally, type Outcome } from "./fuzz.ts";
import { kindOf, shrink } from "./shrink.ts";
import type { Target } from "./target.ts";
import { targetOf } from "./targets/index.ts";

/** What the parent asks for, as JSON in the first argument. */
export interface ChildJob {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** The file for the number of the input. */
  readonly at: string;
}

export type ChildWord =
  | { readonly kind: "progress"; readonly fed: number }
  /** `shrunk` is given with a failure that one input alone brings about. */
  | { readonly kind: "outcome"; readonly outcome: Outcome; readonly shrunk: Uint8Array | undefined };

const PROGRESS_MS = 250;
const SHRINK = { triesMax: 4_000, msMax: 20_000 };

function say(word: ChildWord): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(word, () => resolve());
  });
}

async function run(job: ChildJob): Promise<void> {
  const target = targetOf(job.target);
  if (target === undefined) throw new Error(`there is no target ${job.target}`);
  const file = openSync(job.at, "w");
  const ordinalBytes = Buffer.alloc(8);
  let saidAt = performance.now();
  const onInput = (ordinal: number): void => {
    ordinalBytes.writeBigUInt64LE(BigInt(ordinal));
    writeSync(file, ordinalBytes, 0, 8, 0);
    const now = performance.now();
    if (now - saidAt < PROGRESS_MS) return;
    saidAt = now;
    void say({ kind: "progress", fed: ordinal - job.from });
  };
  const outcome = await fuzz(target, { seed: job.seed, from: job.from, inputs: job.inputs, onInput });
  closeSync(file);
  await say({ kind: "outcome", outcome, shrunk: await shrunkOf(target, outcome, job.seed) });
  // What a failure has left open must not keep the process.
  process.exit(outcome.kind === "passed" ? 0 : 1);
}

/** The input of a failure made as small as it goes; undefined if it does not fail alone. */
async function shrunkOf(target: Target, outcome: Outcome, seed: number): Promise<Buffer | undefined> {
  if (outcome.kind === "passed" || outcome.failure.input === undefined) return undefined;
  const kind = kindOf(outcome.failure.what);
  const subject = await target.open(seed);
  const fails = async (input: Buffer): Promise<boolean> => {
    const what = await feedOne(target, subject, input, newTally());
    return what !== undefined && kindOf(what) === kind;
  };
  const isAlone = await fails(outcome.failure.input);
  const shrunk = isAlone ? await shrink(outcome.failure.input, fails, SHRINK) : undefined;
  await subject.close().catch(() => undefined);
  return shrunk;
}

await run(JSON.parse(process.argv[2] ?? "{}") as ChildJob);
