/**
 * Writes that were asked for several times under one idempotency key: they happened once, so every answer is the same,
 * and only one of them is the first. (That the counter has counted once is what the other checkers see.)
 */

import type { Call } from "../history-reader.ts";
import { type Answered, isAnswered, isDecided, repeats } from "./calls.ts";
import { type Complaint, type Finding, gravest, type Verdict, verdictOf } from "./verdict.ts";

export function checkReplays(calls: readonly Call[]): Verdict {
  return verdictOf("replays", () => judge(calls));
}

function judge(calls: readonly Call[]): Finding {
  const groups = repeats(calls);
  const complaints = groups.map(checkGroup).filter((complaint) => complaint !== undefined);
  const operations = groups.reduce((sum, { length }) => sum + length, 0);
  const shown = `${groups.length} writes that were asked for again were answered the same`;
  return { operations, complaint: gravest(complaints), shown };
}

function checkGroup(group: readonly Call[]): Complaint | undefined {
  const [answer, ...others] = group.filter(isAnswered);
  if (answer === undefined) return undefined;
  const refused = group.find(isDecided);
  if (refused !== undefined) return complain("was answered, and refused by the counter", [answer, refused]);
  const different = others.find((other) => !isSame(answer, other));
  if (different !== undefined) return complain("was answered differently", [answer, different]);
  const originals = [answer, ...others].filter(({ outcome }) => outcome.replayed !== true);
  if (originals.length > 1)
    return complain("was twice answered as if for the first time", originals.slice(0, 2));
  const [original] = originals;
  const known = [answer, ...others].filter(({ outcome }) => outcome.index > 0);
  const earlier = known.find(
    ({ outcome }) => original !== undefined && outcome.index < original.outcome.index,
  );
  if (original === undefined || original.outcome.index === 0 || earlier === undefined) return undefined;
  return complain("was repeated at an index before that of the original", [original, earlier]);
}

function isSame({ outcome: a }: Answered, { outcome: b }: Answered): boolean {
  return a.value === b.value && a.revision === b.revision && a.changed === b.changed;
}

function complain(what: string, offenders: readonly Call[]): Complaint {
  return { detail: `the write with the idempotency key ${offenders[0]?.id ?? ""} ${what}`, offenders };
}
