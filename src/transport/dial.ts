/** The dialler's side of a link: the upgrade, then the handshake. */

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import { type HostPort, wayTo } from "./address.ts";
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
import { LINK_PATH, STOPPED, upgrade } from "./upgrade.ts";

export interface Target extends HostPort {
  readonly id: NodeId;
}

/** A peer that has proved itself and welcomed this node. */
export interface Welcomed {
  readonly kind: "up";
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly incarnation: string;
  /** The version of the protocol that is spoken on this link. */
  readonly version: number;
  /** Whether the peer could also speak one that this node does not know. */
  readonly newer: boolean;
}

export type Dialled =
  | Welcomed
  /** Nobody there, or somebody that this node does not accept. */
  | { readonly kind: "failed"; readonly detail: string }
  /** The peer refused; `proved` if it is known to be the peer that says so. */
  | ({ readonly kind: "refused"; readonly proved: boolean } & Refusal);

/** Makes one attempt at a link. Ends within `handshakeMsMax`, except that a first contact is waited for. */
export async function dialPeer(target: Target, context: Context, signal: AbortSignal): Promise<Dialled> {
  const began = performance.now();
  const { handshakeMsMax } = context.settings;
  try {
    const way = wayTo(target, context.detours);
    const { socket, head } = await upgrade({ ...way, path: LINK_PATH }, handshakeMsMax, signal);
    const left = Math.max(1, handshakeMsMax - (performance.now() - began));
    const channel = new HandshakeChannel(socket, head, left);
    const stop = (): void => channel.fail(STOPPED);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const outcome = await introduce(channel, target, context);
      return "kind" in outcome ? outcome : { kind: "up", socket, reader: channel.release(), ...outcome };
    } finally {
      signal.removeEventListener("abort", stop);
    }
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    return { kind: "failed", detail: error.message };
  }
}

/** Says who this node is and hears who the peer is. */
async function introduce(
  channel: HandshakeChannel,
  target: Target,
  context: Context,
): Promise<Pick<Welcomed, "incarnation" | "version" | "newer"> | Exclude<Dialled, Welcomed>> {
  const { clusterId, self, secret, settings, versions, roster } = context;
  const challengeJson = await channel.next();
  const challenge = decodeChallenge(challengeJson);
  if (challenge === undefined) return failed(channel, "its challenge could not be understood");
  const json = encodeJson({
    ...versions,
    clusterId,
    from: self.id,
    fromIncarnation: self.incarnation,
    to: target.id,
    toIncarnation: roster.pins.of(target.id) ?? null,
    nonce: randomBytes(16).toString("hex"),
    keepaliveMs: settings.keepaliveMs,
    address: self.address,
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
  const { version, from, incarnation } = answer;
  if (version !== commonVersion(challenge, versions)) {
    return failed(channel, `it wants to speak version ${version} of the protocol`);
  }
  if (from !== target.id) return failed(channel, `it says that it is ${from}`);
  const detail = await roster.pins.settle(target.id, incarnation);
  if (detail !== undefined) return failed(channel, detail);
  return { incarnation, version, newer: challenge.max > versions.max };
}

function failed(channel: HandshakeChannel, detail: string): { readonly kind: "failed"; detail: string } {
  channel.fail(detail);
  return { kind: "failed", detail };
}
