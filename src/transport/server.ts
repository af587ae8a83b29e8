/** The peer port: one HTTP server that upgrades links, serves offered snapshots, and says nothing to anyone else. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import { acceptLink } from "./accept.ts";
import type { HostPort } from "./address.ts";
import type { Context } from "./context.ts";
import { TransportError } from "./errors.ts";
import { InboundLink } from "./inbound.ts";
import { JoinAcceptor } from "./join-accept.ts";
import { SNAPSHOT_PATH, type SnapshotOffers } from "./snapshot-offers.ts";
import { JOIN_PATH, LINK_PATH, LINK_PROTOCOL } from "./upgrade.ts";

/** Connections beyond those that peers need; more are closed unread, so that strangers cannot fill the memory. */
const SPARE_CONNECTIONS = 64;
/** For each peer: a link, one that replaces it, and some snapshot transfers. */
const CONNECTIONS_PER_PEER = 8;
const HEADER_BYTES_MAX = 4096;

export interface ServerOptions {
  readonly context: Context;
  readonly offers: SnapshotOffers;
  /** A peer, or a guest, has opened a link, so it is alive; perhaps it says where it can be dialled. */
  onAccepted(peer: NodeId, address: HostPort | undefined): void;
  /** The last link from a guest has ended. */
  onGuestGone(guest: NodeId): void;
}

export class PeerServer {
  readonly #context: Context;
  readonly #offers: SnapshotOffers;
  readonly #options: ServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #links = new Map<NodeId, InboundLink>();
  readonly #joins: JoinAcceptor;
  #closed = false;

  constructor(options: ServerOptions) {
    this.#context = options.context;
    this.#offers = options.offers;
    this.#joins = new JoinAcceptor(options.context);
    this.#options = options;
    const { handshakeMsMax, snapshotIdleMsMax } = this.#context.settings;
    this.#server = createServer({
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: handshakeMsMax,
      requestTimeout: handshakeMsMax,
      connectionsCheckingInterval: Math.max(50, handshakeMsMax / 4),
      keepAliveTimeout: 1000,
      noDelay: true,
    });
    this.review();
    // Silence on a connection that is not a link, such as a snapshot that nobody goes on reading.
    this.#server.timeout = snapshotIdleMsMax;
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("drop", (dropped) => {
      const remote = `${dropped?.remoteAddress}:${dropped?.remotePort}`;
      const detail = "A connection to the peer port was closed unread: there are too many.";
      this.#context.handlers.onNotice({ event: "tooManyConnections", remote, detail });
    });
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      if (socket instanceof Socket) this.#onUpgrade(request, socket, head);
      else socket.destroy();
    });
    this.#server.on("clientError", (error, socket) => {
      if (socket.writable) socket.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      if (socket instanceof Socket) this.#refuse(socket, error.message);
      socket.destroy();
    });
  }

  /**
   * Begins to listen and resolves to the port.
   * @throws {TransportError} when that is not possible.
   */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        const code = error.code === "EADDRINUSE" ? "addressInUse" : "cannotListen";
        const why = error.code === "EADDRINUSE" ? "it is in use by another process" : error.message;
        reject(new TransportError(code, `Cannot listen for peers on ${host}:${port}: ${why}.`, error));
      };
      this.#server.once("error", onError);
      this.#server.listen(port, host, () => {
        this.#server.off("error", onError);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** Makes room for the peers of now, and ends every link from a node that is not welcome any more. */
  review(): void {
    const { roster } = this.#context;
    this.#server.maxConnections = SPARE_CONNECTIONS + CONNECTIONS_PER_PEER * roster.size;
    for (const link of this.#links.values()) {
      if (!roster.welcomes(link.peer, link.incarnation)) link.close();
    }
  }

  /** Closes every connection and resolves when the port is free. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const link of this.#links.values()) link.close();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { remoteAddress, remotePort } = request.socket;
    const remote = `${remoteAddress}:${remotePort}`;
    if (request.url?.startsWith(SNAPSHOT_PATH) === true) {
      this.#offers.serve(request, response, (why) => {
        this.#context.handlers.onNotice({
          event: "snapshotSendFailed",
          remote,
          detail: `Sending a snapshot ended early: ${why}.`,
        });
      });
      return;
    }
    response.writeHead(404, { Connection: "close" }).end();
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => undefined);
    const { method, url, headers } = request;
    const known = url === LINK_PATH || url === JOIN_PATH;
    if (method !== "GET" || !known || headers.upgrade !== LINK_PROTOCOL) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", () => socket.destroy());
      this.#refuse(socket, "an upgrade to something else than a link");
      return;
    }
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINK_PROTOCOL}\r\n\r\n`,
    );
    if (url === LINK_PATH) void this.#accept(socket, head);
    else void this.#joins.accept(socket, head);
  }

  async #accept(socket: Socket, head: Buffer): Promise<void> {
    const accepted = await acceptLink(socket, head, this.#context);
    if (accepted === undefined) return;
    const { peer, incarnation, address } = accepted;
    if (this.#closed || socket.destroyed || !this.#context.roster.admit(peer, incarnation)) {
      socket.destroy();
      return;
    }
    // A peer has one link to this node. If it opens another, it has given up the first, even if that looks alive
    // from here (a half-open connection after a power cut), so nothing that may still be in it counts.
    this.#links.get(peer)?.close();
    const link = new InboundLink(socket, accepted, this.#context, (closed) => {
      if (this.#links.get(peer) !== closed) return;
      this.#links.delete(peer);
      // Without a link from it a guest is nobody.
      if (this.#context.roster.leave(peer)) this.#options.onGuestGone(peer);
    });
    this.#links.set(peer, link);
    this.#options.onAccepted(peer, address);
  }

  #refuse(socket: Socket, why: string): void {
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    const detail = `A connection to the peer port was closed: ${why}.`;
    this.#context.handlers.onNotice({ event: "badRequest", remote, detail });
  }
}
