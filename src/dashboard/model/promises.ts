/** Holds the cluster to its word: what was acknowledged, what was applied, and whether the copies agree. */

import type { NodePicture } from "../../client/index.ts";
import { compareDigests, type DigestComparison } from "./digests.ts";
import type { NodeView } from "./view.ts";

/** One node's account since its process started. */
export interface Account {
  readonly id: string;
  /** Changes that it answered with "done". */
  readonly acknowledged: number;
  /** By how much its state has advanced: each change of a counter by one, whoever acknowledged it. */
  readonly applied: number;
}

export interface Promises {
  /** Accounts of all nodes of which there is one. */
  readonly accounts: readonly Account[];
  /** Acknowledged in all, by every node since its start. */
  readonly acknowledged: number;
  /** Acknowledged changes that cannot be among the applied ones. Above 0 only if a count was lost. */
  readonly lost: number;
  readonly digests: DigestComparison;
  /** Duplicates that did not count twice. */
  readonly replays: number;
  /** Writes whose callers were told that the outcome is not known. */
  readonly unknown: number;
}

/**
 * A node answers a write after it has applied it, and every change advances the revision by one: so of the changes that
 * a node has acknowledged since it started, no more than its revision has advanced can be different ones. If it
 * acknowledged more, some were lost, or two answers spoke of one change.
 */
export function accountOf({ status, tally }: NodePicture): Account {
  const applied = status.revision - tally.revisionAtStart;
  return { id: status.id, acknowledged: tally.acknowledgedChanges, applied };
}

export function promisesOf(nodes: readonly NodeView[]): Promises {
  const pictures = nodes.flatMap(({ picture }) => (picture === undefined ? [] : [picture]));
  const accounts = pictures.filter(({ status }) => status.state === "running").map(accountOf);
  const sum = (count: (picture: NodePicture) => number): number =>
    pictures.reduce((total, picture) => total + count(picture), 0);
  return {
    accounts,
    acknowledged: sum(({ tally }) => tally.acknowledgedChanges),
    lost: accounts.reduce(
      (total, { acknowledged, applied }) => total + Math.max(0, acknowledged - applied),
      0,
    ),
    digests: compareDigests(nodes),
    replays: sum(({ tally }) => tally.replays),
    unknown: sum(({ tally }) => tally.unknown),
  };
}
