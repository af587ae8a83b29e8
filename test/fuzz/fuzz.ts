/**
 * Feeds a target, and applies the rules that hold for every target: nothing is thrown but what the target expects,
 * no input takes too long or much memory, nothing is left behind, and no prototype is changed.
 */

import { Prng } from "../../src/base/index.ts";
import { liveBytes, peakBytes } from "./memory.ts";
import { Fault, type Subject, seedOf, type Target, type Verdict } from "./target.ts";

/** The most that the memory may have grown after all inputs of a target, and at any one of them, in bytes. */
export const GROWTH_BYTES_MAX: number = 64 * 1_048_576;
/** Inputs before the memory is measured for the first time: by then code is compiled and caches are filled. */
const WARM_UP_MAX = 2_000;
/** Reasons that are kept apart. */
const REASONS_MAX = 2_000;
/** A slow input is tried so often: this process may have had to wait for the processor. */
const TRIES = 4;

/** What came of a target's inputs. */
export interface Tally {
  inputs: number;
  accepted: number;
  /** Different refusals and different kinds of what was accepted, and how often each was met. */
  readonly reasons: Map<string, number>;
  /** In ms. */
  elapsed: number;
  slowest: number;
  /** Growth of the live memory after the warm-up, in bytes. */
  grown: number;
}

/** A promise that one input breaks. */
export interface Failure {
  /** Counted from 0; undefined if no single input is to blame. */
  readonly ordinal: number | undefined;
  readonly input: Buffer | undefined;
  readonly what: string;
}

export type Outcome =
  | { readonly kind: "passed"; readonly tally: Tally }
  | { readonly kind: "failed"; readonly tally: Tally; readonly failure: Failure };

export interface Job {
  readonly seed: number;
  /** The first ordinal. */
  readonly from: number;
  readonly inputs: number;
  /** Hears of each input before it is fed. */
  readonly onInput?: (ordinal: number) => void;
}

/** Feeds as many inputs as the job says, or up to the first that breaks a promise. */
export async function fuzz(target: Target, job: Job): Promise<Outcome> {
  const tally = newTally();
  const subject = await target.open(job.seed);
  const began = performance.now();
  const end = (failure: Failure): Outcome => {
    tally.elapsed = performance.now() - began;
    return { kind: "failed", tally, failure };
  };
  let closed = false;
  try {
    const warmUp = Math.min(WARM_UP_MAX, Math.ceil(job.inputs / 4));
    let before = 0;
    for (let count = 0; count < job.inputs; count++) {
      if (count === warmUp) before = liveBytes();
      // Lets messages, timers and sockets of the process have their turn.
      if (count % 512 === 511) await new Promise((resolve) => setImmediate(resolve));
      const ordinal = job.from + count;
      job.onInput?.(ordinal);
      const input = subject.draw(new Prng(seedOf(job.seed, target.name, ordinal)));
      const what = await feedOne(target, subject, input, tally);
      if (what !== undefined) return end({ ordinal, input, what });
    }
    if (job.inputs > warmUp) tally.grown = liveBytes() - before;
    closed = true;
    await subject.close();
  } catch (error) {
    return end({ ordinal: undefined, input: undefined, what: describe(error) });
  } finally {
    if (!closed) await subject.close().catch(() => undefined);
  }
  if (tally.grown > GROWTH_BYTES_MAX) {
    return end({
      ordinal: undefined,
      input: undefined,
      what: `memory: it grew by ${mebibytes(tally.grown)} MiB`,
    });
  }
  tally.elapsed = performance.now() - began;
  return { kind: "passed", tally };
}

/** Feeds one input, alone. @returns what is wrong, in a sentence; undefined if nothing is. */
export async function feedAlone(target: Target, input: Buffer, seed = 1): Promise<string | undefined> {
  const subject = await target.open(seed);
  try {
    return await feedOne(target, subject, input, newTally());
  } finally {
    await subject.close().catch(() => undefined);
  }
}

/** The same for a subject that stands ready. */
export async function feedOne(
  target: Pick<Target, "msMax">,
  subject: Pick<Subject, "feed">,
  input: Buffer,
  tally: Tally,
): Promise<string | undefined> {
  const peak = peakBytes();
  // What the subject does with its input is its own business; the original is what is reported.
  const own = Buffer.from(input);
  const began = performance.now();
  const cpu = process.cpuUsage();
  let verdict: Verdict;
  let isWaiting = false;
  try {
    const given = subject.feed(own);
    isWaiting = given instanceof Promise;
    verdict = given instanceof Promise ? await inTime(given, target.msMax) : given;
  } catch (error) {
    return describe(error);
  }
  // What only computes is measured by what it computes: on a busy machine it may have to wait in the middle.
  const { user, system } = process.cpuUsage(cpu);
  const took = isWaiting ? performance.now() - began : (user + system) / 1_000;
  const jumped = peakBytes() - peak;
  if (took > target.msMax && (await isAlwaysSlow(target, subject, input))) {
    return `hang: an input took ${Math.round(took)} ms, where ${target.msMax} are allowed`;
  }
  if (jumped > GROWTH_BYTES_MAX) return `memory: one input took ${mebibytes(jumped)} MiB`;
  const polluted = pollution();
  if (polluted !== undefined) return `pollution: ${polluted}`;
  note(tally, verdict, took);
  return undefined;
}

export function newTally(): Tally {
  return { inputs: 0, accepted: 0, reasons: new Map(), elapsed: 0, slowest: 0, grown: 0 };
}

async function isAlwaysSlow(
  { msMax }: Pick<Target, "msMax">,
  subject: Pick<Subject, "feed">,
  input: Buffer,
): Promise<boolean> {
  for (let tries = 1; tries < TRIES; tries++) {
    const began = performance.now();
    await subject.feed(Buffer.from(input));
    if (performance.now() - began <= msMax) return false;
  }
  return true;
}

/** Waits for an answer, though not for ever: ten times as long as is allowed. */
async function inTime(given: Promise<Verdict>, msMax: number): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = `hang: there was no answer after ${10 * msMax} ms`;
    timer = setTimeout(() => reject(new Fault(sentence)), 10 * msMax);
  });
  try {
    return await Promise.race([given, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pollution(): string | undefined {
  const plain: Record<string, unknown> = {};
  // Only what was added to the prototype of all objects can be listed here.
  for (const name in plain) return `every object now has the field ${name}`;
  if (plain["polluted"] !== undefined) return "every object now has the field polluted";
  return undefined;
}

function note(tally: Tally, { accepted, why }: Verdict, took: number): void {
  tally.inputs += 1;
  tally.slowest = Math.max(tally.slowest, took);
  if (accepted) tally.accepted += 1;
  // Without the particulars: what was quoted, and numbers.
  const form = why
    .slice(0, 200)
    .replace(/"[^"]*"?|\(.*\)?|[0-9]+/g, "*")
    .slice(0, 100);
  const reason = `${accepted ? "+" : "-"} ${form}`;
  if (tally.reasons.size < REASONS_MAX || tally.reasons.has(reason)) {
    tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1);
  }
}

/** A broken promise in its own words; anything else with the place where it was thrown. */
function describe(error: unknown): string {
  if (error instanceof Fault) return error.message;
  if (!(error instanceof Error)) return `crash: ${String(error)} was thrown`;
  const place =
    error.stack
      ?.split("\n")
      .find((line) => line.includes("/src/"))
      ?.trim() ?? "";
  return `crash: ${error.name}: ${error.message} ${place.replace(/\(?file:.*\/src\//, "(src/")}`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
