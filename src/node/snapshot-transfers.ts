/**
 * Moves snapshot files between nodes, beside the peer links: the leader offers, the follower fetches at its own
 * pace and tells how it ended. One fetch at a time; a newer offer, or one by another leader, replaces the one
 * before; what has arrived of a file is kept and gone on from.
 */

import type { NodeId, SnapshotMeta } from "../raft/index.ts";
import type { NodeStore } from "../store/index.ts";
import type { SnapshotOffer, Transport } from "../transport/index.ts";

export interface SnapshotTransfersOptions {
  readonly clusterId: string;
  readonly store: NodeStore;
  readonly transport: Transport;
  /** A whole, verified snapshot is durable on this node. */
  readonly onReceived: (snapshot: SnapshotMeta) => void;
  readonly onSent: (to: NodeId, ok: boolean) => void;
  readonly onFatal: (error: Error) => void;
}

interface Sending {
  readonly meta: SnapshotMeta;
  readonly offer: SnapshotOffer;
}

export class SnapshotTransfers {
  readonly #options: SnapshotTransfersOptions;
  readonly #sending: Map<NodeId, Sending> = new Map();
  #fetching:
    | { readonly from: NodeId; readonly offer: SnapshotOffer; readonly stop: AbortController }
    | undefined;
  /** The latest snapshot that has arrived whole, and whose it was. */
  #arrived: { readonly from: NodeId; readonly meta: SnapshotMeta } | undefined;

  constructor(options: SnapshotTransfersOptions) {
    this.#options = options;
  }

  /** Offers this node's snapshot at `snapshot` to a peer. */
  send(to: NodeId, snapshot: SnapshotMeta): void {
    const { store, transport, onSent } = this.#options;
    this.#end(to);
    const manifest = store.latestSnapshot();
    const path = manifest === undefined ? undefined : store.holdSnapshot(manifest.meta);
    if (manifest === undefined || path === undefined || manifest.meta.index < snapshot.index) {
      return onSent(to, false);
    }
    const token = transport.offer(path, manifest.bytes);
    const { meta, bytes, sha256, digest } = manifest;
    const offer = { meta, bytes, sha256, digest, token };
    this.#sending.set(to, { meta, offer });
    transport.send(to, { kind: "snapshotOffer", offer });
  }

  /**
   * The link to a peer stands. What was said while it did not is lost, and a lost word would leave the leader
   * waiting for the end of the transfer: so it is said again.
   */
  reachable(peer: NodeId): void {
    const { transport } = this.#options;
    const sending = this.#sending.get(peer);
    if (sending !== undefined) transport.send(peer, { kind: "snapshotOffer", offer: sending.offer });
    if (this.#arrived?.from !== peer) return;
    transport.send(peer, { kind: "snapshotResult", meta: this.#arrived.meta, ok: true });
  }

  /** The peer's word on the offer. */
  result(from: NodeId, meta: SnapshotMeta, ok: boolean): void {
    if (this.#sending.get(from)?.meta.index !== meta.index) return;
    this.#end(from);
    this.#options.onSent(from, ok);
  }

  /** The link to a peer broke: it will be probed again, and offered again if it still lacks the snapshot. */
  unreachable(peer: NodeId): void {
    if (!this.#sending.has(peer)) return;
    this.#end(peer);
    this.#options.onSent(peer, false);
  }

  /** A leader offers a snapshot to this node. */
  offered(from: NodeId, offer: SnapshotOffer): void {
    const current = this.#fetching;
    if (current !== undefined) {
      if (current.offer.token === offer.token) return;
      // An offer of somebody else comes from a later leader, and the earlier one may have fallen silent.
      const isOlder = current.offer.meta.index >= offer.meta.index;
      if (current.from === from && isOlder) return this.#refuse(from, offer);
      current.stop.abort();
    }
    const stop = new AbortController();
    const fetching = { from, offer, stop };
    this.#fetching = fetching;
    this.#fetch(from, offer, stop.signal)
      .then((ok) => {
        if (this.#fetching === fetching) this.#fetching = undefined;
        if (ok) {
          this.#arrived = { from, meta: offer.meta };
          this.#options.onReceived(offer.meta);
        }
        this.#options.transport.send(from, { kind: "snapshotResult", meta: offer.meta, ok });
      })
      .catch((error: unknown) =>
        this.#options.onFatal(error instanceof Error ? error : new Error(String(error))),
      );
  }

  /** A fetch of this file or a newer one is under way; the leader that offered will ask where we are. */
  #refuse(from: NodeId, offer: SnapshotOffer): void {
    this.#options.transport.send(from, { kind: "snapshotResult", meta: offer.meta, ok: false });
  }

  async #fetch(from: NodeId, offer: SnapshotOffer, signal: AbortSignal): Promise<boolean> {
    const { store, transport } = this.#options;
    const { token: _, ...manifest } = offer;
    const incoming = await store.receiveSnapshot({
      format: 1,
      clusterId: this.#options.clusterId,
      ...manifest,
    });
    const whole = await transport.fetchSnapshot(from, offer, incoming, signal);
    if (!whole || signal.aborted) {
      await incoming.abandon();
      return false;
    }
    return await incoming.finish();
  }

  #end(to: NodeId): void {
    const sending = this.#sending.get(to);
    if (sending === undefined) return;
    this.#sending.delete(to);
    this.#options.transport.withdraw(sending.offer.token);
    this.#options.store.releaseSnapshot(sending.meta);
  }

  close(): void {
    this.#fetching?.stop.abort();
    for (const to of [...this.#sending.keys()]) this.#end(to);
  }
}
