/**
 * The replicated log as held in memory: everything after `base`, and how far it is committed and applied.
 *
 * Invariants: base.index <= applying <= committed <= last.index; applied <= applying, and applied is below the
 * base only while an installed snapshot is being restored; entries are contiguous and their terms never regress;
 * the configuration in force is the last one in the log, committed or not (§6).
 */

import { assert, defined, type Hash52 } from "../base/index.ts";
import { configurationProblem, isNoConfiguration } from "./quorum.ts";
import {
  before,
  type Configuration,
  chainHash,
  type Entry,
  type EntryBody,
  type EntryId,
  entryBytes,
  type Index,
  index,
  next,
  type SnapshotMeta,
  type Term,
  term,
} from "./types.ts";

interface ConfigurationAt {
  readonly index: Index;
  readonly configuration: Configuration;
}

/** Whether a log ending in `candidate` is at least as up-to-date as one ending in `own` (§5.4.1). */
export function isUpToDate(candidate: EntryId, own: EntryId): boolean {
  if (candidate.term !== own.term) return candidate.term > own.term;
  return candidate.index >= own.index;
}

export class RaftLog {
  #base: SnapshotMeta;
  #entries: Entry[] = [];
  #bytes = 0;
  /** Bytes of the entries above {@link applied}. */
  #unappliedBytes = 0;
  #committed: Index;
  /** Handed out to the state machine up to here. Invariant: applied <= applying <= committed. */
  #applying: Index;
  #applied: Index;
  #configurations: ConfigurationAt[];

  /** @throws {InvariantViolation} if the parts recovered from disk do not fit each other. */
  constructor(base: SnapshotMeta, entries: readonly Entry[], reached: { committed: Index; applied: Index }) {
    this.#base = base;
    this.#configurations = [{ index: base.configurationIndex, configuration: base.configuration }];
    const joins = base.index === 0 && isNoConfiguration(base.configuration);
    assert(
      joins || configurationProblem(base.configuration) === undefined,
      "log: the base configuration is valid",
    );
    this.#committed = base.index;
    this.#applying = base.index;
    this.#applied = base.index;
    this.append(entries);
    assert(reached.applied >= base.index, "log: the state machine is older than the log's first entry");
    assert(reached.applied <= this.last.index, "log: the state machine has applied more than the log holds");
    this.commitTo(reached.committed);
    this.commitTo(reached.applied);
    this.#applying = reached.applied;
    this.appliedTo(reached.applied);
  }

  /** What precedes the first entry. */
  get base(): SnapshotMeta {
    return this.#base;
  }

  /** The latest entry, or the base if there is none. */
  get last(): EntryId {
    return this.#entries.at(-1) ?? this.#base;
  }

  get committed(): Index {
    return this.#committed;
  }

  get applied(): Index {
    return this.#applied;
  }

  get applying(): Index {
    return this.#applying;
  }

  /** Bytes of all entries held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of the entries that the state machine has not applied. */
  get unappliedBytes(): number {
    return this.#unappliedBytes;
  }

