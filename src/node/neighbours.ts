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
  /**
   * Where other members are as well, host:port, for whoever started this node says so. Tried where the configuration's
   * address leads nowhere: if all nodes have moved at once, none can tell the others through the log.
   */
  readonly hints: ReadonlyMap<NodeId, string>;
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
  /** Those that are looked for where the hint says. */
  readonly #elsewhere: Set<NodeId> = new Set();
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
    const { own } = this.#options;
    this.#removed = committedConfiguration.removed.some((gone) => isSameNode(gone, own));
    this.#tell(this.#followed);
  }

  /** Looks for peers that are not reachable at the other address, if there is one; now and then. */
  seek(reachable: ReadonlySet<NodeId>): void {
    if (this.#followed === undefined) return;
    const { own, hints } = this.#options;
    const lost = (peersOf(this.#followed, own.id) ?? []).filter(({ id, address }) => {
      const hint = hints.get(id);
      return hint !== undefined && hint !== address && !reachable.has(id);
    });
    for (const { id } of lost) if (!this.#elsewhere.delete(id)) this.#elsewhere.add(id);
    if (lost.length > 0) this.#tell(this.#followed);
  }

  #tell(configurations: Configurations): void {
    const { own, hints, transport } = this.#options;
    const peers = peersOf(configurations, own.id);
    // A node that has only begun to join keeps to those that it was told of.
    if (peers === undefined) return;
    const placed = peers.map((peer) => {
      const hint = this.#elsewhere.has(peer.id) ? hints.get(peer.id) : undefined;
      return hint === undefined ? peer : { ...peer, address: hint };
    });
    transport.setPeers(placed, configurations.committedConfiguration.removed);
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

/**
 * Whether this node is the only voter of the configuration in force and of the committed one. A node that was wiped and
 * then founded its cluster a second time stands like that, with or without learners that found their way to it: no
 * majority of others keeps it from answering.
 */
export function decidesAlone(
  { configuration, committedConfiguration }: Configurations,
  self: NodeId,
): boolean {
  return [configuration, committedConfiguration].every(({ voters, outgoing }) => {
    const deciding = [...voters, ...outgoing];
    return deciding.length > 0 && deciding.every((id) => id === self);
  });
}
