/** The log, step by step; `log-model.test.ts` shows that it is what a plain array is. */

import { describe, expect, it } from "vitest";
import {
  type Configuration,
  type Entry,
  entryBytes,
  index,
  initialMeta,
  isUpToDate,
  term,
} from "../../src/raft/index.ts";
import { RaftLog } from "../../src/raft/log.ts";
import { buildLog, configurationOf, entryId } from "./words.ts";

const FIRST = configurationOf(["a"]);
const BASE = initialMeta(FIRST);
const NOTHING = { committed: index(0), applied: index(0) };

function logOf(terms: readonly number[], reached: { committed?: number; applied?: number } = {}): RaftLog {
  const { committed = 0, applied = 0 } = reached;
  return new RaftLog(BASE, buildLog(BASE, terms), { committed: index(committed), applied: index(applied) });
}

/** A log of five in which the second and the fourth entry are configurations. */
function configured(): {
  readonly log: RaftLog;
  readonly second: Configuration;
  readonly third: Configuration;
} {
  const [second, third] = [configurationOf(["a", "b"]), configurationOf(["a", "b", "c"])];
  const log = new RaftLog(BASE, [], NOTHING);
  log.extend(term(1), { kind: "noop" });
  log.extend(term(1), { kind: "configuration", configuration: second });
  log.extend(term(1), { kind: "noop" });
  log.extend(term(1), { kind: "configuration", configuration: third });
  log.extend(term(1), { kind: "noop" });
  return { log, second, third };
}

function commitAndApply(log: RaftLog, to: number): void {
  log.commitTo(index(to));
  log.takeUnapplied(index(to), Number.POSITIVE_INFINITY);
  log.appliedTo(index(to));
}

describe("of two logs the more up-to-date one (§5.4.1)", () => {
  it.each([
    [9, 2, 1, 3, false],
    [1, 3, 9, 2, true],
    [4, 2, 5, 2, false],
    [5, 2, 5, 2, true],
    [6, 2, 5, 2, true],
  ])(
    "is decided by the last term and then by the length: (%i, %i) against (%i, %i)",
    (at, of, ownAt, ownOf, is) => {
      expect(isUpToDate(entryId(at, of), entryId(ownAt, ownOf))).toBe(is);
    },
  );
});

describe("where two logs may still agree", () => {
  const log = logOf([1, 1, 2, 2, 4, 4]);

  it.each([
    [6, 4, 6, 4],
    [6, 3, 4, 2],
    [6, 2, 4, 2],
    [6, 1, 2, 1],
    [3, 4, 3, 2],
    [9, 9, 6, 4],
    [6, 0, 0, 0],
    [0, 4, 0, 0],
  ])("is the latest entry up to %i whose term is at most %i: %i of term %i", (from, limit, at, of) => {
    expect(log.findConflictByTerm(index(from), term(limit))).toEqual(entryId(at, of));
  });
});

describe("what is handed to the state machine", () => {
  it("is committed and durable, each once, in order", () => {
    const log = logOf([1, 1, 1, 1]);
    const take = (durable: number): readonly number[] =>
      log.takeUnapplied(index(durable), Number.POSITIVE_INFINITY).map((entry) => entry.index);
    expect(take(4)).toEqual([]);
    log.commitTo(index(3));
    expect(take(2)).toEqual([1, 2]);
    expect(take(2)).toEqual([]);
    expect(take(4)).toEqual([3]);
    expect([log.applying, log.applied]).toEqual([3, 0]);
  });

  it("is as much as its bytes allow, at least one entry, and nothing for none", () => {
    const log = logOf([1, 1, 1, 1], { committed: 4 });
    const bytes = entryBytes(log.entry(index(1)) as Entry);
    const take = (max: number): number => log.takeUnapplied(index(4), max).length;
    expect(take(0)).toBe(0);
    expect(take(1)).toBe(1);
    expect(take(bytes)).toBe(1);
    expect(take(bytes + 1)).toBe(2);
  });

  it("weighs until it has been applied", () => {
    const log = logOf([1, 1, 1]);
    const whole = log.bytes;
    expect([whole > 0, log.unappliedBytes]).toEqual([true, whole]);
    log.commitTo(index(2));
    log.takeUnapplied(index(3), Number.POSITIVE_INFINITY);
    log.appliedTo(index(2));
    expect(log.unappliedBytes).toBe(entryBytes(log.entry(index(3)) as Entry));
    log.appliedTo(index(1));
    expect(log.applied).toBe(2);
    expect(() => log.appliedTo(index(3))).toThrow("only what was handed out");
    log.truncateFrom(index(3));
    expect([log.bytes, log.unappliedBytes]).toEqual([whole - entryBytes(buildLog(BASE, [1])[0] as Entry), 0]);
  });
});