  /** The configuration in force: the last one appended. */
  get configuration(): Configuration {
    return defined(this.#configurations.at(-1), "log: there is always a configuration").configuration;
  }

  /** Where the configuration in force was appended; 0 for the initial one. */
  get configurationIndex(): Index {
    return defined(this.#configurations.at(-1), "log: there is always a configuration").index;
  }

  /** Whether the configuration in force is committed. While it is not, no other may follow it (R1). */
  get isConfigurationCommitted(): boolean {
    return this.configurationIndex <= this.#committed;
  }

  /** The configuration in force where the state machine is. */
  get appliedConfiguration(): Configuration {
    return this.#applied >= this.#base.index
      ? this.#configurationAt(this.#applied).configuration
      : this.#base.configuration;
  }

  /** The configuration in force at the commit index. */
  get committedConfiguration(): Configuration {
    return this.#configurationAt(this.#committed).configuration;
  }

  #configurationAt(at: Index): ConfigurationAt {
    const found = this.#configurations.findLast((configuration) => configuration.index <= at);
    return defined(found, "log: the configuration at an index still held is known");
  }

  entry(at: Index): Entry | undefined {
    return at > this.#base.index ? this.#entries[at - this.#base.index - 1] : undefined;
  }

  /** The term of the entry at `at`; undefined if it is compacted away or not there yet. */
  termAt(at: Index): Term | undefined {
    if (at === this.#base.index) return this.#base.term;
    return this.entry(at)?.term;
  }

  /** The chain hash at `at`; undefined where {@link termAt} is. */
  chainAt(at: Index): Hash52 | undefined {
    if (at === this.#base.index) return this.#base.chain;
    return this.entry(at)?.chain;
  }

  /** Whether this log holds the entry `id` (and hence, by log matching, all before it; §5.3). */
  matches(id: EntryId): boolean {
    return this.termAt(id.index) === id.term;
  }

  /**
   * The latest position at or before `from` whose term is at most `limit`: where two logs may still agree,
   * skipping a whole conflicting term for each round trip (§5.3, last paragraph).
   */
  findConflictByTerm(from: Index, limit: Term): EntryId {
    let at = from < this.last.index ? from : this.last.index;
    while (at > this.#base.index) {
      const found = this.termAt(at);
      if (found !== undefined && found <= limit) return { index: at, term: found };
      at = before(at);
    }
    return { index: this.#base.index, term: this.#base.term };
  }

  /** Entries from `from` on, as many as fit into `bytesMax`, at least one. `from` is still held. */
  slice(from: Index, bytesMax: number): readonly Entry[] {
    assert(from > this.#base.index, "log: entries asked for are not compacted away");
    const start = from - this.#base.index - 1;
    let end = start;
    let bytes = 0;
    for (; end < this.#entries.length; end++) {
      bytes += entryBytes(this.#entries[end] as Entry);
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  /** Adds entries that follow the last one. Their chain hashes are recomputed and must agree. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const last = this.last;
      assert(entry.index === last.index + 1, "log: entries are contiguous");
      assert(entry.term >= last.term, "log: terms never regress");
      const chain = chainHash(this.#lastChain(), entry, entry);
      assert(entry.chain === chain, "log: an entry does not continue the hash chain of this log");
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
      this.#unappliedBytes += entryBytes(entry);
      if (entry.kind === "configuration") {
        assert(configurationProblem(entry.configuration) === undefined, "log: configurations are valid");
        this.#configurations.push({ index: entry.index, configuration: entry.configuration });
      }
    }
  }

  #lastChain(): Hash52 {
    return this.#entries.at(-1)?.chain ?? this.#base.chain;
  }

  /** Makes, appends and returns the next entry of a leader. */
  extend(at: Term, body: EntryBody): Entry {
    const id = { index: next(this.last.index), term: at };
    const entry: Entry = { ...body, ...id, chain: chainHash(this.#lastChain(), id, body) };
    this.append([entry]);
    return entry;
  }

  /** Drops the entries from `from` on, and the configurations in them. Never anything committed. */
  truncateFrom(from: Index): void {
    assert(from > this.#committed, "log: a committed entry is never truncated");
    const dropped = this.#entries.splice(from - this.#base.index - 1);
    for (const entry of dropped) {
      this.#bytes -= entryBytes(entry);
      this.#unappliedBytes -= entryBytes(entry);
    }
    while ((this.#configurations.at(-1) as ConfigurationAt).index >= from) this.#configurations.pop();
    assert(this.#configurations.length > 0, "log: the base configuration survives truncation");
  }

  /** Moves the commit index forward to `to`; never back. */
  commitTo(to: Index): void {
    if (to <= this.#committed) return;
    assert(to <= this.last.index, "log: committed entries exist - was the log of this node lost or cut?");
    this.#committed = to;
  }

  /** Takes the entries to apply next: committed, at or below `durable`, of about `bytesMax` bytes. */
  takeUnapplied(durable: Index, bytesMax: number): readonly Entry[] {
    const limit = this.#committed < durable ? this.#committed : durable;
    if (limit <= this.#applying || bytesMax <= 0) return [];
    const entries: Entry[] = [];
    let bytes = 0;
    while (this.#applying < limit && bytes < bytesMax) {
      const entry = defined(this.entry(next(this.#applying)), "log: what is not handed out is still held");
      entries.push(entry);
      bytes += entryBytes(entry);
      this.#applying = entry.index;
    }
    return entries;
  }

  /** The state machine has applied up to `to`. */
  appliedTo(to: Index): void {
    if (to <= this.#applied) return;
    assert(to <= this.#applying, "log: only what was handed out can have been applied");
    // What an installed snapshot has replaced was taken off when it was installed.
    const from = this.#applied > this.#base.index ? this.#applied : this.#base.index;
    for (let at = from; at < to; at = next(at)) {
      this.#unappliedBytes -= entryBytes(defined(this.entry(next(at)), "log: what is applied is still held"));
    }
    this.#applied = to;
  }

  /** What a snapshot at `at` says of the log; `at` is still held. */
  metaAt(at: Index): SnapshotMeta {
    const { index: configurationIndex, configuration } = this.#configurationAt(at);
    return {
      index: at,
      term: defined(this.termAt(at), "log: the position is still held"),
      chain: defined(this.chainAt(at), "log: the position is still held"),
      configuration,
      configurationIndex,
    };
  }

  /**
   * The position to compact to, given a durable snapshot at `snapshot`: as little as possible is dropped while
   * no more than the given entries and bytes stay behind it (P11).
   */
  compactionPoint(snapshot: Index, keep: { readonly entries: number; readonly bytes: number }): Index {
    let at = snapshot;
    let bytes = 0;
    while (at > this.#base.index && snapshot - at < keep.entries) {
      bytes += entryBytes(defined(this.entry(at), "log: entries above the base are held"));
      if (bytes > keep.bytes) break;
      at = before(at);
    }
    return at;
  }

  /** Forgets the entries up to `at`, all applied. */
  compactTo(at: Index): void {
    assert(at <= this.#applied, "log: only applied entries are compacted away");
    if (at <= this.#base.index) return;
    const meta = this.metaAt(at);
    const dropped = this.#entries.splice(0, at - this.#base.index);
    for (const entry of dropped) this.#bytes -= entryBytes(entry);
    this.#base = meta;
    this.#configurations = [
      { index: meta.configurationIndex, configuration: meta.configuration },
      ...this.#configurations.filter((configuration) => configuration.index > at),
    ];
  }

  /** Starts over after a snapshot from a leader: nothing of the old log is kept (§7). */
  install(meta: SnapshotMeta): void {
    assert(meta.index > this.#committed, "log: a snapshot is installed only if it is news");
    this.#base = meta;
    this.#entries = [];
    this.#bytes = 0;
    this.#unappliedBytes = 0;
    this.#committed = meta.index;
    this.#applying = meta.index;
    this.#configurations = [{ index: meta.configurationIndex, configuration: meta.configuration }];
  }
}

/** The position before the first entry of a new cluster. */
export function initialMeta(configuration: Configuration): SnapshotMeta {
  return { index: index(0), term: term(0), chain: 0, configuration, configurationIndex: index(0) };
}
