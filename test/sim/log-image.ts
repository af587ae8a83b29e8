/** What a log means: the entries, the base they begin after, and the hard state. */

import { assert } from "../../src/base/index.ts";
import {
  type Entry,
  type HardState,
  type Index,
  index,
  type LogWrite,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";
import type { LogFound } from "./log-bytes.ts";

/** A log, changed batch by batch. */
export class LogImage {
  hardState: HardState = { term: term(0), vote: undefined, commit: index(0) };
  base: SnapshotMeta;
  #entries: Entry[] = [];

  constructor(base: SnapshotMeta) {
    this.base = base;
  }

  /** What the reader made of the bytes. */
  static found({ shape, entries }: LogFound): LogImage {
    const image = new LogImage(shape.base);
    image.hardState = shape.hardState;
    image.#entries = entries.slice();
    return image;
  }

  /** Whether both mean the same: the chain of hashes covers every entry. */
  equals({ hardState, base, last, chain }: LogImage): boolean {
    const own = this.hardState;
    return (
      own.term === hardState.term &&
      own.vote === hardState.vote &&
      own.commit === hardState.commit &&
      this.base.index === base.index &&
      this.base.chain === base.chain &&
      this.last.index === last.index &&
      this.chain === chain
    );
  }

  /** Of everything up to the end. */
  get chain(): number {
    return this.#entries.at(-1)?.chain ?? this.base.chain;
  }

  clone(): LogImage {
    const image = new LogImage(this.base);
    image.hardState = this.hardState;
    image.#entries = this.#entries.slice();
    return image;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get last(): { readonly index: Index; readonly term: number } {
    return this.#entries.at(-1) ?? this.base;
  }

  entry(at: number): Entry | undefined {
    return this.#entries[at - this.base.index - 1];
  }

  chainAt(at: number): number | undefined {
    return at === this.base.index ? this.base.chain : this.entry(at)?.chain;
  }

  /** Carries out one batch, as recovery would. */
  apply(write: LogWrite): void {
    if (write.install !== undefined) {
      this.base = write.install;
      this.#entries = [];
    }
    if (write.truncateFrom !== undefined) {
      assert(write.truncateFrom > this.base.index, "disk: what is compacted is not truncated");
      this.#entries.length = Math.min(this.#entries.length, write.truncateFrom - this.base.index - 1);
    }
    for (const entry of write.append) {
      assert(entry.index === this.last.index + 1, "disk: the log has no gap");
      this.#entries.push(entry);
    }
    if (write.compact !== undefined && write.compact.index > this.base.index) {
      this.#entries = this.#entries.slice(write.compact.index - this.base.index);
      this.base = write.compact;
    }
    if (write.hardState !== undefined) this.hardState = write.hardState;
  }
}
