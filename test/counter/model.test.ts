import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  decodePayload,
  encodePayload,
  type Limits,
  MemoryTable,
} from "../../src/counter/index.ts";
import { anyHistory, SMALL, WIDE } from "./commands.ts";
import { bareOutcomes, NaiveModel } from "./naive-model.ts";

function agrees(limits: Limits, history: Parameters<typeof encodePayload>[0][]): void {
  const table = new MemoryTable();
  const model = new NaiveModel(limits);
  for (const payload of history) {
    const outcomes = applyPayload(table, decodePayload(encodePayload(payload)), limits);
    const expected = model.applyPayload(payload.elapsed, payload.items);
    expect(bareOutcomes(payload.items, outcomes)).toEqual(expected);
    compareStates(table, model);
  }
}

function compareStates(table: MemoryTable, model: NaiveModel): void {
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
  const counters = [...model.counters].map(([key, { value, revision }]) => ({ key, value, revision }));
  expect([...table.counters()].sort(byKey)).toEqual(counters.sort(byKey));
  for (const [key, { members }] of model.counters) {
    for (const member of ["m", "n", "o"]) expect(table.hasMember(key, member)).toBe(members.includes(member));
  }
  expect(table.totals()).toMatchObject({
    revision: model.revision,
    logTime: model.now,
    counters: model.counters.size,
    rememberedKeys: model.keys.length,
    sessions: model.sessions.length,
    sessionsOpened: model.opened,
    digest: table.digestOfRows(),
  });
  for (const { key, at } of model.keys) expect(table.outcome(key)?.at).toBe(at);
  for (const { id, usedAt, first, seqs } of model.sessions) {
    const row = table.session(id);
    expect(row).toMatchObject({ usedAt, firstUnanswered: first });
    expect(new Set(row?.outcomes.keys())).toEqual(new Set(seqs.keys()));
  }
}

describe("applying payloads", () => {
  it("does what the naive model does, through the codec, while memory is scarce", () => {
    fc.assert(
      fc.property(anyHistory, (history) => agrees(SMALL, history)),
      { numRuns: 500 },
    );
  });

  it("does what the naive model does, through the codec, while nothing is forgotten", () => {
    fc.assert(
      fc.property(anyHistory, (history) => agrees(WIDE, history)),
      { numRuns: 250 },
    );
  });

  it("is shown histories in which everything happens", () => {
    const seenCodes = new Set<string>();
    for (const history of fc.sample(anyHistory, { numRuns: 1_000, seed: 1 })) {
      const table = new MemoryTable();
      for (const payload of history) {
        for (const one of bareOutcomes(payload.items, applyPayload(table, payload, SMALL))) {
          seenCodes.add(one.kind === "done" ? "done" : one.code).add(`${one.kind} replayed ${one.replayed}`);
        }
      }
    }
    expect([...seenCodes].sort()).toEqual([
      "COUNTER_OVERFLOW",
      "IDEMPOTENCY_CAPACITY",
      "IDEMPOTENCY_KEY_REUSED",
      "LIMIT_REACHED",
      "REVISION_MISMATCH",
      "SESSION_EXPIRED",
      "done",
      "done replayed false",
      "done replayed true",
      "refused replayed false",
      "refused replayed true",
    ]);
  });

  it("gives equal outcomes and equal tables wherever the log is cut by a snapshot", () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(12), (history, cut) => {
        const straight = new MemoryTable();
        const all = history.map((payload) => applyPayload(straight, payload, SMALL));
        const leader = new MemoryTable();
        for (const payload of history.slice(0, cut)) applyPayload(leader, payload, SMALL);
        const follower = leader.clone();
        // What the leader goes on to do must not reach into the snapshot.
        for (const payload of history.slice(cut)) applyPayload(leader, payload, SMALL);
        const rest = history.slice(cut).map((payload) => applyPayload(follower, payload, SMALL));
        expect(rest).toEqual(all.slice(cut));
        expect(follower.totals()).toEqual(straight.totals());
        expect(leader.totals()).toEqual(straight.totals());
        expect(follower.digestOfRows()).toBe(straight.totals().digest);
      }),
      { numRuns: 200 },
    );
  });
});
