/** Servers that give out the real page and tell it recorded pictures. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createApi } from "../../src/api/index.ts";
import type { NodePicture } from "../../src/client/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { MemoryService } from "../api/memory-service.ts";
import { PAGE } from "./build.ts";
import { type Change, changed, healthy, type Seat } from "./recorded.ts";

const PICTURE_MS = 100;

export class FakeCluster {
  readonly seats: readonly Seat[];
  readonly #nodes: readonly FakeNode[];

  private constructor(nodes: readonly FakeNode[]) {
    this.#nodes = nodes;
    this.seats = nodes.map(({ id, url }) => ({ id, url }));
    for (const node of nodes) node.join(this.seats);
  }

  static async start(count: number): Promise<FakeCluster> {
    const nodes = Array.from({ length: count }, (_, at) => new FakeNode(`n${at + 1}`));
    for (const node of nodes) await node.listen();
    return new FakeCluster(nodes);
  }

  get url(): string {
    return this.seats[0]?.url ?? "";
  }

  /** From now on pictures of `id` differ like this from those of a healthy cluster; undefined: not at all. */
  set(id: string, change: Change | ((healthy: NodePicture) => Change) | undefined): void {
    this.#node(id).change = typeof change === "object" ? () => change : change;
  }

  /** It keeps its connections and sends nothing, as a paused process does. */
  silence(id: string): void {
    this.#node(id).silent = true;
  }

  /** It refuses connections, as a killed process does. */
  async down(id: string): Promise<void> {
    await this.#node(id).close();
  }

  /** All well again. */
  async heal(): Promise<void> {
    for (const node of this.#nodes) {
      node.change = undefined;
      node.silent = false;
      await node.listen();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  #node(id: string): FakeNode {
    const node = this.#nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`there is no ${id}`);
    return node;
  }
}

class FakeNode implements Seat {
  readonly id: string;
  change: ((healthy: NodePicture) => Change) | undefined;
  silent = false;
  readonly #service = new MemoryService();
  #seats: readonly Seat[] = [];
  #server: Server | undefined;
  #port = 0;

  constructor(id: string) {
    this.id = id;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  join(seats: readonly Seat[]): void {
    this.#seats = seats;
    const members = seats.map(({ id, url }) => ({
      id: nodeId(id),
      incarnation: "0".repeat(32),
      peer: "127.0.0.1:1",
      api: url,
    }));
    const voters = seats.map(({ id }) => nodeId(id));
    this.#service.about = {
      id: nodeId(this.id),
      apiUrl: this.url,
      configuration: { voters, outgoing: [], learners: [], members, removed: [] },
    };
  }

  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const api = createApi(this.#service, { onFatal: () => undefined, page: { directory: PAGE } });
    const serve = getRequestListener(api.fetch);
    const server = createServer((asked, answer) => {
      if (asked.url?.startsWith("/v1/cluster/events")) this.#stream(asked, answer);
      else void serve(asked, answer);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  #stream({ headers }: IncomingMessage, answer: ServerResponse): void {
    answer.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      "Access-Control-Allow-Origin": headers.origin ?? "*",
    });
    let beat = 0;
    const send = (): void => {
      if (this.silent) return;
      beat += 1;
      const picture = healthy(this.#seats, this, Math.floor(beat / 4));
      answer.write(`event: picture\ndata: ${JSON.stringify(changed(picture, this.change?.(picture)))}\n\n`);
    };
    const timer = setInterval(send, PICTURE_MS);
    answer.once("close", () => clearInterval(timer));
    send();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
