/** Whether indexes, terms, revisions and real time agree, over all counters. */

import type { Answered } from "./calls.ts";
import type { Complaint } from "./verdict.ts";

/** @param answered in order of their invocations, each with an index. */
export function checkOrder(answered: readonly Answered[]): Complaint | undefined {
  return checkTerms(answered) ?? checkChanges(answered) ?? checkRealTime(answered);
}

/** Indexes ascending, terms do not descend, and one index has one term. */
function checkTerms(answered: readonly Answered[]): Complaint | undefined {
  const ascending = [...answered]
    .filter(({ outcome }) => outcome.term > 0)
    .sort((a, b) => a.outcome.index - b.outcome.index);
  let before: Answered | undefined;
  for (const call of ascending) {
    const { index, term } = call.outcome;
    if (before !== undefined) {
      const isSame = before.outcome.index === index;
      if (term < before.outcome.term || (isSame && term !== before.outcome.term)) {
        const detail = `entry ${index} is of term ${term}, and entry ${before.outcome.index} of term ${before.outcome.term}`;
        return { detail, offenders: [before, call] };
      }
    }
    before = call;
  }
  return undefined;
}

/** Whether the answer's revision is the change that the call made. */
export function namesItsChange({ op, outcome }: Answered): boolean {
  if (op.f === "read" || outcome.changed === false || outcome.revision === 0) return false;
  return op.f === "set" || op.by !== "0";
}

/** Whether the answer also names the entry that made it. */
export function namesItsEntry(call: Answered): boolean {
  return namesItsChange(call) && call.outcome.replayed !== true;
}

/** Revisions ascending, the entries that made them do not descend. */
function checkChanges(answered: readonly Answered[]): Complaint | undefined {
  const ascending = answered.filter(namesItsEntry).sort((a, b) => a.outcome.revision - b.outcome.revision);
  let before: Answered | undefined;
  for (const call of ascending) {
    if (before !== undefined && call.outcome.index < before.outcome.index) {
      const [one, other] = [before.outcome, call.outcome];
      const detail = `revision ${one.revision} was made at index ${one.index}, and ${other.revision} before, at ${other.index}`;
      return { detail, offenders: [before, call] };
    }
    before = call;
  }
  return undefined;
}

/** What had been seen when a call began. */
interface Known {
  /** The answer with the highest index, and the one with the highest revision. */
  index: Answered | undefined;
  revision: Answered | undefined;
}

/** Whatever began after an answer stands behind it: entries and changes are of later numbers, and reads show no less. */
function checkRealTime(answered: readonly Answered[]): Complaint | undefined {
  const ends = [...answered].sort((a, b) => a.ended - b.ended);
  const everywhere: Known = { index: undefined, revision: undefined };
  const revisionOf = new Map<string, Answered>();
  let at = 0;
  for (const call of answered) {
    for (let end = ends[at]; end !== undefined && end.ended < call.invoked; end = ends[++at]) {
      if (isMore(end.outcome.index, everywhere.index?.outcome.index)) everywhere.index = end;
      if (isMore(end.outcome.revision, everywhere.revision?.outcome.revision)) everywhere.revision = end;
      const here = revisionOf.get(end.op.key);
      if (isMore(end.outcome.revision, here?.outcome.revision)) revisionOf.set(end.op.key, end);
    }
    if (call.op.f === "read" && call.op.stale === true) continue;
    const complaint = checkBehind(call, everywhere, revisionOf.get(call.op.key));
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function isMore(one: number, other: number | undefined): boolean {
  return other === undefined || one > other;
}

function checkBehind(call: Answered, known: Known, here: Answered | undefined): Complaint | undefined {
  const { index, revision } = call.outcome;
  const isWrite = call.op.f !== "read";
  if (
    known.index !== undefined &&
    (isWrite ? index <= known.index.outcome.index : index < known.index.outcome.index)
  ) {
    const what = isWrite ? "a write was carried by entry" : "a read is of index";
    const detail = `${what} ${index}, and index ${known.index.outcome.index} had been answered before it began`;
    return { detail, offenders: [known.index, call] };
  }
  if (namesItsChange(call) && known.revision !== undefined && revision <= known.revision.outcome.revision) {
    const detail = `a write made revision ${revision}, and revision ${known.revision.outcome.revision} had been seen before it began`;
    return { detail, offenders: [known.revision, call] };
  }
  if (here !== undefined && revision < here.outcome.revision) {
    const detail = `${call.op.key} was at revision ${revision}, and had been seen at ${here.outcome.revision} before that was asked`;
    return { detail, offenders: [here, call] };
  }
  return undefined;
}
