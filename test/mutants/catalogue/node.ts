/** Bugs in how a member treats those who wait, and in what it believes of its own state. */

import type { Mutant } from "../mutant.ts";

export const NODE: readonly Mutant[] = [
  {
    name: "timeout-said-to-be-a-refusal",
    stands: "A write that timed out in the log is said to be refused",
    simulator: ["a refused", "a refused write has not happened"],
    tests: ["test/node/reducer-writes.test.ts > ends as unknown at its deadline"],
  },
  {
    name: "unknown-is-tried-again",
    stands: "A write of unknown outcome is proposed again",
    tests: [
      "test/node/write-queue.test.ts > is never proposed again while its entry may stand behind a snapshot",
    ],
  },
  {
    name: "hidden-by-a-restore-said-to-be-refused",
    stands: "A committed write whose entry a snapshot replaced is said to be refused",
    tests: ["test/node/reducer-writes.test.ts > ends as unknown when a snapshot replaces the state"],
  },
  {
    name: "stopping-refuses-what-is-in-the-log",
    stands: "A node that stops refuses writes that are in its log",
    simulator: ["a refused", "a refused write has not happened"],
    tests: ["test/node/reducer-writes.test.ts > ends when the process does"],
  },
  {
    name: "late-write-proposed-again",
    stands: "A write that has ended as unknown is proposed again when its entry came to nothing",
    tests: ["test/node/write-queue.test.ts > is not proposed again once it has ended as unknown"],
  },
  {
    name: "late-apply-answers-again",
    stands: "Reads that were refused are answered again when the state machine comes round",
    tests: ["test/node/reducer-reads.test.ts > that was refused is not answered again"],
  },
  {
    name: "divergence-ignored",
    stands: "A node whose state differs from the majority’s goes on serving",
    tests: ["test/node/reducer-digests.test.ts > stop a node in the minority from serving"],
  },
  {
    name: "minority-calls-the-majority-wrong",
    stands: "Any two that agree are a majority",
    tests: ["test/node/digest-watch.test.ts > needs a majority of all voters"],
  },
  {
    name: "proposes-while-handing-over",
    stands: "A leader proposes while it hands over, and is refused by its own core",
    simulator: ["log time"],
    slow: true,
  },
  {
    name: "gathers-for-ever",
    stands: "An entry waits for callers who never come back",
    tests: [
      "test/node/gathering.test.ts > waits for 5 ms",
      "test/node/reducer-writes.test.ts > waits for the answers",
    ],
  },
  {
    name: "waits-for-an-entry-without-a-majority",
    stands: "Nothing is proposed behind an entry that does not get through",
    tests: ["test/node/gathering.test.ts > does not wait for an entry"],
  },
  {
    name: "follower-takes-writes",
    stands: "A follower that knows its leader holds writes instead of redirecting them",
    simulator: ["I20"],
    tests: ["test/node/reducer-writes.test.ts > is redirected by a follower"],
  },
  {
    name: "memory-without-a-bound",
    stands: "I17: entries are taken in without a bound while the state machine is slow",
    tests: ["test/node/reducer-pressure.test.ts > makes a follower take no further entries"],
  },
  {
    name: "stalled-state-machine-leads-on",
    stands: "A leader whose state machine hangs keeps its office",
    tests: ["test/node/reducer-pressure.test.ts > costs a leader its office"],
  },
  {
    name: "stalled-disk-leads-on",
    stands: "A leader whose disk hangs keeps its office",
    simulator: ["I20"],
    tests: ["test/raft/office.test.ts > whose disk does not answer"],
  },
  {
    name: "failed-write-ignored",
    stands: "P12: an error of the store is swallowed, and the node goes on",
    tests: ["test/node/fatal.test.ts > ends the node, which is told of no success: in"],
  },
  {
    name: "announced-by-another",
    stands: "A node announces the address of another one",
    tests: ["test/node/reducer-operations.test.ts > speaks for nobody else"],
  },
  {
    name: "foresight-not-forgotten",
    stands: "A leader foretells from values that it saw before others led",
    simulator: ["answers are true", "assert: foretelling:"],
    tests: ["test/node/foretelling.test.ts > wait for the state machine at a leader that has not seen"],
  },
  {
    name: "foretold-out-of-turn",
    stands: "An entry is foretold although what those before it gave is not known yet",
    simulator: ["answers are true", "assert: foretelling:"],
    tests: ["test/node/foretelling.test.ts > wait for the state machine behind whatever it alone can tell"],
  },
  {
    name: "learned-from-a-replay",
    stands: "The value that a retry is told again is taken for the counter's",
    simulator: ["answers are true", "assert: foretelling:"],
    tests: ["test/counter/foresight.test.ts > does not go back to what a retry is told again"],
  },
  {
    name: "learned-of-a-batch-in-part",
    stands: "Of a batch only the first change is learned",
    simulator: ["answers are true", "assert: foretelling:"],
    tests: ["test/counter/foresight.test.ts > is foretold as applying them then gives it"],
  },
  {
    name: "kept-from-who-looks",
    stands: "A backup does not hold what was answered before it",
    tests: ["test/node/foretelling.test.ts > are with the state machine by the next tick"],
  },
  {
    name: "kept-from-a-read",
    stands: "A read is answered before the state has what was answered before it",
    tests: ["test/node/foretelling.test.ts > are with the state machine by the next tick"],
  },
  {
    name: "outcomes-never-compared",
    stands: "Nobody notices that the state machine gives another value than what was foretold",
    tests: [
      "test/node/foretelling.test.ts > stop the process if another value comes with what somebody waits for",
    ],
  },
  {
    name: "foretold-and-never-compared",
    stands: "Nobody notices that the state machine arrives at another revision than what was foretold",
    tests: [
      "test/node/foretelling.test.ts > stop the process if the state machine arrives at another revision",
    ],
  },
  {
    name: "foretold-proof-of-nothing",
    stands: "A proof that comes back empty is taken for one",
    tests: ["test/node/foretelling.test.ts > stop the process if the state machine says nothing at all"],
  },
  {
    name: "snapshots-as-if-small",
    stands: "A large state is copied as often as a small one",
    tests: [
      "test/node/reducer-writes.test.ts > begin after as many bytes as the latest has, if that is more",
    ],
  },
];
