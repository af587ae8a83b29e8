/** How nodes talk, as the driver sees it. `Transport` is implemented by `openTransport`. */

import type { Member, Message, NodeId, RemovedMember, SnapshotMeta } from "../raft/index.ts";
import type { Detours } from "./address.ts";

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
  | { readonly kind: "snapshotResult"; readonly meta: SnapshotMeta; readonly ok: boolean }
  /**
   * "The configuration should say this of me": the sender's own addresses, and whether it wants to vote. What
   * arrives is about its sender: `member.id` is the peer and `member.incarnation` the one it proved.
   */
  | { readonly kind: "announce"; readonly member: Member; readonly wantsVote: boolean };

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
  /** 32 hex digits; undefined before the first contact. */
  readonly incarnation: string | undefined;
  /**
   * Of a peer that the transport is opened with: whether its incarnation is certain, because the peer was met or a
   * committed configuration names it. Otherwise it gives way to a later configuration. True if not given.
   */
  readonly met?: boolean;
}

/**
 * Why a peer refused this node's handshake, or this node a peer's.
 *
 * - `version`: no version of the protocol that both speak.
 * - `cluster`: the same secret, but another cluster.
 * - `incarnation`: the one who dialled is not the one that is known under its id (its data directory is new).
 * - `unknownNode`: the one who dialled is no member.
 * - `removed`: the one who dialled was a member and was removed, for good (R9).
 * - `wrongNode`: the one who answered is not the one that was dialled (another id, or its data directory is new).
 * - `secret`: the one who dialled does not know the secret. Nothing else is said to a stranger.
 * - `malformed`: the handshake could not be understood.
 */
export type HandshakeRefusal =
  | "version"
  | "cluster"
  | "incarnation"
  | "unknownNode"
  | "removed"
  | "wrongNode"
  | "secret"
  | "malformed";

/** What a node without a cluster says to a member of the one it wants to join. */
export interface JoinRequest {
  readonly id: NodeId;
  /** 32 hex digits. */
  readonly incarnation: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
  /** `learner`: add me. `wait`: has somebody added me? */
  readonly ask: "wait" | "learner";
  /** Only this cluster will do; undefined if whichever has the secret will. */
  readonly clusterId: string | undefined;
  /** The versions of the protocol that it speaks. One that both sides speak was found before `onJoin` is called. */
  readonly versions: { readonly min: number; readonly max: number };
}

/**
 * Why a node can never join as it is; asking again is of no use.
 *
 * - `idUsed`: the id is, or was, that of a node with another data directory.
 * - `removed`: this very node was removed from the cluster.
 * - `version`, `cluster`, `malformed`: as in {@link HandshakeRefusal}; the transport itself says these three, and
 * - `secret`: the cluster has no secret, and the node's peer address is not a loopback address.
 */
export type JoinRefusal = "idUsed" | "removed" | "version" | "cluster" | "malformed" | "secret";

/** What a member answers. */
export type JoinAnswer =
  /** The committed configuration names the node; these are all its members, the node included. */
  | { readonly kind: "member"; readonly clusterId: string; readonly members: readonly Member[] }
  /** Not yet: no leader is known, a change is under way, nobody has added the node. */
  | { readonly kind: "later"; readonly detail: string; readonly retryMs: number }
  /** The leader is there: host:port of its peer port. */
  | { readonly kind: "redirect"; readonly peer: string }
  | { readonly kind: "refused"; readonly code: JoinRefusal; readonly detail: string };

/** How asking went. Redirects have been followed. */
export type JoinOutcome =
  | Exclude<JoinAnswer, { readonly kind: "redirect" }>
  /** No address led to anyone who proved to know the secret; the detail is a sentence on each of them. */
  | { readonly kind: "unreachable"; readonly detail: string };

/** What `askToJoin` needs. */
export interface JoinOptions {
  /** host:port of the peer ports of some members, asked in this order until one decides. */
  readonly addresses: readonly string[];
  /** The cluster's; empty only if every address is loopback. */
  readonly secret: string;
  readonly request: Omit<JoinRequest, "versions">;
  /** Where to connect instead of some addresses. */
  readonly detours?: Detours | undefined;
  readonly settings?: Partial<TransportSettings>;
  /** Ends the asking; the outcome then is `unreachable`. */
  readonly signal?: AbortSignal;
}

