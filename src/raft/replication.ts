/** Sending the log to the peers and counting what they hold (§5.3, §5.4.2). */

import { assert, defined } from "../base/index.ts";
import type { MessageOf } from "./messages.ts";
import {
  accepted,
  isPaused,
  type Progress,
  refused,
  sent,
  toProbe,
  toReplicate,
  toSnapshot,
  withActive,
} from "./progress.ts";
import { quorumIndex } from "./quorum.ts";
import { maybeBeginReads } from "./read-index.ts";
import { leaderRole } from "./roles.ts";
import { type State, say } from "./state.ts";
import { maybeFinishTransfer } from "./transfer.ts";
import { before, entryBytes, type Index, index, type NodeId, next } from "./types.ts";

/** Sends to every peer what it lacks and has room for. */
export function replicateToAll(state: State): void {
  for (const id of leaderRole(state).progress.keys()) replicate(state, id, false);
}

/**
 * Sends to one peer all that the window allows. With `evenIfEmpty` at least one message leaves, if anything may:
 * an empty append asks the peer where it stands.
 */
export function replicate(state: State, to: NodeId, evenIfEmpty: boolean): void {
  const max = { messages: state.settings.inflightMessagesMax, bytes: state.settings.inflightBytesMax };
  let force = evenIfEmpty;
  for (;;) {
    const progress = progressOf(state, to);
    if (isPaused(progress, max)) return;
    if (state.log.termAt(before(progress.next)) === undefined) return startSnapshot(state, to, progress);
    const lacks = progress.next <= state.log.last.index;
    const told = progress.toldCommit >= state.log.committed;
    // The news of a commit alone is worth a message only when no answer is on its way that will bring one out,
    // and at once only where that is wanted (see tellCommit).
    const tell = !told && state.settings.commitNewsTicks === 0 && isIdle(progress);
    if (!lacks && !tell && !force) return;
    force = false;
    sendAppend(state, to, progress);
    if (!lacks) return;
  }
}

/** Whether no answer is on its way that would bring out the next append. */
function isIdle(progress: Progress): boolean {
  return progress.state === "replicate" && progress.inflight.length === 0;
}

/**
 * Tells of a commit those peers to whom no append has carried the news meanwhile. Under load the next append is
 * there first: so half of all messages are saved, and with them a third of the time for an entry.
 */
export function tellCommit(state: State): void {
  const role = leaderRole(state);
  role.newsTicks = 0;
  for (const [id, progress] of role.progress) {
    if (isIdle(progress) && progress.toldCommit < state.log.committed) replicate(state, id, true);
  }
}

function sendAppend(state: State, to: NodeId, progress: Progress): void {
  const { log, settings } = state;
  const previous = before(progress.next);
  const entries = progress.next <= log.last.index ? log.slice(progress.next, settings.messageBytesMax) : [];
  say(state, to, {
    kind: "append",
    previous: {
      index: previous,
      term: defined(log.termAt(previous), "replication: the log reaches back so far"),
    },
    previousChain: defined(log.chainAt(previous), "replication: the log reaches back so far"),
    entries,
    commit: log.committed,
  });
  const last = entries.at(-1)?.index;
  const progressed =
    last === undefined
      ? { ...progress, toldCommit: log.committed }
      : sent(
          progress,
          { last, bytes: entries.reduce((sum, entry) => sum + entryBytes(entry), 0) },
          log.committed,
        );
  const probed = progressed.state === "probe" ? { ...progressed, paused: true } : progressed;
  setProgress(state, to, probed);
}

/** The peer needs entries that are gone: it gets the snapshot, if it is there to take it. */
function startSnapshot(state: State, to: NodeId, progress: Progress): void {
  if (!progress.active) return;
  const snapshot = defined(state.snapshot, "replication: a compacted log has a durable snapshot (P11)");
  assert(snapshot.index >= state.log.base.index, "replication: the snapshot covers what was compacted (P11)");
  setProgress(state, to, toSnapshot(progress, snapshot.index));
  state.sendSnapshot.push({ to, snapshot });
}

function progressOf(state: State, id: NodeId): Progress {
  return defined(leaderRole(state).progress.get(id), "replication: every peer has a progress");
}

function setProgress(state: State, id: NodeId, progress: Progress): void {
  const map = leaderRole(state).progress;
  if (map.get(id)?.state !== progress.state) {
    state.trace.push({ kind: "progress", peer: id, state: progress.state });
  }
  map.set(id, progress);
}

