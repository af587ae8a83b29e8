/** What a node has done since its process started, as numbers. */

import type { NodeId } from "../raft/index.ts";
import type { Response } from "./events.ts";
import type { LiveCounts, Tally } from "./live-types.ts";
import type { NodeRefusal, WriteResult } from "./types.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Counting {
  readonly tally: Mutable<Tally> = {
    acknowledgedWrites: 0,
    acknowledgedChanges: 0,
    replays: 0,
    reads: 0,
    refused: 0,
    unknown: 0,
    revisionAtStart: 0,
  };
  readonly counts: Mutable<LiveCounts> = {
    leaderChanges: 0,
    elections: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    snapshotsSent: 0,
    snapshotsFailed: 0,
    slowWrites: 0,
    writesFailed: 0,
    readsRefused: 0,
    messagesSent: 0,
  };
  readonly #sent: Map<NodeId, Map<string, number>> = new Map();
  #leader = "";

  /** Messages sent, by peer and kind. */
  get sent(): ReadonlyMap<NodeId, ReadonlyMap<string, number>> {
    return this.#sent;
  }

  send(to: NodeId, kind: string): void {
    this.counts.messagesSent += 1;
    let kinds = this.#sent.get(to);
    if (kinds === undefined) {
      kinds = new Map();
      this.#sent.set(to, kinds);
    }
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }

  leader(leader: NodeId | undefined, term: number): void {
    if (leader === undefined) return;
    const office = `${leader} ${term}`;
    if (office !== this.#leader) this.counts.leaderChanges += 1;
    this.#leader = office;
  }

  answer(response: Response): void {
    switch (response.kind) {
      case "write":
        return this.#write(response.result);
      case "read":
        if (response.result.kind === "answer") this.tally.reads += 1;
        else this.counts.readsRefused += 1;
    }
  }

  #write(result: WriteResult): void {
    if (result.kind === "failed") return this.#failed(result);
    if (result.kind === "redirect") return;
    const { outcome } = result;
    if (outcome.replayed) this.tally.replays += 1;
    if (outcome.kind === "refused") {
      this.tally.refused += 1;
      return;
    }
    this.tally.acknowledgedWrites += 1;
    if (outcome.replayed) return;
    this.tally.acknowledgedChanges +=
      outcome.changed ?? outcome.results.filter(({ changed }) => changed).length;
  }

  #failed({ code }: NodeRefusal): void {
    this.counts.writesFailed += 1;
    if (code === "OUTCOME_UNKNOWN") this.tally.unknown += 1;
    else this.tally.refused += 1;
  }
}
