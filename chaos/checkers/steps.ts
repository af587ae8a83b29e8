/** The values that a counter which only counts up was seen to have, and the steps between them. */

import type { Call } from "../history-reader.ts";
import type { Answered } from "./calls.ts";
import { type Exact, minus, parserFor, sortedUnique } from "./exact.ts";
import type { Complaint } from "./verdict.ts";

/** An answered add, as the step that it made. */
interface Made {
  readonly call: Answered;
  readonly from: Exact;
  readonly to: Exact;
}

/** Somebody who saw the counter at a value. */
interface Seen {
  readonly call: Answered;
  readonly value: Exact;
}

export class Steps {
  /** Every value that an answer shows the counter to have had, ascending, from 0. Their places are called ranks. */
  readonly points: readonly Exact[];
  /**
   * For each rank which no answered add led to: the first operation to be over of those that stand behind the step
   * there. Whatever made the step had begun by then. Filled in while the order is checked.
   */
  readonly deadlines: (Call | undefined)[];
  /** The add that led to each rank. */
  readonly #adds: (Answered | undefined)[];
  readonly #reads: (Answered[] | undefined)[];

  private constructor(points: readonly Exact[]) {
    this.points = points;
    this.deadlines = points.map(() => undefined);
    this.#adds = points.map(() => undefined);
    this.#reads = points.map(() => undefined);
  }

  /** The steps that these answers say, or why they cannot all have been made. */
  static of(answered: readonly Answered[]): Steps | Complaint {
    const parse = parserFor(textsOf(answered));
    const made: Made[] = [];
    const reads: Seen[] = [];
    const values: Exact[] = [parse("0")];
    for (const call of answered) {
      const to = parse(call.outcome.value);
      const adds = call.op.f === "add" && call.op.by !== "0" ? call.op.by : undefined;
      const from = adds === undefined ? to : minus(to, parse(adds));
      if (from < 0) return unreachable(call);
      values.push(to);
      if (adds === undefined) reads.push({ call, value: to });
      else made.push({ call, from, to });
      if (adds !== undefined) values.push(from);
    }
    const steps = new Steps(sortedUnique(values));
    const ranks = new Map(steps.points.map((value, rank) => [value, rank]));
    for (const { call, value } of reads) steps.#placeRead(call, ranks.get(value) ?? 0);
    return steps.#placeAdds(made, ranks) ?? steps;
  }

  /** The add that led to a rank. */
  addTo(rank: number): Answered | undefined {
    return this.#adds[rank];
  }

  /** Reads, and adds of nothing, that saw the value of a rank. */
  readsAt(rank: number): readonly Answered[] {
    return this.#reads[rank] ?? NONE;
  }

  #placeRead(read: Answered, rank: number): void {
    const list = this.#reads[rank];
    if (list === undefined) this.#reads[rank] = [read];
    else list.push(read);
  }

  #placeAdds(made: readonly Made[], ranks: ReadonlyMap<Exact, number>): Complaint | undefined {
    for (const { call, from, to } of made) {
      const rank = ranks.get(to) ?? 0;
      const other = this.#adds[rank];
      if (other !== undefined) {
        const detail = `two adds on ${call.op.key} both made it ${call.outcome.value}`;
        return { detail, offenders: [other, call] };
      }
      this.#adds[rank] = call;
      if (this.points[rank - 1] !== from) return this.#leaptOver(call, rank - 1, made);
    }
    return undefined;
  }

  /** An add leapt over a value that somebody saw. */
  #leaptOver(call: Answered, rank: number, made: readonly Made[]): Complaint {
    const point = this.points[rank];
    const seer = this.readsAt(rank)[0] ?? made.find(({ from, to }) => from === point || to === point)?.call;
    const step = call.op.f === "add" ? call.op.by : "";
    const detail = `the add of ${step} that made ${call.op.key} ${call.outcome.value} leapt over ${point}, which it was`;
    return { detail, offenders: seer === undefined ? [call] : [seer, call] };
  }
}

const NONE: readonly Answered[] = [];

function* textsOf(answered: readonly Answered[]): Generator<string> {
  for (const { op, outcome } of answered) {
    yield outcome.value;
    if (op.f === "add") yield op.by;
  }
}

function unreachable(call: Answered): Complaint {
  const { op, outcome } = call;
  const what = op.f === "add" ? `an add of ${op.by} is said to have made ${op.key}` : `${op.key} was read as`;
  return { detail: `${what} ${outcome.value}, and it only counts up from 0`, offenders: [call] };
}
