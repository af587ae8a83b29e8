/** The link to one peer: dialled again and again, and the only way by which packets leave for it. */

import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import { formatAddress, type HostPort } from "./address.ts";
import { decodePacket, encodeFrame, versionOf } from "./codec.ts";
import { type Context, SILENT_INTERVALS_MAX } from "./context.ts";
import { type Dialled, dialPeer, type Welcomed } from "./dial.ts";
import { FRAME_HEADER_BYTES, type FrameReader } from "./frame.ts";
import { VERSIONS } from "./handshake.ts";
import type { Packet } from "./types.ts";

const NEWEST = VERSIONS.max;

/** What exists only while the link stands. */
interface Standing {
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly address: HostPort;
  readonly incarnation: string;
  readonly version: number;
  readonly newer: boolean;
  readonly since: number;
  readonly pings: NodeJS.Timeout;
  /** Frames of this turn, which leave together. */
  queue: Buffer[];
  queueBytes: number;
  pingSequence: number;
  pingedAt: number;
  heard: boolean;
  silentIntervals: number;
  /** Bytes that the kernel had taken at the last ping. */
  takenBytes: number;
  /** Whether it has been said that the versions differ. */
  versionSaid: boolean;
}

export class OutboundLink {
  readonly peer: NodeId;
  readonly #context: Context;
  /** Where the peer should be; undefined if nothing usable is known. */
  #address: HostPort | undefined;
  /** Where the peer itself says it is, if that is another address: it may have moved before the log says so. */
  #said: HostPort | undefined;
  /** Whether {@link #said} is newer than {@link #address}. */
  #saidLast = false;
  #closed = false;
  #standing: Standing | undefined;
  #attempt: AbortController | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Attempts since the link last stood firmly. */
  #attempts = 0;
  #unreachableSaid = false;
  /** What was last said about attempts that fail, so that it is said once. */
  #complaint: string | undefined;
  #roundTripMs: number | undefined;
  #dropped = 0;
  #sentBytes = 0;

  constructor(peer: NodeId, address: HostPort | undefined, context: Context) {
    this.peer = peer;
    this.#address = address;
    this.#context = context;
  }

  /** Where the peer is, as far as that is known: host:port. */
  get address(): string | undefined {
    const known = this.#standing?.address ?? this.#address ?? this.#said;
    return known === undefined ? undefined : formatAddress(known);
  }

