/** The link to one peer: dialled again and again, and the only way by which packets leave for it. */

import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import { decodePacket, encodeFrame } from "./codec.ts";
import { type Context, SILENT_INTERVALS_MAX } from "./context.ts";
import { type Dialled, dialPeer, type Target } from "./dial.ts";
import { FRAME_HEADER_BYTES, type FrameReader } from "./frame.ts";
import type { Packet } from "./types.ts";

/** What exists only while the link stands. */
interface Standing {
  readonly socket: Socket;
  readonly reader: FrameReader;
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
}

export class OutboundLink {
  readonly peer: NodeId;
  readonly #target: Target;
  readonly #context: Context;
  readonly #closing = new AbortController();
  #standing: Standing | undefined;
  #dialling = false;
  #retry: NodeJS.Timeout | undefined;
  /** Attempts since the link last stood firmly. */
  #attempts = 0;
  #unreachableSaid = false;
  /** What was last said about attempts that fail, so that it is said once. */
  #complaint: string | undefined;
  #roundTripMs: number | undefined;
  #dropped = 0;

  constructor(target: Target, context: Context) {
    this.peer = target.id;
    this.#target = target;
    this.#context = context;
  }

  /** Packets that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Of the last ping, in ms; undefined while the link is down. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Dials now, unless the link stands or is being dialled: at the start, and when the peer shows signs of life. */
  dial(): void {
    if (this.#standing !== undefined || this.#dialling || this.#closing.signal.aborted) return;
    clearTimeout(this.#retry);
    this.#dialling = true;
    void this.#attempt();
  }

  /** Queues a packet, or drops it, unencoded, when the link is down or `queueBytesMax` are waiting already. */
  send(packet: Packet): void {
    const link = this.#standing;
    const { queueBytesMax, frameBytesMax } = this.#context.settings;
    if (link === undefined || link.socket.writableLength + link.queueBytes >= queueBytesMax) {
      this.#dropped++;
      return;
    }
    const frame = encodeFrame(packet);
    if (frame.length - FRAME_HEADER_BYTES > frameBytesMax) {
      this.#dropped++;
      const detail = `A packet of ${frame.length} bytes for ${this.peer} was dropped: ${frameBytesMax} are allowed.`;
      this.#notice("packetTooLong", detail);
      return;
    }
    if (link.queue.length === 0) queueMicrotask(() => this.#flush(link));
    link.queue.push(frame);
    link.queueBytes += frame.length;
  }

  /** Ends the link for good. */
  close(): void {
    clearTimeout(this.#retry);
    this.#closing.abort();
    const link = this.#standing;
    if (link !== undefined) this.#takeDown(link);
  }

  async #attempt(): Promise<void> {
    const outcome = await dialPeer(this.#target, this.#context, this.#closing.signal);
    this.#dialling = false;
    if (this.#closing.signal.aborted) {
      if (outcome.kind === "up") outcome.socket.destroy();
      return;
    }
    if (outcome.kind === "up") {
      this.#stand(outcome.socket, outcome.reader);
      return;
    }
    this.#complain(outcome);
    this.#lost();
  }

  #stand(socket: Socket, reader: FrameReader): void {
    const { keepaliveMs, frameBytesMax } = this.#context.settings;
    reader.setLimit(frameBytesMax);
    const link: Standing = {
      socket,
      reader,
      since: performance.now(),
      pings: setInterval(() => this.#keepAlive(link), keepaliveMs),
      queue: [],
      queueBytes: 0,
      pingSequence: 0,
      pingedAt: 0,
      heard: true,
      silentIntervals: 0,
      takenBytes: 0,
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
    this.#context.handlers.onReachable(this.peer);
  }

  /** Everything that one turn queued leaves in one write. */
  #flush(link: Standing): void {
    const frames = link.queue;
    link.queue = [];
    link.queueBytes = 0;
    if (link.socket.destroyed) {
      this.#dropped += frames.length;
      return;
    }
    link.socket.cork();
    for (const frame of frames) link.socket.write(frame);
    link.socket.uncork();
  }

  #onData(link: Standing, chunk: Buffer): void {
    if (this.#standing !== link) return;
    link.heard = true;
    const fault = link.reader.push(chunk, (payload) => {
      const content = decodePacket(payload);
      if (content.kind !== "pong") {
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
    this.#notice(event, `The link to ${this.peer} was closed: ${why}.`);
    link.socket.destroy();
    this.#onClosed(link);
  }

  #onClosed(link: Standing): void {
    if (this.#standing !== link) return;
    this.#takeDown(link);
    if (this.#closing.signal.aborted) return;
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

  #complain(outcome: Exclude<Dialled, { kind: "up" }>): void {
    const text = `${outcome.kind} ${outcome.kind === "refused" ? outcome.refusal : ""} ${outcome.detail}`;
    if (this.#complaint === text) return;
    this.#complaint = text;
    if (outcome.kind === "failed") {
      this.#notice("dialFailed", `No link to ${this.peer}: ${outcome.detail}.`);
    } else if (outcome.proved) {
      this.#context.handlers.onRefused(this.peer, outcome.refusal, outcome.detail);
    } else {
      const detail = `Someone at the address of ${this.peer} refused this node's handshake (${outcome.refusal}).`;
      this.#notice("dialRefused", detail);
    }
  }

  #notice(event: string, detail: string): void {
    const { host, port } = this.#target;
    this.#context.handlers.onNotice({ event, remote: `${host}:${port}`, detail });
  }
}
