/** What an outcome says of itself besides its numbers. */

import { expect, it } from "vitest";
import { applyPayload, LIMITS, MemoryTable } from "../../src/counter/index.ts";

it("says of a batch that was just done that it is no replay, and of a run's first add that it changed something", () => {
  const table = new MemoryTable();
  const add = { kind: "add", key: "a", by: 1n } as const;
  const [batch, run] = applyPayload(
    table,
    {
      elapsed: 0,
      items: [
        { kind: "command", command: { operation: { kind: "batch", changes: [add, { ...add, min: 0n }] } } },
        { kind: "run", key: "a", by: 2n, count: 3 },
      ],
    },
    LIMITS,
  );
  expect(batch).toMatchObject({
    outcome: { kind: "done", replayed: false, results: [{ changed: true }, { changed: true }] },
  });
  expect(run).toMatchObject({ kind: "run", applied: 3, first: { value: 4n, changed: true } });
});
