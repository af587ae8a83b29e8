/** Wishes that another node should lead, from their arrival to their answer: each ends exactly once. */

import { type Configuration, memberOf, type NodeId } from "../raft/index.ts";
import type { RequestId } from "./events.ts";
import { noLeader, stopping } from "./refusals.ts";
import type { MembershipRefusal, TransferResult } from "./types.ts";

/** Who is to lead, or who is to lead no longer; anybody who leads, for anybody else, if neither is said. */
export interface TransferWish {
  readonly to?: NodeId | undefined;
  /** If another one leads already, the wish has come true. */
  readonly from?: NodeId | undefined;
}

interface PendingTransfer extends TransferWish {
  readonly id: RequestId;
  readonly arrivedMs: number;
  /** Whether the core was told. */
  begun: boolean;
}

/** What is known of the cluster, and how to begin. */
export interface Leadership {
  readonly self: NodeId;
  readonly leader: NodeId | undefined;
  readonly transferring: boolean;
  readonly configuration: Configuration;
  readonly reachable: (id: NodeId) => boolean;
  /** Tells the core; says whether it has begun. */
  readonly begin: (to: NodeId | undefined) => boolean;
}

export interface TransferAnswer {
  readonly id: RequestId;
  readonly result: TransferResult;
}

export class TransferQueue {
  #open: PendingTransfer[] = [];
  #answers: TransferAnswer[] = [];

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  add({ id, to, from, nowMs }: TransferWish & { readonly id: RequestId; readonly nowMs: number }): void {
    this.#open.push({ id, to, from, arrivedMs: nowMs, begun: false });
  }

  takeAnswers(): readonly TransferAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** Goes on with every wish as far as it goes now. */
  advance(leadership: Leadership): void {
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter((transfer) => {
      const result = transfer.begun ? outcome(transfer, leadership) : begin(transfer, leadership);
      if (result !== undefined) this.#answers.push({ id: transfer.id, result });
      return result === undefined;
    });
  }

  /** Ends what has waited too long. */
  expire(nowMs: number, limits: { readonly holdMs: number; readonly writeMs: number }): void {
    this.#open = this.#open.filter(({ id, arrivedMs, begun }) => {
      if (nowMs - arrivedMs < (begun ? limits.writeMs : limits.holdMs)) return true;
      const late =
        "Leadership was given up, but no new leader is known yet. Look at the status of the nodes.";
      this.#answers.push({ id, result: begun ? failed(late) : noLeader(limits.holdMs) });
      return false;
    });
  }

  /** Ends everything: the node stops. */
  abandon(): void {
    for (const { id } of this.#open) this.#answers.push({ id, result: stopping() });
    this.#open = [];
  }
}

/** Begins with a wish, or says why not; undefined if the answer comes later. */
function begin(transfer: PendingTransfer, leadership: Leadership): TransferResult | undefined {
  const { self, leader, configuration } = leadership;
  const { to, from } = transfer;
  if (leader === undefined) return undefined;
  const isDone = leader === to || (to === undefined && from !== undefined && leader !== from);
  if (isDone) return led(leadership, leader, "transferred");
  if (leader !== self) return led(leadership, leader, "redirect");
  const problem = targetProblem(leadership, to);
  if (problem !== undefined) return problem;
  transfer.begun = leadership.begin(to);
  if (transfer.begun) return undefined;
  const voters = configuration.voters.filter((id) => id !== self).join(", ");
  return failed(`Leadership cannot be handed to any of ${voters} now. ${self} leads on.`);
}

function targetProblem(
  { self, configuration, reachable }: Leadership,
  to: NodeId | undefined,
): MembershipRefusal | undefined {
  const { voters, members } = configuration;
  if (to === undefined) {
    if (voters.some((id) => id !== self)) return undefined;
    return never(`${self} is the only voter, so nobody else can lead. Promote another member first.`);
  }
  if (memberOf(configuration, to) === undefined) {
    const names = members.map(({ id }) => id).join(", ");
    const detail = `${to} is no member of this cluster; its members are ${names}.`;
    return { kind: "failed", code: "MEMBER_NOT_FOUND", detail, retryAfterMs: undefined };
  }
  if (!voters.includes(to)) {
    return never(`${to} has no vote, so it cannot lead. Promote it first.`);
  }
  if (!reachable(to)) return failed(`${to} cannot be reached from ${self}, which leads on.`);
  return undefined;
}

/** How it ended; undefined while it has not. */
function outcome({ to }: PendingTransfer, leadership: Leadership): TransferResult | undefined {
  const { self, leader, transferring } = leadership;
  if (leader === undefined || transferring) return undefined;
  if (leader === self) {
    return failed(
      `${to ?? "The successor"} has not taken over in time. ${self} leads on; nothing was lost, so try again.`,
    );
  }
  if (to === undefined || leader === to) return led(leadership, leader, "transferred");
  return failed(`${leader} leads now, and not ${to}. Ask ${leader} to hand over to ${to}.`);
}

/** Undefined while this node does not know the leader's address yet: its entries will bring it. */
function led(
  { configuration }: Leadership,
  leader: NodeId,
  kind: "transferred" | "redirect",
): TransferResult | undefined {
  const url = memberOf(configuration, leader)?.api;
  return url === undefined ? undefined : { kind, leader, url };
}

/** What no other attempt would change. */
function never(detail: string): MembershipRefusal {
  return { kind: "failed", code: "INVALID_CHANGE", detail, retryAfterMs: undefined };
}

function failed(detail: string): MembershipRefusal {
  return { kind: "failed", code: "TRANSFER_FAILED", detail, retryAfterMs: 1_000 };
}
