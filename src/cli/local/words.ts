/**
 * What is said between the launcher of a local cluster and whoever troubles it: the page, and `raftally local`.
 *
 * HTTP on a loopback port, JSON, `Authorization: Bearer TOKEN` on everything:
 *
 *     GET  /v1/local                        LocalView
 *     GET  /v1/local/events                 server-sent events: `event: state` with a LocalView at the start and at each
 *                                           change. An EventSource cannot send the token: read it with fetch.
 *     POST /v1/local/nodes/ID/ACTION        kill, pause, resume, restart, start, wipe; ID may be "leader"
 *     POST /v1/local/leader/ACTION          the same as /v1/local/nodes/leader/ACTION
 *     PUT  /v1/local/links                  {"groups":[["n1"],["n2","n3"]],"oneWay":false}: cuts every link between
 *                                           nodes of different groups, and no other. One group: cut off from all
 *                                           others. None: heals. oneWay: only what earlier groups say to later ones.
 *
 * Actions answer with LocalDone as soon as they are under way. Refusals are application/problem+json with `detail`, a
 * sentence: 400, 401 (token), 403 (Host or Origin), 404, 405, 409 (not now). `command` is what does the same in a shell.
 */

import type { ChildState } from "../child-node.ts";

export const ACTIONS = ["kill", "pause", "resume", "restart", "start", "wipe"] as const;
export type Action = (typeof ACTIONS)[number];

export interface LocalNodeView {
  readonly id: string;
  /** The URL at which it answers clients. */
  readonly api: string;
  readonly state: ChildState;
  readonly pid?: number;
  /** It is down, and started again after this time, ms. */
  readonly backInMs?: number;
  /** Whose place it is taking; absent once it has. */
  readonly replaces?: string;
  /** How far it is with that. */
  readonly progress?: string;
}

export interface LocalView {
  /** In the order of their places. */
  readonly nodes: readonly LocalNodeView[];
  readonly links: {
    /** Pairs that cannot talk at all, each once. */
    readonly cut: readonly (readonly [string, string])[];
    /** What the first says does not reach the second, but the other way round it does. */
    readonly oneWay: readonly (readonly [string, string])[];
    /** Bytes since the start, by who says them to whom. */
    readonly passed: readonly { readonly from: string; readonly to: string; readonly bytes: number }[];
  };
  /** Whether actions are taken: not before the cluster has come up, nor while it is being stopped. */
  readonly commands: boolean;
  readonly command: string;
}

/** An action that is done or under way. */
export interface LocalDone {
  readonly command: string;
  /** What was done, and what happens now: a sentence or two. */
  readonly detail: string;
  /** The part of `detail` that says what happens now, or what undoes it; absent if nothing does. */
  readonly next?: string;
  /** The node concerned; a newcomer's own id after a wipe. */
  readonly node?: string;
  /** Whom it replaces. */
  readonly replaces?: string;
}

/** Why nothing was done. */
export interface LocalRefusal {
  readonly status: 400 | 404 | 409;
  readonly detail: string;
  readonly command?: string;
}

export type LocalAnswer = LocalDone | LocalRefusal;
