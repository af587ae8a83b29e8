/** Handing leadership to a chosen voter (thesis §3.10). */

import { isVoter } from "./quorum.ts";
import { leaderRole } from "./roles.ts";
import { type State, say } from "./state.ts";
import type { NodeId } from "./types.ts";

/** Tells the successor to campaign as soon as it holds the whole log (T12). */
export function maybeFinishTransfer(state: State): boolean {
  const role = leaderRole(state);
  if (role.transfer === undefined) return false;
  if (role.progress.get(role.transfer.to)?.match !== state.log.last.index) return false;
  say(state, role.transfer.to, { kind: "timeoutNow" });
  return true;
}

/** The voter that takes over best: one that answers, and of those the one whose log reaches furthest. */
export function mostUpToDatePeer(state: State): NodeId | undefined {
  let best: { readonly id: NodeId; readonly match: number; readonly active: boolean } | undefined;
  for (const [id, { match, active }] of leaderRole(state).progress) {
    if (!isVoter(state.log.configuration, id)) continue;
    const better = best === undefined || (active === best.active ? match > best.match : active);
    if (better) best = { id, match, active };
  }
  return best?.id;
}
