/** A fresh node asks the members of a cluster, one round after the other, until it is one of them. */

import { setTimeout as sleep } from "node:timers/promises";
import type { NodeId } from "../raft/index.ts";
import type { DataDirectory, JoiningDirectory } from "../store/index.ts";
import { askToJoin, type JoinOutcome } from "../transport/index.ts";
import { RefusedByPeer, RemovedFromCluster } from "./errors.ts";
import type { NodeNotice } from "./notices.ts";
import type { JoinOptions, MemberAddress } from "./options.ts";

export interface JoinParts {
  readonly directory: JoiningDirectory;
  readonly self: NodeId;
  readonly own: MemberAddress;
  /** Only this cluster will do; undefined if whichever has the secret will. */
  readonly clusterId: string | undefined;
  readonly secret: string;
  readonly detours: ReadonlyMap<string, string> | undefined;
  readonly join: JoinOptions;
  readonly signal: AbortSignal;
  readonly onNotice: (notice: NodeNotice) => void;
}

/** The pause after a round in which nobody answered, doubled by each further one, ms. */
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 5_000;

/**
 * Asks until the committed configuration of a cluster names this node, and makes its directory that of a member.
 * @throws {RefusedByPeer | RemovedFromCluster} (rejects) a member said no, for good.
 * @throws {TransportError} (rejects) an address is none, or the secret is missing.
 * @throws {Error} (rejects) `signal` said stop.
 */
export async function joinCluster(parts: JoinParts): Promise<DataDirectory> {
  let told = "";
  let pauseMs = PAUSE_MS_MIN;
  for (;;) {
    const outcome = await askRound(parts);
    if (parts.signal.aborted) throw new Error("stopped before it had joined");
    if (outcome.kind === "member") return await parts.directory.joined(outcome.clusterId, outcome.members);
    if (outcome.kind === "refused") throw refusal(parts.self, outcome);
    if (outcome.detail !== told) {
      told = outcome.detail;
      parts.onNotice({ level: "info", event: "joining", detail: told });
    }
    const answered = outcome.kind === "later";
    await pause(answered ? Math.max(PAUSE_MS_MIN, outcome.retryMs) : pauseMs, parts.signal);
    pauseMs = answered ? PAUSE_MS_MIN : Math.min(PAUSE_MS_MAX, 2 * pauseMs);
  }
}

/** One round through all that are known to be asked. */
async function askRound({ directory, self, own, ...parts }: JoinParts): Promise<JoinOutcome> {
  const { join, secret, detours, clusterId, signal } = parts;
  const unreachable = (detail: string): JoinOutcome => ({ kind: "unreachable", detail });
  let addresses: readonly string[];
  try {
    // Discovery also finds this node itself, whose port nobody listens on yet.
    addresses = (await join.seeds()).filter((address) => address !== own.peer);
  } catch (error) {
    return unreachable(
      `No member could be found: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  if (addresses.length === 0) return unreachable("No address of any member is known yet.");
  return await askToJoin({
    addresses,
    secret,
    detours,
    signal,
    request: {
      id: self,
      incarnation: directory.identity.incarnation,
      peer: own.peer,
      api: own.api,
      ask: join.as === "wait" ? "wait" : "learner",
      clusterId,
    },
  });
}

function refusal(self: NodeId, { code, detail }: JoinOutcome & { readonly kind: "refused" }): Error {
  if (code === "removed") return new RemovedFromCluster(detail);
  return new RefusedByPeer(`${self} cannot join: ${detail}`);
}

/** Ends early when `signal` says stop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Not all who were started together ask together again.
  await sleep(ms * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
}
