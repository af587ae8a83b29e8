/** The links that this node dials: one to each peer, and one back to each guest. */

import type { NodeId } from "../raft/index.ts";
import type { HostPort } from "./address.ts";
import type { Context } from "./context.ts";
import { OutboundLink } from "./outbound.ts";
import type { Packet } from "./types.ts";

export class PeerLinks {
  readonly #context: Context;
  readonly #links = new Map<NodeId, OutboundLink>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Links to exactly these peers, and to the guests of the moment. An undefined address waits for the peer's own word. */
  replace(peers: ReadonlyMap<NodeId, HostPort | undefined>): void {
    for (const [peer, link] of this.#links) {
      if (!peers.has(peer) && !this.#context.roster.isGuest(peer)) this.#end(peer, link);
      else link.review();
    }
    for (const [peer, address] of peers) {
      const link = this.#links.get(peer);
      if (link === undefined) this.#begin(peer, address).dial();
      else link.pointTo(address);
    }
  }

  /** A peer or guest has dialled this node, so it is alive. */
  hear(peer: NodeId, address: HostPort | undefined): void {
    const link = this.#links.get(peer) ?? this.#begin(peer, undefined);
    link.hear(address);
  }

  /** A guest has gone. */
  leave(guest: NodeId): void {
    const link = this.#links.get(guest);
    if (link !== undefined) this.#end(guest, link);
  }

  send(to: NodeId, packet: Packet): void {
    this.#links.get(to)?.send(packet);
  }

  /** host:port of `peer`; undefined if it is not known. */
  addressOf(peer: NodeId): string | undefined {
    return this.#links.get(peer)?.address;
  }

  roundTrips(): Map<NodeId, number> {
    const trips = new Map<NodeId, number>();
    for (const [peer, { roundTripMs }] of this.#links)
      if (roundTripMs !== undefined) trips.set(peer, roundTripMs);
    return trips;
  }

  sent(): Map<NodeId, number> {
    return new Map([...this.#links].map(([peer, { sentBytes }]) => [peer, sentBytes]));
  }

  dropped(): Map<NodeId, number> {
    return new Map([...this.#links].map(([peer, link]) => [peer, link.dropped]));
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  #begin(peer: NodeId, address: HostPort | undefined): OutboundLink {
    const link = new OutboundLink(peer, address, this.#context);
    this.#links.set(peer, link);
    return link;
  }

  #end(peer: NodeId, link: OutboundLink): void {
    this.#links.delete(peer);
    link.close();
  }
}
