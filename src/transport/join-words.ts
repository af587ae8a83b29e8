/**
 * Joining: what a node without a cluster and a member of one say to each other, on a connection of its own.
 *
 *     member → node   challenge   json                        like that of a link (handshake.ts), and so are the
 *     node → member   request     mac ‖ json, role "join"     frames, the macs, and the rule that fields which a
 *     member → node   answer      mac ‖ json, "joinAnswer"    side does not know are ignored
 *
 * The request is at most 4 KB. The answer names every member and may have 256 KB; it comes as soon as the member
 * knows it, at the latest after `joinMsMax`. Nothing lasts beyond it: who has to ask again dials again.
 */

import { isNodeId, type Member, nodeId } from "../raft/index.ts";
import { addressFault, parseAddress } from "./address.ts";
import { isIncarnation, isNodeName } from "./fields.ts";
import { isNonce, parse, versionsOf } from "./handshake.ts";
import type { JoinAnswer, JoinRefusal, JoinRequest } from "./types.ts";

/** The longest payload of an answer, in bytes: hundreds of members. */
export const JOIN_ANSWER_BYTES_MAX = 262_144;

const API_LENGTH_MAX = 2048;
const RETRY_MS_MAX = 60_000;

/** Nobody here can say more yet. */
export const NOT_YET: JoinAnswer = {
  kind: "later",
  detail: "This node does not take part in a cluster yet.",
  retryMs: 1000,
};

/** What is wrong with a request, as a sentence; undefined if nothing is. */
export function requestFault(request: Omit<JoinRequest, "versions">, secret: string): string | undefined {
  const { id, incarnation, peer, api } = request;
  if (!isNodeId(id)) return `"${id}" cannot be the id of a node.`;
  if (!isIncarnation(incarnation)) return "The incarnation of a node must be 32 hex digits.";
  if (!isApi(api))
    return `The API of a node, "${api}", is not a URL of at most ${API_LENGTH_MAX} characters.`;
  const fault = addressFault(peer, secret);
  return fault === undefined ? undefined : `The peer address "${peer}" ${fault}.`;
}

/** The request in `json`; undefined if it is none. {@link requestFault} judges what it says. */
export function decodeRequest(json: Uint8Array): JoinRequest | undefined {
  const value = parse(json);
  const versions = versionsOf(value);
  const { id, incarnation, peer, api, ask, clusterId = null, nonce } = value;
  if (versions === undefined || !isNonce(nonce) || !isNodeName(id) || !isIncarnation(incarnation))
    return undefined;
  if (typeof peer !== "string" || typeof api !== "string") return undefined;
  if (ask !== "wait" && ask !== "learner") return undefined;
  if (clusterId !== null && typeof clusterId !== "string") return undefined;
  return { id: nodeId(id), incarnation, peer, api, ask, clusterId: clusterId ?? undefined, versions };
}

const REFUSALS: Readonly<Record<JoinRefusal, true>> = {
  idUsed: true,
  removed: true,
  version: true,
  cluster: true,
  malformed: true,
  secret: true,
};

/** The answer in `json`; undefined if it is none. */
export function decodeJoinAnswer(json: Uint8Array): JoinAnswer | undefined {
  const value = parse(json);
  const { kind, clusterId, members, detail, retryMs, peer, code } = value;
  switch (kind) {
    case "member": {
      const decoded = Array.isArray(members) ? members.map(decodeMember) : [undefined];
      const all = decoded.filter((member) => member !== undefined);
      if (typeof clusterId !== "string" || all.length < decoded.length) return undefined;
      return { kind, clusterId, members: all };
    }
    case "later":
      if (typeof detail !== "string" || typeof retryMs !== "number" || !(retryMs >= 0)) return undefined;
      return { kind, detail, retryMs: Math.min(retryMs, RETRY_MS_MAX) };
    case "redirect":
      if (typeof peer !== "string" || parseAddress(peer) === undefined) return undefined;
      return { kind, peer };
    case "refused":
      if (typeof code !== "string" || typeof detail !== "string") return undefined;
      // A reason that only a newer node knows is still a refusal; its sentence says the rest.
      return { kind, code: isRefusal(code) ? code : "malformed", detail };
    default:
      return undefined;
  }
}

function decodeMember(value: unknown): Member | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, incarnation, peer, api } = value as Record<string, unknown>;
  if (!isNodeName(id) || !isIncarnation(incarnation)) return undefined;
  if (typeof peer !== "string" || parseAddress(peer) === undefined) return undefined;
  if (typeof api !== "string" || !isApi(api)) return undefined;
  return { id: nodeId(id), incarnation, peer, api };
}

function isApi(api: string): boolean {
  if (api.length > API_LENGTH_MAX || !URL.canParse(api)) return false;
  return ["http:", "https:"].includes(new URL(api).protocol);
}

function isRefusal(code: string): code is JoinRefusal {
  return Object.hasOwn(REFUSALS, code);
}