export function handleAppendResponse(state: State, message: MessageOf<"appendResponse">): void {
  const progress = leaderRole(state).progress.get(message.from);
  if (progress === undefined) return;
  setProgress(state, message.from, withActive(progress, true));
  if (message.ok) handleAccepted(state, message.from, message.match);
  else handleRefused(state, message);
}

function handleAccepted(state: State, from: NodeId, match: Index): void {
  const before = progressOf(state, from);
  assert(match <= state.log.last.index, "replication: a peer cannot match more than there is");
  const after = accepted(before, match);
  const known = after ?? before;
  // A late answer to an earlier append says nothing of the probe that is on its way. Taken for its answer, each would
  // send the whole window again, and be followed by as many late answers: a storm where messages overtake each other.
  const answersProbe = after !== undefined || known.next > state.log.last.index;
  if (known.state === "probe") setProgress(state, from, answersProbe ? toReplicate(known) : known);
  else if (known.state === "snapshot" && next(known.match) > state.log.base.index) {
    // Any answer that connects to the log ends the wait, whichever snapshot brought the peer there (T50).
    setProgress(state, from, toReplicate(known));
  } else setProgress(state, from, known);
  if (after !== undefined && maybeCommit(state)) replicateToAll(state);
  if (state.role.kind !== "leader") return;
  replicate(state, from, false);
  maybeFinishTransfer(state);
}

function handleRefused(state: State, message: MessageOf<"appendResponse"> & { ok: false }): void {
  const { log } = state;
  const progress = progressOf(state, message.from);
  // The peer has said the last place where its terms are low enough; skip our entries of later terms too.
  const candidate = log.findConflictByTerm(message.hint.index, message.hint.term);
  const after = refused(progress, message.rejected, candidate.index);
  if (after === undefined) return;
  setProgress(state, message.from, after);
  replicate(state, message.from, true);
}

/** Chunks of a snapshot arrive, or are being verified: the transfer is alive, however long it takes (T47). */
export function handleSnapshotProgress(state: State, to: NodeId): void {
  if (state.role.kind !== "leader") return;
  const progress = state.role.progress.get(to);
  if (progress?.state === "snapshot") setProgress(state, to, { ...progress, ticks: 0 });
}

/** The transfer of a snapshot ended. A peer that has it continues after it; otherwise it is probed again. */
export function handleSnapshotSent(state: State, to: NodeId, ok: boolean): void {
  if (state.role.kind !== "leader") return;
  const progress = state.role.progress.get(to);
  if (progress?.state !== "snapshot") return;
  const probe = toProbe(progress);
  // Even a whole snapshot is not installed yet: pause until the peer answers, then its answer says where it is.
  setProgress(
    state,
    to,
    ok ? { ...probe, next: next(progress.pending), paused: true } : { ...probe, paused: true },
  );
}

export function handleUnreachable(state: State, peer: NodeId): void {
  if (state.role.kind !== "leader") return;
  const progress = state.role.progress.get(peer);
  // What was on its way is probably lost; find out where the peer stands before sending more.
  if (progress?.state === "replicate") setProgress(state, peer, toProbe(progress));
}

/**
 * Moves the commit index to what a quorum holds, if that is an entry of this term: entries of earlier terms are
 * committed only through one of the leader's own (§5.4.2, figure 8; T15). The leader counts what is durable on
 * its own disk (P6), and the quorum may do without it (P7).
 */
export function maybeCommit(state: State): boolean {
  const { log, ledger, self } = state;
  const role = leaderRole(state);
  const reached = quorumIndex(log.configuration, (id) =>
    id === self ? ledger.durable : (role.progress.get(id)?.match ?? index(0)),
  );
  if (reached <= log.committed || log.termAt(reached) !== state.term) return false;
  const from = log.committed;
  log.commitTo(reached);
  for (let at = next(from); at <= reached; at = next(at)) {
    const entry = defined(log.entry(at), "replication: entries just committed are held");
    if (entry.kind === "command" && entry.term === state.term) {
      state.uncommittedBytes = Math.max(0, state.uncommittedBytes - entryBytes(entry));
    }
  }
  state.trace.push({ kind: "commit", index: reached, term: state.term, byLeader: true });
  maybeBeginReads(state);
  return true;
}
