/**
 * Whether the steps that nobody was told of can be made by adds of unknown outcome: each add at most once, each hole
 * exactly, and each add begun before anything behind the hole was over.
 */

import type { Call } from "../history-reader.ts";
import { isSumOfSome } from "./arithmetic.ts";
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
  readonly #numberOf: ReadonlyMap<bigint, number>;
  /** How many of each kind were used for the holes before, where the rest could not be filled. */
  readonly #tried: Set<string> = new Set();
  #trials = 0;
  #deepest = 0;

  constructor(holes: readonly Hole[], kinds: readonly Kind[]) {
    this.#holes = holes;
    this.#kinds = kinds;
    this.#numberOf = new Map(kinds.map(({ by }, number) => [by, number]));
  }

  /** The first hole that cannot be filled in any way of filling those before; undefined if all can. */
  firstUnfillable(): Hole | "too many" | undefined {
    const hopeless = this.#holes.find((hole) => !this.#isFillable(hole));
    if (hopeless !== undefined) return hopeless;
    // For each hole, the ways of filling it that are still to be tried: what is used up after each.
    const ways: Iterator<readonly number[]>[] = [[this.#kinds.map(() => 0)].values()];
    for (;;) {
      const at = ways.length - 1;
      const { value: used, done } = ways[at]?.next() ?? { value: undefined, done: true };
      if (this.#trials > TRIALS_MAX) return "too many";
      if (done === true || used === undefined) {
        if (at <= 0) return this.#holes[this.#deepest];
        ways.pop();
        continue;
      }
      const hole = this.#holes[at];
      if (hole === undefined) return undefined;
      this.#deepest = Math.max(this.#deepest, at);
      const state = `${at}:${used.join()}`;
      if (this.#tried.has(state)) continue;
      this.#tried.add(state);
      ways.push(this.#waysToFill(hole, used));
    }
  }

  /** Whether some adds fill a hole, if no other needs them. */
  #isFillable(hole: Hole): boolean {
    const kind = this.#kinds[this.#numberOf.get(hole.size) ?? -1];
    if (kind !== undefined && begunBefore(kind.invoked, hole.deadline) > 0) return true;
    return isSumOfSome(hole.size, this.#partsFor(hole));
  }

  /** What every add that may be in a hole adds. */
  #partsFor({ deadline }: Hole): readonly bigint[] {
    return this.#kinds.flatMap(({ by, invoked }) =>
      Array.from({ length: begunBefore(invoked, deadline) }, () => by),
    );
  }

  /** Every combination of unused adds that fills a hole exactly, as what is used up then: the small ones first. */
  *#waysToFill(hole: Hole, used: readonly number[]): Generator<readonly number[]> {
    const free = this.#kinds.map(
      ({ invoked }, kind) => begunBefore(invoked, hole.deadline) - (used[kind] ?? 0),
    );
    const smallest = this.#kinds.at(-1)?.by ?? 1n;
    const most = free.reduce((sum, count) => sum + count, 0);
    for (let parts = 1; parts <= most && BigInt(parts) * smallest <= hole.size; parts++) {
      yield* this.#choose({ parts, missing: hole.size, from: 0 }, [...free], [...used]);
    }
  }

  /** Every way to make what is missing of so many parts, of kinds from a number on. Borrows from `free`, adds to `used`. */
  *#choose({ parts, missing, from }: Rest, free: number[], used: number[]): Generator<readonly number[]> {
    if (++this.#trials > TRIALS_MAX) return;
    if (parts === 1) {
      const kind = this.#numberOf.get(missing) ?? -1;
      if (kind >= from && (free[kind] ?? 0) > 0) yield used.map((count, at) => count + Number(at === kind));
      return;
    }
    for (let kind = from; kind < this.#kinds.length; kind++) {
      const by = this.#kinds[kind]?.by ?? 0n;
      if (by * BigInt(parts) < missing) return;
      const left = free[kind] ?? 0;
      if (left === 0 || by >= missing) continue;
      free[kind] = left - 1;
      used[kind] = (used[kind] ?? 0) + 1;
      yield* this.#choose({ parts: parts - 1, missing: missing - by, from: kind }, free, used);
      free[kind] = left;
      used[kind] = (used[kind] ?? 0) - 1;
    }
  }
}

/** What is left to be made, and of what. */
interface Rest {
  readonly parts: number;
  readonly missing: bigint;
  readonly from: number;
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
