/**
 * Takes the cluster at its word: every answer says where in the committed order it stands, by the index of its entry and
 * by the revision, and these must agree with each other, with real time and with the values. In O(n log n), for any
 * mixture of operations, and across counters: what was acknowledged on one counter binds what is asked of all others.
 *
 * Rules, each with the sentence that it complains in (see docs/testing/checkers.md):
 *
 * - one revision is one change: of one counter, to one value, made by one write;
 * - an index has one term, and neither terms nor revisions go back as indexes go on;
 * - what began after an answer stands behind that answer;
 * - a read shows exactly the changes up to its index;
 * - each value follows from the one before, by what the write says or by writes of unknown outcome.
 */

import type { Call } from "../history-reader.ts";
import { type Answered, byKey, isAnswered, operationsOf } from "./calls.ts";
import { checkChains } from "./chains.ts";
import { checkOrder, namesItsChange } from "./order.ts";
import { checkPlaces } from "./places.ts";
import { type Complaint, type Finding, gravest, type Verdict, verdictOf } from "./verdict.ts";

/** Judges all answers that say an index. */
export function checkWitness(calls: readonly Call[]): Verdict {
  return verdictOf("witness", () => judge(operationsOf(calls)));
}

function judge(operations: readonly Call[]): Finding {
  const answered = operations.filter(isAnswered).filter(({ outcome }) => outcome.index > 0);
  const complaints: (Complaint | undefined)[] = [checkOrder(answered), checkRevisions(answered)];
  const answers = byKey(answered);
  for (const [key, calls] of byKey(operations)) {
    const known = (answers.get(key) ?? []).filter(isAnswered);
    complaints.push(checkPlaces(known), checkChains(known, calls));
  }
  const found = complaints.filter((complaint) => complaint !== undefined);
  const shown = `${answered.length} answers agree with one committed order`;
  return { operations: answered.length, complaint: gravest(found), shown };
}

/** No two changes share a revision; whoever names it names the same counter and value. */
function checkRevisions(answered: readonly Answered[]): Complaint | undefined {
  const known = new Map<number, { seen: Answered; maker: Answered | undefined }>();
  for (const call of answered) {
    const { revision, value } = call.outcome;
    if (revision === 0 && value !== "0") {
      const detail = `${call.op.key} was never written, and yet ${value}`;
      return { detail, offenders: [call] };
    }
    if (revision === 0) continue;
    const makes = namesItsChange(call);
    const other = known.get(revision);
    if (other === undefined) {
      known.set(revision, { seen: call, maker: makes ? call : undefined });
      continue;
    }
    const { seen, maker } = other;
    if (seen.op.key !== call.op.key || seen.outcome.value !== value) {
      const detail = `revision ${revision} is ${seen.op.key} at ${seen.outcome.value}, and ${call.op.key} at ${value}`;
      return { detail, offenders: [seen, call] };
    }
    if (makes && maker !== undefined) {
      return { detail: `two writes both made revision ${revision}`, offenders: [maker, call] };
    }
    if (makes) other.maker = call;
  }
  return undefined;
}
