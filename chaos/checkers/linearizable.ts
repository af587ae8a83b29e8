/**
 * The general check: whether the answers are those of a linearizable counter, with adds, bounded adds, sets, reads,
 * refusals by a bound, stale reads and unknown outcomes in any mixture. Each counter is judged alone: linearizability
 * is local, so that a history is linearizable if and only if what happened to each counter is.
 *
 * It is a search and may take long where much is unknown. A counter for which it looks at more configurations than its
 * budget is `unknown`, which counts as failure.
 */

import { type Call, textOf } from "../history-reader.ts";
import { byKey, isAnswered, isUnknown, operationsOf } from "./calls.ts";
import { type Move, moveOf, parserOf } from "./effect.ts";
import type { Exact } from "./exact.ts";
import { Frontier, type Limits } from "./frontier.ts";
import { type Complaint, type Finding, gravest, type Verdict, verdictOf } from "./verdict.ts";

/**
 * How many configurations are kept in mind for one counter when one of its operations ends, at most. In all it may be so
 * many and some for each operation.
 */
export const BUDGET = 1_000_000;
const BUDGET_PER_OPERATION = 500;

/**
 * Ways that use many operations of unknown outcome are many, and seldom those that were gone: they are only looked at
 * when there is no other. What a narrow search finds is right; that there is nothing to be found only the last can say.
 */
const SLACKS: readonly number[] = [0, 1, 2, Number.POSITIVE_INFINITY];

export interface LinearizableOptions {
  /** Whether a counter is to be judged: by default every one. */
  readonly claims?: (calls: readonly Call[]) => boolean;
  /** See {@link BUDGET}. */
  readonly budget?: number;
}

export function checkLinearizable(calls: readonly Call[], options: LinearizableOptions = {}): Verdict {
  return verdictOf("linearizable", () => judge(operationsOf(calls), options));
}

function judge(
  operations: readonly Call[],
  { claims = () => true, budget = BUDGET }: LinearizableOptions,
): Finding {
  const complaints: Complaint[] = [];
  let judged = 0;
  let keys = 0;
  for (const calls of byKey(operations).values()) {
    if (!claims(calls)) continue;
    keys++;
    judged += calls.length;
    const complaint = searchCounter(calls, budget);
    if (complaint !== undefined) complaints.push(complaint);
  }
  return { operations: judged, complaint: gravest(complaints), shown: `${keys} counters are linearizable` };
}

/** One end of an operation. */
interface Event {
  readonly line: number;
  readonly slot: number;
  readonly call: Call;
  readonly move: Move;
  readonly isEnd: boolean;
}

/** What is wrong with the answers of one counter. */
export function searchCounter(calls: readonly Call[], budget: number = BUDGET): Complaint | undefined {
  const parse = parserOf(calls);
  const events = eventsOf(calls, parse);
  const total = budget + BUDGET_PER_OPERATION * calls.length;
  const slacks = calls.some(isUnknown) ? SLACKS : SLACKS.slice(-1);
  let narrow: Complaint | undefined;
  for (const slack of slacks) {
    const complaint = search(events, parse, { budget, total, slack });
    if (complaint === undefined) return undefined;
    if (slack === Number.POSITIVE_INFINITY && complaint.gaveUp !== true) return complaint;
    // A wider search has more to look at.
    if (complaint.gaveUp === true) break;
    narrow ??= complaint;
  }
  const where = narrow === undefined ? "" : `; what was found in vain begins thus: ${narrow.detail}`;
  const detail = `${calls[0]?.op.key ?? ""}: there are more configurations than a budget of ${budget} allows${where}`;
  return { detail, offenders: narrow?.offenders ?? [], gaveUp: true };
}

function search(
  events: readonly Event[],
  parse: (text: string) => Exact,
  limits: Limits,
): Complaint | undefined {
  const awaited = events.filter(({ call, isEnd }) => isEnd && isStale(call));
  const answers = awaited.map(({ call }) => answerOf(call, parse));
  const frontier = new Frontier(parse("0"), answers, limits);
  let last: Call | undefined;
  for (const { slot, call, move, isEnd } of events) {
    if (!isEnd) {
      if (isUnknown(call)) frontier.beginUnknown(textOf(call.op), move);
      else frontier.begin(slot, move);
      continue;
    }
    const isPossible = isStale(call) ? frontier.endStale(answerOf(call, parse)) : frontier.end(slot);
    if (frontier.isExhausted) return { detail: "", offenders: [call], gaveUp: true };
    if (!isPossible) return contradiction(call, frontier.values, { last, underWay: frontier.underWay });
    if (!isStale(call)) last = call;
  }
  return undefined;
}

function eventsOf(calls: readonly Call[], parse: (text: string) => Exact): readonly Event[] {
  const events: Event[] = [];
  for (const [slot, call] of calls.entries()) {
    const move = moveOf(call, parse);
    if (move === undefined) continue;
    if (!isStale(call)) events.push({ line: call.invoked, slot, call, move, isEnd: false });
    if (!isUnknown(call)) events.push({ line: call.ended, slot, call, move, isEnd: true });
  }
  return events.sort((a, b) => a.line - b.line);
}

function isStale({ op }: Call): boolean {
  return op.f === "read" && op.stale === true;
}

function answerOf(call: Call, parse: (text: string) => Exact): Exact {
  return parse(isAnswered(call) ? call.outcome.value : "0");
}

const NAMED_MAX = 4;

function contradiction(
  call: Call,
  values: readonly Exact[],
  { last, underWay }: { readonly last: Call | undefined; readonly underWay: readonly Move[] },
): Complaint {
  const told = call.outcome.type === "ok" ? `answered ${call.outcome.value}` : `was refused`;
  const stands = isStale(call)
    ? "is of no time before it"
    : "cannot have taken effect at any time while it ran";
  const could = `${values.slice(0, NAMED_MAX).join(" or ")}${values.length > NAMED_MAX ? " or more" : ""}`;
  const since = last === undefined ? "at the beginning" : `after "${textOf(last.op)}" ended`;
  const others = underWay.map((move) => move.call).filter((other) => other !== call);
  return {
    detail: `"${textOf(call.op)}" ${told}, which ${stands}: ${since} the counter was ${could}, and the others under way do not lead there`,
    offenders: [...(last === undefined ? [] : [last]), ...others.slice(0, NAMED_MAX), call],
  };
}
