/** The end of the log as it was handed to the disk, and how long this leader's entries take to be committed. */

import type { Entry, LogWrite } from "../raft/index.ts";
import type { TailEntry } from "./live-types.ts";

/** Entries of the log that a picture shows. */
const SHOWN = 40;

export class LogTail {
  #entries: TailEntry[] = [];

  constructor(entries: readonly Entry[] = []) {
    this.#append(entries);
  }

  write({ truncateFrom, install, append }: LogWrite): void {
    if (truncateFrom !== undefined) this.#entries = this.#entries.filter(({ index }) => index < truncateFrom);
    if (install !== undefined) this.#entries = [];
    this.#append(append);
  }

  /** At most the last 40 entries, oldest first. */
  get entries(): readonly TailEntry[] {
    return this.#entries.slice(-SHOWN);
  }

  #append(entries: readonly Entry[]): void {
    for (const { index, term, kind } of entries.slice(-SHOWN)) this.#entries.push({ index, term, kind });
    if (this.#entries.length > 4 * SHOWN) this.#entries = this.#entries.slice(-SHOWN);
  }
}

/** When a leader proposed what is not committed yet. */
export class CommitClock {
  #open: { readonly index: number; readonly atMs: number }[] = [];

  get pending(): number {
    return this.#open.length;
  }

  /** This leader has appended these entries. */
  proposed(entries: readonly Entry[], nowMs: number): void {
    for (const { index, kind } of entries) if (kind === "command") this.#open.push({ index, atMs: nowMs });
  }

  /** @returns for each entry that is committed with this, how long that took, ms. */
  committed(index: number, nowMs: number): readonly number[] {
    const open = this.#open.findIndex((entry) => entry.index > index);
    const done = open === -1 ? this.#open.splice(0) : this.#open.splice(0, open);
    return done.map(({ atMs }) => nowMs - atMs);
  }

  /** This node does not lead any more: what becomes of its entries is not its doing. */
  forget(): void {
    this.#open = [];
  }
}
