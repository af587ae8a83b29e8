/** Runs a target in a child process and watches it: also one that dies or never ends has an outcome. */

import { type ForkOptions, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../../src/base/index.ts";
import type { ChildJob, ChildWord } from "./child.ts";
import { newTally, type Outcome } from "./fuzz.ts";
import { seedOf, type Target } from "./target.ts";

const CHILD: string = join(import.meta.dirname, "child.ts");
/** A target that says nothing for so long will never say anything, ms. */
const SILENCE_MS = 120_000;

export interface Watched {
  readonly outcome: Outcome;
  /** The smallest input that was found to fail alone. */
  readonly shrunk: Buffer | undefined;
}

export interface WatchJob {
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  readonly onProgress: (fed: number) => void;
  /** How long the child may be silent; for tests. */
  readonly silenceMs?: number;
  /** Another child; for tests. */
  readonly child?: string;
}

export async function watch(target: Target, job: WatchJob): Promise<Watched> {
  const directory = mkdtempSync(join(tmpdir(), "raftally-fuzz-watch-"));
  const at = join(directory, "at");
  try {
    const ended = await runChild(target, job, at);
    if (typeof ended !== "string") return ended;
    return await blame(target, { ...job, at }, ended);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The outcome as the child says it, or in what way it came to its end without a word. */
function runChild(
  target: Target,
  { seed, from, inputs, ...job }: WatchJob,
  at: string,
): Promise<Watched | string> {
  const asked: ChildJob = { target: target.name, seed, from, inputs, at };
  const options: ForkOptions = { execArgv: ["--expose-gc"], serialization: "advanced" };
  const child = fork(job.child ?? CHILD, [JSON.stringify(asked)], options);
  return new Promise((resolve) => {
    let found: Watched | undefined;
    let isSilent = false;
    const silent = (): void => {
      isSilent = true;
      child.kill("SIGKILL");
    };
    let timer = setTimeout(silent, job.silenceMs ?? SILENCE_MS);
    child.on("message", (message) => {
      clearTimeout(timer);
      timer = setTimeout(silent, job.silenceMs ?? SILENCE_MS);
      const word = message as ChildWord;
      if (word.kind === "progress") job.onProgress(word.fed);
      else found = { outcome: word.outcome, shrunk: word.shrunk && Buffer.from(word.shrunk) };
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (found !== undefined) resolve(found);
      else
        resolve(
          isSilent ? "hang: it never came to an end" : `crash: the process ended with ${signal ?? code}`,
        );
    });
  });
}

/** The outcome of a child that did not live to tell: the input that it was about to feed is to blame. */
async function blame(
  target: Target,
  { seed, at }: WatchJob & { readonly at: string },
  what: string,
): Promise<Watched> {
  const bytes = readFileSync(at, { flag: "a+" });
  const ordinal = bytes.length < 8 ? undefined : Number(bytes.readBigUInt64LE());
  let input: Buffer | undefined;
  if (ordinal !== undefined) {
    const subject = await target.open(seed);
    input = subject.draw(new Prng(seedOf(seed, target.name, ordinal)));
    await subject.close().catch(() => undefined);
  }
  return {
    outcome: { kind: "failed", tally: newTally(), failure: { ordinal, input, what } },
    shrunk: undefined,
  };
}
