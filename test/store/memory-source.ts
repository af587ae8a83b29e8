/** Rows in memory as a scan finds them in state.db. */

import type { CounterRow } from "../../src/counter/index.ts";
import type { RowSource } from "../../src/store/index.ts";

/** The rows as they are when the scan begins, in order of their UTF-8 bytes. */
export function memorySource(rows: Iterable<CounterRow>): RowSource {
  const sorted = [...rows].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  return {
    row: (key) => sorted.find((row) => row.key === key),
    rows: (prefix, after) =>
      sorted.filter(
        ({ key }) =>
          key.startsWith(prefix) &&
          (after === undefined || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0),
      ),
  };
}
