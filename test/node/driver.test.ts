import { expect, it, vi } from "vitest";
import { EMPTY_TOTALS } from "../../src/counter/index.ts";
import type { NodeDriver } from "../../src/node/driver.ts";
import type { Effects } from "../../src/node/index.ts";
import { index, type SnapshotMeta } from "../../src/raft/index.ts";
import type { NodeStore } from "../../src/store/index.ts";
import { metaAt, scriptedDriver } from "./driver-kit.ts";

/** A driver whose reducer wants `wants`, and what it asked of the store about snapshots. */
function recordedDriver(wants: readonly Partial<Effects>[]): { driver: NodeDriver; calls: string[] } {
  const calls: string[] = [];
  const call = (name: string, meta: SnapshotMeta): void => {
    calls.push(`${name} ${meta.index}`);
  };
  const store: Partial<NodeStore> = {
    write: ({ install }) => {
      if (install !== undefined) call("write", install);
      return Promise.resolve();
    },
    restore: (meta) => {
      call("restore", meta);
      return Promise.resolve({ index: index(9), outcomes: [], digests: [], totals: EMPTY_TOTALS });
    },
    holdSnapshot: (meta) => {
      call("hold", meta);
      return "file";
    },
    releaseSnapshot: (meta) => call("release", meta),
  };
  return { driver: scriptedDriver({ wants, store, onFatal: (error) => calls.push(error.message) }), calls };
}

it("holds the snapshot that the log is to begin with until the state has been replaced, overtaken ones too", async () => {
  const { driver, calls } = recordedDriver([
    { write: { seq: 1, append: [], install: metaAt(5) } },
    { write: { seq: 2, append: [], install: metaAt(9) } },
    { restore: metaAt(9) },
  ]);
  driver.start();
  try {
    await vi.waitFor(() => expect(calls).toContain("release 9"), { timeout: 60_000 });
  } finally {
    driver.close();
  }
  expect(calls).toEqual(["hold 5", "write 5", "hold 9", "write 9", "restore 9", "release 5", "release 9"]);
});
