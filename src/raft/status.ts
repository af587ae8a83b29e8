/** What can be seen of the core from outside. */

import type { RoleKind } from "./events.ts";
import { hasCaughtUp } from "./membership.ts";
import type { Progress } from "./progress.ts";
import { isVoter } from "./quorum.ts";
import { isHandingOver, type Leader, leaderOf, roleKind, type State } from "./state.ts";
import { type Configuration, type Index, type NodeId, next, type Term } from "./types.ts";

/** A copy of what the core knows at one moment. */
export interface RaftStatus {
  readonly self: NodeId;
  readonly role: RoleKind;
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly first: Index;
  readonly last: Index;
  readonly committed: Index;
  readonly applied: Index;
  readonly durable: Index;
  readonly snapshot: Index | undefined;
  readonly configuration: Configuration;
  /** Where that configuration was appended; 0 for the initial one. */
  readonly configurationIndex: Index;
  /** Learners that may be promoted (R7). Filled on a leader only. */
  readonly caughtUp: readonly NodeId[];
  /** Whether this node hands its leadership over, for a transfer or because it leaves the cluster. */
  readonly transferring: boolean;
  /** Whether an entry of this leader's term is committed, so that it may answer reads. */
  readonly opened: boolean;
  /** How long a voter that does not lead has waited for a sign of life of a leader, and how long it will; in ticks. */
  readonly election: { readonly ticks: number; readonly timeout: number } | undefined;
  /** Filled on a leader only. */
  readonly progress: ReadonlyMap<NodeId, Progress>;
}

/** The state of the core as it is now. */
export function statusOf(state: State): RaftStatus {
  const { self, term, vote, role, log, ledger, snapshot } = state;
  return {
    self,
    role: roleKind(state),
    term,
    vote,
    leader: leaderOf(state),
    first: next(log.base.index),
    last: log.last.index,
    committed: log.committed,
    applied: log.applied,
    durable: ledger.durable,
    snapshot: snapshot?.index,
    configuration: log.configuration,
    configurationIndex: log.configurationIndex,
    caughtUp: role.kind === "leader" ? log.configuration.learners.filter((id) => hasCaughtUp(role, id)) : [],
    transferring: isHandingOver(state),
    opened: role.kind === "leader" && log.committed >= role.opened,
    election: isWaiting(state, role) ? { ticks: role.ticks, timeout: role.timeout } : undefined,
    progress: role.kind === "leader" ? new Map(role.progress) : new Map(),
  };
}

/** Whether a node that does not lead will stand for election if it hears of no leader. */
function isWaiting({ log, self }: State, role: State["role"]): role is Exclude<State["role"], Leader> {
  return role.kind !== "leader" && isVoter(log.configuration, self);
}
