/**
 * Exactly once in a client session: a few numbers for each client, however much it writes.
 *
 * The client numbers its writes and says with each which is the first that it still waits for; outcomes before
 * that are forgotten. From there on every outcome is kept, so a number without one was never executed. A
 * session that has gone is gone: ids are not used again, and a late retry is refused, not executed.
 */

import { digestAdd, digestRemove } from "../base/index.ts";
import { sessionRowHash } from "./digest.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { again, isRemembered } from "./once.ts";
import { encodeOutcome } from "./outcome-codec.ts";
import type { Once, Operation, Outcome, SessionRow } from "./types.ts";
import { type OpenSessionRow, refused, type Work } from "./work.ts";

/** A place in a session. */
export type Place = Extract<Once, { readonly kind: "session" }>;

/** Performs an operation unless its number has an outcome already. What is refused here leaves the session as it was. */
export function performInSession(
  work: Work,
  request: { readonly place: Place; readonly operation: Operation },
  perform: (work: Work, operation: Operation) => Outcome,
): Outcome {
  const { place, operation } = request;
  const session = liveSession(work, place.session);
  if (session === undefined) return expired("This session has expired or never existed.");
  const first = Math.max(session.firstUnanswered, place.firstUnanswered);
  if (place.seq < first) return expired("The client has said that it has the answer to this number.");
  if (place.seq - first >= work.limits.sessionPendingMax) {
    const detail =
      "This session has too many numbers in use: the client has to take in earlier answers first.";
    return refused({ code: "IDEMPOTENCY_CAPACITY", detail });
  }
  const fingerprint = fingerprintOf(operation);
  const known = session.outcomes.get(place.seq);
  const reused = known !== undefined && known.fingerprint !== fingerprint;
  if (!reused) use(work, session, first);
  if (known !== undefined) return again(known, fingerprint, operation);
  const outcome = perform(work, operation);
  if (isRemembered(outcome)) {
    session.outcomes.set(place.seq, { fingerprint, outcome: encodeOutcome(outcome) });
    // Said again, because opening a session may have written this one to the table meanwhile.
    session.changed = true;
  }
  return outcome;
}

/** Opens a session; when there are too many, in the place of one that has not been used for the floor's time. */
export function openSession(work: Work): Outcome {
  const { totals } = work;
  if (totals.sessions >= work.limits.sessionsMax && !evictSession(work)) {
    const detail = "There are too many client sessions, all in use.";
    return refused({ code: "IDEMPOTENCY_CAPACITY", detail });
  }
  totals.sessions++;
  totals.sessionsOpened++;
  const id = totals.sessionsOpened;
  work.sessions.set(id, {
    id,
    stored: undefined,
    usedAt: work.now,
    firstUnanswered: 0,
    outcomes: new Map(),
    changed: true,
  });
  return { kind: "done", results: [], session: id, replayed: false };
}

/** Removes sessions past the window, at most `budget` of them. Comes before anything else in an entry. */
export function expireSessions(work: Work, budget: number): void {
  for (let left = budget; left > 0; left--) {
    if (!isExpired(work, { usedAt: work.table.sessionsUsedSince() })) return;
    const oldest = work.table.oldestSession();
    if (oldest === undefined || !isExpired(work, oldest)) return;
    removeSession(work, oldest);
  }
}

/** Writes to the table what has changed in the sessions that the entry used. */
export function flushSessions(work: Work): void {
  const { table, totals } = work;
  for (const session of work.sessions.values()) {
    if (!session.changed) continue;
    const { id, stored, usedAt, firstUnanswered } = session;
    // A copy, since the session may be used again before the entry ends.
    const row: SessionRow = { id, usedAt, firstUnanswered, outcomes: new Map(session.outcomes) };
    if (stored !== undefined) totals.digest = digestRemove(totals.digest, sessionRowHash(stored));
    table.putSession(row);
    totals.digest = digestAdd(totals.digest, sessionRowHash(row));
    session.stored = row;
    session.changed = false;
  }
}

function expired(detail: string): Outcome {
  return refused({ code: "SESSION_EXPIRED", detail });
}

function isExpired(work: Work, session: Pick<SessionRow, "usedAt">): boolean {
  return work.now - session.usedAt > work.limits.windowMs;
}

function liveSession(work: Work, id: number): OpenSessionRow | undefined {
  const open = work.sessions.get(id);
  if (open !== undefined) return open;
  const stored = work.table.session(id);
  if (stored === undefined) return undefined;
  if (isExpired(work, stored)) {
    removeSession(work, stored);
    return undefined;
  }
  const { usedAt, firstUnanswered } = stored;
  const outcomes = new Map(stored.outcomes);
  const session: OpenSessionRow = { id, stored, usedAt, firstUnanswered, outcomes, changed: false };
  work.sessions.set(id, session);
  return session;
}

function use(work: Work, session: OpenSessionRow, firstUnanswered: number): void {
  session.changed = true;
  session.usedAt = work.now;
  if (firstUnanswered === session.firstUnanswered) return;
  session.firstUnanswered = firstUnanswered;
  for (const seq of session.outcomes.keys()) if (seq < firstUnanswered) session.outcomes.delete(seq);
}

/** Removes the session that was used longest ago, if that is longer ago than the floor. */
function evictSession(work: Work): boolean {
  // The table must know which sessions this entry has used before it can say which is the oldest.
  flushSessions(work);
  const oldest = work.table.oldestSession();
  if (oldest === undefined || work.now - oldest.usedAt <= work.limits.floorMs) return false;
  removeSession(work, oldest);
  return true;
}

function removeSession(work: Work, row: SessionRow): void {
  const { table, totals } = work;
  table.deleteSession(row.id);
  work.sessions.delete(row.id);
  totals.digest = digestRemove(totals.digest, sessionRowHash(row));
  totals.sessions--;
}
