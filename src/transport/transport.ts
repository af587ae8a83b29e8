/** Joins the parts: a server for what comes in, a link to each peer for what goes out, and the snapshots beside. */

import { Agent } from "undici";
import type { NodeId } from "../raft/index.ts";
import type { Context } from "./context.ts";
import { TransportError } from "./errors.ts";
import { VERSIONS, type Versions } from "./handshake.ts";
import { checkOptions } from "./options.ts";
import { OutboundLink } from "./outbound.ts";
import { Pins } from "./pins.ts";
import { PeerServer } from "./server.ts";
import { fetchInto } from "./snapshot-fetch.ts";
import { SnapshotOffers } from "./snapshot-offers.ts";
import type {
  ObservableTransport,
  Packet,
  SnapshotOffer,
  SnapshotSink,
  TransportHandlers,
  TransportOptions,
  TransportSettings,
} from "./types.ts";

/**
 * Listens for peers and begins to dial each of them.
 * @throws {TransportError} with a sentence, when the options are wrong or the address cannot be listened on.
 */
export async function openTransport(options: TransportOptions): Promise<ObservableTransport> {
  return openVersioned(options, VERSIONS);
}

/** Like {@link openTransport}, speaking other versions of the protocol: for tests of the negotiation. */
export async function openVersioned(
  options: TransportOptions,
  versions: Versions,
): Promise<ObservableTransport> {
  const { settings, targets } = checkOptions(options);
  const open = { is: true };
  const handlers = whileOpen(options.handlers, open);
  const pins = new Pins(options.peers, (peer, incarnation) => handlers.onFirstContact(peer, incarnation));
  const { clusterId, self, secret } = options;
  const context: Context = { clusterId, self, secret, settings, versions, pins, handlers };
  const offers = new SnapshotOffers(settings.chunkBytes);
  const links = new Map(targets.map((target) => [target.id, new OutboundLink(target, context)]));
  const onAccepted = (peer: NodeId): void => links.get(peer)?.dial();
  const server = new PeerServer({ context, offers, peers: targets.length, onAccepted });
  const port = await server.listen(options.listen.host, options.listen.port);
  for (const link of links.values()) link.dial();
  const addresses = new Map(options.peers.map((peer) => [peer.id, peer.address]));
  return new PeerTransport({ port, settings, handlers, offers, links, server, addresses, open });
}

/** After `close` nothing is said any more, whatever still comes to its end. */
function whileOpen(handlers: TransportHandlers, open: { readonly is: boolean }): TransportHandlers {
  return {
    onPacket: (from, packet) => {
      if (open.is) handlers.onPacket(from, packet);
    },
    onUnreachable: (peer) => {
      if (open.is) handlers.onUnreachable(peer);
    },
    onReachable: (peer) => {
      if (open.is) handlers.onReachable(peer);
    },
    onFirstContact: (peer, incarnation) =>
      open.is
        ? handlers.onFirstContact(peer, incarnation)
        : Promise.reject(new Error("the transport is closed")),
    onRefused: (peer, refusal, detail) => {
      if (open.is) handlers.onRefused(peer, refusal, detail);
    },
    onNotice: (notice) => {
      if (open.is) handlers.onNotice(notice);
    },
  };
}

interface Parts {
  readonly port: number;
  readonly settings: TransportSettings;
  readonly handlers: TransportHandlers;
  readonly offers: SnapshotOffers;
  readonly links: ReadonlyMap<NodeId, OutboundLink>;
  readonly server: PeerServer;
  readonly addresses: ReadonlyMap<NodeId, string>;
  readonly open: { is: boolean };
}

class PeerTransport implements ObservableTransport {
  readonly port: number;
  readonly #parts: Parts;
  readonly #agent: Agent;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.port = parts.port;
    this.#parts = parts;
    this.#agent = new Agent({ pipelining: 1, connect: { timeout: parts.settings.snapshotIdleMsMax } });
  }

  setPeers(): void {
    throw new TransportError("invalidOptions", "The peers of an open transport cannot be changed yet.");
  }

  send(to: NodeId, packet: Packet): void {
    this.#parts.links.get(to)?.send(packet);
  }

  offer(path: string, bytes: number): string {
    return this.#parts.offers.offer(path, bytes);
  }

  withdraw(token: string): void {
    this.#parts.offers.withdraw(token);
  }

  async fetchSnapshot(
    from: NodeId,
    offer: SnapshotOffer,
    sink: SnapshotSink,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { addresses, settings, handlers } = this.#parts;
    const address = addresses.get(from);
    if (address === undefined || this.#closed !== undefined || signal.aborted) return false;
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const failure = await fetchInto({ address, offer, sink, signal: stop }, this.#agent, settings);
    if (failure !== undefined && !stop.aborted) {
      const detail = `Fetching a snapshot from ${from} ended early: ${failure}.`;
      handlers.onNotice({ event: "snapshotFetchFailed", remote: address, detail });
    }
    return failure === undefined;
  }

  roundTrips(): ReadonlyMap<NodeId, number> {
    const trips = new Map<NodeId, number>();
    for (const link of this.#parts.links.values()) {
      if (link.roundTripMs !== undefined) trips.set(link.peer, link.roundTripMs);
    }
    return trips;
  }

  dropped(): ReadonlyMap<NodeId, number> {
    return new Map([...this.#parts.links.values()].map((link) => [link.peer, link.dropped]));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { open, links, server, offers } = this.#parts;
    open.is = false;
    this.#closing.abort();
    for (const link of links.values()) link.close();
    await Promise.all([server.close(), offers.close(), this.#agent.destroy()]);
  }
}
