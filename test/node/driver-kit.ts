/** A driver between a reducer that wants what a script says and a store of the test's own. */

import { EMPTY_TOTALS } from "../../src/counter/index.ts";
import { NodeDriver } from "../../src/node/driver.ts";
import type { Effects, NodeEvent, NodeReducer } from "../../src/node/index.ts";
import { index, initialMeta, nodeId, type SnapshotMeta, term } from "../../src/raft/index.ts";
import type { NodeStore } from "../../src/store/index.ts";
import type { Transport } from "../../src/transport/index.ts";

const ONE = nodeId("n1");
const OWN = { id: ONE, incarnation: "0".repeat(32), peer: "127.0.0.1:1", api: "http://127.0.0.1:2" };
const CONFIGURATION = { voters: [ONE], outgoing: [], learners: [], members: [OWN], removed: [] };

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

/** Of a cluster of one node. */
export function metaAt(position: number): SnapshotMeta {
  return { ...initialMeta(CONFIGURATION), index: index(position), term: term(1) };
}

export interface Script {
  /** What the reducer wants, one element for each drain. */
  readonly wants: readonly Partial<Effects>[];
  /** Only what the script makes the driver call. */
  readonly store: Partial<NodeStore>;
  readonly onStep?: (event: NodeEvent) => void;
  readonly onFatal: (error: Error) => void;
}

/** To be started and closed by the caller. */
export function scriptedDriver({ wants, store, onStep = () => undefined, onFatal }: Script): NodeDriver {
  const left = [...wants];
  const reducer = {
    step: onStep,
    drain: () => ({ ...NONE, ...left.shift() }),
    abandon: () => [],
    configuration: CONFIGURATION,
    committedConfiguration: CONFIGURATION,
    self: ONE,
  };
  return new NodeDriver({
    clusterId: "test",
    reducer: reducer as unknown as NodeReducer,
    store: store as NodeStore,
    own: OWN,
    wantsVote: false,
    transport: { setPeers: () => undefined } as unknown as Transport,
    totals: EMPTY_TOTALS,
    tickMs: 1_000,
    onTrace: () => undefined,
    onFatal,
  });
}
