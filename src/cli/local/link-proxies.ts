/**
 * The links between the nodes of a local cluster, each through a small TCP proxy, so that one can be cut.
 *
 * A node dials its peers, and says on the connections that it made (`src/transport`): so there is a proxy for each
 * ordered pair, and the nodes are told by `--dial` to connect to it. Snapshots and requests to join take the same way.
 * A link belongs to the places of the cluster, not to the ids of nodes: one that replaces another inherits its links.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { type Address, address } from "../address.ts";
import { StartRefusal, systemReason } from "../refusal.ts";

const HOST = "127.0.0.1";

/** From the place of who dials to the place of who is dialled: positions in the list of members. */
export interface Way {
  readonly from: number;
  readonly to: number;
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
}

/** What `from` says to `to`, and the answers to it. */
class LinkProxy {
  readonly way: Way;
  readonly #target: Address;
  readonly #server: Server;
  readonly #connections: Set<Connection> = new Set();
  /** Of connections that are over. */
  #passed = 0;
  #cut = false;

  constructor(way: Way, target: Address) {
    this.way = way;
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#accept(near));
  }

  /** Rejects if there is no port. Resolves with host:port. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: HOST, port: 0 }, resolve);
    });
    const bound = this.#server.address();
    return `${HOST}:${typeof bound === "object" ? bound?.port : ""}`;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Breaks what stands, and lets nothing through; or lets everything through again. */
  set isCut(cut: boolean) {
    this.#cut = cut;
    if (cut) this.#breakAll();
  }

  /** Bytes that have passed from `from` to `to`. */
  get passed(): number {
    return [...this.#connections].reduce((sum, { far }) => sum + far.bytesWritten, this.#passed);
  }

  close(): void {
    this.#server.close();
    this.#breakAll();
  }

  #accept(near: Socket): void {
    near.on("error", () => near.destroy());
    if (this.#cut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const connection = { near, far };
    this.#connections.add(connection);
    // Nobody there: who dials shall not believe that anybody was.
    far.on("error", () => near.resetAndDestroy());
    let open = 2;
    const closed = (): void => {
      near.destroy();
      far.destroy();
      if (--open > 0) return;
      this.#connections.delete(connection);
      this.#passed += far.bytesWritten;
    };
    near.once("close", closed);
    far.once("close", closed);
    near.pipe(far);
    far.pipe(near);
  }

  #breakAll(): void {
    for (const { near, far } of this.#connections) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }
}

export class LinkProxies {
  readonly #peers: readonly string[];
  readonly #proxies: Map<string, LinkProxy> = new Map();
  /** Where each proxy listens. */
  readonly #addresses: Map<LinkProxy, string> = new Map();

  private constructor(peers: readonly string[]) {
    this.#peers = peers;
  }

  /**
   * A proxy for each ordered pair of places, all of them open.
   * @param peers the peer address of each place.
   * @throws {StartRefusal} if nothing can be listened on.
   */
  static async open(peers: readonly string[]): Promise<LinkProxies> {
    const links = new LinkProxies(peers);
    try {
      await Promise.all(links.#ways().map((way) => links.#listen(way)));
    } catch (error) {
      links.close();
      throw new StartRefusal(
        `no port of ${HOST} is left for the links between the nodes: ${systemReason(error)}.`,
      );
    }
    return links;
  }

  /** The value of `--dial` for the node at `place`; undefined if it has no peers. */
  detours(place: number): string | undefined {
    const pairs = [...this.#addresses].flatMap(([{ way }, at]) =>
      way.from === place ? [`${this.#peers[way.to]}=${at}`] : [],
    );
    return pairs.length === 0 ? undefined : pairs.join(",");
  }

  /** Cuts exactly these; all others are whole from now on. */
  cut(ways: readonly Way[]): void {
    const names = new Set(ways.map(nameOf));
    for (const proxy of this.#proxies.values()) {
      const isCut = names.has(nameOf(proxy.way));
      if (proxy.isCut !== isCut) proxy.isCut = isCut;
    }
  }

  isCut(way: Way): boolean {
    return this.#proxies.get(nameOf(way))?.isCut === true;
  }

  /** Bytes that have passed since the start; answers of the other side not counted. */
  passed(way: Way): number {
    return this.#proxies.get(nameOf(way))?.passed ?? 0;
  }

  close(): void {
    for (const proxy of this.#proxies.values()) proxy.close();
  }

  #ways(): readonly Way[] {
    const places = [...this.#peers.keys()];
    return places.flatMap((from) => places.flatMap((to) => (from === to ? [] : { from, to })));
  }

  async #listen(way: Way): Promise<void> {
    const target = address(this.#peers[way.to] ?? "");
    if (!target.ok) throw new Error(`a peer address must be ${target.expected}`);
    const proxy = new LinkProxy(way, target.value);
    this.#proxies.set(nameOf(way), proxy);
    this.#addresses.set(proxy, await proxy.listen());
  }
}

function nameOf({ from, to }: Way): string {
  return `${from} ${to}`;
}
