import { expect, it, vi } from "vitest";
import { EMPTY_TOTALS } from "../../src/counter/index.ts";
import { NodeDriver } from "../../src/node/driver.ts";
import type { Effects, NodeReducer } from "../../src/node/index.ts";
import { index, initialMeta, nodeId, type SnapshotMeta, term } from "../../src/raft/index.ts";
import type { NodeStore } from "../../src/store/index.ts";
import type { Transport } from "../../src/transport/index.ts";

const ONE = nodeId("n1");
const OWN = { id: ONE, incarnation: "0".repeat(32), peer: "127.0.0.1:1", api: "http://127.0.0.1:2" };
const CONFIGURATION = { voters: [ONE], outgoing: [], learners: [], members: [OWN], removed: [] };

function at(position: number): SnapshotMeta {
  return { ...initialMeta(CONFIGURATION), index: index(position), term: term(1) };
}

function effects(some: Partial<Effects>): Effects {
  const none = {
    write: undefined,
    send: [],
    restore: undefined,
    apply: undefined,
    queries: [],
    responses: [],
  };
  return { ...none, digests: [], takeSnapshot: false, sendSnapshot: [], trace: [], ...some };
}

/** A driver whose reducer wants `script`, one element for each drain, and what it asked of the store. */
function driverOf(script: Effects[]): { driver: NodeDriver; calls: string[] } {
  const calls: string[] = [];
  const call = (name: string, meta: SnapshotMeta): void => {
    calls.push(`${name} ${meta.index}`);
  };
  const applied = { index: index(9), outcomes: [], digests: [], totals: EMPTY_TOTALS };
  const store = {
    write: ({ install }: NonNullable<Effects["write"]>) => {
      if (install !== undefined) call("write", install);
      return Promise.resolve();
    },
    restore: (meta: SnapshotMeta) => {
      call("restore", meta);
      return Promise.resolve(applied);
    },
    holdSnapshot: (meta: SnapshotMeta) => {
      call("hold", meta);
      return "file";
    },
    releaseSnapshot: (meta: SnapshotMeta) => call("release", meta),
  } as unknown as NodeStore;
  const reducer = {
    step: () => undefined,
    drain: () => script.shift() ?? effects({}),
    abandon: () => [],
    configuration: CONFIGURATION,
    committedConfiguration: CONFIGURATION,
    self: ONE,
  } as unknown as NodeReducer;
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
    onFatal: (error) => calls.push(error.message),
  });
  return { driver, calls };
}

it("holds the snapshot that the log is to begin with until the state has been replaced, overtaken ones too", async () => {
  const { driver, calls } = driverOf([
    effects({ write: { seq: 1, append: [], install: at(5) } }),
    effects({ write: { seq: 2, append: [], install: at(9) } }),
    effects({ restore: at(9) }),
  ]);
  driver.start();
  try {
    await vi.waitFor(() => expect(calls).toContain("release 9"));
  } finally {
    driver.close();
  }
  expect(calls).toEqual(["hold 5", "write 5", "hold 9", "write 9", "restore 9", "release 5", "release 9"]);
});
