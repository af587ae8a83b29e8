/** A socket during the handshake: frames are awaited one by one, all within one deadline. */

import type { Duplex } from "node:stream";
import { FrameReader, frameOf } from "./frame.ts";
import { HANDSHAKE_BYTES_MAX } from "./handshake.ts";

/** A handshake that did not come to an end; the message says why. Never leaves this folder. */
export class HandshakeFailure extends Error {
  override readonly name: string = "HandshakeFailure";
}

export class HandshakeChannel {
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  #deadline: NodeJS.Timeout;
  #arrived: Buffer | undefined;
  #failure: HandshakeFailure | undefined;
  #waiting: { resolve(payload: Buffer): void; reject(failure: HandshakeFailure): void } | undefined;

  /**
   * @param head bytes that came along with the upgrade.
   * @param bytesMax the longest payload that is accepted.
   */
  constructor(socket: Duplex, head: Buffer, millisecondsMax: number, bytesMax: number = HANDSHAKE_BYTES_MAX) {
    this.#socket = socket;
    this.#reader = new FrameReader(bytesMax);
    socket.on("data", this.#onData);
    socket.on("close", this.#onClose);
    // The server's sockets stay half open; who has nothing more to say in a handshake has left it.
    socket.on("end", this.#onClose);
    socket.on("error", this.#onError);
    this.#deadline = this.#within(millisecondsMax);
    if (head.length > 0) this.#onData(head);
  }

  /** Gives the rest of the conversation this long from now. */
  extend(millisecondsMax: number): void {
    clearTimeout(this.#deadline);
    if (this.#failure === undefined) this.#deadline = this.#within(millisecondsMax);
  }

  /**
   * The payload of the next frame.
   * @throws {HandshakeFailure} when none comes.
   */
  next(): Promise<Buffer> {
    const payload = this.#arrived;
    this.#arrived = undefined;
    if (payload !== undefined) return Promise.resolve(payload);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  send(payload: Uint8Array): void {
    if (this.#failure === undefined) this.#socket.write(frameOf(payload));
  }

  /** Ends the connection; everything that waits, or will, fails with this reason. */
  fail(why: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new HandshakeFailure(why);
    this.#detach();
    // From here on nobody listens, and a socket without a listener for errors would end the process.
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
    this.#waiting?.reject(this.#failure);
  }

  /** Sends a last payload and closes once it has left. */
  end(payload: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#failure = new HandshakeFailure("the handshake was refused");
    this.#detach();
    this.#socket.on("error", () => undefined);
    this.#socket.end(frameOf(payload), () => this.#socket.destroy());
  }

  /**
   * Gives up the socket after a successful handshake, with the reader that may hold the beginning of a frame.
   * @throws {HandshakeFailure} when the connection is gone, or the peer spoke out of turn.
   */
  release(): FrameReader {
    if (this.#arrived !== undefined) this.fail("the peer spoke before its turn");
    if (this.#failure !== undefined) throw this.#failure;
    this.#detach();
    return this.#reader;
  }

  readonly #onData = (chunk: Buffer): void => {
    const fault = this.#reader.push(chunk, (payload) => this.#take(Buffer.from(payload)));
    if (fault !== undefined) this.fail(fault);
  };

  readonly #onClose = (): void => this.fail("the connection closed during the handshake");

  readonly #onError = (error: Error): void => this.fail(`the connection broke: ${error.message}`);

  /** Takes one frame; a second one before the first was asked for breaks the order of the handshake. */
  #take(payload: Buffer): boolean {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting.resolve(payload);
    else if (this.#arrived === undefined) this.#arrived = payload;
    else this.fail("the peer spoke before its turn");
    return this.#failure === undefined;
  }

  #within(millisecondsMax: number): NodeJS.Timeout {
    const late = (): void => this.fail(`the handshake took longer than ${millisecondsMax} ms`);
    return setTimeout(late, millisecondsMax);
  }

  #detach(): void {
    clearTimeout(this.#deadline);
    this.#socket.off("data", this.#onData);
    this.#socket.off("close", this.#onClose);
    this.#socket.off("end", this.#onClose);
    this.#socket.off("error", this.#onError);
  }
}
