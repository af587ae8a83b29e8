/** Client sessions in state.db, of which the latest are read from memory: what is answered must not tell. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Item } from "../../src/counter/index.ts";
import type { Entry } from "../../src/raft/index.ts";
import { StateDatabase } from "../../src/store/state-database.ts";
import { CLUSTER, INITIAL, LogMaker, makeDirectory, removeDirectory, replay } from "./state-log.ts";

const SESSIONS = 5_000;

let directory = "";
let state: StateDatabase;

beforeEach(() => {
  directory = makeDirectory();
  state = new StateDatabase({
    path: `${directory}/state.db`,
    clusterId: CLUSTER,
    initial: INITIAL,
    walBytesMax: 16_777_216,
  });
});

afterEach(() => {
  state.close();
  removeDirectory(directory);
});

const OPEN: Item = { kind: "command", command: { operation: { kind: "openSession" } } };

/** An add in a session; of so many changes, whose outcome is as large. */
function add(session: number, seq: number, changes: number = 1): Item {
  const one = { kind: "add", key: "hits", by: 1n } as const;
  const operation = { kind: "batch", changes: Array.from({ length: changes }, () => one) } as const;
  return {
    kind: "command",
    command: { operation, once: { kind: "session", session, seq, firstUnanswered: seq } },
  };
}

/** Applies each entry by itself, as a node does that keeps up, and expects what a table in memory gives. */
function expectAsInMemory(entries: readonly Entry[]): void {
  const { table, outcomes } = replay(entries);
  const own = entries.flatMap((entry) => state.apply([entry], true).outcomes);
  expect(own).toStrictEqual(outcomes);
  expect(state.totals()).toEqual(table.totals());
}

describe("client sessions", () => {
  it("answer as they would from the disk, more of them than are kept in memory, retries too", () => {
    const log = new LogMaker(1);
    const ids = Array.from({ length: SESSIONS }, (_, at) => at + 1);
    const first = ids.map((id) => add(id, 1));
    expectAsInMemory([
      log.commands(ids.map(() => OPEN)),
      log.commands(first),
      // Those that were used first are not in memory any more, and those that were used last are.
      log.commands(first),
      log.commands(ids.map((id) => add(id, id % 3 === 0 ? 1 : 2))),
      log.commands([...ids].reverse().map((id) => add(id, 2))),
    ]);
  });

  it("answer as they would from the disk once their outcomes have grown large, and once they are small again", () => {
    const log = new LogMaker(1);
    expectAsInMemory([
      log.commands([OPEN, OPEN]),
      log.commands([add(1, 1), add(2, 1, 900)]),
      log.commands([add(1, 1), add(2, 1, 900)]),
      log.commands([add(1, 2, 900), add(2, 2)]),
      log.commands([add(1, 2, 900), add(2, 2)]),
      log.commands([add(1, 1), add(2, 1, 900)]),
      log.commands([add(1, 3), add(2, 3)]),
      log.commands([add(1, 3), add(2, 3)]),
    ]);
  });

  it("are gone at the end of their window, whether or not they are in memory", () => {
    const log = new LogMaker(1);
    expectAsInMemory([
      log.commands([OPEN, OPEN]),
      log.commands([add(1, 1), add(2, 1, 900)]),
      log.commands([add(1, 2)], 86_400_000),
      log.commands([add(1, 2), add(2, 1, 900), OPEN]),
      log.commands([add(3, 1)]),
    ]);
    expect(state.totals().sessions).toBe(1);
  });
});
