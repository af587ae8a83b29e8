/**
 * The latest change of each counter, kept in memory for those who follow them. Bounded: beyond the limit the oldest
 * are forgotten, and whoever has not been told of them has to read anew.
 */

import { assert } from "../base/index.ts";
import type { CounterChange, QueryAnswer } from "./types.ts";

/** Counters of which the latest change is remembered. */
export const CHANGES_MAX = 65_536;

export class ChangeHistory {
  readonly #max: number;
  readonly #latest: Map<string, CounterChange> = new Map();
  /** In order of revision, with those that a later change of the same counter has made void. */
  #log: CounterChange[] = [];
  /** Where in the log the oldest lies that was not forgotten. */
  #head = 0;
  /** Every change after this one is here. */
  #since: number;
  #pending: CounterChange[] = [];

  /** @param since the revision of the state at which it begins. */
  constructor(since: number, max: number = CHANGES_MAX) {
    this.#since = since;
    this.#max = max;
  }

  /** The latest change of a counter, if it is remembered. */
  latest(key: string): CounterChange | undefined {
    return this.#latest.get(key);
  }

  /** A counter has changed; in any order until {@link commit}, and each counter once. */
  note(change: CounterChange): void {
    this.#pending.push(change);
  }

  /** What was noted has happened, after all that had happened before. */
  commit(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    if (pending.length > 1) pending.sort((a, b) => a.revision - b.revision);
    this.#pending = [];
    for (const change of pending) {
      this.#latest.set(change.key, change);
      this.#log.push(change);
    }
    this.#forget();
  }

  /** The latest changes after revision `after`, at most `limit`, of a state whose revision is `revision`. */
  after(after: number, limit: number, revision: number): Extract<QueryAnswer, { readonly kind: "changes" }> {
    assert(Number.isSafeInteger(limit) && limit > 0, "changes: at least one is asked for");
    const since = this.#since;
    if (after < since) return { kind: "changes", changes: [], upTo: after, revision, since };
    const changes: CounterChange[] = [];
    for (let at = this.#firstAfter(after); at < this.#log.length; at++) {
      const change = this.#log[at];
      if (change === undefined || !this.#isLatest(change)) continue;
      if (changes.length === limit) {
        return { kind: "changes", changes, upTo: changes.at(-1)?.revision ?? after, revision, since };
      }
      changes.push(change);
    }
    return { kind: "changes", changes, upTo: revision, revision, since };
  }

  #isLatest(change: CounterChange): boolean {
    return this.#latest.get(change.key) === change;
  }

  /** Where in the log the first change after `revision` lies. */
  #firstAfter(revision: number): number {
    let low = this.#head;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#log[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #forget(): void {
    while (this.#latest.size > this.#max) {
      const oldest = this.#log[this.#head++];
      if (oldest === undefined || !this.#isLatest(oldest)) continue;
      this.#latest.delete(oldest.key);
      this.#since = oldest.revision;
    }
    // Half of the log and more is void: what is copied now was paid for by as many changes.
    if (this.#log.length < 2 * this.#max) return;
    this.#log = this.#log.slice(this.#head).filter((change) => this.#isLatest(change));
    this.#head = 0;
  }
}
