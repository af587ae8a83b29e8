/**
 * How nodes talk.
 *
 *     const transport = await openTransport({ clusterId, self, listen, peers, secret, handlers });
 *     transport.send(peer, packet)             // at most once, in order, while the link stands; else dropped
 *     handlers.onPacket(from, packet)          // from is proved, every field of packet is checked
 *     const token = transport.offer(path, n)   // … told to the peer in a snapshotOffer, who then says
 *     await transport.fetchSnapshot(from, offer, sink, signal)
 *     transport.setPeers(peers, removed)       // whom to talk to from now on: the configuration has changed
 *     await transport.close()
 *
 *     await askToJoin({ addresses, secret, request })   // before there is a transport: answered by handlers.onJoin
 *
 * The peer port is one HTTP server:
 *
 *     GET /raft/link             Upgrade: raftally/1     → 101; from there on frames (frame.ts)
 *     GET /raft/join             Upgrade: raftally/1     → 101; three frames, and the end (join-words.ts)
 *     GET /raft/snapshots/TOKEN  Range: bytes=N-         → 206; the bytes of an offered file from N on
 *
 * HTTP, because that is one port, and every proxy, tunnel and firewall knows it; frames on the raw socket after
 * the upgrade, because a packet then costs 8 bytes and one write. Snapshots travel beside the link: a file of
 * gigabytes in front of a heartbeat would cost the leader its office.
 *
 * A link from A to B is dialled by A and carries packets from A to B only, so each ordered pair has its own. Two
 * nodes never have to agree which of two crossing connections stays, and a link that works in one direction only
 * looks like what it is. B answers nothing on it but pongs. If A dials again, the older link is dead, and closed.
 *
 *     A   TCP connect, GET, Upgrade  ─────────────▶   B
 *         ◀────────────────  101, challenge                  versions, nonce
 *         hello                      ─────────────▶          who and where A is, whom it wants, mac (handshake.ts)
 *                                                            first contact: B makes A's incarnation durable
 *         ◀──────────────────────────  welcome               who B is, mac; or refused, and why
 *         first contact: A makes B's incarnation durable
 *         ping, packets …            ─────────────▶
 *         ◀───────────────────────────── pong …              round trip; three missed intervals end the link
 *
 * Who may link (roster.ts): a peer, with the incarnation that is known of it. One that was removed is told so. One
 * that is unknown here is refused while the cluster is being made, and later, when it may be this node's list that
 * is old, a guest: linked both ways for as long as it stays. A peer is dialled where the list says, and where it
 * says itself that it is; `detours` say how to get to such an address, and to nothing else do they make a difference.
 *
 * What can be relied on, and what cannot:
 * - Packets of one link arrive in order, none twice, none damaged (CRC32C for each frame, and again for the data
 *   of each command). Between two links anything may be lost. Raft asks for no more.
 * - Memory is bounded: a queue for each peer (`queueBytesMax`), one frame for each link (`frameBytesMax`), 4 KB
 *   for a stranger, and a number of strangers. What is too much is dropped and counted, never waited for.
 * - Bytes that make no sense close their connection with a notice. They never throw, and never touch another link.
 * - Both sides know that the other has the secret and the incarnation they know. What follows is neither
 *   encrypted nor safe from someone who can rewrite traffic between two nodes. Without a secret nobody is dialled,
 *   linked or admitted but on loopback addresses.
 * - Nodes whose versions differ by one work together; codec.ts has the rules.
 * - Reconnecting is exponential with jitter, and at once when the peer itself dials: it is alive then.
 *
 * Files: frame (bytes ↔ payloads), plain, fields, codec, message-codec, entry-codec (payloads ↔ packets),
 * handshake (what is said and judged), upgrade and channel (saying it), accept and dial (the two sides), roster and
 * pins (who is who, and which incarnation), inbound and outbound (links that stand), links (all that are dialled),
 * join-words, join and join-accept (joining), snapshot-offers and snapshot-fetch, server, options, transport.
 */

export { addressFault, type Detours } from "./address.ts";
export { type Content, decodePacket, encodePacket, MEMBERSHIP_VERSION, type Undecodable } from "./codec.ts";
export { TransportError, type TransportErrorCode } from "./errors.ts";
export { askToJoin } from "./join.ts";
export { DEFAULT_SETTINGS } from "./options.ts";
export { openTransport } from "./transport.ts";
export type {
  HandshakeRefusal,
  JoinAnswer,
  JoinOptions,
  JoinOutcome,
  JoinRefusal,
  JoinRequest,
  ObservableTransport,
  Packet,
  Peer,
  SnapshotOffer,
  SnapshotSink,
  Transport,
  TransportHandlers,
  TransportOptions,
  TransportSettings,
} from "./types.ts";
