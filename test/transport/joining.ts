/** Members that answer in a prepared way, and requests to join. */

import { type Member, nodeId } from "../../src/raft/index.ts";
import { VERSIONS } from "../../src/transport/handshake.ts";
import {
  askToJoin,
  type JoinAnswer,
  type JoinOptions,
  type JoinOutcome,
  type JoinRequest,
  type TransportSettings,
} from "../../src/transport/index.ts";
import { incarnationOf, type OpenOptions, QUICK, type TestNode, type World } from "./nodes.ts";

export const SECRET = "a secret for tests";
export const SETTINGS: Partial<TransportSettings> = { ...QUICK, joinMsMax: 5000 };

export function member(id: string): Member {
  return {
    id: nodeId(id),
    incarnation: incarnationOf(id),
    peer: "127.0.0.1:4109",
    api: `http://127.0.0.1:4009/${id}`,
  };
}

export const REQUEST: JoinOptions["request"] = { ...member("n9"), ask: "learner", clusterId: undefined };
export const MEMBER: Extract<JoinAnswer, { kind: "member" }> = {
  kind: "member",
  clusterId: "cluster-a",
  members: [member("n1"), member("n9")],
};
export const LATER: JoinAnswer = { kind: "later", detail: "A change is under way.", retryMs: 250 };

/** What a bare socket says to join. */
export function rawRequest(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...VERSIONS, ...REQUEST, nonce: "0".repeat(32), ...changes };
}

export interface AskedMember {
  readonly node: TestNode;
  readonly asked: JoinRequest[];
  /** Of its relay. */
  readonly address: string;
}

/** A member that answers so, and what it was asked. */
export async function memberThat(
  world: World,
  answer: JoinAnswer | ((request: JoinRequest) => Promise<JoinAnswer>),
  id = "n1",
  options: OpenOptions = {},
): Promise<AskedMember> {
  const asked: JoinRequest[] = [];
  const node = await world.open(id, {
    peers: [],
    onJoin: async (request) => {
      asked.push(request);
      return typeof answer === "function" ? await answer(request) : answer;
    },
    ...options,
    settings: { ...SETTINGS, ...options.settings },
  });
  return { node, asked, address: world.relay(id).address };
}

export function ask(addresses: readonly string[], changes: Partial<JoinOptions> = {}): Promise<JoinOutcome> {
  return askToJoin({ addresses, secret: SECRET, request: REQUEST, settings: SETTINGS, ...changes });
}
