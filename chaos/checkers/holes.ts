/**
 * Whether the steps that nobody was told of can be made by adds of unknown outcome: each add at most once, each hole
 * exactly, and each add begun before anything behind the hole was over.
 */

import type { Call } from "../history-reader.ts";
import { minus } from "./exact.ts";
import type { Steps } from "./steps.ts";
import type { Complaint } from "./verdict.ts";

/** How many ways of filling the holes are tried before the checker gives up. */
const TRIALS_MAX = 1_000_000;

interface Hole {
  /** The rank of the value that it leads to. */
  readonly rank: number;
  readonly size: bigint;
  /** Adds that fill it were invoked before this line. */
  readonly deadline: number;
}

/** Adds of unknown outcome that add the same, in order of their invocations. */
interface Kind {
  readonly by: bigint;
  readonly invoked: readonly number[];
}

/** @param unknown adds of 1 or more, in order of their invocations. */
export function fillHoles(steps: Steps, unknown: readonly Call[]): Complaint | undefined {
  const holes = holesOf(steps);
  if (holes.length === 0) return undefined;
  const kinds = kindsOf(unknown);
  const filling = new Filling(holes, kinds);
  const [kind] = kinds;
  const stuck =
    kind !== undefined && kinds.length === 1 ? fillWithOne(holes, kind) : filling.firstUnfillable();
  if (stuck === undefined) return undefined;
  if (stuck === "too many") {
    const detail = `the values nobody was told of could be made in more than ${TRIALS_MAX} ways`;
    return { detail, offenders: [], gaveUp: true };
  }
  return unfillable(steps, stuck, unknown);
}

/** In ascending order of values, so that no deadline is before that of the hole before. */
function holesOf({ points, deadlines }: Steps): readonly Hole[] {
  const holes: Hole[] = [];
  for (const [rank, value] of points.entries()) {
    const below = points[rank - 1];
    const deadline = deadlines[rank];
    if (below === undefined || deadline === undefined) continue;
    holes.push({ rank, size: BigInt(minus(value, below)), deadline: deadline.ended });
  }
  return holes;
}

function kindsOf(unknown: readonly Call[]): readonly Kind[] {
  const kinds = new Map<string, number[]>();
  for (const { op, invoked } of unknown) {
    if (op.f !== "add") continue;
    const list = kinds.get(op.by);
    if (list === undefined) kinds.set(op.by, [invoked]);
    else list.push(invoked);
  }
  const list = [...kinds].map(([by, invoked]) => ({ by: BigInt(by), invoked }));
  // Large ones first: few of them fit.
  return list.sort((a, b) => (a.by < b.by ? 1 : -1));
}

/**
 * All unknown adds add the same, so each hole takes a fixed number of them. Deadlines ascend, so the adds that were
 * begun first go to the holes that stand first; if those do not do, no others do.
 */
function fillWithOne(holes: readonly Hole[], { by, invoked }: Kind): Hole | undefined {
  let used = 0n;
  for (const hole of holes) {
    used += hole.size / by;
    if (hole.size % by !== 0n || used > invoked.length) return hole;
    if ((invoked[Number(used) - 1] ?? 0) > hole.deadline) return hole;
  }
  return undefined;
}

/** Different adds: a hole may be filled in several ways, and what is used here is missing elsewhere. */
class Filling {
  readonly #holes: readonly Hole[];
  readonly #kinds: readonly Kind[];
  /** How many of each kind were used for the holes before, where the rest could not be filled. */
  readonly #hopeless: Set<string> = new Set();
  #trials = 0;
  #deepest = 0;

  constructor(holes: readonly Hole[], kinds: readonly Kind[]) {
    this.#holes = holes;
    this.#kinds = kinds;
  }

  /** The first hole that cannot be filled in any way of filling those before; undefined if all can. */
  firstUnfillable(): Hole | "too many" | undefined {
    /** For each hole, the ways of filling it that are still to be tried: what is used up after each. */
    const ways: (readonly number[])[][] = [[this.#kinds.map(() => 0)]];
    for (;;) {
      const at = ways.length - 1;
      const used = ways[at]?.pop();
      if (used === undefined) {
        if (at <= 0) return this.#holes[this.#deepest];
        ways.pop();
        continue;
      }
      if (at === this.#holes.length) return undefined;
      this.#deepest = Math.max(this.#deepest, at);
      const state = `${at}:${used.join()}`;
      if (this.#hopeless.has(state)) continue;
      this.#hopeless.add(state);
      const next = this.#waysToFill(this.#holes[at], used);
      if (next === undefined) return "too many";
      ways.push(next);
    }
  }

  /** Every combination of unused adds that fills a hole exactly, as what is used up then; undefined if too many. */
  #waysToFill(hole: Hole | undefined, used: readonly number[]): (readonly number[])[] | undefined {
    if (hole === undefined) return [];
    const free = this.#kinds.map(
      ({ invoked }, kind) => begunBefore(invoked, hole.deadline) - (used[kind] ?? 0),
    );
    const rests = this.#kinds.map(() => 0n);
    for (let kind = rests.length - 2; kind >= 0; kind--) {
      rests[kind] = (rests[kind + 1] ?? 0n) + (this.#kinds[kind + 1]?.by ?? 0n) * BigInt(free[kind + 1] ?? 0);
    }
    const ways: (readonly number[])[] = [];
    const choose = (kind: number, missing: bigint, chosen: readonly number[]): void => {
      if (++this.#trials > TRIALS_MAX) return;
      const by = this.#kinds[kind]?.by;
      if (by === undefined) {
        if (missing === 0n) ways.push(chosen);
        return;
      }
      const rest = rests[kind] ?? 0n;
      const most = missing / by < BigInt(free[kind] ?? 0) ? Number(missing / by) : (free[kind] ?? 0);
      for (let count = most; count >= 0; count--) {
        const left = missing - by * BigInt(count);
        if (left > rest) break;
        choose(kind + 1, left, [...chosen, (used[kind] ?? 0) + count]);
      }
    };
    choose(0, hole.size, []);
    return this.#trials > TRIALS_MAX ? undefined : ways;
  }
}

/** How many of these ascending lines come before a deadline. */
function begunBefore(invoked: readonly number[], deadline: number): number {
  let [low, high] = [0, invoked.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((invoked[middle] ?? 0) < deadline) low = middle + 1;
    else high = middle;
  }
  return low;
}

function unfillable(steps: Steps, { rank, deadline, size }: Hole, unknown: readonly Call[]): Complaint {
  const witness = steps.deadlines[rank];
  const key = witness?.op.key ?? "";
  const [from, to] = [steps.points[rank - 1] ?? 0, steps.points[rank] ?? 0];
  const begun = unknown.filter(({ invoked }) => invoked < deadline);
  const sum = begun.reduce((total, { op }) => total + (op.f === "add" ? BigInt(op.by) : 0n), 0n);
  const detail =
    `${key} went from ${from} to ${to}, but nobody was told of adding that ${size}; when a later value had been seen, ` +
    `${begun.length} adds of unknown outcome had begun, which add ${sum} in all, and values before needed some of them`;
  return { detail, offenders: witness === undefined ? [] : [witness] };
}
