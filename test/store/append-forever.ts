/**
 * A process that appends to a log until it is killed or has done what it was asked to, and says on its
 * standard output what was acknowledged. Run as: append-forever.ts <data directory> <writes> <at a time>
 */

import { writeSync } from "node:fs";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { realDisk } from "../../src/store/disk.ts";
import { Wal } from "../../src/store/wal.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { type Contents, contentsAfter, entriesAfter, lastOf, OWNER, type Write } from "./log-model.ts";

const [directory = "", writes = "0", atATime = "1"] = process.argv.slice(2);
const SEGMENT_BYTES = 16_384;
const KEPT = 100;

/** A write of one entry that commits all before it, and now and then forgets what is old. */
function nextWrite(log: Contents): Write {
  const last = lastOf(log);
  const hardState = { term: term(1), vote: nodeId("n1"), commit: index(last.index) };
  const append = entriesAfter({ ...log, hardState }, 1, last.index % 200);
  const forgotten = log.entries[log.entries.length - KEPT];
  if (forgotten === undefined || last.index % 50 !== 0) return { hardState, append };
  const { index: at, term: of, chain } = forgotten;
  return { hardState, append, compact: { ...log.base, index: at, term: of, chain } };
}

const log = await readLog(realDisk, directory, OWNER);
const wal = await Wal.open({ disk: realDisk, directory, owner: OWNER, segmentBytes: SEGMENT_BYTES }, log);
let contents: Contents = { hardState: log.shape.hardState, base: log.shape.base, entries: log.entries };
writeSync(1, "open\n");

let left = Number(writes);
async function one(): Promise<void> {
  while (left-- > 0) {
    const write = nextWrite(contents);
    contents = contentsAfter(contents, write);
    const { index: at, chain } = lastOf(contents);
    await wal.append({ seq: at, ...write });
    writeSync(1, `acked ${at} ${chain}\n`);
  }
}
try {
  await Promise.all(Array.from({ length: Number(atATime) }, one));
} catch (error) {
  // As the node does: no second attempt, nothing said any more, non-zero exit.
  writeSync(2, `${String(error)}\n`);
  process.exit(1);
}
