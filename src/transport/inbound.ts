/** A link that a peer dialled: packets come in on it, and only answers to its pings go out. */

import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import type { Accepted } from "./accept.ts";
import { decodePacket, encodeFrame } from "./codec.ts";
import { type Context, SILENT_INTERVALS_MAX } from "./context.ts";
import type { FrameReader } from "./frame.ts";

/** Pongs that may wait for a peer which pings and does not read, in bytes. */
const PONG_BYTES_MAX = 65_536;

export class InboundLink {
  readonly peer: NodeId;
  readonly incarnation: string;
  readonly #newer: boolean;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #context: Context;
  readonly #watch: NodeJS.Timeout;
  readonly #remote: string;
  #closed = false;
  #heard = true;
  #silentIntervals = 0;
  #unknownSaid = false;

  /** @param onClosed called once, when the link has come to its end for whatever reason. */
  constructor(socket: Socket, accepted: Accepted, context: Context, onClosed: (link: InboundLink) => void) {
    this.peer = accepted.peer;
    this.incarnation = accepted.incarnation;
    this.#newer = accepted.newer;
    this.#socket = socket;
    this.#reader = accepted.reader;
    this.#context = context;
    this.#remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#reader.setLimit(context.settings.frameBytesMax);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    // What is wrong with a connection follows as "close"; the listener keeps it from ending the process.
    socket.on("error", () => undefined);
    socket.on("end", () => this.close());
    socket.on("close", () => {
      this.close();
      onClosed(this);
    });
    this.#watch = setInterval(() => this.#judgeSilence(), accepted.keepaliveMs);
    socket.write(accepted.welcome);
  }

  /** Ends the link; nothing that came on it is handed out any more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#closed) return;
    this.#heard = true;
    const fault = this.#reader.push(chunk, (payload) => this.#onPayload(payload));
    if (fault !== undefined) this.#abort("badFrame", fault);
  }

  /** False once the link is closed, which a handler may have done too. */
  #onPayload(payload: Uint8Array): boolean {
    const content = decodePacket(payload);
    switch (content.kind) {
      case "undecodable":
        if (content.unknownKind === true && this.#newer) this.#passOver(content.why);
        else this.#abort("badFrame", content.why);
        break;
      case "ping":
        if (this.#socket.writableLength < PONG_BYTES_MAX) {
          this.#socket.write(encodeFrame({ kind: "pong", sequence: content.sequence }));
        }
        break;
      case "pong":
        this.#abort("badFrame", "a pong that nobody asked for");
        break;
      case "raft": {
        const { from, to } = content.message;
        if (from !== this.peer || to !== this.#context.self.id) {
          this.#abort("badFrame", `a message from ${from} to ${to} on the link of ${this.peer}`);
          break;
        }
        this.#context.handlers.onPacket(this.peer, content);
        break;
      }
      case "announce": {
        const { id, incarnation } = content.member;
        if (id === this.peer && incarnation === this.incarnation) {
          this.#context.handlers.onPacket(this.peer, content);
        } else {
          this.#abort("badFrame", `an announcement of ${id} on the link of ${this.peer}`);
        }
        break;
      }
      default:
        this.#context.handlers.onPacket(this.peer, content);
    }
    return !this.#closed;
  }

  /** Counts intervals rather than time, so that a pause of this process is not taken for the peer's silence. */
  #judgeSilence(): void {
    this.#silentIntervals = this.#heard ? 0 : this.#silentIntervals + 1;
    this.#heard = false;
    if (this.#silentIntervals < SILENT_INTERVALS_MAX) return;
    this.#abort("linkSilent", `nothing came for ${SILENT_INTERVALS_MAX} keepalive intervals`);
  }

  /** A newer node says things that this one cannot know; whatever depends on them waits for the upgrade. */
  #passOver(why: string): void {
    if (this.#unknownSaid) return;
    this.#unknownSaid = true;
    this.#notice("unknownPacket", `${this.peer} speaks a newer version; some of it is passed over: ${why}.`);
  }

  #abort(event: string, why: string): void {
    if (this.#closed) return;
    this.close();
    this.#notice(event, `The link from ${this.peer} was closed: ${why}.`);
  }

  #notice(event: string, detail: string): void {
    this.#context.handlers.onNotice({ event, remote: this.#remote, detail });
  }
}