describe("the weight of what is not applied", () => {
  it("goes down by what each apply has done, and by no more", () => {
    const log = logOf([1, 1, 1]);
    commitAndApply(log, 1);
    commitAndApply(log, 2);
    expect(log.unappliedBytes).toBe(entryBytes(log.entry(index(3)) as Entry));
  });
});

describe("the commit index", () => {
  it("never goes back, and never beyond the end", () => {
    const log = logOf([1, 1, 1]);
    log.commitTo(index(2));
    log.commitTo(index(1));
    expect(log.committed).toBe(2);
    expect(() => log.commitTo(index(4))).toThrow("was the log of this node lost or cut?");
    expect(() => log.truncateFrom(index(2))).toThrow("a committed entry is never truncated");
  });

  it("is at least what the state machine has applied when a node starts", () => {
    const log = logOf([1, 1, 1], { committed: 1, applied: 2 });
    expect([log.committed, log.applied, log.applying]).toEqual([2, 2, 2]);
    expect(() => logOf([1], { applied: 2 })).toThrow("has applied more than the log holds");
    const late = { ...BASE, index: index(4), term: term(1) };
    const older = { committed: index(4), applied: index(3) };
    expect(() => new RaftLog(late, [], older)).toThrow("older than the log's first entry");
  });
});

describe("the configuration in force", () => {
  it("is the last one in the log, committed or not, and goes with a truncation (§6)", () => {
    const { log, second, third } = configured();
    expect([log.configuration, log.configurationIndex]).toEqual([third, 4]);
    expect(log.committedConfiguration).toEqual(FIRST);
    log.commitTo(index(3));
    expect([log.committedConfiguration, log.isConfigurationCommitted]).toEqual([second, false]);
    log.commitTo(index(4));
    expect([log.committedConfiguration, log.isConfigurationCommitted]).toEqual([third, true]);
  });

  it("goes with the entry that brought it", () => {
    const { log, second, third } = configured();
    log.commitTo(index(3));
    log.truncateFrom(index(5));
    expect(log.configuration).toEqual(third);
    log.truncateFrom(index(4));
    expect([log.configuration, log.configurationIndex]).toEqual([second, 2]);
    expect(log.isConfigurationCommitted).toBe(true);
  });

  it("of a position is the last one up to there, whatever comes later (T40)", () => {
    const { log, second, third } = configured();
    const said = [1, 2, 3, 4, 5].map((at) => log.metaAt(index(at)));
    expect(said.map(({ configuration }) => configuration)).toEqual([FIRST, second, second, third, third]);
    expect(said.map(({ configurationIndex }) => configurationIndex)).toEqual([0, 2, 2, 4, 4]);
    expect(said.map(({ chain }) => chain)).toEqual([1, 2, 3, 4, 5].map((at) => log.chainAt(index(at))));
  });

  it("outlives the compaction of the entry that brought it", () => {
    const { log, second, third } = configured();
    commitAndApply(log, 3);
    expect(log.appliedConfiguration).toEqual(second);
    log.compactTo(index(3));
    expect([log.base.configuration, log.base.configurationIndex]).toEqual([second, 2]);
    expect([log.configuration, log.committedConfiguration]).toEqual([third, second]);
    log.truncateFrom(index(4));
    expect(log.configuration).toEqual(second);
  });

  it("is that of a snapshot that is installed, and nothing of the old log is left (T41, T45)", () => {
    const { log, second } = configured();
    const [configurationIndex, chain] = [index(2), 5];
    const meta = { index: index(3), term: term(2), chain, configuration: second, configurationIndex };
    log.install(meta);
    expect([log.configuration, log.committedConfiguration]).toEqual([second, second]);
    expect(log.last).toEqual(meta);
    // The state machine is still being replaced.
    expect([log.applied, log.appliedConfiguration]).toEqual([0, second]);
    expect([log.bytes, log.unappliedBytes, log.committed, log.applying]).toEqual([0, 0, 3, 3]);
    expect(() => log.install(meta)).toThrow("only if it is news");
  });
});

