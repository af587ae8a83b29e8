/** A TCP relay in front of a node: a fixed address for it, and a place to cut, freeze and record its traffic. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
  /** Where to forward to; undefined refuses by closing at once. */
  target: number | undefined;
  /** Nothing passes, in either direction, and nothing is closed: a network that swallows everything. */
  frozen = false;
  /** What dialling sides have sent, by connection, in order of their making. */
  readonly recorded: Buffer[][] = [];
  /** Called for each chunk towards the target, which is replaced by the result. */
  tamper: ((chunk: Buffer, connection: number) => Buffer) | undefined;
  readonly #server: Server = createServer((socket) => this.#onConnection(socket));
  /** Connections that were closed at once, for want of a target. */
  refused = 0;
  readonly #pairs = new Set<[Socket, Socket]>();
  /** Connections towards the target that are still open, even if nobody is left on this side. */
  readonly #far = new Set<Socket>();

  static async open(): Promise<Relay> {
    const relay = new Relay();
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the relay is closed");
    return address.port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Stops reading from those who dialled, so that what they send piles up on their side. */
  stall(): void {
    for (const [near] of this.#pairs) near.pause();
  }

  resume(): void {
    for (const [near] of this.#pairs) near.resume();
  }

  get connections(): number {
    return this.#pairs.size;
  }

  get connectionsToTarget(): number {
    return this.#far.size;
  }

  /** Breaks every connection that exists now. */
  cut(): void {
    for (const [near] of this.#pairs) near.destroy();
    for (const far of this.#far) far.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #onConnection(near: Socket): void {
    near.on("error", () => undefined);
    if (this.target === undefined) {
      this.refused++;
      near.destroy();
      return;
    }
    const far = connect(this.target, "127.0.0.1");
    far.on("error", () => undefined);
    this.#far.add(far);
    far.on("close", () => this.#far.delete(far));
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    const number = this.recorded.push([]) - 1;
    near.on("data", (chunk: Buffer) => {
      if (this.frozen) return;
      const passed = this.tamper?.(chunk, number) ?? chunk;
      this.recorded[number]?.push(passed);
      far.write(passed);
    });
    far.on("data", (chunk: Buffer) => {
      if (!this.frozen) near.write(chunk);
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on("close", () => {
        this.#pairs.delete(pair);
        if (!this.frozen) other.destroy();
      });
    }
  }
}
