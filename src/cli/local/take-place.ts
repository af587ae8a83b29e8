/** Sees to it that a node that joins takes the place of another one, however long that needs. */

import { setTimeout as sleep } from "node:timers/promises";
import { type MemberView, RaftallyClient, RaftallyError } from "../../client/index.ts";
import { showCatchUp } from "../membership.ts";

export interface Exchange {
  readonly old: string;
  readonly by: string;
  /** Nodes of the cluster. */
  readonly urls: readonly string[];
  readonly signal: AbortSignal;
  /** How far it is: a clause for people. */
  readonly tell: (progress: string) => void;
}

const LOOK_MS = 2_000;
/** A change may have to wait for a leader. */
const CHANGE_MS = 4_000;
const POLL_MS = 250;

/** Resolves with whether the exchange was made: only `signal` ends it before. */
export async function takePlace(exchange: Exchange): Promise<boolean> {
  const { urls, signal, tell } = exchange;
  // Without discovery: what it would ask behind the back of this call could not be ended.
  const client = new RaftallyClient({ urls, discoverMs: 0 });
  while (!signal.aborted) {
    try {
      const { members } = await client.members({ timeoutMs: LOOK_MS, signal });
      const step = nextStep(exchange, members);
      if (step === "done") return true;
      tell(typeof step === "string" ? step : `${exchange.by} takes the place of ${exchange.old}`);
      if (typeof step !== "string") await client.change(step, { timeoutMs: CHANGE_MS, signal });
    } catch (error) {
      if (signal.aborted) return false;
      // An answer that was lost, another change under way, no leader: the next look shows what came of it.
      if (!(error instanceof RaftallyError)) throw error;
      tell(`waiting: ${error.message}`);
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

type Change = Parameters<RaftallyClient["change"]>[0];

/** What is to be asked for now, or a clause on what it waits for. */
function nextStep({ old, by }: Exchange, members: readonly MemberView[]): "done" | string | Change {
  const [leaver, newcomer] = [old, by].map((id) => members.find((member) => member.id === id));
  if (newcomer === undefined) return `${by} is asking to be let in`;
  if (newcomer.role === "joining" || leaver?.role === "leaving") return `${by} is about to vote`;
  if (newcomer.role === "voter") return leaver === undefined ? "done" : { kind: "remove", id: old };
  const waits = showCatchUp(newcomer);
  if (waits !== undefined) return waits;
  if (newcomer.match === undefined) return `no leader tells how far ${by} is`;
  // Somebody may have removed the old one by hand.
  return leaver === undefined ? { kind: "promote", id: by } : { kind: "replace", id: old, by };
}
