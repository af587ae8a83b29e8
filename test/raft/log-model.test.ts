/** `RaftLog` against an array that does the same in the most obvious way. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Entry,
  type EntryBody,
  entryBytes,
  index,
  initialMeta,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";
import { RaftLog } from "../../src/raft/log.ts";
import { configurationOf, entryId } from "./words.ts";

const CONFIGURATIONS = [
  configurationOf(["a", "b", "c"]),
  configurationOf(["a", "b"]),
  configurationOf(["b"], ["a"], ["c"]),
];

/** All entries ever, from index 1 on: nothing is forgotten, only the places where things begin and end move. */
interface Model {
  base: SnapshotMeta;
  entries: Entry[];
  committed: number;
  applied: number;
}

type Step =
  | { readonly do: "extend"; readonly term: number; readonly kind: number }
  | { readonly do: "truncate" | "commit" | "compact" | "apply"; readonly at: number }
  | { readonly do: "install"; readonly ahead: number; readonly configuration: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("extend" as const), term: fc.nat(2), kind: fc.nat(6) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("truncate", "commit", "compact", "apply"), at: fc.nat(20) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("install" as const),
      ahead: fc.integer({ min: 1, max: 5 }),
      configuration: fc.nat(2),
    }),
  },
);

function body(kind: number): EntryBody {
  if (kind < 4) return { kind: "command", data: new Uint8Array(kind), crc: kind };
  if (kind < 6) return { kind: "noop" };
  return {
    kind: "configuration",
    configuration: CONFIGURATIONS[1] ?? CONFIGURATIONS[0] ?? configurationOf(["a"]),
  };
}

function last(model: Model): number {
  return model.base.index + model.entries.length;
}

function at(model: Model, position: number): Entry | undefined {
  return model.entries[position - model.base.index - 1];
}

/** Brings a number from 0 to 20 into [low, high]. */
function within(low: number, high: number, value: number): number {
  return high < low ? low : low + (value % (high - low + 1));
}

function metaAt(model: Model, position: number): SnapshotMeta {
  const entry = at(model, position);
  if (entry === undefined) return model.base;
  const below = model.entries.filter((one) => one.index <= position && one.kind === "configuration").at(-1);
  const known = below?.kind === "configuration" ? below : undefined;
  return {
    index: entry.index,
    term: entry.term,
    chain: entry.chain,
    configuration: known?.configuration ?? model.base.configuration,
    configurationIndex: known?.index ?? model.base.configurationIndex,
  };
}

function play(log: RaftLog, model: Model, step: Step): void {
  switch (step.do) {
    case "extend": {
      const current = model.entries.at(-1)?.term ?? model.base.term;
      model.entries.push(log.extend(term(current + (step.term === 2 ? 1 : 0)), body(step.kind)));
      return;
    }
    case "truncate": {
      const from = within(model.committed + 1, last(model) + 1, step.at);
      log.truncateFrom(index(from));
      model.entries.length = from - model.base.index - 1;
      return;
    }
    case "commit":
      model.committed = within(model.committed, last(model), step.at);
      log.commitTo(index(model.committed));
      return;
    case "apply": {
      const durable = within(model.applied, last(model), step.at);
      const taken = log.takeUnapplied(index(durable), Number.POSITIVE_INFINITY);
      const until = Math.max(model.applied, Math.min(durable, model.committed));
      expect(taken.map((entry) => entry.index)).toEqual(
        Array.from({ length: until - model.applied }, (_, n) => model.applied + n + 1),
      );
      model.applied = until;
      log.appliedTo(index(until));
      return;
    }
    case "compact": {
      const to = within(model.base.index, model.applied, step.at);
      const meta = metaAt(model, to);
      log.compactTo(index(to));
      model.entries = model.entries.slice(to - model.base.index);
      model.base = meta;
      return;
    }
    case "install": {
      const place = entryId(
        model.committed + step.ahead,
        (model.entries.at(-1)?.term ?? model.base.term) + 1,
      );
      const configuration = CONFIGURATIONS[step.configuration] ?? configurationOf(["a"]);
      model.base = { ...place, chain: 7, configuration, configurationIndex: place.index };
      model.entries = [];
      model.committed = place.index;
      log.install(model.base);
      log.appliedTo(place.index);
      model.applied = place.index;
    }
  }
}

