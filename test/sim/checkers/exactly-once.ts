/**
 * I14, exactly once: the write of an idempotency key is carried out once within its window of log time, that of a
 * number of a session once for ever, however often either is replayed; and every replay tells the same.
 * Judged by revisions and not by what the state machine says of itself: a second execution makes new ones.
 */

import type { Command, Limits, Outcome } from "../../../src/counter/index.ts";
import { Violation } from "../observer.ts";
import type { Watcher } from "./reference.ts";

interface Told {
  readonly operation: string;
  readonly outcome: string;
  readonly logTime: number;
}

export function exactlyOnce(limits: Limits): Watcher {
  const told = new Map<string, Told>();
  return (_payload, executions) => {
    for (const { command, outcome, logTime } of executions) {
      if (command.once === undefined || isAboutRemembering(outcome)) continue;
      const name = nameOf(command.once);
      const operation = words(command.operation);
      const said = words({ ...outcome, replayed: false });
      const known = told.get(name);
      // Past its window a record may be gone, and may still be there.
      const mayBeGone = known !== undefined && isPastWindow(command.once, logTime - known.logTime, limits);
      if (known === undefined || (mayBeGone && !outcome.replayed)) {
        if (outcome.replayed) fail(`${name} was replayed and had never been carried out`);
        told.set(name, { operation, outcome: said, logTime });
        continue;
      }
      if (known.operation !== operation) fail(`${name} was used for two operations`);
      if (!outcome.replayed) fail(`${name} was carried out twice`);
      if (known.outcome !== said) fail(`${name} had the outcome ${known.outcome} and then ${said}`);
    }
  };
}

/** Refusals that are not the outcome of the operation. */
function isAboutRemembering(outcome: Outcome): boolean {
  return outcome.kind === "refused" && /^(?:IDEMPOTENCY|SESSION)_/.test(outcome.code);
}

/** Whether the record may be gone. With few places in the memory it need not last longer than the floor. */
function isPastWindow(once: NonNullable<Command["once"]>, age: number, limits: Limits): boolean {
  if (once.kind === "session") return false;
  return age > (limits.capacity < 1_000 ? limits.floorMs : limits.windowMs);
}

function nameOf(once: NonNullable<Command["once"]>): string {
  return once.kind === "key" ? `key ${once.key}` : `number ${once.seq} of session ${once.session}`;
}

function words(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

function fail(text: string): never {
  throw new Violation("exactly once", text);
}
