/** Whether the values of one counter follow from each other in the order of their revisions. */

import type { Call } from "../history-reader.ts";
import { isSumOfSome } from "./arithmetic.ts";
import { type Answered, isUnknown } from "./calls.ts";
import { namesItsChange } from "./order.ts";
import type { Complaint } from "./verdict.ts";

/** The counter at one revision. */
interface State {
  readonly revision: number;
  readonly value: bigint;
  /** Somebody who was told. */
  readonly seer: Answered;
  /** The write that made it, if that was answered. */
  readonly maker: Answered | undefined;
  /** When the first answer that shows this revision or a later one had come: all that led here had begun by then. */
  readonly deadline: number;
}

/** What lies between two states that somebody saw. */
interface Gap {
  readonly from: bigint;
  readonly to: State;
  /** What changes that nobody was told of must add up to. */
  readonly missing: bigint;
  /** How many changes that may be: from one, where nobody was told of the last of them. */
  readonly least: number;
  readonly most: number;
}

/**
 * @param answered of one counter, each with an index; no two name different values for one revision.
 * @param calls all of that counter, in order of their invocations.
 */
export function checkChains(answered: readonly Answered[], calls: readonly Call[]): Complaint | undefined {
  const unknown = calls.filter((call) => isUnknown(call) && call.op.f !== "read");
  const supply = new Supply(unknown);
  let [value, revision] = [0n, 0];
  for (const state of statesOf(answered)) {
    const { maker } = state;
    const room = state.revision - revision;
    const by = maker?.op.f === "add" ? BigInt(maker.op.by) : 0n;
    const [least, most] = maker === undefined ? [1, room] : [0, room - 1];
    const gap: Gap = { from: value, to: state, missing: state.value - by - value, least, most };
    if (maker?.op.f !== "set" && !supply.fills(gap)) return complain(gap, supply);
    ({ value, revision } = state);
  }
  return undefined;
}

/** What is known of the counter, in order of revisions. */
function statesOf(answered: readonly Answered[]): readonly State[] {
  const seen = answered.filter(({ outcome }) => outcome.revision > 0);
  seen.sort((a, b) => a.outcome.revision - b.outcome.revision);
  const states: State[] = [];
  let deadline = Number.POSITIVE_INFINITY;
  for (let at = seen.length - 1; at >= 0; ) {
    const seer = seen[at];
    if (seer === undefined) break;
    const { revision, value } = seer.outcome;
    let maker: Answered | undefined;
    for (let call = seen[at]; call?.outcome.revision === revision; call = seen[--at]) {
      deadline = Math.min(deadline, call.ended);
      if (namesItsChange(call)) maker = call;
    }
    states.push({ revision, value: BigInt(value), seer, maker, deadline });
  }
  return states.reverse();
}

/** Writes of unknown outcome, to be used up by the gaps in their order. */
class Supply {
  readonly #unknown: readonly Call[];
  readonly #hasSets: boolean;
  /** What all unknown adds add, if they add the same. */
  readonly #only: bigint | undefined;
  #used = 0;

  /** @param unknown in order of their invocations. */
  constructor(unknown: readonly Call[]) {
    this.#unknown = unknown;
    this.#hasSets = unknown.some(({ op }) => op.f === "set");
    const amounts = new Set(unknown.map(byOf));
    const [only] = amounts;
    this.#only = amounts.size === 1 && !this.#hasSets ? only : undefined;
  }

  /** How many had begun before a line. */
  begunBefore(line: number): number {
    return this.#unknown.filter(({ invoked }) => invoked < line).length;
  }

  /**
   * Whether unknown writes can have made what is missing. Where all of them add the same, each is used once, those that
   * began first for the gaps that come first; otherwise each gap is looked at alone, and where a counter may have been
   * set by one of them, anything goes.
   */
  fills({ missing, least, most, to }: Gap): boolean {
    if (missing === 0n && least === 0) return true;
    if (this.#only !== undefined) return this.#fillsWith(this.#only, { missing, least, most, to });
    const begun = this.#unknown.filter(({ invoked }) => invoked < to.deadline);
    if (begun.length < least || most === 0) return false;
    return this.#hasSets ? begun.length > 0 : isSumOfSome(missing, begun.map(byOf));
  }

  #fillsWith(by: bigint, { missing, least, most, to }: Omit<Gap, "from">): boolean {
    if (by === 0n || missing % by !== 0n) return false;
    const times = missing / by;
    if (times < BigInt(least) || times > BigInt(most)) return false;
    if (times > BigInt(this.#unknown.length - this.#used)) return false;
    this.#used += Number(times);
    return (this.#unknown[this.#used - 1]?.invoked ?? -1) < to.deadline;
  }
}

function byOf({ op }: Call): bigint {
  return op.f === "add" ? BigInt(op.by) : 0n;
}

function complain({ from, to, missing, most }: Gap, supply: Supply): Complaint {
  const { seer, maker, revision, value, deadline } = to;
  const key = seer.op.key;
  const begun = supply.begunBefore(deadline);
  const made = maker === undefined ? "by nobody who was told" : `by an add of ${byOf(maker)}`;
  const detail =
    `${key} came to ${value} at revision ${revision} ${made}, and was ${from} at the revision seen before: ` +
    `${missing} is missing, with room for ${most} changes and ${begun} writes of unknown outcome begun by then`;
  return { detail, offenders: [maker ?? seer] };
}
