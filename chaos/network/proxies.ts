/**
 * A proxy in front of the peer port of each node. All nodes reach a node at the same address, for the configuration in
 * the log has one for each; so the proxy asks the system which process has connected. No byte passes before that.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { Random } from "../random.ts";
import { speakerOf } from "./messages.ts";
import { ownerOf } from "./owner.ts";
import { Pipe } from "./pipe.ts";
import type { Passed, Trouble } from "./types.ts";
import { Way } from "./way.ts";

const HOST = "127.0.0.1";
/** A process that is just being started may not be known yet; ms. */
const OWNER_PATIENCE_MS = 500;
const OWNER_EVERY_MS = 20;

interface Connection {
  readonly from: string;
  readonly to: string;
  readonly near: Socket;
  readonly far: Socket;
}

export class Proxies {
  readonly #ways: Map<string, Way> = new Map();
  readonly #connections: Set<Connection> = new Set();
  readonly #servers: Server[] = [];
  /** Which node a process is. */
  readonly #nodes: Map<number, string> = new Map();
  readonly #onFault: (sentence: string) => void;
  readonly #random: Random;

  /** @param onFault hears when a connection was taken for that of another node: then no count can be trusted. */
  constructor(seed: number, onFault: (sentence: string) => void) {
    this.#random = new Random(seed);
    this.#onFault = onFault;
  }

  /** Listens for everyone who wants to reach `to`, whose peer port is `target`. */
  async serve(to: string, port: number, target: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      near.on("error", () => near.destroy());
      void this.#accept(near, port, to, target);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: HOST, port, exclusive: true }, resolve);
    });
  }

  /** The process `pid` is the node `id` from now on. */
  started(id: string, pid: number): void {
    this.#nodes.set(pid, id);
  }

  trouble(from: string, to: string, trouble: Trouble): void {
    this.#way(from, to).trouble = trouble;
  }

  passed(from: string, to: string): Passed {
    return { ...this.#way(from, to).passed };
  }

  reset(a: string, b: string): number {
    let count = 0;
    for (const connection of this.#connections) {
      const { from, to, near, far } = connection;
      if (!((from === a && to === b) || (from === b && to === a))) continue;
      count++;
      this.#connections.delete(connection);
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    return count;
  }

  /** Listens no more, and breaks every connection. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
  }

  #way(from: string, to: string): Way {
    const name = `${from} ${to}`;
    const way = this.#ways.get(name) ?? new Way(from, to);
    this.#ways.set(name, way);
    return way;
  }

  async #accept(near: Socket, port: number, to: string, target: number): Promise<void> {
    const gone = new AbortController();
    near.once("close", () => gone.abort());
    const from = await this.#ownerOf(near, port, gone.signal);
    if (from === undefined) {
      near.destroy();
      return;
    }
    // What wants to connect through a cut waits, and never learns whether anybody is there.
    if (!(await this.#way(from, to).open(gone.signal))) return;
    const far = connect({ host: HOST, port: target, allowHalfOpen: true, noDelay: true });
    far.on("error", () => near.resetAndDestroy());
    this.#join({ from, to, near, far });
  }

  async #ownerOf(near: Socket, port: number, signal: AbortSignal): Promise<string | undefined> {
    const { remotePort } = near;
    if (remotePort === undefined) return undefined;
    const until = performance.now() + OWNER_PATIENCE_MS;
    while (!signal.aborted && performance.now() < until) {
      const pid = ownerOf(remotePort, port, this.#nodes.keys());
      if (pid !== undefined) return this.#nodes.get(pid);
      await new Promise((resolve) => setTimeout(resolve, OWNER_EVERY_MS));
    }
    return undefined;
  }

  #join(connection: Connection): void {
    const { from, to, near, far } = connection;
    const random = (): number => this.#random.next();
    const forth = new Pipe({
      ...{ source: near, target: far, way: this.#way(from, to), random },
      onMessage: (bytes, position) => {
        const said = position === 0 ? speakerOf(bytes) : undefined;
        if (said !== undefined && said !== from)
          this.#onFault(`a connection was taken for that of ${from}, and ${said} spoke on it`);
      },
    });
    const back = new Pipe({ source: far, target: near, way: this.#way(to, from), random });
    this.#connections.add(connection);
    let open = 2;
    const closed = (): void => {
      if (--open > 0) return;
      forth.close();
      back.close();
      this.#connections.delete(connection);
    };
    near.once("close", closed);
    far.once("close", closed);
  }
}
