/**
 * What of this node's memory has reached its disk.
 *
 * Writes leave in order and become durable in order (P1). An index counts as durable only through the number of
 * the write that carried it, so that an answer for entries that were truncated meanwhile, and replaced by others
 * at the same index, proves nothing (the ABA of T20).
 */

import { assert } from "../base/index.ts";
import type { LogWrite } from "./events.ts";
import type { RaftLog } from "./log.ts";
import {
  before,
  type Entry,
  type HardState,
  type Index,
  minIndex,
  type NodeId,
  next,
  type SnapshotMeta,
  type Term,
} from "./types.ts";

interface Outstanding {
  readonly seq: number;
  /** The last index that this write makes durable; lowered when a later truncation takes it back. */
  through: Index | undefined;
  readonly term: Term | undefined;
  readonly install: SnapshotMeta | undefined;
  ticks: number;
}

export class Ledger {
  #seq = 0;
  #persisted = 0;
  #outstanding: Outstanding[] = [];
  /** The term and vote of the last write that carried any. */
  #written: HardState;
  #durableTerm: Term;
  /** The last write that carried term and vote. */
  #hardStateSeq = 0;
  #durable: Index;
  /** The log up to here has been put into writes. */
  #emitted: Index;
  #truncateFrom: Index | undefined;
  #install: SnapshotMeta | undefined;
  #compact: SnapshotMeta | undefined;
  #installed: SnapshotMeta | undefined;

  constructor(hardState: HardState, last: Index) {
    this.#written = hardState;
    this.#durableTerm = hardState.term;
    this.#durable = last;
    this.#emitted = last;
  }

  /** All entries up to here are on disk, as they are in memory now. */
  get durable(): Index {
    return this.#durable;
  }

  get durableTerm(): Term {
    return this.#durableTerm;
  }

  /** The number of the latest write that has left; 0 before the first. */
  get latestSeq(): number {
    return this.#seq;
  }

  /** The number of the latest write that carried term and vote. */
  get hardStateSeq(): number {
    return this.#hardStateSeq;
  }

  /** All writes up to this number are durable. */
  get persistedSeq(): number {
    return this.#persisted;
  }

  /** Whether a snapshot is on its way to the disk. */
  get installing(): boolean {
    return this.#install !== undefined || this.#outstanding.some((write) => write.install !== undefined);
  }

  /** How long the oldest write has been waiting for the disk, in ticks. */
  get waitingTicks(): number {
    return this.#outstanding[0]?.ticks ?? 0;
  }

  tick(): void {
    for (const write of this.#outstanding) write.ticks++;
  }

  /** The log dropped its entries from `from` on. */
  truncated(from: Index): void {
    const keep = before(from);
    if (this.#emitted >= from) {
      const pending = this.#truncateFrom;
      this.#truncateFrom = pending === undefined ? from : minIndex(pending, from);
      this.#emitted = keep;
    }
    this.#durable = minIndex(this.#durable, keep);
    for (const write of this.#outstanding) {
      if (write.through !== undefined) write.through = minIndex(write.through, keep);
    }
  }

  /** The log started over after `meta`. */
  installed(meta: SnapshotMeta): void {
    this.#install = meta;
    this.#truncateFrom = undefined;
    this.#compact = undefined;
    this.#emitted = meta.index;
    // Nothing of the new log is durable before its record is, not even at indexes where the old log was.
    this.#durable = minIndex(this.#durable, before(meta.index));
    for (const write of this.#outstanding) write.through = undefined;
  }

  /** The log forgot its entries up to `meta.index`. */
  compacted(meta: SnapshotMeta): void {
    this.#compact = meta;
  }

  /** Everything that has to be written and has not left yet, as one batch; undefined if there is nothing. */
  take(state: {
    readonly term: Term;
    readonly vote: NodeId | undefined;
    readonly log: RaftLog;
  }): LogWrite | undefined {
    const { log } = state;
    const append: Entry[] =
      log.last.index > this.#emitted ? [...log.slice(next(this.#emitted), Number.POSITIVE_INFINITY)] : [];
    const voteChanged = state.term !== this.#written.term || state.vote !== this.#written.vote;
    const other = append.length > 0 || this.#truncateFrom !== undefined || this.#install !== undefined;
    if (!voteChanged && !other && this.#compact === undefined) return undefined;
    // The commit index rides along with whatever is written anyway (P8).
    const hardState = { term: state.term, vote: state.vote, commit: log.committed };
    const withHardState = voteChanged || hardState.commit !== this.#written.commit;
    const write: LogWrite = {
      seq: ++this.#seq,
      ...(withHardState ? { hardState } : {}),
      ...(this.#truncateFrom === undefined ? {} : { truncateFrom: this.#truncateFrom }),
      ...(this.#install === undefined ? {} : { install: this.#install }),
      ...(this.#compact === undefined ? {} : { compact: this.#compact }),
      append,
    };
    if (withHardState) this.#written = hardState;
    if (voteChanged) this.#hardStateSeq = write.seq;
    this.#left(write, voteChanged ? state.term : undefined, log.last.index);
    return write;
  }

  #left(write: LogWrite, term: Term | undefined, last: Index): void {
    const moved = write.append.length > 0 || write.install !== undefined;
    this.#outstanding.push({
      seq: write.seq,
      through: moved ? last : undefined,
      term,
      install: write.install,
      ticks: 0,
    });
    this.#emitted = last;
    this.#truncateFrom = undefined;
    this.#install = undefined;
    this.#compact = undefined;
  }

  /** The disk says that all writes up to `seq` are durable. Late and repeated words are harmless (T19). */
  persisted(seq: number): void {
    assert(seq <= this.#seq, "ledger: only writes that have left can be durable");
    if (seq <= this.#persisted) return;
    this.#persisted = seq;
    while (this.#outstanding[0] !== undefined && this.#outstanding[0].seq <= seq) {
      const write = this.#outstanding.shift() as Outstanding;
      if (write.through !== undefined && write.through > this.#durable) this.#durable = write.through;
      if (write.term !== undefined) this.#durableTerm = write.term;
      if (write.install !== undefined) this.#installed = write.install;
    }
  }

  /** Takes the snapshot whose record has become durable since the last call: the state may be replaced now. */
  takeInstalled(): SnapshotMeta | undefined {
    const meta = this.#installed;
    this.#installed = undefined;
    return meta;
  }
}
