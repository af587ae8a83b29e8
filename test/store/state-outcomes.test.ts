/** Outcomes of idempotency keys in state.db: found in memory, in the file and after a restart alike. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Item, ItemOutcome } from "../../src/counter/index.ts";
import type { Entry } from "../../src/raft/index.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

/** Longer than an outcome is remembered, ms of log time. */
const WINDOW_MS = 600_001;

let directory = "";
let state: StateDatabase;

function open(): StateDatabase {
  const path = `${directory}/state.db`;
  return new StateDatabase({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 16_777_216 });
}

beforeEach(() => {
  directory = makeDirectory();
  state = open();
});

afterEach(() => {
  state.close();
  removeDirectory(directory);
});

function add(key: string): Item {
  const operation = { kind: "add", key: "hits", by: 1n } as const;
  return { kind: "command", command: { operation, once: { kind: "key", key } } };
}

/** Applies each entry by itself, with `between` after each. */
function applied(entries: readonly Entry[], between: () => void): readonly (readonly ItemOutcome[])[] {
  return entries.flatMap((entry) => {
    const { outcomes } = state.apply([entry], true);
    between();
    return outcomes;
  });
}

const nothing = (): void => undefined;
const commit = (): void => state.commit();
const restart = (): void => {
  state.close();
  state = open();
};

describe("outcomes of idempotency keys", () => {
  it.each([
    ["while they wait for a commit", nothing],
    ["once they are committed", commit],
    ["after a restart", restart],
  ])("are given again, and forgotten at the end of their window, %s", (_name, between) => {
    const log = new LogMaker(1);
    const entries = [
      log.commands([add("a"), add("b"), add("a")]),
      log.commands([add("b"), add("c")]),
      log.commands([add("c"), add("a")]),
      log.commands([add("d")], WINDOW_MS),
      log.commands([add("a"), add("d"), add("b")]),
      log.commands([add("b"), add("a")]),
    ];
    const { table, outcomes } = replay(entries);
    expect(applied(entries, between)).toStrictEqual(outcomes);
    expect(state.totals()).toEqual(table.totals());
    // a, b, c once; d, and a and b once more.
    expect(table.counter("hits")?.value).toBe(6n);
  });

  it("are as many as they may be, and leave in the order in which they came, over many commits", () => {
    const log = new LogMaker(1);
    const entries = Array.from({ length: 60 }, (_, at) =>
      log.commands(
        Array.from({ length: 40 }, (__, place) => add(`k${(at * 40 + place * 7) % 1_000}`)),
        20_000,
      ),
    );
    const { table, outcomes } = replay(entries);
    let count = 0;
    const sometimes = (): void => {
      count += 1;
      if (count % 4 === 0) state.commit();
      if (count === 31) restart();
    };
    expect(applied(entries, sometimes)).toStrictEqual(outcomes);
    expect(state.totals()).toEqual(table.totals());
  });
});
