/** What has reached the disk, step by step; `counting.test.ts` shows what holds for all histories. */

import { describe, expect, it } from "vitest";
import { index, initialMeta, type LogWrite, nodeId, term } from "../../src/raft/index.ts";
import { Ledger } from "../../src/raft/ledger.ts";
import { RaftLog } from "../../src/raft/log.ts";
import { buildLog, configurationOf } from "./words.ts";

const BASE = initialMeta(configurationOf(["a", "b", "c"]));

/** A node in term 1 with this log, all of it durable. */
function node(terms: readonly number[]): {
  readonly ledger: Ledger;
  readonly log: RaftLog;
  take(of?: number, vote?: string): LogWrite | undefined;
  extend(count: number): void;
} {
  const log = new RaftLog(BASE, buildLog(BASE, terms), { committed: index(0), applied: index(0) });
  const ledger = new Ledger({ term: term(1), vote: undefined, commit: index(0) }, log.last.index);
  return {
    ledger,
    log,
    take: (of = 1, vote) =>
      ledger.take({ term: term(of), vote: vote === undefined ? undefined : nodeId(vote), log }),
    extend: (count) => {
      for (let at = 0; at < count; at++) log.extend(term(1), { kind: "noop" });
    },
  };
}

describe("what is written", () => {
  it("is nothing where nothing has changed, and each change once", () => {
    const { take, extend } = node([1, 1]);
    expect(take()).toBeUndefined();
    extend(2);
    expect(take()).toMatchObject({ seq: 1, append: [{ index: 3 }, { index: 4 }] });
    expect(take()).toBeUndefined();
    expect(take(1, "b")).toMatchObject({ seq: 2, append: [], hardState: { term: 1, vote: "b" } });
    expect(take(2)).toMatchObject({ seq: 3, hardState: { term: 2, vote: undefined } });
    expect(take(2)).toBeUndefined();
  });

  it("carries the commit index along, and is not written for it alone", () => {
    const { take, extend, log } = node([1, 1]);
    log.commitTo(index(1));
    expect(take()).toBeUndefined();
    extend(1);
    expect(take()?.hardState).toEqual({ term: 1, vote: undefined, commit: 1 });
    extend(1);
    expect(take()?.hardState).toBeUndefined();
  });

  it("names the lowest of several truncations, and what came in their place", () => {
    const { take, log, ledger } = node([1, 1, 1, 1]);
    for (const from of [4, 2]) {
      log.truncateFrom(index(from));
      ledger.truncated(index(from));
    }
    log.extend(term(1), { kind: "noop" });
    expect(take()).toMatchObject({ truncateFrom: 2, append: [{ index: 2 }] });
  });

  it("knows which write bore the term and the vote, which not all do", () => {
    const { take, extend, ledger } = node([1]);
    expect([ledger.latestSeq, ledger.hardStateSeq, ledger.persistedSeq]).toEqual([0, 0, 0]);
    take(2);
    extend(1);
    take(2);
    expect([ledger.latestSeq, ledger.hardStateSeq]).toEqual([2, 1]);
  });
});

describe("what is durable", () => {
  it("is what its write carried, and a late word of an earlier write takes nothing back", () => {
    const { take, extend, ledger } = node([1]);
    extend(1);
    take();
    extend(1);
    take(2);
    ledger.persisted(2);
    expect([ledger.durable, ledger.durableTerm, ledger.persistedSeq]).toEqual([3, 2, 2]);
    ledger.persisted(1);
    expect([ledger.durable, ledger.durableTerm, ledger.persistedSeq]).toEqual([3, 2, 2]);
    expect(() => ledger.persisted(3)).toThrow("only writes that have left");
  });

  it("reaches the term only with the write that bears it", () => {
    const { take, extend, ledger } = node([1]);
    extend(1);
    take();
    take(2);
    ledger.persisted(1);
    expect(ledger.durableTerm).toBe(1);
    ledger.persisted(2);
    expect(ledger.durableTerm).toBe(2);
  });

  it("ends before a truncation, whatever was on its way", () => {
    const { take, extend, ledger, log } = node([1]);
    extend(3);
    take();
    log.truncateFrom(index(3));
    ledger.truncated(index(3));
    log.extend(term(2), { kind: "noop" });
    take();
    ledger.persisted(1);
    expect(ledger.durable).toBe(2);
    ledger.persisted(2);
    expect(ledger.durable).toBe(3);
  });

  it("is taken back by a truncation of what was durable", () => {
    const { take, extend, ledger, log } = node([1]);
    extend(3);
    take();
    ledger.persisted(1);
    expect(ledger.durable).toBe(4);
    log.truncateFrom(index(3));
    ledger.truncated(index(3));
    expect(ledger.durable).toBe(2);
    expect(take()).toMatchObject({ truncateFrom: 3, append: [] });
  });

  it("waits for the disk as long as its oldest write does", () => {
    const { take, extend, ledger } = node([1]);
    ledger.tick();
    expect(ledger.waitingTicks).toBe(0);
    extend(1);
    take();
    ledger.tick();
    take(2);
    ledger.tick();
    expect(ledger.waitingTicks).toBe(2);
    ledger.persisted(1);
    expect(ledger.waitingTicks).toBe(1);
    ledger.persisted(2);
    expect(ledger.waitingTicks).toBe(0);
  });
});

describe("a snapshot on its way to the disk", () => {
  const meta = { ...BASE, index: index(3), term: term(1), chain: 7 };

  it("is installing until its write is durable, and is handed out once then", () => {
    const { take, ledger, log } = node([1, 1, 1, 1]);
    expect(ledger.installing).toBe(false);
    log.install(meta);
    ledger.installed(meta);
    expect([ledger.installing, ledger.durable]).toEqual([true, 2]);
    expect(take()).toMatchObject({ install: { index: 3 }, append: [] });
    expect([ledger.installing, ledger.takeInstalled()]).toEqual([true, undefined]);
    ledger.persisted(1);
    expect([ledger.installing, ledger.durable]).toEqual([false, 3]);
    expect(ledger.takeInstalled()).toBe(meta);
    expect(ledger.takeInstalled()).toBeUndefined();
  });

  it("takes away a truncation and a compaction that were to be written", () => {
    const { take, ledger, log } = node([1, 1, 1, 1]);
    ledger.compacted({ ...BASE, index: index(1) });
    log.truncateFrom(index(2));
    ledger.truncated(index(2));
    log.install(meta);
    ledger.installed(meta);
    const write = take();
    expect(write).toMatchObject({ install: { index: 3 } });
    expect([write?.truncateFrom, write?.compact]).toEqual([undefined, undefined]);
  });

  it("is followed by a compaction once there is one", () => {
    const { take, ledger } = node([1, 1]);
    const compacted = { ...BASE, index: index(1) };
    ledger.compacted(compacted);
    expect(take()).toMatchObject({ compact: compacted, append: [] });
    expect(take()).toBeUndefined();
  });
});