describe("the configuration at the base", () => {
  const nobody: Configuration = { ...FIRST, voters: [], members: [] };

  it("is none for a node that joins and knows nobody yet, and only at index 0", () => {
    const log = new RaftLog(initialMeta(nobody), [], NOTHING);
    expect(log.configuration).toEqual(nobody);
    const later = { ...initialMeta(nobody), index: index(3), term: term(1) };
    const reached = { committed: index(3), applied: index(3) };
    expect(() => new RaftLog(later, [], reached)).toThrow("the base configuration is valid");
  });
});

describe("a compaction", () => {
  it("after another one forgets what came between", () => {
    const log = logOf([1, 1, 2, 2, 2]);
    commitAndApply(log, 4);
    log.compactTo(index(2));
    log.compactTo(index(3));
    expect([log.base.index, log.entry(index(4))?.index, log.entry(index(5))?.index]).toEqual([3, 4, 5]);
    const bytes = [4, 5].reduce((sum, at) => sum + entryBytes(log.entry(index(at)) as Entry), 0);
    expect(log.bytes).toBe(bytes);
  });

  it("forgets what was applied, and no more, and keeps the rest as it was", () => {
    const log = logOf([1, 1, 2, 2]);
    commitAndApply(log, 3);
    const chain = log.chainAt(index(2));
    const bytes = entryBytes(log.entry(index(4)) as Entry) + entryBytes(log.entry(index(3)) as Entry);
    expect(() => log.compactTo(index(4))).toThrow("only applied entries");
    log.compactTo(index(2));
    expect(log.base).toMatchObject({ index: 2, term: 1, chain });
    expect([log.bytes, log.last.index, log.termAt(index(2)), log.termAt(index(1))]).toEqual([
      bytes,
      4,
      1,
      undefined,
    ]);
    expect([log.entry(index(2)), log.entry(index(3))?.index]).toEqual([undefined, 3]);
    expect(() => log.slice(index(2), 1)).toThrow("not compacted away");
    log.compactTo(index(1));
    expect(log.base.index).toBe(2);
  });

  it("leaves as many entries and bytes behind a snapshot as it may, and no more (P11)", () => {
    const log = logOf([1, 1, 1, 1, 1, 1]);
    const each = entryBytes(log.entry(index(1)) as Entry);
    const point = (entries: number, bytes: number): number =>
      log.compactionPoint(index(5), { entries, bytes });
    expect(point(0, 1_000)).toBe(5);
    expect(point(2, 1_000)).toBe(3);
    expect(point(9, 1_000)).toBe(0);
    expect(point(9, 0)).toBe(5);
    expect(point(9, 2 * each)).toBe(3);
    expect(point(9, 2 * each - 1)).toBe(4);
  });
});

describe("a slice", () => {
  it("holds as many entries as fit, at least one", () => {
    const log = logOf([1, 1, 1]);
    const each = entryBytes(log.entry(index(1)) as Entry);
    const slice = (from: number, bytes: number): readonly number[] =>
      log.slice(index(from), bytes).map((entry) => entry.index);
    expect(slice(1, 1)).toEqual([1]);
    expect(slice(1, 2 * each - 1)).toEqual([1]);
    expect(slice(1, 2 * each)).toEqual([1, 2]);
    expect(slice(2, 9_999)).toEqual([2, 3]);
    expect(slice(4, 9_999)).toEqual([]);
  });
});
