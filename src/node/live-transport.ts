/** A transport that tells which messages it is given to send. */

import type { NodeId, RemovedMember } from "../raft/index.ts";
import type { Packet, Peer, SnapshotOffer, SnapshotSink, Transport } from "../transport/index.ts";

/** Passes everything on. */
export class WatchedTransport implements Transport {
  readonly #transport: Transport;
  readonly #onSend: (packet: Packet) => void;

  /** @param onSend hears of each packet before it is queued, also of those that are then dropped. */
  constructor(transport: Transport, onSend: (packet: Packet) => void) {
    this.#transport = transport;
    this.#onSend = onSend;
  }

  get port(): number {
    return this.#transport.port;
  }

  send(to: NodeId, packet: Packet): void {
    this.#onSend(packet);
    this.#transport.send(to, packet);
  }

  setPeers(peers: readonly Peer[], removed: readonly RemovedMember[]): void {
    this.#transport.setPeers(peers, removed);
  }

  offer(path: string, bytes: number): string {
    return this.#transport.offer(path, bytes);
  }

  withdraw(token: string): void {
    this.#transport.withdraw(token);
  }

  sentBytes(token: string): number {
    return this.#transport.sentBytes(token);
  }

  fetchSnapshot(
    from: NodeId,
    offer: SnapshotOffer,
    sink: SnapshotSink,
    signal: AbortSignal,
  ): Promise<boolean> {
    return this.#transport.fetchSnapshot(from, offer, sink, signal);
  }

  roundTrips(): ReadonlyMap<NodeId, number> {
    return this.#transport.roundTrips();
  }

  sentToPeers(): ReadonlyMap<NodeId, number> {
    return this.#transport.sentToPeers();
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