  /** Packets that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes of packets that were given to the system since the start, over all connections of this link. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Of the last ping, in ms; undefined while the link is down. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Dials now, unless the link stands or is being dialled: at the start, and when the peer shows signs of life. */
  dial(): void {
    if (this.#standing !== undefined || this.#attempt !== undefined || this.#closed) return;
    // The two addresses take turns, beginning with the one that was heard of last.
    const saidFirst = (this.#attempts % 2 === 0) === this.#saidLast;
    const address = saidFirst ? (this.#said ?? this.#address) : (this.#address ?? this.#said);
    if (address === undefined) return;
    clearTimeout(this.#retry);
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#dial(address, attempt);
  }

  /** The peer has proved itself and says that it is at `address`, or says nothing about it. Dials at once. */
  hear(address: HostPort | undefined): void {
    const news = address !== undefined && !areEqual(address, this.#said) && !areEqual(address, this.#address);
    if (news) {
      this.#said = address;
      this.#saidLast = true;
      if (this.#standing === undefined) this.#startAfresh();
    }
    this.dial();
  }

  /** The configuration says that the peer is at `address`. A link that leads elsewhere ends. */
  pointTo(address: HostPort | undefined): void {
    if (address === undefined || areEqual(address, this.#address)) return;
    this.#address = address;
    this.#saidLast = false;
    const link = this.#standing;
    if (link !== undefined && areEqual(link.address, address)) return;
    if (link !== undefined) this.#drop(link);
    this.#startAfresh();
    this.dial();
  }

  /** Ends the link if it leads to another incarnation than the one that is known now. */
  review(): void {
    const link = this.#standing;
    if (link === undefined || this.#context.roster.pins.of(this.peer) === link.incarnation) return;
    this.#drop(link);
    this.#startAfresh();
    this.dial();
  }

  /** Queues a packet, or drops it, unencoded, when the link is down or `queueBytesMax` are waiting already. */
  send(packet: Packet): void {
    const link = this.#standing;
    const { queueBytesMax, frameBytesMax } = this.#context.settings;
    if (link === undefined || link.socket.writableLength + link.queueBytes >= queueBytesMax) {
      this.#dropped++;
      return;
    }
    if (link.version < NEWEST && versionOf(packet) > link.version) {
      this.#dropped++;
      this.#differ(
        link,
        `What ${this.peer} would not understand (${packet.kind}) is not sent to it: upgrade it.`,
      );
      return;
    }
    const frame = encodeFrame(packet);
    if (frame.length - FRAME_HEADER_BYTES > frameBytesMax) {
      this.#dropped++;
      const detail = `A packet of ${frame.length} bytes for ${this.peer} was dropped: ${frameBytesMax} are allowed.`;
      this.#notice("packetTooLong", detail, link.address);
      return;
    }
    if (link.queue.length === 0) queueMicrotask(() => this.#flush(link));
    link.queue.push(frame);
    link.queueBytes += frame.length;
  }

  /** Ends the link for good. */
  close(): void {
    this.#closed = true;
    this.#startAfresh();
    const link = this.#standing;
    if (link !== undefined) this.#drop(link);
  }

  async #dial(address: HostPort, attempt: AbortController): Promise<void> {
    const outcome = await dialPeer({ id: this.peer, ...address }, this.#context, attempt.signal);
    if (this.#attempt !== attempt) {
      if (outcome.kind === "up") outcome.socket.destroy();
      return;
    }
    this.#attempt = undefined;
    if (outcome.kind === "up") {
      this.#stand(outcome, address);
      return;
    }
    this.#complain(outcome, address);
    this.#lost();
  }

  #stand({ socket, reader, incarnation, version, newer }: Welcomed, address: HostPort): void {
    const { keepaliveMs, frameBytesMax } = this.#context.settings;
    reader.setLimit(frameBytesMax);
    const link: Standing = {
      socket,
      reader,
      address,
      incarnation,
      version,
      newer,
      since: performance.now(),
      pings: setInterval(() => this.#keepAlive(link), keepaliveMs),
      queue: [],
      queueBytes: 0,
      pingSequence: 0,
      pingedAt: 0,
      heard: true,
      silentIntervals: 0,
      takenBytes: 0,
      versionSaid: false,
    };
    this.#standing = link;
    socket.on("data", (chunk: Buffer) => this.#onData(link, chunk));
    // What is wrong with a connection follows as "close"; the listener keeps it from ending the process.
    socket.on("error", () => undefined);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#onClosed(link));
    this.#unreachableSaid = false;
    this.#complaint = undefined;
    this.#ping(link);
    this.#context.handlers.onReachable(this.peer, version);
  }

  /** Everything that one turn queued leaves in one write. */
  #flush(link: Standing): void {
    const { queue: frames, queueBytes } = link;
    link.queue = [];
    link.queueBytes = 0;
    if (link.socket.destroyed) {
      this.#dropped += frames.length;
      return;
    }
    this.#sentBytes += queueBytes;
    link.socket.cork();
    for (const frame of frames) link.socket.write(frame);
    link.socket.uncork();
  }

  #onData(link: Standing, chunk: Buffer): void {
    if (this.#standing !== link) return;
    link.heard = true;
    const fault = link.reader.push(chunk, (payload) => {
      const content = decodePacket(payload);
      if (content.kind === "undecodable" && content.unknownKind === true && link.newer) {
        this.#differ(link, `${this.peer} speaks a newer version; some of it is passed over: ${content.why}.`);
      } else if (content.kind !== "pong") {
        const why = content.kind === "undecodable" ? content.why : `a ${content.kind} where only pongs come`;
        this.#abort(link, "badFrame", why);
      } else if (content.sequence === link.pingSequence) {
        this.#roundTripMs = performance.now() - link.pingedAt;
      }
      return this.#standing === link;
    });
    if (fault !== undefined) this.#abort(link, "badFrame", fault);
  }

  /**
   * Counts intervals rather than time, so that a pause of this process is not taken for the peer's silence. A
   * pong can be late behind a long queue: as long as the kernel takes from that queue, the peer is alive.
   */
  #keepAlive(link: Standing): void {
    const taken = link.socket.bytesWritten - link.socket.writableLength;
    const draining = link.socket.writableLength > 0 && taken > link.takenBytes;
    link.takenBytes = taken;
    link.silentIntervals = link.heard || draining ? 0 : link.silentIntervals + 1;
    link.heard = false;
    if (link.silentIntervals >= SILENT_INTERVALS_MAX) {
      this.#abort(link, "linkSilent", `no pong for ${SILENT_INTERVALS_MAX} keepalive intervals`);
    } else if (link.socket.writableLength === 0) {
      this.#ping(link);
    }
  }

  #ping(link: Standing): void {
    link.pingSequence++;
    link.pingedAt = performance.now();
    link.socket.write(encodeFrame({ kind: "ping", sequence: link.pingSequence }));
  }

  #abort(link: Standing, event: string, why: string): void {
    if (this.#standing !== link) return;
    this.#notice(event, `The link to ${this.peer} was closed: ${why}.`, link.address);
    link.socket.destroy();
    this.#onClosed(link);
  }

  #onClosed(link: Standing): void {
    if (this.#standing !== link) return;
    this.#takeDown(link);
    // A link that breaks at once (two nodes with one identity fight for it) must not reset the backoff.
    if (performance.now() - link.since >= this.#context.settings.keepaliveMs) this.#attempts = 0;
    this.#lost();
  }

  #takeDown(link: Standing): void {
    clearInterval(link.pings);
    link.socket.destroy();
    this.#standing = undefined;
    this.#roundTripMs = undefined;
  }

  /** Ends a link that stands, on this side's own account. No handler is called before this turn is over. */
  #drop(link: Standing): void {
    this.#takeDown(link);
    if (this.#unreachableSaid) return;
    this.#unreachableSaid = true;
    queueMicrotask(() => this.#context.handlers.onUnreachable(this.peer));
  }

  /** Gives up an attempt that is under way, and all patience. */
  #startAfresh(): void {
    clearTimeout(this.#retry);
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#attempts = 0;
    this.#complaint = undefined;
  }

  /** Plans the next attempt: exponential backoff, half of it random so that nodes do not dial in step. */
  #lost(): void {
    const { reconnectMsMin, reconnectMsMax } = this.#context.settings;
    const ceiling = Math.min(reconnectMsMax, reconnectMsMin * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    this.#retry = setTimeout(() => this.dial(), ceiling * (0.5 + Math.random() / 2));
    if (this.#unreachableSaid) return;
    this.#unreachableSaid = true;
    this.#context.handlers.onUnreachable(this.peer);
  }

  #complain(outcome: Exclude<Dialled, Welcomed>, address: HostPort): void {
    const text = `${outcome.kind} ${outcome.kind === "refused" ? outcome.refusal : ""} ${outcome.detail}`;
    if (this.#complaint === text) return;
    this.#complaint = text;
    if (outcome.kind === "failed") {
      this.#notice("dialFailed", `No link to ${this.peer}: ${outcome.detail}.`, address);
    } else if (outcome.proved) {
      this.#context.handlers.onRefused(this.peer, outcome.refusal, outcome.detail);
    } else {
      const detail = `Someone at the address of ${this.peer} refused this node's handshake (${outcome.refusal}).`;
      this.#notice("dialRefused", detail, address);
    }
  }

  /** Said once for each link. */
  #differ(link: Standing, detail: string): void {
    if (link.versionSaid) return;
    link.versionSaid = true;
    this.#notice("versionsDiffer", detail, link.address);
  }

  #notice(event: string, detail: string, address: HostPort): void {
    this.#context.handlers.onNotice({ event, remote: formatAddress(address), detail });
  }
}

function areEqual(a: HostPort, b: HostPort | undefined): boolean {
  return a.host === b?.host && a.port === b.port;
}
