/** How nodes talk, as the driver sees it. `Transport` is implemented by `openTransport`. */

import type { Message, NodeId, SnapshotMeta } from "../raft/index.ts";

/** What one frame of a peer link carries after the handshake. */
export type Packet =
  | { readonly kind: "raft"; readonly message: Message }
  /** The digest of the sender's state after applying `index`, a multiple of 1,024. */
  | { readonly kind: "digest"; readonly index: number; readonly digest: number }
  /** "Fetch this snapshot from me": `token` opens it, once asked for over HTTP on the peer port. */
  | { readonly kind: "snapshotOffer"; readonly offer: SnapshotOffer }
  /** The receiver is getting on with the offer of the other side: chunks arrive, or are being verified. */
  | { readonly kind: "snapshotProgress" }
  /** The receiver's word on an offer: it has the whole file and gave it to its core, or it gave up. */
  | { readonly kind: "snapshotResult"; readonly meta: SnapshotMeta; readonly ok: boolean };

export interface SnapshotOffer {
  readonly meta: SnapshotMeta;
  readonly bytes: number;
  readonly sha256: string;
  readonly digest: number;
  readonly token: string;
}

/** A peer as this node knows it. */
export interface Peer {
  readonly id: NodeId;
  /** host:port. */
  readonly address: string;
  /** Undefined before the first contact. */
  readonly incarnation: string | undefined;
}

/**
 * Why a peer refused this node's handshake, or this node a peer's.
 *
 * - `version`: no version of the protocol that both speak.
 * - `cluster`: the same secret, but another cluster.
 * - `incarnation`: the one who dialled is not the one that is known under its id (its data directory is new).
 * - `unknownNode`: the one who dialled is no member.
 * - `wrongNode`: the one who answered is not the one that was dialled (another id, or its data directory is new).
 * - `secret`: the one who dialled does not know the secret. Nothing else is said to a stranger.
 * - `malformed`: the handshake could not be understood.
 */
export type HandshakeRefusal =
  | "version"
  | "cluster"
  | "incarnation"
  | "unknownNode"
  | "wrongNode"
  | "secret"
  | "malformed";

export interface TransportHandlers {
  onPacket(from: NodeId, packet: Packet): void;
  /** This node's link to a peer broke or could not be made. Said once for each loss, not for each attempt. */
  onUnreachable(peer: NodeId): void;
  /** This node's link to a peer stands (again): packets can be sent. What the peer dials is not spoken of. */
  onReachable(peer: NodeId): void;
  /**
   * A peer showed itself for the first time. Resolves once its incarnation is durable; only then does the
   * handshake go on. Rejects if another incarnation was learnt meanwhile.
   */
  onFirstContact(peer: NodeId, incarnation: string): Promise<void>;
  /**
   * `peer`, which has proved that it knows the secret, will not talk to this node, and says why in a sentence.
   * Said once until the reason changes or the link stands. A refusal without that proof (`secret`, and a
   * `malformed` that came before it) could come from anyone, so it is only a notice.
   */
  onRefused(peer: NodeId, refusal: HandshakeRefusal, detail: string): void;
  /** Something worth a line in the log: garbage on a connection, a refused stranger. */
  onNotice(notice: { readonly event: string; readonly remote: string; readonly detail: string }): void;
}

export interface TransportOptions {
  readonly clusterId: string;
  readonly self: { readonly id: NodeId; readonly incarnation: string };
  readonly listen: { readonly host: string; readonly port: number };
  readonly peers: readonly Peer[];
  /** Authenticates both sides of each link; empty only if every address is loopback. */
  readonly secret: string;
  readonly handlers: TransportHandlers;
  readonly settings?: Partial<TransportSettings>;
}

export interface TransportSettings {
  /** A longer frame closes the connection. */
  readonly frameBytesMax: number;
  /** Packets waiting for one peer beyond this many bytes are dropped. */
  readonly queueBytesMax: number;
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  /** The whole handshake must end within this. */
  readonly handshakeMsMax: number;
  /** Bytes of a snapshot in one chunk. */
  readonly chunkBytes: number;
  /** Between two pings of a link, in ms. A link without any sign of life for three of these is dead. */
  readonly keepaliveMs: number;
  /** A snapshot transfer on which no byte moves for this long is given up, in ms. */
  readonly snapshotIdleMsMax: number;
}

/** Where the bytes of an offered snapshot go: the part of the store's IncomingSnapshot that a fetch needs. */
export interface SnapshotSink {
  readonly offset: number;
  write(chunk: Uint8Array): Promise<void>;
}

export interface Transport {
  /** The port that is listened on (when 0 was asked for, the one that was given). */
  readonly port: number;
  /** Queues a packet for a peer; dropped without a word if the link is down or its queue is full. */
  send(to: NodeId, packet: Packet): void;
  /** Lets a peer fetch this file with the returned token until `withdraw`. */
  offer(path: string, bytes: number): string;
  withdraw(token: string): void;
  /** Fetches an offered snapshot from a peer into `sink`, from `sink.offset` on; true if all bytes came. */
  fetchSnapshot(
    from: NodeId,
    offer: SnapshotOffer,
    sink: SnapshotSink,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Round trip of the link's last ping, in ms, by peer; absent while the link is down. */
  roundTrips(): ReadonlyMap<NodeId, number>;
  /** Closes every link and the listener; resolves when all are closed. */
  close(): Promise<void>;
}

/** What `openTransport` gives: a transport that can also be observed. */
export interface ObservableTransport extends Transport {
  /** Packets that `send` dropped since the start, by peer. */
  dropped(): ReadonlyMap<NodeId, number>;
}
