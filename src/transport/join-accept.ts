/** The member's side of joining: proves, judges, asks the node behind, answers, hangs up. */

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { HandshakeChannel, HandshakeFailure } from "./channel.ts";
import type { Context } from "./context.ts";
import { commonVersion, encodeJson, seal, unseal, unsealed } from "./handshake.ts";
import { decodeRequest, JOIN_ANSWER_BYTES_MAX, NOT_YET, requestFault } from "./join-words.ts";
import type { JoinAnswer, JoinRefusal, JoinRequest } from "./types.ts";

/** Requests that the node behind works on at one time; a cluster grows by a few nodes. */
const JOINS_MAX = 16;
/** What is left for sending the answer once the node behind has given it, or has taken too long. */
const ANSWER_MS = 1000;
const RETRY_MS = 1000;

export class JoinAcceptor {
  readonly #context: Context;
  #busy = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Holds the conversation on a connection that has just been upgraded, and closes it. Never rejects. */
  async accept(socket: Socket, head: Buffer): Promise<void> {
    const { secret, settings, versions } = this.#context;
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    const channel = new HandshakeChannel(socket, head, settings.handshakeMsMax);
    try {
      const challenge = encodeJson({ ...versions, nonce: randomBytes(16).toString("hex") });
      channel.send(challenge);
      const payload = await channel.next();
      const { json, proved } = unseal(secret, "join", [challenge], payload);
      if (!proved) {
        channel.end(unsealed(encodeJson({ kind: "refused", code: "secret", detail: "refused" })));
        this.#notice("strangerRefused", remote, "A request to join without the right secret was refused.");
        return;
      }
      channel.extend(settings.joinMsMax + ANSWER_MS);
      const answer = this.#fitting(await this.#answer(decodeRequest(json), remote), remote);
      channel.end(seal(secret, "joinAnswer", [challenge, payload, encodeJson(answer)]));
      if (answer.kind === "refused") this.#notice("joinRefused", remote, `${answer.code}: ${answer.detail}`);
    } catch (error) {
      if (!(error instanceof HandshakeFailure)) throw error;
      this.#notice("joinFailed", remote, error.message);
    }
  }

  async #answer(request: JoinRequest | undefined, remote: string): Promise<JoinAnswer> {
    if (request === undefined) return refused("malformed", "The request to join could not be understood.");
    const { clusterId, secret, versions } = this.#context;
    const { id } = request;
    if (commonVersion(request.versions, versions) === undefined) {
      const theirs = `${request.versions.min} to ${request.versions.max}`;
      const detail = `This cluster speaks protocol versions ${versions.min} to ${versions.max}, and ${id} ${theirs}.`;
      return refused("version", detail);
    }
    if (request.clusterId !== undefined && request.clusterId !== clusterId) {
      return refused(
        "cluster",
        `This is cluster ${clusterId}, and ${id} wants to join ${request.clusterId}.`,
      );
    }
    const fault = requestFault(request, secret);
    if (fault !== undefined)
      return refused(requestFault(request, "any") === undefined ? "secret" : "malformed", fault);
    if (this.#busy >= JOINS_MAX) return later("Too many nodes ask to join at this moment.");
    this.#busy++;
    try {
      return await this.#withinLimit(request, remote);
    } finally {
      this.#busy--;
    }
  }

  /** What the node behind says, or `later` if it does not say it in time. */
  async #withinLimit(request: JoinRequest, remote: string): Promise<JoinAnswer> {
    const { handlers, settings } = this.#context;
    const answering = (handlers.onJoin?.(request) ?? Promise.resolve(NOT_YET)).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      this.#notice("joinFailed", remote, `No answer for ${request.id}, which asks to join: ${why}`);
      return later("This node cannot answer at the moment.");
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<JoinAnswer>((resolve) => {
      const slow = later("The cluster has not decided about this node yet.");
      timer = setTimeout(() => resolve(slow), settings.joinMsMax);
      // Once the transport is closed nobody waits for this.
      timer.unref();
    });
    try {
      return await Promise.race([answering, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** An answer that nobody would accept must not be sent. */
  #fitting(answer: JoinAnswer, remote: string): JoinAnswer {
    // Beside the answer its frame holds 32 bytes of proof.
    if (encodeJson(answer).length + 32 <= JOIN_ANSWER_BYTES_MAX) return answer;
    const detail = "The list of the members is too long for an answer to a node that asks to join.";
    this.#notice("joinFailed", remote, detail);
    return later(detail);
  }

  #notice(event: string, remote: string, detail: string): void {
    this.#context.handlers.onNotice({ event, remote, detail });
  }
}

function refused(code: JoinRefusal, detail: string): JoinAnswer {
  return { kind: "refused", code, detail };
}

function later(detail: string): JoinAnswer {
  return { kind: "later", detail, retryMs: RETRY_MS };
}
