/** Joins the parts: a server for what comes in, a link to each peer for what goes out, and the snapshots beside. */

import type { NodeId, RemovedMember } from "../raft/index.ts";
import type { Context } from "./context.ts";
import { VERSIONS, type Versions } from "./handshake.ts";
import { NOT_YET } from "./join-words.ts";
import { PeerLinks } from "./links.ts";
import { checkOptions, judgePeers } from "./options.ts";
import { Roster } from "./roster.ts";
import { PeerServer } from "./server.ts";
import { SnapshotFetcher } from "./snapshot-fetch.ts";
import { SnapshotOffers } from "./snapshot-offers.ts";
import type {
  ObservableTransport,
  Packet,
  Peer,
  SnapshotOffer,
  SnapshotSink,
  TransportHandlers,
  TransportOptions,
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
  const learn = (peer: NodeId, incarnation: string): Promise<void> =>
    handlers.onFirstContact(peer, incarnation);
  const roster = new Roster(options.peers, learn, options.guests);
  const { clusterId, self, secret, detours } = options;
  const context: Context = { clusterId, self, secret, settings, versions, roster, detours, handlers };
  const offers = new SnapshotOffers(settings.chunkBytes);
  const links = new PeerLinks(context);
  const server = new PeerServer({
    context,
    offers,
    onAccepted: (peer, address) => links.hear(peer, address),
    onGuestGone: (guest) => links.leave(guest),
  });
  const port = await server.listen(options.listen.host, options.listen.port);
  links.replace(targets);
  return new PeerTransport({ port, context, offers, links, server, open });
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
    onReachable: (peer, version) => {
      if (open.is) handlers.onReachable(peer, version);
    },
    onFirstContact: (peer, incarnation) =>
      open.is
        ? handlers.onFirstContact(peer, incarnation)
        : Promise.reject(new Error("the transport is closed")),
    onRefused: (peer, refusal, detail) => {
      if (open.is) handlers.onRefused(peer, refusal, detail);
    },
    onDisowned: (peer, incarnation) => {
      if (open.is) handlers.onDisowned?.(peer, incarnation);
    },
    onJoin: (request) => (open.is ? handlers.onJoin?.(request) : undefined) ?? Promise.resolve(NOT_YET),
    onNotice: (notice) => {
      if (open.is) handlers.onNotice(notice);
    },
  };
}

interface Parts {
  readonly port: number;
  readonly context: Context;
  readonly offers: SnapshotOffers;
  readonly links: PeerLinks;
  readonly server: PeerServer;
  readonly open: { is: boolean };
}

class PeerTransport implements ObservableTransport {
  readonly port: number;
  readonly #parts: Parts;
  readonly #snapshots: SnapshotFetcher;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  /** What was wrong with the peers of now, so that it is said once. */
  #faults: readonly string[] = [];

  constructor(parts: Parts) {
    this.port = parts.port;
    this.#parts = parts;
    this.#snapshots = new SnapshotFetcher(parts.context.settings);
  }

  setPeers(peers: readonly Peer[], removed: readonly RemovedMember[]): void {
    if (this.#closed !== undefined) return;
    const { context, links, server } = this.#parts;
    const gone = new Set(removed.map(({ id }) => id));
    const staying = peers.filter(({ id }) => !gone.has(id));
    const judged = judgePeers(staying, context.self.id, context.secret);
    const faults = [...judged.faults, ...context.roster.replace(judged.peers, removed)];
    links.replace(judged.targets);
    server.review();
    for (const detail of faults.filter((fault) => !this.#faults.includes(fault))) {
      const notice = { event: "badPeer", remote: context.self.id, detail };
      queueMicrotask(() => context.handlers.onNotice(notice));
    }
    this.#faults = faults;
  }

  send(to: NodeId, packet: Packet): void {
    this.#parts.links.send(to, packet);
  }

  offer(path: string, bytes: number): string {
    return this.#parts.offers.offer(path, bytes);
  }

  withdraw(token: string): void {
    this.#parts.offers.withdraw(token);
  }

  sentBytes(token: string): number {
    return this.#parts.offers.sentBytes(token);
  }

  async fetchSnapshot(
    from: NodeId,
    offer: SnapshotOffer,
    sink: SnapshotSink,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { links, context } = this.#parts;
    const { handlers, detours } = context;
    const address = links.addressOf(from);
    if (address === undefined || this.#closed !== undefined || signal.aborted) return false;
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const fetch = { address: detours?.get(address) ?? address, offer, sink, signal: stop };
    const failure = await this.#snapshots.fetch(fetch);
    if (failure !== undefined && !stop.aborted) {
      const detail = `Fetching a snapshot from ${from} ended early: ${failure}.`;
      handlers.onNotice({ event: "snapshotFetchFailed", remote: address, detail });
    }
    return failure === undefined;
  }

  roundTrips(): ReadonlyMap<NodeId, number> {
    return this.#parts.links.roundTrips();
  }

  sentToPeers(): ReadonlyMap<NodeId, number> {
    return this.#parts.links.sent();
  }

  dropped(): ReadonlyMap<NodeId, number> {
    return this.#parts.links.dropped();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { open, links, server, offers } = this.#parts;
    open.is = false;
    this.#closing.abort();
    links.close();
    await Promise.all([server.close(), offers.close(), this.#snapshots.close()]);
  }
}
