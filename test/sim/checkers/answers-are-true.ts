/**
 * I13: each answer is what the committed log gives: a write's outcome is that of one execution of this very command in
 * the entry it names, and of nobody else's; a read shows what the counters held at the index it names.
 */

import type { ReadResult, WriteResult } from "../../../src/node/index.ts";
import type { Query } from "../../../src/store/index.ts";
import { type Observer, Violation } from "../observer.ts";
import { type Reference, sameOutcome, textOf } from "./reference.ts";

export function answersAreTrue(reference: Reference): Partial<Observer> {
  function checkWrite(who: string, text: string, result: WriteResult & { kind: "applied" }): void {
    const { index, term, outcome } = result;
    const mine = reference
      .executionsAt(index)
      .find(
        (one) => !one.claimed && one.term === term && one.text === text && sameOutcome(one.outcome, outcome),
      );
    if (mine === undefined) fail(`${who} was told of an outcome at ${index} that is not in the log: ${text}`);
    else mine.claimed = true;
  }

  function checkRead(who: string, query: Query, result: ReadResult & { kind: "answer" }): void {
    const { answer, index } = result;
    if (query.kind === "get") {
      const row = reference.rowAt(query.key, index);
      const told = answer.kind === "get" ? answer.row : undefined;
      const same = told?.value === row?.value && told?.revision === row?.revision;
      if (answer.kind !== "get" || !same)
        fail(`${who} read ${told?.value} of ${query.key} at ${index}, not ${row?.value}`);
      return;
    }
    if (query.kind !== "list") fail(`${who} asked what is not checked: ${query.kind}`);
    const rows = reference
      .rowsAt(index)
      .filter(({ key }) => key.startsWith(query.prefix) && (query.after === undefined || key > query.after));
    const told = answer.kind === "list" ? answer.rows : [];
    const expected = rows.slice(0, query.limit);
    const same =
      told.length === expected.length &&
      expected.every(({ key, value }, at) => told[at]?.key === key && told[at]?.value === value);
    if (answer.kind !== "list" || !same || answer.more !== rows.length > query.limit) {
      fail(`${who} listed other counters at ${index} than there were`);
    }
  }

  return {
    answered({ id }, attempt, { result }) {
      if (attempt === undefined) return;
      const { event } = attempt;
      if (event.kind === "write" && result.kind === "applied") checkWrite(id, textOf(event.command), result);
      if (event.kind === "read" && result.kind === "answer") checkRead(id, event.query, result);
    },
  };
}

function fail(text: string): never {
  throw new Violation("answers are true", text);
}
