/** Bugs in saturating adds, scans, the history of changes, and those who follow it. */

import type { Mutant } from "../mutant.ts";

export const WATCHING: readonly Mutant[] = [
  {
    name: "saturating-add-takes-back",
    stands: "An add that saturates takes away from a counter that is beyond its bound already",
    tests: ["test/counter/change.test.ts > never takes away from a counter that is beyond its bound already"],
  },
  {
    name: "member-seen-though-not-counted",
    stands: "A member for whom the bounds left nothing can never count any more",
    tests: ["test/counter/change.test.ts > sees a member only if it could be counted"],
  },
  {
    name: "saturating-add-remembered-as-another",
    stands: "A retry that saturates is given the outcome of an add that rejects",
    tests: ["test/counter/change.test.ts > is given again with what it added"],
  },
  {
    name: "scan-before-what-was-asked-before",
    stands: "A scan does not wait for the applies before it, and reads an older state than it was promised",
    tests: ["test/store/state-scans.test.ts > sees every apply that was asked for before it"],
  },
  {
    name: "scan-without-hashes",
    stands: "Damaged rows are summed up without a word",
    tests: ["test/store/state-scans.test.ts > fails the state for good when it meets damage"],
  },
  {
    name: "history-reaches-back-too-far",
    stands: "Changes are forgotten, and whoever asks for them is told that there were none",
    tests: ["test/store/scan.test.ts > tells of every counter changed since then its latest change"],
  },
  {
    name: "history-forgets-deletions",
    stands: "Nobody hears that a counter was deleted",
    tests: ["test/store/state-scans.test.ts > are those since it was opened, deletions included"],
  },
  {
    name: "read-index-alone",
    stands: "A read that asks for a later index than the read index is answered without it",
    tests: ["test/node/reducer-reads.test.ts > waits beyond its read index"],
  },
  {
    name: "minimum-instead-of-the-read-index",
    stands: "A read is answered before its read index is applied",
    tests: ["test/node/reducer-reads.test.ts > never goes below its read index either"],
  },
  {
    name: "ranges-begin-where-the-last-one-ended",
    stands: "The ranges of a watch overlap",
    tests: ["test/api/watch.test.ts > begins with where it begins"],
  },
  {
    name: "quiet-watchers-skip-revisions",
    stands: "The ranges of a watch leave gaps where others have changed",
    tests: ["test/api/watch.test.ts > tells of one key only"],
  },
  {
    name: "resumes-though-history-is-gone",
    stands: "A watch goes on although changes were missed that nobody remembers",
    tests: ["test/api/watch.test.ts > says so where what changed is not remembered"],
  },
];
