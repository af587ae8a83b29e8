/** Quorums, progress, the ledger, proposals and read rounds, each against an obvious way to do the same. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Configuration,
  index,
  initialMeta,
  isQuorum,
  majority,
  type NodeId,
  nodeId,
  quorumIndex,
  tally,
  term,
} from "../../src/raft/index.ts";
import { Ledger } from "../../src/raft/ledger.ts";
import { RaftLog } from "../../src/raft/log.ts";
import {
  accepted,
  inflightBytes,
  initialProgress,
  isPaused,
  type Progress,
  refused,
  sent,
  toProbe,
  toReplicate,
} from "../../src/raft/progress.ts";
import { Proposals } from "../../src/raft/proposals.ts";
import { ReadRounds } from "../../src/raft/reads.ts";
import { configurationOf, entryId } from "./words.ts";

const IDS = ["a", "b", "c", "d", "e", "f"].map(nodeId);

const anyConfiguration: fc.Arbitrary<Configuration> = fc
  .tuple(fc.subarray(IDS, { minLength: 1 }), fc.oneof(fc.constant<NodeId[]>([]), fc.subarray(IDS)))
  .map(([voters, outgoing]) =>
    configurationOf(
      voters,
      IDS.filter((id) => !voters.includes(id) && !outgoing.includes(id)).slice(0, 1),
      outgoing,
    ),
  );

function halves({ voters, outgoing }: Configuration): readonly (readonly NodeId[])[] {
  return outgoing.length === 0 ? [voters] : [voters, outgoing];
}

/** By the definition: more than half of each half. */
function isQuorumObviously(configuration: Configuration, set: readonly NodeId[]): boolean {
  return halves(configuration).every(
    (half) => 2 * half.filter((id) => set.includes(id)).length > half.length,
  );
}

const anySet = fc.subarray(IDS);

