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
  /** A transfer to a peer is getting on. */
  readonly onProgress: (to: NodeId) => void;
  /** A peer could do nothing with this snapshot, again and again: the file may be damaged, and another is better. */
  readonly onDoubt: (snapshot: SnapshotMeta, peer: NodeId) => void;
  readonly onFatal: (error: Error) => void;
}

interface Sending {
  readonly meta: SnapshotMeta;
  readonly offer: SnapshotOffer;
}

/** Transfers of one snapshot to one peer that came to nothing, one after the other. */
interface Failures {
  readonly meta: SnapshotMeta;
  readonly count: number;
}

/** How often a receiver says that it is getting on, if it is. */
const PROGRESS_MS = 1_000;
/** The pause after a failed transfer, doubled by each further one. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 10_000;
/** With so many failures of the same file the sender begins to doubt it. */
const FAILURES_BEFORE_DOUBT = 3;

export class SnapshotTransfers {
  readonly #options: SnapshotTransfersOptions;
  readonly #sending: Map<NodeId, Sending> = new Map();
  readonly #failures: Map<NodeId, Failures> = new Map();
  readonly #pauses: Set<NodeJS.Timeout> = new Set();
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
    const sending = this.#sending.get(from);
    if (sending?.meta.index !== meta.index) return;
    this.#end(from);
    if (ok) {
      this.#failures.delete(from);
      return this.#options.onSent(from, true);
    }
    this.#failed(from, sending.meta);
  }

  /** Tries again after a pause; if one file fails again and again, the file itself may be the reason. */
  #failed(to: NodeId, meta: SnapshotMeta): void {
    const before = this.#failures.get(to);
    const count = before?.meta.index === meta.index ? before.count + 1 : 1;
    this.#failures.set(to, { meta, count });
    const pauseMs = Math.min(PAUSE_MS_MIN * 2 ** (count - 1), PAUSE_MS_MAX);
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      if (count >= FAILURES_BEFORE_DOUBT) this.#options.onDoubt(meta, to);
      this.#options.onSent(to, false);
    }, pauseMs);
    this.#pauses.add(pause);
  }

  /** The peer says that it is getting on. */
  progress(from: NodeId): void {
    if (this.#sending.has(from)) this.#options.onProgress(from);
  }

  /** The snapshot that is on its way to a peer: where it ends, and the share that was sent, 0 to 1. */
  sendingTo(peer: NodeId): { readonly index: number; readonly share: number } | undefined {
    const sending = this.#sending.get(peer);
    if (sending === undefined) return undefined;
    const { meta, bytes, token } = sending.offer;
    return { index: meta.index, share: Math.min(1, this.#options.transport.sentBytes(token) / bytes) };
  }

  /** This node no longer leads: whoever does has a snapshot of its own. */
  endSending(): void {
    for (const to of [...this.#sending.keys()]) this.#end(to);
    this.#failures.clear();
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
      if (current.from === from && isOlder) return this.refuse(from, offer);
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
      .catch((error: unknown) => this.#options.onFatal(asError(error)));
  }

  /** Declines an offer; a leader will ask where we are. */
  refuse(from: NodeId, offer: SnapshotOffer): void {
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
    let alive = false;
    const sink = {
      offset: incoming.offset,
      write: (chunk: Uint8Array): Promise<void> => {
        alive = true;
        return incoming.write(chunk);
      },
    };
    const reporting = setInterval(() => {
      if (alive) transport.send(from, { kind: "snapshotProgress" });
      alive = false;
    }, PROGRESS_MS);
    try {
      const whole = await transport.fetchSnapshot(from, offer, sink, signal);
      if (!whole || signal.aborted) {
        await incoming.abandon();
        return false;
      }
    } finally {
      clearInterval(reporting);
    }
    return await this.#verify(from, incoming);
  }

  /** Reading a large file once more takes its time, too. */
  async #verify(from: NodeId, incoming: { finish(): Promise<boolean> }): Promise<boolean> {
    const reporting = setInterval(
      () => this.#options.transport.send(from, { kind: "snapshotProgress" }),
      PROGRESS_MS,
    );
    try {
      return await incoming.finish();
    } finally {
      clearInterval(reporting);
    }
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
    this.endSending();
    for (const pause of this.#pauses) clearTimeout(pause);
    this.#pauses.clear();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
