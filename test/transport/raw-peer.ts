/**
 * The wire format once more, written from its description and not from its code: both ends of a handshake on
 * bare sockets, which can say anything.
 */

import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { crc32c } from "../../src/base/index.ts";

export function frame(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(crc32c(payload), 4);
  return Buffer.concat([header, payload]);
}

export function macOf(secret: string, role: string, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac("sha256", secret);
  hmac.update(`raftally handshake ${role}\n`);
  for (const part of parts) hmac.update(`${part.length}\n`).update(part);
  return hmac.digest();
}

function upgradeTo(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n`;
}

export const UPGRADE: string = upgradeTo("/raft/link");
export const UPGRADE_TO_JOIN: string = upgradeTo("/raft/join");

/** What a connection is for: how it is asked for, and in which roles the two sides speak. */
interface Purpose {
  readonly upgrade: string;
  readonly says: string;
  readonly hears: string;
}

export const LINK: Purpose = { upgrade: UPGRADE, says: "hello", hears: "answer" };
export const JOIN: Purpose = { upgrade: UPGRADE_TO_JOIN, says: "join", hears: "joinAnswer" };

/** A bare connection whose bytes are read as text up to a blank line, and as frames after that. */
export class RawPeer {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  closed = false;
  #wake = (): void => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async dial(port: number): Promise<RawPeer> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawPeer(socket);
  }

  /** Everything that came and was not read. */
  get unread(): Buffer {
    return this.#bytes;
  }

  async head(): Promise<string> {
    await this.#until(() => this.#bytes.includes("\r\n\r\n"));
    const end = this.#bytes.indexOf("\r\n\r\n") + 4;
    const text = this.#bytes.subarray(0, end).toString();
    this.#bytes = this.#bytes.subarray(end);
    return text;
  }

  async payload(): Promise<Buffer> {
    await this.#until(() => this.#bytes.length >= 8 && this.#bytes.length >= 8 + this.#bytes.readUInt32BE(0));
    const length = this.#bytes.readUInt32BE(0);
    const payload = Buffer.from(this.#bytes.subarray(8, 8 + length));
    if (crc32c(payload) !== this.#bytes.readUInt32BE(4)) throw new Error("a wrong checksum came");
    this.#bytes = this.#bytes.subarray(8 + length);
    return payload;
  }

  /** Resolves when the other side has closed. */
  async end(): Promise<void> {
    await this.#until(() => this.closed);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`closed too early, after ${this.#bytes.toString("latin1")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface HelloFields {
  readonly [field: string]: unknown;
}

/** Dials, is challenged, and introduces itself with these fields; gives what was answered. */
export async function introduce(
  port: number,
  fields: HelloFields,
  secret: string,
  purpose: Purpose = LINK,
): Promise<{
  peer: RawPeer;
  answer: Record<string, unknown>;
  proved: boolean;
  challenge: Record<string, unknown>;
}> {
  const peer = await RawPeer.dial(port);
  peer.socket.write(purpose.upgrade);
  const head = await peer.head();
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`no upgrade: ${head}`);
  const challenge = await peer.payload();
  const json = Buffer.from(JSON.stringify(fields));
  const hello = Buffer.concat([macOf(secret, purpose.says, [challenge, json]), json]);
  peer.socket.write(frame(hello));
  const payload = await peer.payload();
  const answer = payload.subarray(32);
  return {
    peer,
    answer: JSON.parse(answer.toString()),
    proved: macOf(secret, purpose.hears, [challenge, hello, answer]).equals(payload.subarray(0, 32)),
    challenge: JSON.parse(challenge.toString()),
  };
}

/** Someone who listens where a peer should be, and answers each hello with what `answer` makes of it. */
export class RawAcceptor {
  readonly hellos: Record<string, unknown>[] = [];
  readonly peers: RawPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `answer` gives the payload of the last frame, or undefined to say nothing. */
  static async open(
    answer: (challenge: Buffer, hello: Buffer) => Buffer | undefined,
    challengeFields: Record<string, unknown> = { min: 1, max: 1 },
  ): Promise<RawAcceptor> {
    const acceptor: RawAcceptor = new RawAcceptor(
      createServer((socket) => {
        const peer = new RawPeer(socket);
        acceptor.peers.push(peer);
        void acceptor.#converse(peer, answer, challengeFields).catch(() => undefined);
      }),
    );
    acceptor.#server.listen(0, "127.0.0.1");
    await once(acceptor.#server, "listening");
    return acceptor;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("closed");
    return address.port;
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #converse(
    peer: RawPeer,
    answer: (challenge: Buffer, hello: Buffer) => Buffer | undefined,
    challengeFields: Record<string, unknown>,
  ): Promise<void> {
    await peer.head();
    peer.socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n",
    );
    const challenge = Buffer.from(
      JSON.stringify({ ...challengeFields, nonce: randomBytes(16).toString("hex") }),
    );
    peer.socket.write(frame(challenge));
    const hello = await peer.payload();
    this.hellos.push(JSON.parse(hello.subarray(32).toString()));
    const payload = answer(challenge, hello);
    if (payload !== undefined) peer.socket.write(frame(payload));
  }
}

/** A sealed answer, for {@link RawAcceptor}. */
export function sealedAnswer(secret: string, fields: Record<string, unknown>, { hears }: Purpose = LINK) {
  return (challenge: Buffer, hello: Buffer): Buffer => {
    const json = Buffer.from(JSON.stringify(fields));
    return Buffer.concat([macOf(secret, hears, [challenge, hello, json]), json]);
  };
}
