/** Answers the nodes that ask to become members. Every answer is the same however often it is asked for. */

import { type Configuration, type Member, memberOf, type NodeId } from "../raft/index.ts";
import type { JoinAnswer, JoinRequest } from "../transport/index.ts";
import { removedSentence } from "./errors.ts";
import type { MembershipRequest, MembershipResult } from "./types.ts";

export interface JoinDeskOptions {
  readonly clusterId: string;
  readonly self: NodeId;
  /** What this node knows now. */
  readonly known: () => {
    readonly committedConfiguration: Configuration;
    readonly configuration: Configuration;
    readonly leader: NodeId | undefined;
  };
  readonly change: (request: MembershipRequest) => Promise<MembershipResult>;
}

/** How long whoever waits to be added should wait before it asks again, ms. */
const RETRY_MS = 1_000;

export class JoinDesk {
  readonly #options: JoinDeskOptions;

  constructor(options: JoinDeskOptions) {
    this.#options = options;
  }

  async answer(request: JoinRequest): Promise<JoinAnswer> {
    const settled = this.#settled(request);
    if (settled !== undefined) return settled;
    const { self, known } = this.#options;
    const { leader, configuration } = known();
    if (leader === undefined) return later("no leader is known in the cluster now");
    if (leader !== self) return redirect(configuration, leader);
    if (request.ask === "wait") {
      const { id, api } = request;
      return later(`${id} waits until somebody adds it: raftally member add ${api}`);
    }
    return await this.#add(request);
  }

  /** What the committed configuration says: it cannot become untrue, so any member may say it. */
  #settled({ id, incarnation, clusterId }: JoinRequest): JoinAnswer | undefined {
    const { clusterId: own } = this.#options;
    if (clusterId !== undefined && clusterId !== own) {
      const detail = `This is cluster ${own}, and ${id} wants to join ${clusterId}.`;
      return { kind: "refused", code: "cluster", detail };
    }
    const { members, removed } = this.#options.known().committedConfiguration;
    const member = members.find((one) => one.id === id);
    if (member?.incarnation === incarnation) return { kind: "member", clusterId: own, members };
    const gone = removed.find((one) => one.id === id);
    if (gone?.incarnation === incarnation) {
      return { kind: "refused", code: "removed", detail: removedSentence(id) };
    }
    if (member === undefined && gone === undefined) return undefined;
    const detail =
      member === undefined
        ? `${id} was removed from this cluster, and an id is never used twice: join under a new id.`
        : `${id} is a member with another data directory, and an id is never used twice: join under a new id, and let it take the place of the old one with "raftally member replace ${id} NEW".`;
    return { kind: "refused", code: "idUsed", detail };
  }

  async #add({ id, incarnation, peer, api }: JoinRequest): Promise<JoinAnswer> {
    const member: Member = { id, incarnation, peer, api };
    const result = await this.#options.change({ kind: "add", member });
    switch (result.kind) {
      case "changed":
        return {
          kind: "member",
          clusterId: this.#options.clusterId,
          members: result.configuration.members,
        };
      case "redirect":
        return redirect(this.#options.known().configuration, result.leader);
      case "failed":
        if (result.code === "ID_USED") return { kind: "refused", code: "idUsed", detail: result.detail };
        return later(result.detail, result.retryAfterMs);
    }
  }
}

function redirect(configuration: Configuration, leader: NodeId): JoinAnswer {
  const peer = memberOf(configuration, leader)?.peer;
  return peer === undefined
    ? later(`${leader} leads, and is not known here yet`)
    : { kind: "redirect", peer };
}

function later(detail: string, retryMs: number = RETRY_MS): JoinAnswer {
  return { kind: "later", detail, retryMs };
}
