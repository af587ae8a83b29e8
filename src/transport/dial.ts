/** The dialler's side of a link: the upgrade, then the handshake. */

import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import type { HostPort } from "./address.ts";
import { HandshakeChannel, HandshakeFailure } from "./channel.ts";
import type { Context } from "./context.ts";
import type { FrameReader } from "./frame.ts";
import {
  commonVersion,
  decodeAnswer,
  decodeChallenge,
  encodeJson,
  type Refusal,
  seal,
  unseal,
} from "./handshake.ts";

/** Where links are asked for on the peer port, and what the connection becomes. */
export const LINK_PATH = "/raft/link";
export const LINK_PROTOCOL = "raftally/1";

export interface Target extends HostPort {
  readonly id: NodeId;
}

export type Dialled =
  | { readonly kind: "up"; readonly socket: Socket; readonly reader: FrameReader }
  /** Nobody there, or somebody that this node does not accept. */
  | { readonly kind: "failed"; readonly detail: string }
  /** The peer refused; `proved` if it is known to be the peer that says so. */
  | ({ readonly kind: "refused"; readonly proved: boolean } & Refusal);

/** Makes one attempt at a link. Ends within `handshakeMsMax`, except that a first contact is waited for. */
export async function dialPeer(target: Target, context: Context, signal: AbortSignal): Promise<Dialled> {
  const began = performance.now();
  try {
    const { socket, head } = await upgrade(target, context.settings.handshakeMsMax, signal);
    const left = Math.max(1, context.settings.handshakeMsMax - (performance.now() - began));
    const channel = new HandshakeChannel(socket, head, left);
    const stop = (): void => channel.fail("this node is closing");
    signal.addEventListener("abort", stop, { once: true });
    try {
      const refused = await introduce(channel, target, context);
      return refused ?? { kind: "up", socket, reader: channel.release() };
    } finally {
      signal.removeEventListener("abort", stop);
    }
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    return { kind: "failed", detail: error.message };
  }
}

function upgrade(
  target: HostPort,
  millisecondsMax: number,
  signal: AbortSignal,
): Promise<{ socket: Socket; head: Buffer }> {
  return new Promise((resolve, reject) => {
    const dialling = request({
      host: target.host,
      port: target.port,
      path: LINK_PATH,
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
    const stop = (): void => fail("this node is closing");
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

/** Says who this node is and hears who the peer is. Undefined when both are content. */
async function introduce(
  channel: HandshakeChannel,
  target: Target,
  context: Context,
): Promise<Dialled | undefined> {
  const { clusterId, self, secret, settings, versions, pins } = context;
  const challengeJson = await channel.next();
  const challenge = decodeChallenge(challengeJson);
  if (challenge === undefined) return failed(channel, "its challenge could not be understood");
  const json = encodeJson({
    ...versions,
    clusterId,
    from: self.id,
    fromIncarnation: self.incarnation,
    to: target.id,
    toIncarnation: pins.of(target.id) ?? null,
    nonce: randomBytes(16).toString("hex"),
    keepaliveMs: settings.keepaliveMs,
  });
  const hello = seal(secret, "hello", [challengeJson, json]);
  channel.send(hello);
  const { json: answerJson, proved } = unseal(secret, "answer", [challengeJson, hello], await channel.next());
  const answer = decodeAnswer(answerJson);
  if (answer === undefined) return failed(channel, "its answer could not be understood");
  if (answer.kind === "refused") {
    channel.fail("refused");
    const { refusal, detail } = answer;
    return { kind: "refused", proved, refusal, detail };
  }
  if (!proved) return failed(channel, "it could not prove that it knows the secret");
  if (answer.version !== commonVersion(challenge, versions)) {
    return failed(channel, `it wants to speak version ${answer.version} of the protocol`);
  }
  if (answer.from !== target.id) return failed(channel, `it says that it is ${answer.from}`);
  const detail = await pins.settle(target.id, answer.incarnation);
  return detail === undefined ? undefined : failed(channel, detail);
}

function failed(channel: HandshakeChannel, detail: string): Dialled {
  channel.fail(detail);
  return { kind: "failed", detail };
}
