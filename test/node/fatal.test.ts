/** An error of the store is the node's last: whatever was asked of it (P12). */

import { describe, expect, it } from "vitest";
import type { Effects } from "../../src/node/index.ts";
import { metaAt, scriptedDriver } from "./driver-kit.ts";

/** Each thing that can be asked of the store, and what asks for it. */
const ASKS: Readonly<Record<string, Partial<Effects>>> = {
  write: { write: { seq: 1, append: [] } },
  apply: { apply: { entries: [], wantOutcomes: false } },
  restore: { restore: metaAt(3) },
  query: { queries: [{ ticket: 1, queries: [] }] },
  takeSnapshot: { takeSnapshot: true },
};

/** Lets a node ask for `wanted` from a store that fails at everything; resolves to the error that ended it. */
async function fatal(
  wanted: Partial<Effects>,
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
  };
  const error = await new Promise<Error>((resolve) => {
    const onStep = ({ kind }: { readonly kind: string }): number => events.push(kind);
    scriptedDriver({ wants: [wanted], store, onStep, onFatal: resolve }).start();
  });
  return { error, events };
}

// Nothing here waits for more than promises: what has not ended by then never will.
describe("an error of the store", { timeout: 10_000 }, () => {
  it.each(Object.entries(ASKS))(
    "ends the node, which is told of no success: in %s",
    async (_name, effects) => {
      const { error, events } = await fatal(effects);
      expect(error.message).toBe("EIO");
      expect(events).toEqual([]);
    },
  );
});
