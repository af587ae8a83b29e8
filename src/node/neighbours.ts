/**
 * Follows the configuration of the log: tells the transport whom to talk to, tells the leader what it should say of
 * this node, and notices when this node was removed.
 */

import {
  type Configuration,
  isNoConfiguration,
  type Member,
  memberOf,
  type NodeId,
  type RemovedMember,
} from "../raft/index.ts";
import type { Packet, Peer, Transport } from "../transport/index.ts";
import { isSameMember } from "./membership-plan.ts";

export interface NeighboursOptions {
  readonly transport: Pick<Transport, "setPeers" | "send">;
  /** This node as it should stand in the configuration. */
  readonly own: Member;
  /** Whether it wants to vote, should it be a learner. */
  readonly wantsVote: boolean;
  /** Tells the reducer what a leader has to announce of itself. */
  readonly onOwnAnnouncement: (member: Member) => void;
}

/** The configurations that matter: the one in force, and the one that cannot be undone any more. */
export interface Configurations {
  readonly configuration: Configuration;
  readonly committedConfiguration: Configuration;
}

export class Neighbours {
  readonly #options: NeighboursOptions;
  #followed: Configurations | undefined;
  #removed = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Whether this node is no member any more, for good. */
  get isRemoved(): boolean {
    return this.#removed;
  }

  /** Called whenever the configuration may have changed. */
  follow({ configuration, committedConfiguration }: Configurations): void {
    const before = this.#followed;
    if (before?.configuration === configuration && before.committedConfiguration === committedConfiguration) {
      return;
    }
    this.#followed = { configuration, committedConfiguration };
    const { own, transport } = this.#options;
    this.#removed = committedConfiguration.removed.some((gone) => isSameNode(gone, own));
    const peers = peersOf({ configuration, committedConfiguration }, own.id);
    // A node that has only begun to join keeps to those that it was told of.
    if (peers !== undefined) transport.setPeers(peers, committedConfiguration.removed);
  }

  /** Says what the configuration should say of this node, if it says something else; once a second. */
  announce(leader: NodeId | undefined): void {
    const { own, wantsVote, transport, onOwnAnnouncement } = this.#options;
    const { configuration } = this.#followed ?? {};
    const known = configuration === undefined ? undefined : memberOf(configuration, own.id);
    if (leader === undefined || known?.incarnation !== own.incarnation) return;
    const asksForVote = wantsVote && configuration?.learners.includes(own.id) === true;
    if (isSameMember(known, own) && !asksForVote) return;
    const announcement: Packet = { kind: "announce", member: own, wantsVote: asksForVote };
    if (leader === own.id) onOwnAnnouncement(own);
    else transport.send(leader, announcement);
  }
}

function isSameNode(a: RemovedMember, b: RemovedMember): boolean {
  return a.id === b.id && a.incarnation === b.incarnation;
}

/**
 * Everyone that the configuration in force names or the committed one, but this node: an appended configuration counts
 * at once, and while it can still be taken back, those that it leaves out are needed. Undefined if neither names
 * anyone.
 */
export function peersOf(
  { configuration, committedConfiguration }: Configurations,
  self: NodeId,
): readonly Peer[] | undefined {
  if (isNoConfiguration(configuration)) return undefined;
  const members = new Map(
    [...committedConfiguration.members, ...configuration.members].map((member) => [member.id, member]),
  );
  members.delete(self);
  return [...members.values()].map(({ id, peer, incarnation }) => ({ id, address: peer, incarnation }));
}
