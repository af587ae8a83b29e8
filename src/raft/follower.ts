/** What a follower does with the leader's messages (§5.3, §7). */

import { assert } from "../base/index.ts";
import type { MessageOf } from "./messages.ts";
import { becomeFollower } from "./roles.ts";
import { type Follower, leaderOf, type State, say } from "./state.ts";
import { type Entry, type Index, index, minIndex, type NodeId, type SnapshotMeta } from "./types.ts";

/** Whoever sends an append or a heartbeat of this term leads it; the election timer begins anew. */
export function hearFromLeader(state: State, leader: NodeId): void {
  assert(state.role.kind === "follower", "follower: only a follower hears from a leader");
  assert(
    state.role.leader === undefined || state.role.leader === leader,
    "follower: two leaders in one term (election safety, §5.2)",
  );
  if (state.role.leader === undefined) {
    state.role.leader = leader;
    state.trace.push({ kind: "leader", leader, term: state.term });
  }
  state.role.ticks = 0;
}

export function handleAppend(state: State, message: MessageOf<"append">): void {
  const { log } = state;
  const { previous, entries } = message;
  assertContiguous(previous.index, entries);
  if (previous.index < log.committed) {
    // Old news; what is committed here agrees with it by leader completeness. Say where we are.
    return say(state, message.from, { kind: "appendResponse", ok: true, match: log.committed });
  }
  if (!log.matches(previous)) {
    const hint = log.findConflictByTerm(previous.index, previous.term);
    return say(state, message.from, { kind: "appendResponse", ok: false, rejected: previous.index, hint });
  }
  assert(
    log.chainAt(previous.index) === message.previousChain,
    "follower: same index and term as the leader's, but another log behind it",
  );
  appendNew(state, entries);
  // Only what this message covers is known to agree with the leader's log (T16).
  const covered = index(previous.index + entries.length);
  followerCommitTo(state, minIndex(message.commit, covered));
  say(state, message.from, { kind: "appendResponse", ok: true, match: covered });
}

/** Skips what is here already; drops a conflicting tail; appends the rest (§5.3). */
function appendNew(state: State, entries: readonly Entry[]): void {
  const { log, ledger } = state;
  const fresh = entries.findIndex((entry) => !log.matches(entry));
  if (fresh === -1) return;
  const first = entries[fresh] as Entry;
  if (first.index <= log.last.index) {
    log.truncateFrom(first.index);
    ledger.truncated(first.index);
    state.trace.push({ kind: "truncate", from: first.index });
  }
  log.append(entries.slice(fresh));
}

/** A gap here would be stored and never noticed again (T25). */
function assertContiguous(previous: Index, entries: readonly Entry[]): void {
  for (const [at, entry] of entries.entries()) {
    assert(entry.index === previous + 1 + at, "follower: the entries of an append follow its previous one");
  }
}

export function handleHeartbeat(state: State, message: MessageOf<"heartbeat">): void {
  followerCommitTo(state, message.commit);
  say(state, message.from, { kind: "heartbeatResponse", round: message.round });
}

function followerCommitTo(state: State, to: Index): void {
  const { log } = state;
  if (to <= log.committed) return;
  log.commitTo(to);
  state.trace.push({ kind: "commit", index: to, term: state.term, byLeader: false });
}

/**
 * Installs a snapshot whose file is durable here (§7). Where the log already holds the snapshot's last entry the
 * log is the better source; otherwise all of it gives way, also a longer one that conflicts (T45).
 * The answer goes to the present leader, whoever sent the snapshot (T50), and waits for the log's record of it.
 */
export function handleSnapshotReceived(state: State, snapshot: SnapshotMeta): void {
  const { log, ledger } = state;
  if (state.role.kind === "leader" || snapshot.index <= log.committed) return answerSnapshot(state);
  if (log.matches(snapshot)) {
    assert(log.chainAt(snapshot.index) === snapshot.chain, "follower: the snapshot comes from another log");
    followerCommitTo(state, snapshot.index);
    return answerSnapshot(state);
  }
  if (snapshot.term > state.term) {
    // Its last entry was committed in a term that has been; a log never holds an entry of a term to come.
    becomeFollower(state, { term: snapshot.term, leader: undefined, why: "a snapshot is of a higher term" });
  } else if (state.role.kind !== "follower") {
    // A candidate asked for votes with the log that ends here; it waits for the leader that sent this.
    becomeFollower(state, { term: state.term, leader: undefined, why: "a snapshot replaced its log" });
  }
  log.install(snapshot);
  ledger.installed(snapshot);
  state.snapshot = snapshot;
  state.trace.push({ kind: "install", index: snapshot.index });
  state.trace.push({ kind: "commit", index: snapshot.index, term: state.term, byLeader: false });
  answerSnapshot(state);
}

function answerSnapshot(state: State): void {
  const leader = leaderOf(state);
  if (leader === undefined || leader === state.self) return;
  say(state, leader, { kind: "appendResponse", ok: true, match: state.log.committed });
}

/** A follower forwards a read to its leader. */
export function forwardRead(state: State, role: Follower, id: number): void {
  if (role.leader === undefined) {
    state.readsFailed.push(id);
    return;
  }
  role.forwarded.add(id);
  say(state, role.leader, { kind: "readIndex", id: state.forwardedBase + id });
}

export function handleReadIndexResponse(state: State, message: MessageOf<"readIndexResponse">): void {
  const id = message.id - state.forwardedBase;
  if (state.role.kind !== "follower" || !state.role.forwarded.take(id)) return;
  if (message.ok) state.reads.push({ id, index: message.index });
  else state.readsFailed.push(id);
}
