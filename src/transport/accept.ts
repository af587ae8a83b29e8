/** The acceptor's side of a handshake. */

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import { addressFault, type HostPort, parseAddress } from "./address.ts";
import { HandshakeChannel, HandshakeFailure } from "./channel.ts";
import type { Context } from "./context.ts";
import { type FrameReader, frameOf } from "./frame.ts";
import {
  type Answer,
  commonVersion,
  decodeHello,
  encodeJson,
  type Hello,
  judgeHello,
  otherLife,
  type Refusal,
  seal,
  unseal,
  unsealed,
} from "./handshake.ts";
import type { Standing } from "./roster.ts";

/** A peer that has proved itself and is welcome. */
export interface Accepted {
  readonly peer: NodeId;
  readonly incarnation: string;
  /** Where it says that it can be dialled; undefined if it does not, or if nobody may be dialled there. */
  readonly address: HostPort | undefined;
  /** Whether it could also speak a version of the protocol that this node does not know. */
  readonly newer: boolean;
  readonly reader: FrameReader;
  /** How often the peer pings, in ms. */
  readonly keepaliveMs: number;
  /** The frame that tells the peer so; to be sent once its older link is gone. */
  readonly welcome: Buffer;
}

/**
 * Carries out the handshake on a connection that has just been upgraded.
 * @returns undefined if it did not succeed; then the connection is closed and the reason has been noted.
 */
export async function acceptLink(
  socket: Socket,
  head: Buffer,
  context: Context,
): Promise<Accepted | undefined> {
  const remote = `${socket.remoteAddress}:${socket.remotePort}`;
  const channel = new HandshakeChannel(socket, head, context.settings.handshakeMsMax);
  try {
    const challenge = encodeJson({ ...context.versions, nonce: randomBytes(16).toString("hex") });
    channel.send(challenge);
    const payload = await channel.next();
    const { json, proved } = unseal(context.secret, "hello", [challenge], payload);
    if (!proved) {
      channel.end(unsealed(encodeJson({ kind: "refused", refusal: "secret", detail: "refused" })));
      const detail = "A handshake without the right secret was refused.";
      context.handlers.onNotice({ event: "strangerRefused", remote, detail });
      return undefined;
    }
    const answerWith = (answer: Answer): Buffer =>
      seal(context.secret, "answer", [challenge, payload, encodeJson(answer)]);
    const hello = decodeHello(json);
    const refusal = hello === undefined ? MALFORMED : await refusalOf(hello, context);
    if (hello === undefined || refusal !== undefined) {
      channel.end(answerWith({ kind: "refused", ...(refusal ?? MALFORMED) }));
      const { refusal: reason, detail } = refusal ?? MALFORMED;
      // A removed node that does not stop must not fill the log of those that stay.
      if (reason === "removed" && hello !== undefined && !context.roster.turnAway(hello.from))
        return undefined;
      context.handlers.onNotice({ event: "handshakeRefused", remote, detail: `${reason}: ${detail}` });
      return undefined;
    }
    const version = commonVersion(hello, context.versions) ?? context.versions.max;
    const { id, incarnation } = context.self;
    const welcome = answerWith({ kind: "welcome", version, from: id, incarnation });
    // Released first: whatever the peer sends from here on must find the link's own reader.
    const reader = channel.release();
    return {
      peer: hello.from,
      incarnation: hello.fromIncarnation,
      address: addressOf(hello, context),
      newer: hello.max > context.versions.max,
      reader,
      keepaliveMs: hello.keepaliveMs,
      welcome: frameOf(welcome),
    };
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    context.handlers.onNotice({ event: "handshakeFailed", remote, detail: error.message });
    return undefined;
  }
}

const MALFORMED: Refusal = { refusal: "malformed", detail: "The handshake could not be understood." };

function addressOf({ address }: Hello, { secret }: Context): HostPort | undefined {
  if (address === undefined || addressFault(address, secret) !== undefined) return undefined;
  return parseAddress(address);
}

/** The last question is the pin: nothing is learnt from a hello that is refused for another reason. */
async function refusalOf(hello: Hello, context: Context): Promise<Refusal | undefined> {
  const { clusterId, self, versions, roster, handlers } = context;
  const standingOf = (id: NodeId, incarnation: string): Standing => roster.standingOf(id, incarnation);
  const acceptor = { clusterId, ...self, versions, standingOf };
  const refusal = judgeHello(hello, acceptor);
  const other = otherLife(hello, acceptor);
  if (other !== undefined) handlers.onDisowned?.(hello.from, other);
  if (refusal !== undefined) return refusal;
  const detail = await roster.settle(hello.from, hello.fromIncarnation);
  return detail === undefined ? undefined : { refusal: "incarnation", detail };
}
