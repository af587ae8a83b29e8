/** Counts what processes do and what clients are told, for {@link Coverage}. */

import type { Outcome } from "../../src/counter/index.ts";
import { decodePayload } from "../../src/counter/index.ts";
import type { NodeTrace } from "../../src/node/index.ts";
import type { Watcher } from "./checkers/reference.ts";
import type { Coverage } from "./coverage.ts";
import type { Attempt, Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";
import type { Standing } from "./standing.ts";
import { SqliteState } from "./state-table.ts";

export function counting(coverage: Coverage, standing: Standing): Partial<Observer> {
  let asked = 0;
  let answered = 0;
  return {
    drained(node, { trace, write }) {
      for (const event of trace) countTrace(coverage, node, event);
      if (write?.install === undefined) return;
      // Before this write the log ended here; the install was the first to say otherwise.
      const { synced } = node.disk;
      const conflicting = synced.entry(write.install.index);
      if (conflicting === undefined || conflicting.chain === write.install.chain) return;
      coverage.count("installs over a conflicting suffix");
      if (synced.last.index > write.install.index) coverage.count("installs over a longer log");
    },
    applied({ disk }) {
      if (disk.state.table instanceof SqliteState) coverage.count("entries applied in SQLite");
    },
    received({ disk }, { term }) {
      if (term < disk.latest.hardState.term) coverage.count("messages of an earlier term");
    },
    asked(node, { event }) {
      if (event.kind === "write" || event.kind === "read") asked++;
      if (!standing.isDeposed(node)) return;
      if (event.kind === "write") coverage.count("writes that reached a deposed leader");
      else if (event.kind === "read" && event.consistency === "linearizable")
        coverage.count("reads that reached a deposed leader");
    },
    answered(node, attempt, { result }) {
      const kind = attempt?.event.kind;
      if (kind === "write" || kind === "read") answered++;
      if (attempt === undefined || (kind !== "write" && kind !== "read")) return;
      if (result.kind === "changed" || result.kind === "transferred") return;
      if (result.kind === "redirect") coverage.count("writes redirected");
      else if (result.kind === "answer") countRead(coverage, attempt, !standing.leads(node));
      else if (result.kind === "applied") countWrite(coverage, attempt, result.outcome);
      else countFailure(coverage, attempt, result.code);
    },
    ended() {
      coverage.count("writes that never got an answer", asked - answered);
    },
  };
}

function countTrace(coverage: Coverage, { disk }: SimNode, event: NodeTrace): void {
  switch (event.kind) {
    case "role":
      if (event.role === "leader") coverage.count("elections");
      if (event.why === "no quorum answers") coverage.count("leaders that lost their quorum");
      if (event.why === "its own disk has stalled") coverage.count("disks that stalled a leader");
      return;
    case "truncate":
      coverage.count("truncations");
      if (disk.synced.last.index > event.from) coverage.count("truncations of several entries");
      return;
    case "compact":
      return coverage.count("compactions");
    case "install":
      return coverage.count("installs");
    case "transfer":
      if (event.ended) coverage.count("transfers ended");
      return;
    case "autoremove":
      return coverage.count("silent members removed");
    default:
  }
}

function countRead(coverage: Coverage, { event }: Attempt, atFollower: boolean): void {
  if (event.kind !== "read") return;
  if (event.query.kind === "list") coverage.count("lists");
  if (event.consistency === "stale") return coverage.count("stale reads");
  coverage.count("linearizable reads");
  if (atFollower) coverage.count("linearizable reads at a follower");
}

function countWrite(coverage: Coverage, { event }: Attempt, outcome: Outcome): void {
  if (event.kind !== "write") return;
  const { once, operation } = event.command;
  coverage.count("writes acknowledged");
  if (outcome.replayed)
    coverage.count(once?.kind === "session" ? "session writes replayed" : "keyed writes replayed");
  if (operation.kind === "batch") coverage.count("batches");
  if (operation.kind === "add" && operation.once !== undefined && outcome.kind === "done") {
    if (outcome.results[0]?.changed === true) coverage.count("members counted");
  }
  if (outcome.kind !== "refused") return;
  coverage.count("writes refused by the state machine");
  if (outcome.code === "SESSION_EXPIRED") coverage.count("sessions that had expired");
}

function countFailure(coverage: Coverage, { event }: Attempt, code: string): void {
  if (event.kind === "read") {
    if (code === "READ_TIMEOUT") coverage.count("reads timed out");
    return;
  }
  if (code === "OUTCOME_UNKNOWN") coverage.count("writes of unknown outcome");
  if (code === "NO_LEADER") coverage.count("writes held in vain");
  if (code === "OVERLOADED") coverage.count("writes refused for overload");
  if (code === "SHUTTING_DOWN") coverage.count("writes refused while stopping");
}

/** Counts what the committed log holds. */
export function countingRuns(coverage: Coverage): Watcher {
  return (payload, executions, entry) => {
    if (entry.kind === "command" && decodePayload(entry.data).elapsed > 0) coverage.count("log time passed");
    for (const item of payload.items) {
      if (item.kind === "run" && item.count > 1) coverage.count("runs of several adds");
    }
    for (const { command, outcome } of executions) {
      const plain = command.once === undefined && command.operation.kind === "add";
      if (plain && outcome.kind === "refused" && outcome.code === "COUNTER_OVERFLOW") {
        coverage.count("runs cut short by overflow");
      }
    }
  };
}
