/**
 * A process that does with a store what a node does, until it is killed: writes, applies, takes snapshots,
 * compacts. Says on its standard output up to which entry all was acknowledged. Run as:
 * count-forever.ts <data directory>
 */

import { writeSync } from "node:fs";
import { nodeId, term } from "../../src/raft/index.ts";
import { loadIdentity, openStore } from "../../src/store/index.ts";
import { increments, positionOf } from "./formed-directory.ts";

const [directory = ""] = process.argv.slice(2);
const identity = await loadIdentity(directory);
if (identity === undefined) throw new Error("there is no identity");
const store = await openStore({ directory, identity, segmentBytes: 4_000 });
const { base, entries, applied, hardState } = store.recovered;
await store.apply(
  entries.filter((entry) => entry.index > applied),
  false,
);
writeSync(1, "open\n");
let last: { index: number; chain: number } = entries.at(-1) ?? base;
let commit = hardState.commit;
for (let round = 1; ; round++) {
  const append = increments(last, 5);
  const newest = append.at(-1);
  if (newest === undefined) throw new Error("nothing to append");
  await store.write({ seq: round, hardState: { term: term(1), vote: nodeId("n1"), commit }, append });
  last = newest;
  commit = newest.index;
  await store.apply(append, true);
  writeSync(1, `acked ${newest.index} ${newest.chain}\n`);
  if (round % 4 !== 0) continue;
  const { meta } = await store.takeSnapshot();
  await store.write({
    seq: round,
    append: [],
    compact: meta.index === newest.index ? positionOf(newest, base) : meta,
  });
}
