/** Asking a peer port for a connection that carries frames. */

import { request } from "node:http";
import { Socket } from "node:net";
import type { HostPort } from "./address.ts";
import { HandshakeFailure } from "./channel.ts";

/** What a connection to the peer port can become, and where that is asked for. */
export const LINK_PATH = "/raft/link";
export const JOIN_PATH = "/raft/join";
export const LINK_PROTOCOL = "raftally/1";

export interface Upgraded {
  readonly socket: Socket;
  /** Bytes that came along with the answer. */
  readonly head: Buffer;
}

/**
 * Connects and asks for the upgrade.
 * @throws {HandshakeFailure} when there is none within `millisecondsMax`, or when `signal` ends it.
 */
export function upgrade(
  target: HostPort & { readonly path: string },
  millisecondsMax: number,
  signal: AbortSignal,
): Promise<Upgraded> {
  if (signal.aborted) return Promise.reject(new HandshakeFailure(STOPPED));
  return new Promise((resolve, reject) => {
    const dialling = request({
      host: target.host,
      port: target.port,
      path: target.path,
      headers: { Connection: "Upgrade", Upgrade: LINK_PROTOCOL },
      agent: false,
    });
    const late = `no answer within ${millisecondsMax} ms`;
    const settle = (): void => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", stop);
    };
    const fail = (why: string): void => {
      settle();
      dialling.destroy();
      reject(new HandshakeFailure(why));
    };
    const stop = (): void => fail(STOPPED);
    const deadline = setTimeout(() => fail(late), millisecondsMax);
    signal.addEventListener("abort", stop, { once: true });
    dialling.on("error", (error) => fail(error.message));
    dialling.on("response", (response) => {
      response.on("error", () => undefined);
      fail(`the answer was not a link but HTTP status ${response.statusCode}`);
    });
    dialling.on("upgrade", (response, socket, head) => {
      settle();
      socket.on("error", () => undefined);
      if (!(socket instanceof Socket) || response.headers.upgrade !== LINK_PROTOCOL) {
        socket.destroy();
        fail("the answer was another protocol");
        return;
      }
      socket.setNoDelay(true);
      resolve({ socket, head });
    });
    dialling.end();
  });
}

/** Why a handshake ended that nobody wanted any more. */
export const STOPPED = "this node has given it up";
