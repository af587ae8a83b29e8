import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPayload,
  Combiner,
  type Command,
  changesOf,
  decodePayload,
  encodePayload,
  INT64_MAX,
  MemoryTable,
  type Outcome,
  outcomeOf,
  type Payload,
  type Ticket,
} from "../../src/counter/index.ts";
import {
  add,
  anyCommand,
  anyPlainAdd,
  batch,
  command,
  keyed,
  OPEN,
  remove,
  SMALL,
  set,
  ticketOf,
} from "./commands.ts";
import { saidOnce } from "./said-once.ts";

function combine(commands: readonly Command[]): { tickets: Ticket[]; payload: Payload; bytes: number } {
  const combiner = new Combiner();
  const tickets = commands.map((one) => combiner.add(one));
  const { bytes } = combiner;
  return { tickets, payload: combiner.take(1), bytes };
}

/** Each command as an item of its own, in this order, in one entry. */
function applyApart(table: MemoryTable, commands: readonly Command[]): Outcome[] {
  const items = commands.map((one) => ({ kind: "command" as const, command: one }));
  const outcomes = applyPayload(table, { elapsed: 1, items }, SMALL);
  return commands.map(({ operation }, at) => outcomeOf(outcomes, ticketOf(operation, at)));
}

function keysOf({ operation }: Command): readonly string[] {
  return changesOf(operation).map((change) => change.key);
}

/** The commands in the order in which the payload has them. */
function inPayloadOrder(commands: readonly Command[], tickets: readonly Ticket[]): number[] {
  const ticket = (at: number): Ticket => tickets[at] as Ticket;
  return commands
    .map((_, at) => at)
    .sort((a, b) => ticket(a).item - ticket(b).item || ticket(a).offset - ticket(b).offset);
}

function withoutRevisions(outcome: Outcome): unknown {
  if (outcome.kind === "refused") return outcome;
  return { ...outcome, results: outcome.results.map(({ revision: _, ...rest }) => rest) };
}

const mixed = fc.array(
  fc.oneof(
    anyPlainAdd.map((one) => command(one)),
    anyCommand,
  ),
  {
    minLength: 1,
    maxLength: 25,
    size: "max",
  },
);

/** Nobody can know the revision that a change will get within the entry, so nobody can build on it. */
function buildsOnRevisions({ operation }: Command): boolean {
  return changesOf(operation).some((change) => "ifRevision" in change);
}

