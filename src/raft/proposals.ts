/**
 * Proposals whose fate is open. Each ends exactly once (I19): committed or superseded when the commit index
 * passes its place in the log, superseded already when an entry of a later term is committed before that place
 * (terms never regress in a log, so no log that can win holds both), unknown when a snapshot hides what stood
 * there.
 *
 * A proposal is not given up when this node stops leading or its entry is truncated: another node may still
 * hold the entry and commit it. Only a committed entry settles the question.
 */

import type { ProposalOutcome } from "./events.ts";
import type { RaftLog } from "./log.ts";
import type { EntryId, Index, ProposalId } from "./types.ts";

interface Pending {
  readonly id: ProposalId;
  readonly at: EntryId;
}

export class Proposals {
  #pending: Pending[] = [];

  add(id: ProposalId, at: EntryId): void {
    this.#pending.push({ id, at });
  }

  /** Settles what stands at or below `committed`. */
  takeSettled(log: RaftLog, committed: Index): readonly ProposalOutcome[] {
    if (this.#pending.length === 0) return [];
    const settled: ProposalOutcome[] = [];
    const open: Pending[] = [];
    const term = log.termAt(committed);
    for (const one of this.#pending) {
      if (one.at.index <= committed) settled.push(outcomeOf(log, one));
      else if (term !== undefined && term > one.at.term) settled.push(superseded(one.id));
      else open.push(one);
    }
    this.#pending = open;
    return settled;
  }
}

function outcomeOf(log: RaftLog, { id, at }: Pending): ProposalOutcome {
  const found = log.termAt(at.index);
  if (found === undefined || (at.index === log.base.index && found !== at.term)) {
    return { id, kind: "unknown" };
  }
  return found === at.term ? { id, kind: "committed", at } : superseded(id);
}

function superseded(id: ProposalId): ProposalOutcome {
  return { id, kind: "rejected", reason: "superseded" };
}
