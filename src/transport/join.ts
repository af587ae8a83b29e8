/** The joining node's side: asks one member after the other, without being part of anything itself. */

import { randomBytes } from "node:crypto";
import { addressFault, parseAddress, wayTo } from "./address.ts";
import { HandshakeChannel, HandshakeFailure } from "./channel.ts";
import { decodeChallenge, encodeJson, HANDSHAKE_BYTES_MAX, seal, unseal, VERSIONS } from "./handshake.ts";
import { decodeJoinAnswer, JOIN_ANSWER_BYTES_MAX, requestFault } from "./join-words.ts";
import { checkAddress, checkDetours, checkSecret, checkSettings, expect } from "./options.ts";
import type { JoinAnswer, JoinOptions, JoinOutcome, JoinRequest, TransportSettings } from "./types.ts";
import { JOIN_PATH, STOPPED, upgrade } from "./upgrade.ts";

/** Redirects that are followed for each address: the leader may change while it is asked for. */
const REDIRECTS_MAX = 4;
/** Room in the frame of a request for the proof, the nonce, the versions and the names of the fields. */
const OVERHEAD_BYTES = 512;

type Asked = JoinAnswer | { readonly kind: "failed"; readonly detail: string };

/**
 * Asks members, in the given order, to let a node join. The first that says `member` or `refused` decides, and so
 * does the leader where one is pointed to; otherwise the first `later` is given. Each address takes at most twice
 * `handshakeMsMax` and once `joinMsMax`. An answer without proof of the secret counts for nothing.
 * @throws {TransportError} with a sentence, when the options are wrong, or lack a secret that they need.
 */
export async function askToJoin(options: JoinOptions): Promise<JoinOutcome> {
  const settings = check(options);
  const signal = options.signal ?? new AbortController().signal;
  const asked = new Set<string>();
  const failures: string[] = [];
  let later: JoinOutcome | undefined;
  for (const first of options.addresses) {
    let address = first;
    for (let hops = 0; hops <= REDIRECTS_MAX && !asked.has(address); hops++) {
      asked.add(address);
      const answer = await ask(address, options, settings, signal);
      if (answer.kind === "member" || answer.kind === "refused") return answer;
      if (answer.kind === "later") {
        if (hops > 0) return answer;
        later ??= answer;
        break;
      }
      if (answer.kind === "failed") {
        failures.push(`${address}: ${answer.detail}.`);
        break;
      }
      const fault = addressFault(answer.peer, options.secret);
      if (fault !== undefined) {
        failures.push(`${address} points to "${answer.peer}", which ${fault}.`);
        break;
      }
      address = answer.peer;
    }
  }
  return later ?? { kind: "unreachable", detail: failures.join(" ") || "The members point to each other." };
}

function check({ addresses, secret, request, detours, settings }: JoinOptions): TransportSettings {
  expect(addresses.length > 0, "To join, the address of at least one member is needed.");
  const hosts = addresses.map((address) => checkAddress("a member", address).host);
  checkSecret(secret, [...hosts, checkAddress(request.id, request.peer).host, ...checkDetours(detours)]);
  const fault = requestFault(request, secret);
  expect(fault === undefined, fault ?? "");
  const bytes = encodeJson(request).length;
  expect(
    bytes <= HANDSHAKE_BYTES_MAX - OVERHEAD_BYTES,
    `The request to join has ${bytes} bytes, which is too long.`,
  );
  return checkSettings(settings);
}

/** One address, one connection, one answer. */
async function ask(
  address: string,
  { secret, request, detours }: JoinOptions,
  settings: TransportSettings,
  signal: AbortSignal,
): Promise<Asked> {
  const target = parseAddress(address);
  if (target === undefined) return failed("it is not host:port");
  const { handshakeMsMax, joinMsMax } = settings;
  try {
    const way = wayTo(target, detours);
    const { socket, head } = await upgrade({ ...way, path: JOIN_PATH }, handshakeMsMax, signal);
    const channel = new HandshakeChannel(socket, head, handshakeMsMax, JOIN_ANSWER_BYTES_MAX);
    const stop = (): void => channel.fail(STOPPED);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const answer = await converse(channel, secret, request, handshakeMsMax + joinMsMax);
      channel.fail("the conversation is over");
      return answer;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    return failed(error.message);
  }
}

async function converse(
  channel: HandshakeChannel,
  secret: string,
  request: JoinOptions["request"],
  answerMsMax: number,
): Promise<Asked> {
  const challenge = await channel.next();
  if (decodeChallenge(challenge) === undefined) return failed("its challenge could not be understood");
  const said: JoinRequest = { ...request, versions: VERSIONS };
  const { versions, ...fields } = said;
  const json = encodeJson({ ...versions, ...fields, nonce: randomBytes(16).toString("hex") });
  const payload = seal(secret, "join", [challenge, json]);
  channel.send(payload);
  channel.extend(answerMsMax);
  const { json: answerJson, proved } = unseal(
    secret,
    "joinAnswer",
    [challenge, payload],
    await channel.next(),
  );
  const answer = decodeJoinAnswer(answerJson);
  if (!proved && answer?.kind === "refused" && answer.code === "secret")
    return failed("it has another secret");
  if (!proved) return failed("it could not prove that it knows the secret");
  if (answer === undefined) return failed("its answer could not be understood");
  if (answer.kind === "member") {
    const { id, incarnation, clusterId = answer.clusterId } = request;
    const own = answer.members.find((member) => member.id === id);
    if (own?.incarnation !== incarnation) return failed(`its list of members does not name ${id} as it is`);
    if (answer.clusterId !== clusterId) return failed(`it answered for cluster ${answer.clusterId}`);
  }
  return answer;
}

function failed(detail: string): { readonly kind: "failed"; readonly detail: string } {
  return { kind: "failed", detail };
}