describe("Combiner", () => {
  it("combines adds of one kind to one key, others between, and tells each its own value", () => {
    const { tickets, payload } = combine([
      command(add("a")),
      command(add("b", 5n)),
      command(add("a")),
      command(add("a")),
      command(add("b", 5n)),
    ]);
    expect(payload).toEqual({
      elapsed: 1,
      items: [
        { kind: "run", key: "a", by: 1n, count: 3 },
        { kind: "run", key: "b", by: 5n, count: 2 },
      ],
    });
    const outcomes = applyPayload(new MemoryTable(), payload, SMALL);
    const values = tickets.map((ticket) => outcomeOf(outcomes, ticket));
    expect(values.map((one) => one.kind === "done" && one.results[0])).toEqual([
      { key: "a", value: 1n, revision: 1, changed: true },
      { key: "b", value: 5n, revision: 4, changed: true },
      { key: "a", value: 2n, revision: 2, changed: true },
      { key: "a", value: 3n, revision: 3, changed: true },
      { key: "b", value: 10n, revision: 5, changed: true },
    ]);
  });

  it.each([
    ["an add of another number", command(add("a", 2n))],
    ["an add of 0", command(add("a", 0n))],
    ["an add with a bound", command(add("a", 1n, { max: 9n }))],
    ["an add with a member", command(add("a", 1n, { once: "m" }))],
    ["an add with an idempotency key", command(add("a"), keyed("k"))],
    ["a set", command(set("a", 7n))],
    ["a delete", command(remove("a"))],
    ["a batch that touches the key", command(batch(add("b"), add("a")))],
    ["a batch that touches it twice", command(saidOnce([add("b"), add("a"), add("a")]))],
  ])("ends a run at %s", (_, between) => {
    const { payload, tickets } = combine([command(add("a")), between, command(add("a"))]);
    expect(payload.items).toHaveLength(3);
    expect(tickets).toMatchObject([
      { item: 0, offset: 0 },
      { item: 1, offset: 0 },
      { item: 2, offset: 0 },
    ]);
  });

  it("makes no run of adds of 0, which have no revisions to count by", () => {
    const { payload, tickets } = combine([command(add("a", 0n)), command(add("a", 0n))]);
    expect(payload.items.map(({ kind }) => kind)).toEqual(["command", "command"]);
    const outcomes = applyPayload(new MemoryTable(), payload, SMALL);
    expect(tickets.map((ticket) => outcomeOf(outcomes, ticket))).toMatchObject([
      { results: [{ value: 0n, revision: 0, changed: false }] },
      { results: [{ value: 0n, revision: 0, changed: false }] },
    ]);
  });

  it.each([
    ["a batch on other keys", command(batch(add("b"), add("c")))],
    ["a write to another key", command(set("b", 1n), keyed("k"))],
    ["the opening of a session", command(OPEN)],
  ])("does not end a run at %s", (_, between) => {
    const { payload } = combine([command(add("a")), between, command(add("a"))]);
    expect(payload.items[0]).toEqual({ kind: "run", key: "a", by: 1n, count: 2 });
    expect(payload.items).toHaveLength(2);
  });

  it("is empty after its commands were taken, and does not go on with their runs", () => {
    const combiner = new Combiner();
    expect(combiner.isEmpty).toBe(true);
    combiner.add(command(add("a")));
    combiner.add(command(add("a")));
    expect([combiner.isEmpty, combiner.commands]).toEqual([false, 2]);
    const first = combiner.take(0);
    expect([combiner.isEmpty, combiner.commands, combiner.bytes]).toEqual([true, 0, 0]);
    expect(combiner.add(command(add("a")))).toEqual({ item: 0, offset: 0 });
    expect(combiner.take(5)).toEqual({
      elapsed: 5,
      items: [{ kind: "run", key: "a", by: 1n, count: 1 }],
    });
    expect(first.items).toEqual([{ kind: "run", key: "a", by: 1n, count: 2 }]);
  });

  it("refuses the adds of a run from the overflow on, each with the reason", () => {
    const { tickets, payload } = combine([
      command(set("a", INT64_MAX - 1n)),
      command(add("a")),
      command(add("b")),
      command(add("a")),
    ]);
    const outcomes = applyPayload(new MemoryTable(), payload, SMALL);
    expect(tickets.map((ticket) => outcomeOf(outcomes, ticket))).toMatchObject([
      { kind: "done" },
      { kind: "done", results: [{ value: INT64_MAX }] },
      { kind: "done", results: [{ key: "b", value: 1n }] },
      { kind: "refused", code: "COUNTER_OVERFLOW", position: 0, replayed: false },
    ]);
  });

  it("only ever moves an add forward past commands on other keys", () => {
    fc.assert(
      fc.property(mixed, (commands) => {
        const order = inPayloadOrder(commands, combine(commands).tickets);
        for (const [later, second] of order.entries()) {
          for (const first of order.slice(0, later)) {
            if (first < second) continue;
            // The payload has `first` before `second`, which came in before it.
            const moved = commands[first] as Command;
            expect(moved.operation.kind).toBe("add");
            expect(moved.once).toBeUndefined();
            expect(keysOf(commands[second] as Command)).not.toContain(keysOf(moved)[0]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("gives exactly what its order of the commands gives one by one", () => {
    fc.assert(
      fc.property(mixed, mixed, (before, commands) => {
        const table = new MemoryTable();
        applyApart(table, before);
        const apart = table.clone();
        const { tickets, payload } = combine(commands);
        const combined = applyPayload(table, decodePayload(encodePayload(payload)), SMALL);
        const order = inPayloadOrder(commands, tickets);
        const expected = applyApart(
          apart,
          order.map((at) => commands[at] as Command),
        );
        for (const [position, at] of order.entries()) {
          expect(outcomeOf(combined, tickets[at] as Ticket)).toEqual(expected[position]);
        }
        expect(table.totals()).toEqual(apart.totals());
        expect([...table.counters()]).toEqual([...apart.counters()]);
      }),
      { numRuns: 500 },
    );
  });

  it("tells each caller what the order of arrival would, but for the numbers of revisions", () => {
    fc.assert(
      fc.property(mixed, mixed, (before, all) => {
        const commands = all.filter((one) => !buildsOnRevisions(one));
        const table = new MemoryTable();
        applyApart(table, before);
        const apart = table.clone();
        const { tickets, payload } = combine(commands);
        const outcomes = applyPayload(table, payload, SMALL);
        const mine = tickets.map((ticket) => outcomeOf(outcomes, ticket));
        const arrived = applyApart(apart, commands);
        expect(mine.map(withoutRevisions)).toEqual(arrived.map(withoutRevisions));
        for (const { key, value } of apart.counters()) expect(table.counter(key)?.value).toBe(value);
        const { revision, counters, rememberedKeys, sessions } = apart.totals();
        expect(table.totals()).toMatchObject({ revision, counters, rememberedKeys, sessions });
      }),
      { numRuns: 500 },
    );
  });

  it("never gives two changes of different counters one revision, and revisions rise with each key", () => {
    fc.assert(
      fc.property(mixed, (all) => {
        const commands = all.filter(({ once }) => once === undefined);
        const { tickets, payload } = combine(commands);
        const outcomes = applyPayload(new MemoryTable(), payload, SMALL);
        const latest = new Map<string, number>();
        const holders = new Map<number, string>();
        for (const ticket of tickets) {
          const outcome = outcomeOf(outcomes, ticket);
          if (outcome.kind === "refused") continue;
          const inThis = new Map<string, number>();
          for (const { key, revision } of outcome.results.filter(({ changed }) => changed)) {
            expect(inThis.get(key) ?? revision).toBe(revision);
            if (!inThis.has(key)) expect(revision).toBeGreaterThan(latest.get(key) ?? 0);
            inThis.set(key, revision);
            expect(holders.get(revision) ?? key).toBe(key);
            holders.set(revision, key);
            latest.set(key, revision);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never promises fewer bytes than the payload takes, but for its head", () => {
    fc.assert(
      fc.property(mixed, (commands) => {
        const { payload, bytes } = combine(commands);
        expect(encodePayload(payload).length).toBeLessThanOrEqual(bytes + 24);
      }),
      { numRuns: 300 },
    );
  });
});