function compare(log: RaftLog, model: Model): void {
  expect(log.base).toEqual(model.base);
  expect(log.last).toMatchObject(entryId(last(model), model.entries.at(-1)?.term ?? model.base.term));
  expect([log.committed, log.applied, log.applying]).toEqual([model.committed, model.applied, model.applied]);
  expect(log.bytes).toBe(model.entries.reduce((sum, entry) => sum + entryBytes(entry), 0));
  expect(log.configuration).toEqual(metaAt(model, last(model)).configuration);
  expect(log.committedConfiguration).toEqual(metaAt(model, model.committed).configuration);
  for (let position = 0; position <= last(model) + 2; position++) {
    const entry = at(model, position);
    const isBase = position === model.base.index;
    expect(log.entry(index(position))).toEqual(entry);
    expect(log.termAt(index(position))).toBe(isBase ? model.base.term : entry?.term);
    expect(log.chainAt(index(position))).toBe(isBase ? model.base.chain : entry?.chain);
    expect(log.matches(entryId(position, 2))).toBe((isBase ? model.base.term : entry?.term) === 2);
    if (entry !== undefined || isBase) expect(log.metaAt(index(position))).toEqual(metaAt(model, position));
  }
}

function conflict(model: Model, from: number, limit: number): number {
  for (let position = Math.min(from, last(model)); position > model.base.index; position--) {
    if ((at(model, position)?.term ?? 0) <= limit) return position;
  }
  return model.base.index;
}

function begin(): [RaftLog, Model] {
  const base = initialMeta(CONFIGURATIONS[0] ?? configurationOf(["a"]));
  const log = new RaftLog(base, [], { committed: base.index, applied: base.index });
  return [log, { base, entries: [], committed: 0, applied: 0 }];
}

describe("the log", () => {
  it("is what a plain array is, whatever is done to it", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const [log, model] = begin();
        for (const step of steps) play(log, model, step);
        compare(log, model);
        // What is on disk gives the same log again.
        const again = new RaftLog(log.base, model.entries, {
          committed: index(model.committed),
          applied: index(model.applied),
        });
        compare(again, model);
      }),
      { numRuns: 300 },
    );
  });

  it("slices, finds conflicts and compacts as an array would", () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 30 }),
        fc.nat(25),
        fc.nat(6),
        fc.nat(400),
        (steps, from, limit, bytes) => {
          const [log, model] = begin();
          for (const step of steps) play(log, model, step);
          expect(log.findConflictByTerm(index(from), term(limit)).index).toBe(conflict(model, from, limit));
          const first = within(model.base.index + 1, last(model) + 1, from);
          const slice = log.slice(index(first), bytes);
          const rest = model.entries.slice(first - model.base.index - 1);
          expect(slice).toEqual(rest.slice(0, slice.length));
          const weight = (list: readonly Entry[]): number =>
            list.reduce((sum, entry) => sum + entryBytes(entry), 0);
          if (rest.length > 0) expect(slice.length).toBeGreaterThan(0);
          if (slice.length > 1) expect(weight(slice)).toBeLessThanOrEqual(bytes);
          if (slice.length < rest.length)
            expect(weight(rest.slice(0, slice.length + 1))).toBeGreaterThan(bytes);
          const snapshot = within(model.base.index, last(model), from);
          const point = log.compactionPoint(index(snapshot), { entries: limit, bytes });
          const kept = model.entries.filter((entry) => entry.index > point && entry.index <= snapshot);
          expect(kept.length).toBeLessThanOrEqual(limit);
          expect(weight(kept)).toBeLessThanOrEqual(bytes);
          if (point > model.base.index && kept.length < limit) {
            expect(
              weight([...kept, ...model.entries.filter((entry) => entry.index === point)]),
            ).toBeGreaterThan(bytes);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses entries that do not follow, in index, term or chain, and truncation of what is committed", () => {
    const [log] = begin();
    const first = log.extend(term(2), { kind: "noop" });
    expect(() => log.append([{ ...first }])).toThrow("contiguous");
    expect(() => log.extend(term(1), { kind: "noop" })).toThrow("never regress");
    expect(() => log.append([{ ...first, index: index(2), chain: 1 }])).toThrow("hash chain");
    log.commitTo(index(1));
    expect(() => log.truncateFrom(index(1))).toThrow("never truncated");
  });
});
