/** An error of the store is the node's last: whatever was asked of it (P12). */

import { describe, expect, it } from "vitest";
import { EMPTY_TOTALS } from "../../src/counter/index.ts";
import { NodeDriver } from "../../src/node/driver.ts";
import type { Effects, NodeEvent, NodeReducer } from "../../src/node/index.ts";
import { index, initialMeta, nodeId, term } from "../../src/raft/index.ts";
import type { NodeStore } from "../../src/store/index.ts";
import type { Transport } from "../../src/transport/index.ts";

const ONE = nodeId("n1");
const OWN = { id: ONE, incarnation: "0".repeat(32), peer: "127.0.0.1:1", api: "http://127.0.0.1:2" };
const CONFIGURATION = { voters: [ONE], outgoing: [], learners: [], members: [OWN], removed: [] };
const META = { ...initialMeta(CONFIGURATION), index: index(3), term: term(1) };

const NONE: Effects = {
  write: undefined,
  send: [],
  restore: undefined,
  apply: undefined,
  queries: [],
  responses: [],
  digests: [],
  takeSnapshot: false,
  sendSnapshot: [],
  trace: [],
};

/** Each thing that can be asked of the store, and what asks for it. */
const ASKS: Readonly<Record<string, Partial<Effects>>> = {
  write: { write: { seq: 1, append: [] } },
  apply: { apply: { entries: [], wantOutcomes: false } },
  restore: { restore: META },
  query: { queries: [{ ticket: 1, queries: [] }] },
  takeSnapshot: { takeSnapshot: true },
};

/** Lets a node ask for `effects` from a store that fails at everything; resolves to the error that ended it. */
async function fatal(
  effects: Partial<Effects>,
): Promise<{ readonly error: Error; readonly events: string[] }> {
  const events: string[] = [];
  const fail = (): Promise<never> => Promise.reject(new Error("EIO"));
  const store = {
    write: fail,
    apply: fail,
    restore: fail,
    query: fail,
    takeSnapshot: fail,
    holdSnapshot: () => undefined,
    releaseSnapshot: () => undefined,
  } as unknown as NodeStore;
  const script = [{ ...NONE, ...effects }];
  const reducer = {
    step: ({ kind }: NodeEvent) => events.push(kind),
    drain: () => script.shift() ?? NONE,
    abandon: () => [],
    configuration: CONFIGURATION,
    committedConfiguration: CONFIGURATION,
    self: ONE,
  } as unknown as NodeReducer;
  const error = await new Promise<Error>((resolve) => {
    const driver = new NodeDriver({
      clusterId: "test",
      reducer,
      store,
      own: OWN,
      wantsVote: false,
      transport: { setPeers: () => undefined } as unknown as Transport,
      totals: EMPTY_TOTALS,
      tickMs: 1_000,
      onTrace: () => undefined,
      onFatal: resolve,
    });
    driver.start();
  });
  return { error, events };
}

describe("an error of the store", () => {
  it.each(Object.entries(ASKS))(
    "ends the node, which is told of no success: in %s",
    async (_name, effects) => {
      const { error, events } = await fatal(effects);
      expect(error.message).toBe("EIO");
      expect(events).toEqual([]);
    },
  );
});
