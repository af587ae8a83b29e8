/** What happens in a scenario, in the words of its answers. */

import type {
  Configuration,
  Entry,
  EntryId,
  LogWrite,
  Message,
  ProposalOutcome,
  RaftStatus,
  Ready,
  TraceEvent,
} from "../../src/raft/index.ts";
import type { Node } from "./shape.ts";

/** How much is said of a command: everything, or only what changes for the outside. */
export type Detail = "all" | "quiet";

function at({ index, term }: EntryId): string {
  return `${index}/${term}`;
}

function range(entries: readonly Entry[]): string {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "nothing";
  return first === last ? at(first) : `${at(first)}..${at(last)}`;
}

function body(message: Message): string {
  switch (message.kind) {
    case "requestPreVote":
      return `last=${at(message.last)}`;
    case "requestVote":
      return `last=${at(message.last)}${message.transfer ? " transfer" : ""}`;
    case "preVoteResponse":
    case "voteResponse":
      return message.granted ? "granted" : "refused";
    case "append":
      return `after=${at(message.previous)} entries=${range(message.entries)} commit=${message.commit}`;
    case "appendResponse":
      return message.ok ? `match=${message.match}` : `refused=${message.rejected} hint=${at(message.hint)}`;
    case "heartbeat":
      return `commit=${message.commit} round=${message.round}`;
    case "heartbeatResponse":
      return `round=${message.round}`;
    case "timeoutNow":
      return "";
    case "readIndex":
      return `read=${message.id}`;
    case "readIndexResponse":
      return message.ok ? `read=${message.id} index=${message.index}` : `read=${message.id} refused`;
  }
}

export function renderMessage(message: Message): string {
  const { from, to, kind, term } = message;
  return `${from}->${to} ${kind} term=${term} ${body(message)}`.trimEnd();
}

function renderWrite(write: LogWrite): string {
  const parts = [`write ${write.seq}:`];
  const { hardState, truncateFrom, install, append, compact } = write;
  if (hardState !== undefined) {
    parts.push(`term=${hardState.term} vote=${hardState.vote ?? "none"} commit=${hardState.commit}`);
  }
  if (truncateFrom !== undefined) parts.push(`truncate from ${truncateFrom}`);
  if (install !== undefined) parts.push(`install ${at(install)}`);
  if (append.length > 0) parts.push(`append ${range(append)}`);
  if (compact !== undefined) parts.push(`compact to ${at(compact)}`);
  return parts.join(" ");
}

/** The halves that decide, those who listen, and those who have left. */
export function renderConfiguration({ voters, outgoing, learners, removed }: Configuration): string {
  const parts = [`voters ${[voters, outgoing].map((half) => half.join(" ")).join(" and ")}`];
  if (outgoing.length === 0) parts[0] = `voters ${voters.join(" ") || "unknown"}`;
  if (learners.length > 0) parts.push(`learners ${learners.join(" ")}`);
  if (removed.length > 0) parts.push(`removed ${removed.map(({ id }) => id).join(" ")}`);
  return parts.join(", ");
}

function renderTrace(event: TraceEvent): string {
  switch (event.kind) {
    case "role":
      return `is ${event.role} in term ${event.term}: ${event.why}`;
    case "leader":
      return `knows ${event.leader ?? "no leader"} in term ${event.term}`;
    case "commit":
      return `commits up to ${event.index}`;
    case "configuration":
      return `has ${renderConfiguration(event.configuration)} since ${event.index}`;
    case "truncate":
      return `truncates from ${event.from}`;
    case "install":
      return `installs a snapshot at ${event.index}`;
    case "compact":
      return `compacts up to ${event.index}`;
    case "progress":
      return `sees ${event.peer} in state ${event.state}`;
    case "transfer":
      return event.ended ? `ends the transfer to ${event.to}` : `begins a transfer to ${event.to}`;
  }
}

function renderOutcome(outcome: ProposalOutcome): string {
  if (outcome.kind === "committed") return `proposal ${outcome.id} committed at ${at(outcome.at)}`;
  return `proposal ${outcome.id} ${outcome.kind}${outcome.kind === "rejected" ? `: ${outcome.reason}` : ""}`;
}

/** Everything that one Ready asks for, a line each. */
export function renderReady({ id }: Node, ready: Ready, detail: Detail): readonly string[] {
  const lines: string[] = ready.trace
    .filter((event) => detail === "all" || (event.kind !== "leader" && event.kind !== "progress"))
    .map(renderTrace);
  if (detail === "all") {
    if (ready.write !== undefined) lines.push(renderWrite(ready.write));
    lines.push(...ready.send.map((message) => `send ${renderMessage(message)}`));
    for (const { seq, messages } of ready.sendAfter) {
      lines.push(...messages.map((message) => `hold for write ${seq}: ${renderMessage(message)}`));
    }
    if (ready.apply.length > 0) lines.push(`apply ${range(ready.apply)}`);
  }
  if (ready.restore !== undefined) lines.push(`restore the state from the snapshot at ${at(ready.restore)}`);
  lines.push(...ready.reads.map((read) => `read ${read.id} may be answered at index ${read.index}`));
  lines.push(...ready.readsFailed.map((read) => `read ${read} has to be tried again`));
  lines.push(...ready.outcomes.map(renderOutcome));
  lines.push(
    ...ready.sendSnapshot.map(({ to, snapshot }) => `send the snapshot at ${at(snapshot)} to ${to}`),
  );
  return lines.map((line) => `${id}: ${line}`);
}

export function renderStatus(status: RaftStatus): readonly string[] {
  const { self, role, term, vote, leader, first, last, committed, applied, durable } = status;
  const held = last < first ? `nothing after ${last}` : `${first}..${last}`;
  const head = `${self}: ${role} term=${term} vote=${vote ?? "none"} leader=${leader ?? "none"}`;
  const lines = [`${head} log=${held} durable=${durable} committed=${committed} applied=${applied}`];
  for (const [peer, progress] of status.progress) {
    const { state, match, next } = progress;
    const more =
      progress.state === "replicate"
        ? ` inflight=${progress.inflight.length}`
        : progress.state === "probe"
          ? progress.paused
            ? " paused"
            : ""
          : ` pending=${progress.pending}`;
    lines.push(`   ${peer} ${state} match=${match} next=${next}${more}`);
  }
  return lines;
}
