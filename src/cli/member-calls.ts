/** What `raftally member` asks of a cluster, and of a node that waits to be let in. */

import { type MembershipPlan, type NodeView, RaftallyClient } from "../client/index.ts";
import type { ChangeCalls } from "./member-change.ts";
import type { OptionValues } from "./options.ts";

export interface MemberCalls extends ChangeCalls {
  /** What a change would mean. */
  plan(request: Parameters<ChangeCalls["change"]>[0], timeoutMs: number): Promise<MembershipPlan>;
  /** Hands leadership over; resolves with who leads then. */
  transfer(to: string | undefined, timeoutMs: number): Promise<{ readonly id: string; readonly url: string }>;
  /** What the node at `url` says of itself, whichever cluster it belongs to. */
  look(url: string, timeoutMs: number): Promise<NodeView>;
}

/** All fail with a RaftallyError. */
export function memberCalls({ url, timeout }: OptionValues): MemberCalls {
  const client = new RaftallyClient({ urls: url, timeoutMs: timeout });
  return {
    list: async (timeoutMs) => (await client.members({ timeoutMs })).members,
    change: async (request, timeoutMs) => void (await client.change(request, { timeoutMs })),
    plan: (request, timeoutMs) => client.plan(request, { timeoutMs }),
    transfer: (to, timeoutMs) => client.transfer(to, { timeoutMs }),
    look: (other, timeoutMs) => new RaftallyClient({ urls: [other], discoverMs: 0 }).status({ timeoutMs }),
  };
}
