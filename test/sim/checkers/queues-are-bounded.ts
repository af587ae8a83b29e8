/**
 * I17: what a leader has on its way to a peer and what waits in a node stays within its settings, whatever happens;
 * and no answer calls forth ever more messages: what nodes say to each other is bounded by the time that passes and
 * by what there is to say.
 */

import type { NodeId, RaftSettings } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { Profile } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

/** What one command may weigh: the queue takes one more than fits. */
const COMMAND_BYTES = 4_000;
/** Looking costs more than a drain does. */
const LOOK_EVERY = 32;

/**
 * So many messages may leave for each node and each tick that passes, request that is taken in and entry that is
 * written: about four times as many as ever do.
 */
const MESSAGES = { each: 6, allowance: 2_000 } as const;

export function queuesAreBounded(
  { raft, node: settings, tickMs }: Profile,
  { log, now }: { readonly log: CommittedLog; readonly now: (node: SimNode) => number },
): Partial<Observer> {
  let drains = 0;
  let sent = 0;
  let causes = 0;
  /** By the clock that went furthest: one that stands still counts nothing. */
  let passedMs = 0;
  const nodes = new Set<NodeId>();

  function checkQueues(node: SimNode): void {
    const { id, reducer } = node;
    if (reducer === undefined) return;
    if (reducer.pendingBytes > settings.pendingBytesMax + COMMAND_BYTES)
      fail(`${id} holds ${reducer.pendingBytes} bytes`);
    const { progress, role, term } = reducer.status();
    for (const [peer, one] of progress) {
      if (one.state !== "replicate") continue;
      if (one.inflight.length > raft.inflightMessagesMax)
        fail(`${id} has ${one.inflight.length} appends on their way to ${peer}`);
      // The window is open until it is full: the last append may reach beyond it.
      const bytes = one.inflight.slice(0, -1).reduce((sum, append) => sum + append.bytes, 0);
      if (bytes > raft.inflightBytesMax) fail(`${id} has ${bytes} bytes and more on their way to ${peer}`);
    }
    if (role === "leader") checkUncommitted(node, term, raft);
  }

  function checkUncommitted(
    { id, disk }: SimNode,
    term: number,
    { uncommittedBytesMax }: RaftSettings,
  ): void {
    const { entries } = disk.latest;
    const open: number[] = [];
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at];
      if (entry === undefined || entry.index <= log.last || entry.term !== term) break;
      if (entry.kind === "command") open.push(entry.data.length);
    }
    const bytes = open.reduce((sum, one) => sum + one, 0);
    if (open.length > 1 && bytes > uncommittedBytesMax)
      fail(`${id} has taken in ${bytes} bytes that are not committed`);
  }

  function look(node: SimNode): void {
    passedMs = Math.max(passedMs, now(node));
    if (++drains % LOOK_EVERY !== 0) return;
    checkQueues(node);
    const most = MESSAGES.each * nodes.size * (passedMs / tickMs + causes) + MESSAGES.allowance;
    if (sent > most) fail(`${sent} messages were sent, and ${Math.round(most)} would be too many`);
  }

  return {
    started: ({ id }) => nodes.add(id),
    sent() {
      sent++;
    },
    asked() {
      causes++;
    },
    drained(node, { write }) {
      causes += write?.append.length ?? 0;
      look(node);
    },
    idled: look,
  };
}

function fail(text: string): never {
  throw new Violation("I17 queues are bounded", text);
}
