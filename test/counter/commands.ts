/** Shorthand for commands, and generators of them. */

import fc from "fast-check";
import {
  type Add,
  applyPayload,
  type Change,
  type Command,
  INT64_MAX,
  INT64_MIN,
  type Item,
  type ItemOutcome,
  type Limits,
  type MemoryTable,
  type Once,
  type Operation,
  type Outcome,
  outcomeOf,
  type Table,
  type Ticket,
} from "../../src/counter/index.ts";
import { saidOnce } from "./said-once.ts";

/** Small enough that a test reaches every one of them. */
export const SMALL: Limits = {
  windowMs: 100,
  floorMs: 20,
  capacity: 3,
  sessionsMax: 2,
  sessionPendingMax: 3,
};

/** So large that a test reaches none of them. */
export const WIDE: Limits = {
  ...SMALL,
  windowMs: 1e9,
  capacity: 1e9,
  sessionsMax: 1e9,
  sessionPendingMax: 1e9,
};

export function add(key: string, by: bigint = 1n, rest: Partial<Add> = {}): Add {
  return { kind: "add", key, by, ...rest };
}

export function set(key: string, value: bigint, ifRevision?: number | "any"): Change {
  return ifRevision === undefined ? { kind: "set", key, value } : { kind: "set", key, value, ifRevision };
}

export function remove(key: string, ifRevision?: number | "any"): Change {
  return ifRevision === undefined ? { kind: "delete", key } : { kind: "delete", key, ifRevision };
}

export function batch(...changes: Change[]): Operation {
  return { kind: "batch", changes };
}

export const OPEN: Operation = { kind: "openSession" };

export function keyed(key: string): Once {
  return { kind: "key", key };
}

export function place(session: number, seq: number, firstUnanswered: number = 0): Once {
  return { kind: "session", session, seq, firstUnanswered };
}

export function command(operation: Operation, once?: Once): Command {
  return once === undefined ? { operation } : { operation, once };
}

export function item(operation: Operation, once?: Once): Item {
  return { kind: "command", command: command(operation, once) };
}

/** Where the outcome is found of an item that is no run. */
export function ticketOf(operation: Operation, at: number = 0): Ticket {
  return { item: at, offset: 0, ...(operation.kind === "batch" ? { batch: operation } : {}) };
}

/** The outcome as it is told to the caller: without the number of changes, which is right where it is given. */
export function told<O extends Outcome>(outcome: O): O {
  if (outcome.kind !== "done" || outcome.changed === undefined) return outcome;
  const { changed, ...rest } = outcome;
  if (changed !== outcome.results.filter((one) => one.changed).length)
    throw new Error(`test: ${changed} changes were said`);
  return rest as O;
}

/** Applies one command in an entry of its own. */
export function apply(
  table: Table,
  operation: Operation,
  rest: { readonly once?: Once; readonly elapsed?: number; readonly limits?: Limits } = {},
): Outcome {
  const payload = { elapsed: rest.elapsed ?? 0, items: [item(operation, rest.once)] };
  return outcomeOf(applyPayload(table, payload, rest.limits ?? SMALL), ticketOf(operation));
}

/** Lets log time pass. */
export function pass(table: Table, elapsed: number, limits: Limits = SMALL): ItemOutcome[] {
  return applyPayload(table, { elapsed, items: [] }, limits);
}

/** Everything that can be seen of a table, as plain data in a fixed order. */
export function seen(table: MemoryTable): unknown {
  const counters = [...table.counters()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { counters, totals: table.totals(), rows: table.digestOfRows() };
}

const value64: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: -3n, max: 3n }) },
  { weight: 1, arbitrary: fc.constantFrom(INT64_MAX, INT64_MIN, INT64_MAX - 1n, INT64_MIN + 1n) },
  { weight: 1, arbitrary: fc.bigInt({ min: INT64_MIN, max: INT64_MAX }) },
);

const key = fc.constantFrom("a", "b", "c");
const revision = half(
  fc.oneof({ weight: 4, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.constant("any" as const) }),
);

/** A plain add, which may become part of a run. */
export const anyPlainAdd: fc.Arbitrary<Add> = fc
  .tuple(key, fc.constantFrom(1n, 1n, 1n, 2n, -1n, INT64_MAX, INT64_MIN, 2n ** 62n))
  .map(([k, by]) => add(k, by));

function half<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 2 });
}

const anyAdd: fc.Arbitrary<Add> = fc
  .tuple(key, value64, half(value64), half(value64), half(fc.constantFrom("m", "n", "o")), fc.boolean())
  .map(([k, by, min, max, once, saturate]) =>
    add(k, by, {
      ...(saturate && (min ?? max) !== undefined ? { saturate } : {}),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(once === undefined ? {} : { once }),
    }),
  );

export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: anyPlainAdd },
  { weight: 4, arbitrary: anyAdd },
  { weight: 2, arbitrary: fc.tuple(key, value64, revision).map(([k, v, r]) => set(k, v, r)) },
  { weight: 1, arbitrary: fc.tuple(key, revision).map(([k, r]) => remove(k, r)) },
);

export const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: anyChange },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(anyChange, { minLength: 1, maxLength: 5 }), fc.boolean())
      .map(([list, once]) => (once ? saidOnce(list) : batch(...list))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(anyPlainAdd, { minLength: 1, maxLength: 8 }), fc.boolean())
      .map(([list, once]) => (once ? saidOnce(list) : batch(...list))),
  },
  { weight: 1, arbitrary: fc.constant(OPEN) },
);

const anyOnce: fc.Arbitrary<Once> = fc.oneof(
  fc.constantFrom("k1", "k2", "k3", "k4", "k5").map(keyed),
  fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(6), fc.nat(4)).map(([s, n, first]) => place(s, n, first)),
);

export const anyCommand: fc.Arbitrary<Command> = fc
  .tuple(anyOperation, fc.option(anyOnce, { nil: undefined, freq: 3 }))
  .map(([operation, once]) => command(operation, once));

export const anyRun: fc.Arbitrary<Item> = fc
  .tuple(anyPlainAdd, fc.integer({ min: 1, max: 5 }))
  .map(([one, count]) => ({ kind: "run" as const, key: one.key, by: one.by, count }));

export const anyItem: fc.Arbitrary<Item> = fc.oneof(
  { weight: 3, arbitrary: anyCommand.map((one): Item => ({ kind: "command", command: one })) },
  { weight: 1, arbitrary: anyRun },
);

/** A history: payloads in order. Half of the items are drawn from a few, so that there are retries and reuses. */
export const anyHistory: fc.Arbitrary<{ elapsed: number; items: Item[] }[]> = fc
  .array(anyItem, { minLength: 1, maxLength: 6, size: "max" })
  .chain((few) =>
    fc.array(
      fc.record({
        elapsed: fc.oneof(fc.nat(3), fc.nat(60)),
        items: fc.array(fc.oneof(anyItem, fc.constantFrom(...few)), { maxLength: 6, size: "max" }),
      }),
      { maxLength: 12, size: "max" },
    ),
  );
