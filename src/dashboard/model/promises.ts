/** Holds the cluster to its word: what was acknowledged, and what was applied. */

import type { NodePicture } from "../../client/index.ts";

/** One node's account since its process started. */
export interface Account {
  readonly id: string;
  /** Changes that it answered with "done". */
  readonly acknowledged: number;
  /** Those of them that it answered so long ago that they have to be in its state. */
  readonly settled: number;
  /** By how much its state has advanced: by one for each change of a counter, whoever acknowledged it. */
  readonly applied: number;
}

export interface Promises {
  /** Accounts of the processes that were heard last, in order of id. */
  readonly accounts: readonly Account[];
  /** Changes acknowledged in all, by every process that the page has heard since it was loaded. */
  readonly acknowledged: number;
  /** Of these, how many cannot be among those applied. Above 0 only if a count was lost or two answers spoke of one. */
  readonly lost: number;
  /** Duplicates that did not count twice. */
  readonly replays: number;
  /** Writes whose callers were told that the outcome is not known. */
  readonly unknown: number;
}

/**
 * So long a change that was acknowledged may be missing from the state, ms: plain adds are answered a moment before they are
 * applied, and who was elected applies what it holds.
 */
const SETTLE_MS = 3_000;

/** What one process of a node has counted. */
interface Run {
  /** Tells the processes of a node apart. */
  readonly process: string;
  readonly uptimeMs: number;
  readonly revision: number;
  readonly tally: NodePicture["tally"];
}

/** What counts of the processes that have ended. */
interface Past {
  readonly acknowledged: number;
  readonly replays: number;
  readonly unknown: number;
}

/** What was acknowledged at a moment. */
interface Said {
  readonly atMs: number;
  readonly total: number;
  readonly byProcess: ReadonlyMap<string, Run>;
}

/**
 * Every change advances the revision by one, and what a node has answered is in its state soon. So, but for the latest:
 *
 * * of the changes that a process has acknowledged, no more than its revision has advanced can be different ones;
 * * of those that all processes have acknowledged, no more than the cluster's revision has advanced since the first of
 *   them started. This one notices a leader that died and took acknowledged changes with it.
 */
export class Ledger {
  readonly #runs = new Map<string, Run>();
  #processes = 0;
  #past: Past = { acknowledged: 0, replays: 0, unknown: 0 };
  /** The lowest revision at which any of these processes began. */
  #start: number | undefined;
  #missingSinceMs: number | undefined;
  /** Oldest first; but for the first, none is older than it takes to settle. */
  #said: Said[] = [];

  heard({ status, tally }: NodePicture): void {
    if (status.state !== "running") return;
    const { id, uptimeMs, revision } = status;
    const before = this.#runs.get(id);
    if (before !== undefined && uptimeMs < before.uptimeMs) {
      this.#past = {
        acknowledged: this.#past.acknowledged + before.tally.acknowledgedChanges,
        replays: this.#past.replays + before.tally.replays,
        unknown: this.#past.unknown + before.tally.unknown,
      };
    }
    const isAnother = before === undefined || uptimeMs < before.uptimeMs;
    const process = isAnother ? `${id} ${++this.#processes}` : before.process;
    this.#runs.set(id, { process, uptimeMs, revision, tally });
    this.#start = Math.min(this.#start ?? tally.revisionAtStart, tally.revisionAtStart);
  }

  /** @param leading the revision of the state of whoever leads, in a picture of just now; undefined if nobody does. */
  promises(leading: number | undefined, nowMs: number): Promises {
    const runs = [...this.#runs].sort(([a], [b]) => (a < b ? -1 : 1));
    const sum = (of: (tally: NodePicture["tally"]) => number): number =>
      runs.reduce((total, [, { tally }]) => total + of(tally), 0);
    const acknowledged = this.#past.acknowledged + sum((tally) => tally.acknowledgedChanges);
    const byProcess = new Map(runs.map(([, run]) => [run.process, run]));
    const due = this.#due({ atMs: nowMs, total: acknowledged, byProcess });
    const accounts = runs.map(([id, run]) => ({
      id,
      acknowledged: run.tally.acknowledgedChanges,
      settled: settledOf(run, due?.byProcess.get(run.process)),
      applied: run.revision - run.tally.revisionAtStart,
    }));
    const alone = accounts.map(({ settled, applied }) => Math.max(0, settled - applied));
    const together = this.#missing(due?.total ?? 0, leading, nowMs);
    return {
      accounts,
      acknowledged,
      lost: Math.max(together, ...alone),
      replays: this.#past.replays + sum((tally) => tally.replays),
      unknown: this.#past.unknown + sum((tally) => tally.unknown),
    };
  }

  /** What had been acknowledged so long ago that all of it has to be there; undefined if nothing was heard so long ago. */
  #due(said: Said): Said | undefined {
    const longAgoMs = said.atMs - SETTLE_MS;
    this.#said.push(said);
    while ((this.#said[1]?.atMs ?? said.atMs) <= longAgoMs) this.#said.shift();
    const [first] = this.#said;
    return first !== undefined && first.atMs <= longAgoMs ? first : undefined;
  }

  /** Only what stays missing is: a picture of one node is a little older than that of another. */
  #missing(acknowledged: number, leading: number | undefined, nowMs: number): number {
    const missing = leading === undefined ? 0 : acknowledged - (leading - (this.#start ?? 0));
    if (missing <= 0) {
      this.#missingSinceMs = undefined;
      return 0;
    }
    this.#missingSinceMs ??= nowMs;
    return nowMs - this.#missingSinceMs >= SETTLE_MS ? missing : 0;
  }
}

/**
 * What a process has to have in its state when it was heard last, of what it had answered when it was heard `before`. Of one
 * that fell silent in between nobody knows: its answers are judged by the state of whoever leads.
 */
function settledOf(run: Run, before: Run | undefined): number {
  if (before === undefined || run.uptimeMs - before.uptimeMs < SETTLE_MS / 2) return 0;
  return before.tally.acknowledgedChanges;
}