export interface TransportHandlers {
  onPacket(from: NodeId, packet: Packet): void;
  /** This node's link to a peer broke or could not be made. Said once for each loss, not for each attempt. */
  onUnreachable(peer: NodeId): void;
  /**
   * This node's link to a peer stands (again): packets can be sent. What the peer dials is not spoken of.
   * @param version of the protocol on this link; below `MEMBERSHIP_VERSION` no configuration can be sent on it.
   */
  onReachable(peer: NodeId, version: number): void;
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
  /**
   * `peer`, which has proved that it knows the secret and is of this cluster, dialled this node and was refused, for
   * it knows this node's id with another incarnation. Said at every attempt.
   */
  onDisowned?(peer: NodeId, incarnation: string): void;
  /**
   * A node that knows the secret asks to join, perhaps for the second time: the answer must not depend on that.
   * It is told `later` if this takes longer than `joinMsMax`, rejects, or is not given at all.
   */
  onJoin?(request: JoinRequest): Promise<JoinAnswer>;
  /** Something worth a line in the log: garbage on a connection, a refused stranger. */
  onNotice(notice: { readonly event: string; readonly remote: string; readonly detail: string }): void;
}

export interface TransportOptions {
  readonly clusterId: string;
  readonly self: {
    readonly id: NodeId;
    readonly incarnation: string;
    /**
     * host:port at which peers reach this node. It is said in each handshake: a peer that knows no address of this
     * node, or an old one, dials this one. Without it, only peers whose configuration is up to date can answer.
     */
    readonly address?: string | undefined;
  };
  readonly listen: { readonly host: string; readonly port: number };
  readonly peers: readonly Peer[];
  /**
   * Whether `peers` may be out of date, because the cluster exists and may have changed without this node: guests
   * are then let in from the start, and not only from the first {@link Transport.setPeers} on. False if not given:
   * of a cluster that is being made every member is named, and who is not is refused.
   */
  readonly guests?: boolean;
  /** Authenticates both sides of each link; empty only if every address is loopback. */
  readonly secret: string;
  readonly handlers: TransportHandlers;
  /** Where to connect instead of some addresses, for links and for snapshots. */
  readonly detours?: Detours | undefined;
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
  /** A member has this long to answer who asks to join, in ms; the asking node waits a little longer. */
  readonly joinMsMax: number;
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
  /**
   * Whom to talk to from now on, and whom never again. Peers that are new are dialled, those that are missing are
   * left (their links end), and who has another address than before is dialled there. This node itself, those that
   * were removed, and all but the first mention of an id, are passed over. Calls no handler before it returns.
   *
   * An incarnation given here counts like one that was met. If the peer was met with another one, or opened so,
   * a rule is broken (R9): a notice says so, and what was known stays. An incarnation that an earlier call gave
   * may change, for a configuration that was never committed can be taken back.
   *
   * From the first call on the list is known to be that of a log, which may lag: a node that is not in it, was not
   * removed, proves that it knows the secret and the cluster, and says its address is a guest. It is linked both ways
   * while its own link stands, so that a leader whom this node has not heard of can tell it the newer configuration
   * (R5). Guests are reported like peers.
   */
  setPeers(peers: readonly Peer[], removed: readonly RemovedMember[]): void;
  /** Queues a packet for a peer; dropped without a word if the link is down or its queue is full. */
  send(to: NodeId, packet: Packet): void;
  /** Lets a peer fetch this file with the returned token until `withdraw`. */
  offer(path: string, bytes: number): string;
  withdraw(token: string): void;
  /** How far into an offered file a peer has read, in bytes, counted by what was sent; 0 if it has not begun. */
  sentBytes(token: string): number;
  /** Fetches an offered snapshot from a peer into `sink`, from `sink.offset` on; true if all bytes came. */
  fetchSnapshot(
    from: NodeId,
    offer: SnapshotOffer,
    sink: SnapshotSink,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Round trip of the link's last ping, in ms, by peer; absent while the link is down. */
  roundTrips(): ReadonlyMap<NodeId, number>;
  /** Bytes that left over the links to each peer since its link was first dialled; snapshots do not go over links. */
  sentToPeers(): ReadonlyMap<NodeId, number>;
  /** Closes every link and the listener; resolves when all are closed. */
  close(): Promise<void>;
}

/** What `openTransport` gives: a transport that can also be observed. */
export interface ObservableTransport extends Transport {
  /** Packets that `send` dropped since the start, by peer. */
  dropped(): ReadonlyMap<NodeId, number>;
}