describe("quorums", () => {
  it("are more than half of each half, and any two of them share a node", () => {
    fc.assert(
      fc.property(anyConfiguration, anySet, anySet, (configuration, first, second) => {
        const isOne = (set: readonly NodeId[]): boolean => isQuorum(configuration, (id) => set.includes(id));
        expect(isOne(first)).toBe(isQuorumObviously(configuration, first));
        if (isOne(first) && isOne(second)) expect(first.some((id) => second.includes(id))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect([0, 1, 2, 3, 4, 5].map(majority)).toEqual([0, 1, 2, 2, 3, 3]);
  });

  it("have reached the highest index that a quorum has reached", () => {
    const matches = fc.array(fc.nat(9), { minLength: IDS.length, maxLength: IDS.length });
    fc.assert(
      fc.property(anyConfiguration, matches, (configuration, values) => {
        const matchOf = (id: NodeId): number => values[IDS.indexOf(id)] ?? 0;
        let best = 0;
        for (let at = 1; at <= 9; at++) {
          if (
            isQuorumObviously(
              configuration,
              IDS.filter((id) => matchOf(id) >= at),
            )
          )
            best = at;
        }
        expect(quorumIndex(configuration, (id) => index(matchOf(id)))).toBe(best);
      }),
      { numRuns: 1_000 },
    );
  });

  it("decide an election once it cannot come out otherwise any more", () => {
    fc.assert(
      fc.property(
        anyConfiguration,
        fc.array(fc.constantFrom(true, false, undefined), { minLength: 6, maxLength: 6 }),
        (configuration, answers) => {
          const votes = new Map<NodeId, boolean>();
          IDS.forEach((id, at) => {
            const answer = answers[at];
            if (answer !== undefined) votes.set(id, answer);
          });
          const granted = IDS.filter((id) => votes.get(id) === true);
          const possible = IDS.filter((id) => votes.get(id) !== false);
          const expected = isQuorumObviously(configuration, granted)
            ? "won"
            : isQuorumObviously(configuration, possible)
              ? "pending"
              : "lost";
          expect(tally(configuration, votes)).toBe(expected);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

const anyMove = fc.oneof(
  fc.record({
    do: fc.constant("send" as const),
    count: fc.integer({ min: 1, max: 3 }),
    bytes: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({ do: fc.constant("accept" as const), back: fc.nat(4) }),
  fc.record({ do: fc.constant("refuse" as const), back: fc.nat(4), hint: fc.nat(20) }),
  fc.record({ do: fc.constantFrom("probe" as const, "replicate" as const) }),
);

describe("the progress of a peer", () => {
  it("never takes a match back, never sends from below it, and keeps within the window", () => {
    const max = { messages: 3, bytes: 100 };
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 60 }), (moves) => {
        let progress: Progress = initialProgress(index(5));
        let end = 5;
        for (const move of moves) {
          const before = progress;
          if (move.do === "send" && !isPaused(progress, max)) {
            end = Math.max(end, progress.next + move.count - 1);
            progress = sent(
              progress,
              { last: index(progress.next + move.count - 1), bytes: move.bytes },
              index(0),
            );
          } else if (move.do === "accept") {
            const known = accepted(progress, index(Math.max(0, end - move.back))) ?? progress;
            progress = known.state === "probe" ? toReplicate(known) : known;
          } else if (move.do === "refuse") {
            const rejected = index(Math.max(0, progress.next - 1 - move.back));
            progress = refused(progress, rejected, index(move.hint)) ?? progress;
          } else if (move.do === "probe") progress = toProbe(progress);
          else if (move.do === "replicate" && progress.match > 0) progress = toReplicate(progress);
          expect(progress.match).toBeGreaterThanOrEqual(before.match);
          expect(progress.next).toBeGreaterThan(progress.match);
          if (progress.state !== "replicate") continue;
          expect(progress.inflight.length).toBeLessThanOrEqual(max.messages);
          expect(inflightBytes(progress.inflight)).toBeLessThan(max.bytes + 50);
          for (const one of progress.inflight) expect(one.last).toBeGreaterThan(progress.match);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("goes back with every refusal of a probe, so that probing ends", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.nat(40), { minLength: 31, maxLength: 31 }),
        (last, hints) => {
          let progress: Progress = initialProgress(index(last));
          for (const hint of hints) {
            if (progress.next === 1) break;
            const after = refused(progress, index(progress.next - 1), index(hint));
            expect(after?.next).toBeLessThan(progress.next);
            progress = after ?? progress;
          }
          expect(progress.next).toBe(1);
        },
      ),
    );
  });
});

type DiskMove = { readonly do: "append" | "truncate" | "take" | "persist" | "install"; readonly n: number };

describe("the ledger", () => {
  it("never calls durable what the disk does not hold as it is in memory, and claims all of it in the end", () => {
    const move: fc.Arbitrary<DiskMove> = fc.record({
      do: fc.constantFrom("append", "append", "truncate", "take", "take", "persist", "install"),
      n: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const meta = initialMeta(configurationOf(["a"]));
        const log = new RaftLog(meta, [], { committed: index(0), applied: index(0) });
        const ledger = new Ledger({ term: term(0), vote: undefined, commit: index(0) }, index(0));
        const state = { term: term(0), vote: undefined, log };
        let disk: { base: number; chains: number[] } = { base: 0, chains: [] };
        let writes: NonNullable<ReturnType<Ledger["take"]>>[] = [];
        const take = (): void => {
          const write = ledger.take(state);
          if (write !== undefined) writes.push(write);
        };
        const persist = (count: number): void => {
          for (const write of writes.slice(0, count)) {
            if (write.install !== undefined) disk = { base: write.install.index, chains: [] };
            else if (write.truncateFrom !== undefined)
              disk.chains.length = write.truncateFrom - disk.base - 1;
            expect(write.append[0]?.index ?? disk.base + disk.chains.length + 1).toBe(
              disk.base + disk.chains.length + 1,
            );
            disk.chains.push(...write.append.map((entry) => entry.chain));
            ledger.persisted(write.seq);
          }
          writes = writes.slice(count);
        };
        const check = (): void => {
          expect(ledger.durable).toBeLessThanOrEqual(log.last.index);
          for (let at = log.base.index + 1; at <= ledger.durable; at++) {
            expect(disk.chains[at - disk.base - 1]).toBe(log.entry(index(at))?.chain);
          }
          if (ledger.durable >= log.base.index)
            expect(disk.base + disk.chains.length).toBeGreaterThanOrEqual(ledger.durable);
        };
        for (const { do: what, n } of moves) {
          if (what === "append") log.extend(term(state.term), { kind: "noop" });
          else if (what === "take") take();
          else if (what === "persist") persist(n);
          else if (what === "truncate" && log.last.index > log.committed) {
            const from = index(Math.max(log.committed + 1, log.last.index - n));
            log.truncateFrom(from);
            ledger.truncated(from);
            state.term = term(state.term + 1);
            log.extend(state.term, { kind: "noop" });
          } else if (what === "install" && n === 5) {
            state.term = term(state.term + 1);
            const to = { ...meta, ...entryId(log.committed + 3, state.term), chain: 9 };
            log.install(to);
            log.appliedTo(to.index);
            ledger.installed(to);
          }
          check();
        }
        take();
        persist(writes.length);
        check();
        expect(ledger.durable).toBe(log.last.index);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("proposals", () => {
  it("end exactly once, as committed if and only if their entry is the one that was committed", () => {
    const round = fc.record({ lose: fc.nat(3), win: fc.nat(3), commit: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 12 }), (rounds) => {
        const meta = initialMeta(configurationOf(["a"]));
        const log = new RaftLog(meta, [], { committed: index(0), applied: index(0) });
        const proposals = new Proposals();
        const places = new Map<number, { index: number; term: number }>();
        const ended = new Map<number, string>();
        let now = 1;
        const settle = (): void => {
          for (const outcome of proposals.takeSettled(log, log.committed)) {
            expect(ended.has(outcome.id)).toBe(false);
            ended.set(outcome.id, outcome.kind);
          }
        };
        for (const { lose, win, commit } of rounds) {
          // As leader of this term, append; then another leader cuts some of it off in the next.
          for (let count = 0; count < win; count++) {
            const { index: at, term: of } = log.extend(term(now), { kind: "noop" });
            places.set(places.size, { index: at, term: of });
            proposals.add(places.size - 1, entryId(at, of));
          }
          log.commitTo(index(Math.min(log.last.index, log.committed + commit)));
          settle();
          if (log.last.index > log.committed)
            log.truncateFrom(index(Math.max(log.committed + 1, log.last.index - lose)));
          now++;
          log.extend(term(now), { kind: "noop" });
        }
        log.commitTo(log.last.index);
        settle();
        // The last entry is of a later term than all proposals, so that none can be open.
        expect(ended.size).toBe(places.size);
        for (const [id, at] of places) {
          expect(ended.get(id)).toBe(log.termAt(index(at.index)) === at.term ? "committed" : "rejected");
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("read rounds", () => {
  it("confirm a read by answers of a quorum to heartbeats that left after it came, and by nothing else", () => {
    const anyStep = fc.oneof(
      fc.record({ do: fc.constantFrom("read" as const, "begin" as const, "confirm" as const) }),
      fc.record({ do: fc.constant("answer" as const), from: fc.nat(5), round: fc.nat(6) }),
    );
    fc.assert(
      fc.property(anyConfiguration, fc.array(anyStep, { maxLength: 60 }), (configuration, steps) => {
        const [self = nodeId("a")] = configuration.voters;
        const rounds = new ReadRounds();
        const askedAt = new Map<number, number>();
        const answered = new Map<NodeId, number>();
        const ended: number[] = [];
        for (const step of steps) {
          if (step.do === "read") {
            askedAt.set(askedAt.size, rounds.number);
            rounds.add({ id: askedAt.size - 1, origin: self });
          } else if (step.do === "begin") rounds.maybeBegin(index(7));
          else if (step.do === "answer") {
            // Nobody answers a round that has not begun.
            const [id, round] = [IDS[step.from] ?? self, Math.min(step.round, rounds.number)];
            rounds.answered(id, round);
            answered.set(id, Math.max(round, answered.get(id) ?? 0));
          } else {
            for (const { id } of rounds.takeConfirmed(configuration, self)?.reads ?? []) {
              ended.push(id);
              const later = IDS.filter(
                (one) => one === self || (answered.get(one) ?? 0) > (askedAt.get(id) ?? 0),
              );
              expect(isQuorumObviously(configuration, later)).toBe(true);
            }
          }
        }
        ended.push(...rounds.takeAll().map(({ id }) => id));
        expect(ended.toSorted((a, b) => a - b)).toEqual([...askedAt.keys()]);
      }),
      { numRuns: 500 },
    );
  });
});
