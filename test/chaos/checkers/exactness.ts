/** Compares the exact checkers with brute force on random small histories. Also a script: exactness.ts [HISTORIES] [SEED]. */

import { checkCounter, countsUp } from "../../../chaos/checkers/counting.ts";
import { searchCounter } from "../../../chaos/checkers/linearizable.ts";
import type { Operation } from "../../../chaos/history.ts";
import type { Call } from "../../../chaos/history-reader.ts";
import { Prng } from "../../../src/base/index.ts";
import { isLinearizable } from "./brute-force.ts";
import { draw, play, type Shape } from "./small-histories.ts";

const KEY = "k";
const read: Operation = { f: "read", key: KEY };
const stale: Operation = { f: "read", key: KEY, stale: true };

function add(by: number | bigint, bounds: { readonly min?: string; readonly max?: string } = {}): Operation {
  return { f: "add", key: KEY, by: String(by), ...bounds };
}

/** What kinds of histories there are, by name. */
export const KINDS: Readonly<Record<string, Shape["draw"]>> = {
  "unit increments": (prng) => (prng.chance(0.65) ? add(1) : prng.chance(0.2) ? stale : read),
  "positive adds": (prng) =>
    prng.chance(0.7) ? add(prng.pick([1, 1, 2, 3, 5])) : prng.chance(0.2) ? stale : read,
  "adds beyond 2^53": (prng) =>
    prng.chance(0.7) ? add(prng.pick([1n, 2n ** 53n, 2n ** 53n + 1n, 0n])) : read,
  mixed: (prng) => {
    const kind = prng.between(0, 9);
    if (kind < 3) return add(prng.pick([1, 1, 2, -1, -2]));
    if (kind < 5)
      return add(prng.pick([1, 2, -1]), prng.pick([{ max: "2" }, { min: "0" }, { min: "-1", max: "1" }]));
    if (kind < 7) return { f: "set", key: KEY, value: String(prng.between(-1, 3)) };
    return kind < 9 ? read : stale;
  },
  "near the end of the range": (prng) => {
    if (prng.chance(0.25))
      return { f: "set", key: KEY, value: String(2n ** 63n - BigInt(prng.between(1, 3))) };
    return prng.chance(0.6)
      ? add(prng.pick([1n, 2n, -1n]), prng.pick([{}, {}, { max: String(2n ** 63n - 2n) }]))
      : read;
  },
};

export interface Tally {
  histories: number;
  linearizable: number;
}

/** Judges one random history by brute force and by every checker that claims it. Returns what they disagree on. */
export function compare(kind: string, seed: number, tally: Tally): string | undefined {
  const prng = new Prng(seed);
  const calls = play(prng, {
    operations: prng.between(1, 9),
    concurrency: prng.between(1, 5),
    unknown: prng.pick([0, 0.1, 0.4]),
    wrong: prng.pick([0, 0.1, 0.3]),
    draw: KINDS[kind] ?? (() => read),
  });
  const truth = isLinearizable(calls);
  tally.histories++;
  if (truth) tally.linearizable++;
  const verdicts: Record<string, boolean> = { search: searchCounter(calls) === undefined };
  if (countsUp(calls)) verdicts["counting"] = checkCounter(calls) === undefined;
  for (const [name, verdict] of Object.entries(verdicts)) {
    if (verdict !== truth) return say({ kind, seed, name, truth }, calls);
  }
  return undefined;
}

interface Disagreement {
  readonly kind: string;
  readonly seed: number;
  readonly name: string;
  readonly truth: boolean;
}

function say({ kind, seed, name, truth }: Disagreement, calls: readonly Call[]): string {
  return `${kind}, seed ${seed}: ${name} says ${!truth}, brute force ${truth}\n${draw(calls)}`;
}

if (import.meta.main) {
  const [histories = "100000", seed = "1"] = process.argv.slice(2);
  for (const kind of Object.keys(KINDS)) {
    const tally: Tally = { histories: 0, linearizable: 0 };
    const began = performance.now();
    for (let at = 0; at < Number(histories); at++) {
      const disagreement = compare(kind, Number(seed) * 1_000_003 + at, tally);
      if (disagreement !== undefined) throw new Error(disagreement);
    }
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    process.stdout.write(
      `${kind}: ${tally.histories} histories, ${tally.linearizable} of them linearizable, all judged as by brute force; ${seconds} s\n`,
    );
  }
}
