/** A TCP relay in front of a node's peer port that lets everything pass but the bytes of snapshots, as told. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Brake {
  /** Of each snapshot that is fetched from now on only so many bytes pass; the rest waits for `release`. */
  holdAfter: number = Number.POSITIVE_INFINITY;
  /** Where each fetch of a snapshot began, in order. */
  readonly offsets: number[] = [];
  readonly #target: number;
  readonly #server: Server = createServer((near) => this.#relay(near));
  readonly #sockets = new Set<Socket>();
  /** Fetches that are held up: the side of who fetches, and that of the node. */
  readonly #held = new Map<Socket, Socket>();

  private constructor(target: number) {
    this.#target = target;
  }

  /** @param at the port to listen on. @param target that of the node. */
  static async open(at: number, target: number): Promise<Brake> {
    const brake = new Brake(target);
    brake.#server.listen(at, "127.0.0.1");
    await once(brake.#server, "listening");
    return brake;
  }

  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** Lets everything pass again. */
  release(): void {
    this.holdAfter = Number.POSITIVE_INFINITY;
    for (const far of this.#held.values()) far.resume();
    this.#held.clear();
  }

  /** Breaks the fetches that are held up. */
  cut(): void {
    for (const [near, far] of this.#held) {
      near.destroy();
      far.destroy();
    }
    this.#held.clear();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #relay(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1");
    let fetches = false;
    let passed = 0;
    near.on("data", (chunk: Buffer) => {
      const range = /^GET \/raft\/snapshots\/.*range: bytes=(\d+)-/is.exec(chunk.toString("latin1"));
      if (range !== null) {
        fetches = true;
        passed = 0;
        this.offsets.push(Number(range[1]));
      }
      far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      near.write(chunk);
      passed += chunk.length;
      if (!fetches || passed < this.holdAfter) return;
      far.pause();
      this.#held.set(near, far);
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        // A fetch that is held up is not told that the node is gone: it looks like one that hangs.
        if (socket === near) this.#held.delete(near);
        if (!this.#held.has(near)) other.destroy();
      });
    }
  }
}
